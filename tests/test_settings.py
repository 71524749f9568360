"""Every setting is documented, the shipped examples work as they are told, and wrong files are refused in words."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from moderation import settings_page
from moderation.edges import rules_file
from moderation.environment import Environment
from moderation.errors import RulesInvalid
from moderation.judge.ruleset import build
from moderation.settings import Retention, Rule, Rules, Site

ROOT = Path(__file__).parent.parent
SHIPPED = resources.files("moderation").joinpath("default_rules.toml").read_text("utf-8")


def uncommented(text: str) -> str:
    """The file with every default that stands in a comment made a setting."""
    return re.sub(r"(?m)^# ([a-z0-9_]+ = |    \{ code|\])", r"\1", text)


def told(text: str) -> list[str]:
    """The problems of a wrong file, each a sentence."""
    with pytest.raises(RulesInvalid) as refused:
        rules_file.check_text(text, "moderation.toml")
    return str(refused.value).splitlines()


def tables(model: type[BaseModel], path: str = "") -> list[tuple[str, type[BaseModel]]]:
    """Every table of settings under `model`, with where it stands."""
    inner = [
        (name, field.annotation)
        for name, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]
    return [(path, model), *(each for name, kind in inner for each in tables(kind, f"{path}.{name}".strip(".")))]


def test_the_page_of_settings_is_what_the_code_says() -> None:
    page = ROOT / "docs" / "configuration.md"
    assert page.read_text("utf-8") == settings_page.page(), "python -m moderation.settings_page > docs/configuration.md"


@pytest.mark.parametrize("model", [*(model for _, model in tables(Site)), Rule, Retention, Environment])
def test_every_setting_says_what_it_does(model: type[BaseModel]) -> None:
    nested = {id(kind) for _, kind in tables(model)}
    bare = [
        name
        for name, field in model.model_fields.items()
        if not (field.description or "").endswith(".") and id(field.annotation) not in nested
    ]
    assert not bare


def test_the_shipped_file_is_good_as_it_is() -> None:
    rules = build(rules_file.check_text(SHIPPED, "moderation.toml").rules, SHIPPED)
    assert list(rules.sites) == ["demo"]


def test_every_default_in_the_shipped_files_comments_is_the_default() -> None:
    found = rules_file.check_text(uncommented(SHIPPED), "moderation.toml").rules
    assert found.defaults == Site()
    assert found.retention == Retention()


@pytest.mark.parametrize(("path", "model"), tables(Site))
def test_every_setting_stands_in_the_shipped_file(path: str, model: type[BaseModel]) -> None:
    table = tomllib.loads(uncommented(SHIPPED))["defaults"]
    for part in path.split(".") if path else ():
        table = table[part]
    named = set(table) | ({"name", "origins", "closed"} if model is Site else set())  # these stand under the site
    assert named == set(model.model_fields)


@pytest.mark.parametrize("page", ["configuration.md", "filter.md", "rules.md"])
def test_every_example_on_the_page_is_good(page: str) -> None:
    examples = re.findall(r"(?s)```toml\n(.+?)```", (ROOT / "docs" / page).read_text("utf-8"))
    assert examples
    for text in examples:
        build(rules_file.check_text(text, "moderation.toml").rules, text)


def test_a_site_wins_over_the_defaults_table_by_table() -> None:
    text = "[defaults.lengths]\nbody_max = 900\nname_max = 30\n[sites.a.lengths]\nbody_max = 100\n[sites.b]\n"
    sites = rules_file.check_text(text, "moderation.toml").rules.sites
    assert (sites["a"].lengths.body_max, sites["a"].lengths.name_max) == (100, 30)
    assert (sites["b"].lengths.body_max, sites["b"].lengths.name_max) == (900, 30)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[sites.a]\nmode = 'after'\n", "moderation.toml:2:1: sites.a.mode: found \"after\"; allowed is 'pre', "),
        ("[sites.a]\nmod = 'pre'\n", "moderation.toml:2:1: sites.a.mod: there is no such setting; did you mean mode"),
        ("mode = 'pre'\n[sites.a]\n", "moderation.toml:1:1: mode: there is no such setting here; it belongs under"),
        ("[sites.a]\ndepth = '5'\n", 'moderation.toml:2:1: sites.a.depth: found "5"; allowed is a whole number'),
        ("[sites.a]\ndepth = 5.0\n", "moderation.toml:2:1: sites.a.depth: found 5.0; allowed is a whole number"),
        ("[sites.a]\ndepth = 0\n", "moderation.toml:2:1: sites.a.depth: found 0; allowed is 1 or more"),
        ("[sites.a]\ndepth = 21\n", "moderation.toml:2:1: sites.a.depth: found 21; allowed is 20 or less"),
        ("[sites.a]\nclosed = 1\n", "moderation.toml:2:1: sites.a.closed: found 1; allowed is true or false"),
        ("[sites.A]\n", "moderation.toml:1:1: sites.A: found \"A\"; allowed are at most 40 small letters, digits and"),
        ("[sites.a]\norigins = ['*']\n", 'sites.a.origins.0: found "*"; allowed is an exact origin such as'),
        ("[sites.a]\norigins = ['https://a.example/x']\n", "allowed is an exact origin such as"),
        ("[sites.a.limits]\naddress = ['5 a minute']\n", 'found "5 a minute"; allowed is a rate such as "5/minute"'),
        ("[sites.a]\ntimezone = 'Mars/Base'\n", 'found "Mars/Base"; allowed is a time zone of the IANA database'),
        ("[sites.a.links]\ndeny = ['A.Example']\n", 'found "A.Example"; allowed is a domain in lower case'),
        ("[sites.a.lengths]\nbody_min = 9\nbody_max = 8\n", "allowed is a body_min that is not greater than body_max"),
        ("[sites.a.limits]\nipv6 = 48\n", "allowed is an ipv6_network that is smaller than ipv6"),
        ("[sites.a.style]\nshouting_share = nan\n", "found nan; allowed is"),
        ("[sites.a]\nreasons = []\n", "sites.a.reasons: found a list; allowed is one entry or more"),
        ("[retention]\naddress_days = -1\n[sites.a]\n", "retention.address_days: found -1; allowed is 0 or more"),
        ("[sites]\n", "sites: "),
        ("", "sites: this must be given"),
        ("[sites.a]\nmode = 'pre'\nmode = 'post'\n", "moderation.toml:3:"),
        ("[sites.a\n", "moderation.toml:1:"),
        ("[sites.a]\nname = \"\\ud800\"\n", "moderation.toml:2:"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_line_key_what_was_found_and_what_is_allowed(text: str, sentence: str) -> None:
    assert any(sentence in problem for problem in told(text)), told(text)


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    problems = told("[defaults]\ndepth = 0\n[sites.a]\nmode = 'x'\nclose = true\n[retention]\npending_days = 'y'\n")
    assert [problem.split(":")[1] for problem in problems] == ["2", "4", "5", "7"]


def test_a_wrong_setting_that_does_not_exist_is_not_repeated_with_its_value() -> None:
    assert "hunter2" not in str(told("[sites.a]\npassword = 'hunter2'\n"))


def test_environment_variables_may_come_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "redis"
    secret.write_text("redis://:secret@127.0.0.1:6379/0\n", "utf-8")
    monkeypatch.setenv("MODERATION_REDIS_URL_FILE", str(secret))
    assert Environment().redis_url == "redis://:secret@127.0.0.1:6379/0"
    monkeypatch.setenv("MODERATION_REDIS_URL", "redis://other:6379/0")
    assert Environment().redis_url == "redis://other:6379/0"
    assert Environment(redis_url="redis://given:1/0").redis_url == "redis://given:1/0"


@pytest.mark.parametrize(
    ("given", "who"),
    [
        ({}, "none"),
        ({"host": "::1", "base_url": "http://localhost:8080"}, "none"),
        ({"base_url": "https://comments.example.org"}, "admin"),
        ({"host": "0.0.0.0"}, "admin"),
        ({"base_url": "https://localhost.example.org"}, "admin"),
        ({"totp_required": "all"}, "all"),
        ({"base_url": "https://comments.example.org", "totp_required": "none"}, "none"),
    ],
)
def test_admins_need_a_second_step_where_others_can_reach_the_service(given: dict[str, Any], who: str) -> None:
    assert Environment(**given).second_step_for == who


def test_the_whole_internet_is_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_TRUSTED_PROXIES", "10.0.0.0/8, 0.0.0.0/0")
    with pytest.raises(ValueError, match="a network smaller than the whole internet"):
        Environment()
    monkeypatch.setenv("MODERATION_TRUSTED_PROXIES", "10.0.0.0/8, ::1/128")
    assert Environment().trusted_proxies == ["10.0.0.0/8", "::1/128"]


def test_the_rules_have_nothing_but_the_documented_tables() -> None:
    assert set(Rules.model_fields) == {"defaults", "sites", "rules", "examples", "retention"}
