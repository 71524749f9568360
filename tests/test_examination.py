"""What `moderation doctor` says of the ways in which authors prove who they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moderation import examination
from moderation.environment import Environment
from moderation.examination import Found
from tests.edges.test_login_keys import SECRET, public
from tests.edges.test_outside import talking, whole

LOGIN = '[sites.demo.login]\nissuer = "https://login.example"\n'


def authors(state: Path, rules: str, **settings: object) -> Found:
    (state / "moderation.toml").write_text(f"[sites.demo]\n{rules}")
    env = Environment.model_validate({"state": state} | settings)
    return next(found for found in examination.whole(env, "http://127.0.0.1:1") if found.part == "authors")


def test_where_nobody_proves_anything_that_is_no_fault(tmp_path: Path) -> None:
    assert authors(tmp_path, "").ok is None


def test_letters_need_a_mail_server(tmp_path: Path) -> None:
    found = authors(tmp_path, 'verify = "mail"\n')
    assert not found.ok
    assert "MODERATION_SMTP_HOST" in found.sentence
    told = authors(tmp_path, 'verify = "mail"\n', smtp_host="localhost", mail_from="a@news.example")
    assert (told.ok, told.sentence) == (True, "can prove who they are: demo by a letter.")


def test_a_login_needs_keys_that_may_be_used(tmp_path: Path) -> None:
    found = authors(tmp_path, LOGIN)
    assert not found.ok
    assert "logins/demo.json" in found.sentence
    file = tmp_path / "logins" / "demo.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"keys": [SECRET]}))
    file.chmod(0o644)
    assert "chmod 600" in authors(tmp_path, LOGIN).sentence
    file.chmod(0o600)
    assert authors(tmp_path, LOGIN).ok


@pytest.mark.parametrize(("inside", "ok"), [(["127.0.0.0/8"], True), ([], False)])
def test_the_address_of_the_keys_is_tried(tmp_path: Path, inside: list[str], ok: bool) -> None:
    with talking(lambda sock: sock.sendall(whole(public("a")))) as (url, _):
        found = authors(tmp_path, f'{LOGIN}keys = "{url}"\n', inside_networks=inside)
    assert found.ok is ok, found.sentence
