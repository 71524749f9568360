"""Keys of publishers' logins: which are taken, and when they are fetched."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey
from tests.edges.test_outside import talking, whole

from moderation.edges.login_keys import EVERY, KEPT, SOONEST, LoginKeys, parse
from moderation.errors import KeysInvalid

HERE = (ipaddress.ip_network("127.0.0.0/8"),)
SECRET = {"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY"}


class Seconds:
    """A clock that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def public(*kids: str) -> bytes:
    keys: list[Any] = [ECKey.generate_key("P-256", {"kid": kid}, auto_kid=False) for kid in kids]
    return json.dumps(KeySet(keys).as_dict(private=False)).encode()


def of(keys: LoginKeys, url: str, kid: str | None = None) -> list[str] | None:
    found = keys.of("demo", url, "ES256", kid)
    return None if found is None else [key.kid for key in found]


def test_nothing_is_known_before_it_was_fetched_and_nobody_waits_for_it(tmp_path: Path) -> None:
    keys = LoginKeys(tmp_path, HERE)
    with talking(lambda sock: sock.sendall(whole(public("a", "b")))) as (url, asked):
        assert of(keys, url) is None
        assert not asked
        assert keys.refresh([url]) == 1
        assert of(keys, url) == ["a", "b"]
        assert of(keys, url, "b") == ["b"]


def test_keys_are_fetched_again_in_their_time_and_sooner_when_one_is_missing(tmp_path: Path) -> None:
    clock = Seconds()
    keys = LoginKeys(tmp_path, HERE, clock=clock)
    with talking(lambda sock: sock.sendall(whole(public("a")))) as (url, _):
        assert keys.refresh([url]) == 1
        clock.now += SOONEST
        assert keys.refresh([url]) == 0
        assert of(keys, url, "new") == []
        assert keys.refresh([url]) == 1
        assert of(keys, url, "new") == []
        assert keys.refresh([url]) == 0, "whoever invents keys makes us ask once a minute at most"
        clock.now += EVERY
        assert keys.refresh([url]) == 1


def test_a_publisher_that_does_not_answer_is_believed_for_a_day(tmp_path: Path) -> None:
    clock, answers = Seconds(), [whole(public("a")), whole(b"", "500 Oh"), b"", whole(b"{}")]
    keys = LoginKeys(tmp_path, HERE, clock=clock)
    with talking(lambda sock: sock.sendall(answers.pop(0))) as (url, _):
        assert keys.refresh([url]) == 1
        for _ in range(3):
            clock.now += EVERY
            assert keys.refresh([url]) == 0
            assert of(keys, url) == ["a"]
        clock.now += KEPT
        assert of(keys, url) is None


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    keys, file = LoginKeys(tmp_path, ()), tmp_path / "demo.json"
    assert of(keys, "") is None
    file.write_bytes(public("a"))
    assert of(keys, "") == ["a"]
    file.write_bytes(public("b", "c"))
    assert of(keys, "") == ["b", "c"]
    file.write_bytes(b"{")
    assert of(keys, "") is None


def test_a_shared_secret_that_others_may_read_is_not_taken(tmp_path: Path) -> None:
    keys, file = LoginKeys(tmp_path, ()), tmp_path / "demo.json"
    file.write_text(json.dumps({"keys": [SECRET]}))
    file.chmod(0o644)
    assert keys.of("demo", "", "HS256", None) is None
    file.write_text(json.dumps({"keys": [SECRET, SECRET]}))
    file.chmod(0o600)
    assert len(keys.of("demo", "", "HS256", None) or ()) == 2


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"kty": "oct", "k": "c2hvcnQtc2VjcmV0"}],
        [{"kty": "RSA", "e": "AQAB", "n": "v" * 170 + "s"}],
        [ECKey.generate_key("P-256").as_dict(private=True)],
        [SECRET] * 51,
        [{"kty": "nonsense"}],
        [{"kty": "RSA", "n": 5}],
        [7],
        None,
    ],
    ids=["none", "short", "small", "private", "many", "unknown", "broken", "number", "null"],
)
def test_what_is_no_good_key_is_refused_in_words(keys: Any) -> None:
    with pytest.raises(KeysInvalid):
        parse(json.dumps({"keys": keys}).encode())


@pytest.mark.parametrize("told", [{"use": "enc"}, {"alg": "RS384"}])
def test_a_key_is_used_for_nothing_but_what_it_is_for(tmp_path: Path, told: dict[str, str]) -> None:
    key = RSAKey.generate_key(2048).as_dict(private=False) | told
    (tmp_path / "demo.json").write_text(json.dumps({"keys": [key]}))
    keys = LoginKeys(tmp_path, ())
    assert keys.of("demo", "", "RS256", None) == []
    assert keys.of("demo", "", "HS256", None) == [], "a public key is no shared secret"
