"""The language of a text: named where it is sure, in bounded time, and unknown where nothing is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from moderation.text import language as room
from moderation.text.language import language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The figures are at the town hall, and nobody wants to look at them.", "en"),
        ("Das ist doch alles nur Geschwätz, sagt mein Nachbar.", "de"),
        ("Je ne suis pas d'accord avec vous.", "fr"),
        ("Muy buen artículo, gracias a todos los que escriben aquí.", "es"),
        ("Świetny artykuł, dzięki.", "pl"),
        ("これはひどい記事ですね。", "ja"),
        ("@ana @ben #bridge Dit is een heel goed artikel, dank u.", "nl"),
        ("lol ok", ""),
        ("+1", ""),
        ("😀 …", ""),
        ("", ""),
        ("\ud800 \x00 \u200b", ""),
    ],
)
def test_it_names_the_language_where_it_is_sure(text: str, code: str) -> None:
    assert language(text) == code


def test_only_the_beginning_of_a_long_text_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    class Telling:
        def classify(self, text: str) -> tuple[str, float]:
            looked.append(text)
            return "en", 0.9

    monkeypatch.setattr(room, "_identifier", Telling)
    assert language("a word and " * 100_000) == "en"
    assert language("@" * 1_000_000 + "a") == ""
    assert [len(text) for text in looked] == [room.LONGEST]


def test_without_the_package_no_language_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    room.version.cache_clear()
    try:
        room.make_ready()
        assert language("The figures are at the town hall, and nobody wants to look at them.") == ""
    finally:
        monkeypatch.undo()
        room.version.cache_clear()


def test_a_service_without_such_a_rule_never_loads_it() -> None:
    """In a process of its own, since this one has loaded it."""
    code = (
        "import sys\n"
        "from moderation.judge.examples import AT\n"
        "from moderation.rules_loading import load_text\n"
        "from moderation.edges.rules_file import default_text\n"
        "assert not load_text(default_text(), 'shipped').failures\n"
        "assert not {'py3langid', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
