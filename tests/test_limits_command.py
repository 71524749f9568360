"""`moderation limits` as an owner types it, beside the running service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.service import CANARY, running_service


def test_a_busy_address_is_seen_and_let_go_on(tmp_path: Path) -> None:
    with running_service(tmp_path / "state") as service:
        mine = ("--site", "narrow", "--address", "127.0.0.1")
        assert [service.post("narrow").status_code for _ in range(6)] == [202] * 5 + [429]
        assert "address           5 in 86400 s, 5 at once: 0 left, whole again at " in service.command(
            "limits", "show", *mine
        )
        told = json.loads(service.command("limits", "show", *mine, "--email", "--json", stdin=CANARY + "\n"))
        (address, pair, email) = told["buckets"]
        assert (address["limit"], address["left"], address["uses"], address["seconds"]) == ("address", 0, 5, 86_400.0)
        assert 0 < address["whole_in"] <= 86_400
        assert (pair["scope"], email["scope"]) == ("pair", "email")
        assert "Cleared: 1 used limits." in service.command("limits", "clear", *mine, "--reason", "a school")
        assert service.post("narrow").status_code == 202
        assert json.loads(service.command("limits", "clear", *mine, "--json")) == {"site": "narrow", "cleared": 1}


def test_what_is_no_address_is_refused_in_words(tmp_path: Path) -> None:
    with running_service(tmp_path / "state") as service:
        for words, stdin in (
            (("--address", "localhost"), ""),
            (("--email",), "nobody\n"),
        ):
            with pytest.raises(AssertionError, match="address"):
                service.command("limits", "show", "--site", "demo", *words, stdin=stdin)
        with pytest.raises(AssertionError, match="There is no such site"):
            service.command("limits", "show", "--site", "none")
