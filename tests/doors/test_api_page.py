"""`docs/api.md`: every request on the page is sent to a fresh service, and its answer is the one under it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.service import running_service

from moderation.edges import rules_file

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
BLOCK = re.compile(r"```http\n(.+?)\n((?:[A-Za-z-]+: .+\n)*)(?:\n((?:.|\n)+?))?```")
SCOPES = ("queue:read", "decisions:write", "articles:write", "bans:write")
ANY = "…"


def test_every_request_on_the_page_gets_the_answer_under_it(tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) == PAGE.count("```http") >= 22
    rules_file.write_default(tmp_path / "state" / "moderation.toml", ["http://127.0.0.1:8080"])  # as at a first start
    with running_service(tmp_path / "state") as service:
        known = {"$TOKEN": service.token(*SCOPES)["Authorization"].removeprefix("Bearer ")}
        for asked, told in zip(blocks[::2], blocks[1::2], strict=True):
            line, headers, body = (_filled(part, known) for part in asked)
            method, path = line.split(" ")
            answer = service.session.request(
                method, service.base + path, data=body.encode() or None, headers=_headers(headers), timeout=15
            )
            status, shown, expected = (_filled(part, known) for part in told)
            assert str(answer.status_code) == status, (line, answer.text)
            for name, value in _headers(shown).items():
                assert value in (ANY, answer.headers[name]), (line, name)
            _same(answer.json() if expected else None, json.loads(expected or "null"), line)
            if status == "201":
                known["$BAN"] = answer.json()["id"]
            if status == "202" and "id" in answer.json():
                known["$COMMENT"] = answer.json()["id"]
                known["$RECEIPT"] = answer.json()["receipt"].rpartition("/")[2]


def _filled(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(name, value)
    return text


def _headers(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines())


def _same(got: Any, shown: Any, where: str) -> None:
    """What the page shows is what came, key by key and in that order; only `…` may be anything."""
    if shown == ANY:
        return
    if isinstance(shown, dict):
        assert list(got) == list(shown), where
        for key, value in shown.items():
            _same(got[key], value, f"{where} {key}")
    elif isinstance(shown, list) and got and isinstance(got[0], dict):
        assert len(got) == len(shown), where
        for each, value in zip(got, shown, strict=True):
            _same(each, value, where)
    else:
        assert got == shown, where
