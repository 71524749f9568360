"""Addresses in the rules file that lead to us, or go without TLS, are refused when it is read, with their place."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from moderation.edges import rules_file
from moderation.edges.outside import Network
from moderation.errors import RulesInvalid

HERE = (ip_network("127.0.0.0/8"),)


def problems(settings: str, inside: tuple[Network, ...] = ()) -> list[str]:
    try:
        rules_file.check_text(settings, "moderation.toml", None, inside)
    except RulesInvalid as found:
        return [each.sentence(found.name) for each in found.problems]
    return []


@pytest.mark.parametrize("table", ["webhook", "login"])
@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x", "https://localhost/x", "https://a.localhost./x", "https://10.0.0.1/x", "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x", "https://[::ffff:a9fe:a9fe]/x", "https://169.254.169.254/latest", "https://0/x",
        "https://2130706433/x", "https://0x7f.1/x", "https://127.1:8443/x", "https://[64:ff9b::a9fe:a9fe]/x",
        "https://[2002:7f00:1::]/x", "https://[fd00::1]/x", "https://224.0.0.1/x", "http://cms.example.org/x",
        "http://8.8.8.8/x", "http://127.0.0.1/x",
    ],
)  # fmt: skip
def test_an_address_of_ours_is_refused_with_its_place(table: str, url: str) -> None:
    key = "keys" if table == "login" else "url"
    (told,) = problems(f'[sites.a]\n[sites.b]\n[defaults.{table}]\n{key} = "{url}"\n')
    assert told.startswith("moderation.toml:4:1: ")
    assert f"{table}.{key}" in told
    assert "https" in told or "MODERATION_INSIDE_NETWORKS" in told


@pytest.mark.parametrize("url", ["https://cms.example.org/x", "https://8.8.8.8/x", "https://[2606:4700::1111]/x"])
def test_an_address_on_the_internet_is_taken(url: str) -> None:
    assert problems(f'[sites.a.webhook]\nurl = "{url}"\n') == []


def test_a_network_of_ours_that_is_named_is_taken_and_no_other() -> None:
    assert problems('[sites.a.webhook]\nurl = "http://127.0.0.1:8000/x"\n', HERE) == []
    assert problems('[sites.a.webhook]\nurl = "http://cms.internal/x"\n', HERE) == []
    assert len(problems('[sites.a.webhook]\nurl = "http://10.0.0.1/x"\n', HERE)) == 1
    assert len(problems('[sites.a.webhook]\nurl = "http://8.8.8.8/x"\n', HERE)) == 1
