"""The names of cookies: two services on one machine keep theirs apart, and over https a prefix binds each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import moderation
from moderation.runtime import Runtime
from moderation.web import cookies
from moderation.web.app import create_app

KINDS = (cookies.SESSION, cookies.DEVICE, cookies.ATTEMPT, cookies.author("demo"), cookies.sent("demo"))


def names(make_runtime: Callable[..., Runtime], public_url: str) -> list[str]:
    with create_app(make_runtime(base_url=public_url)).test_request_context():
        return [kind.name for kind in KINDS]


def test_two_services_on_one_machine_name_all_their_cookies_differently(make_runtime: Callable[..., Runtime]) -> None:
    """Browsers send a host's cookies to all of its ports. Those of one path are told apart by their names alone."""
    plain = [f"http://127.0.0.1{port}" for port in ("", ":8080", ":8081")]
    every = [name for url in plain for name in names(make_runtime, url)]
    assert len(set(every)) == len(plain) * len(KINDS)


def test_over_https_each_has_a_prefix_that_browsers_enforce(make_runtime: Callable[..., Runtime]) -> None:
    assert names(make_runtime, "https://comments.example") == [
        "__Host-mod", "__Secure-mod-device", "__Secure-mod-sso", "__Host-author-demo", "__Secure-sent",
    ]  # fmt: skip


def test_cookies_are_set_and_read_in_one_place() -> None:
    home = Path(moderation.__file__).parent
    texts = {path.name: path.read_text("utf-8") for path in home.rglob("*.py")}
    for call in ("set_cookie(", "delete_cookie(", ".cookies.get("):
        assert [name for name, text in texts.items() if call in text] == ["cookies.py"], call
