"""Captured cases by theme (`tests/cases/*.toml`): each says what is to be found, where, how grave it is, and why."""

from __future__ import annotations

import tomllib
import unicodedata
from pathlib import Path

import pytest

from moderation.text import Filter, grade
from moderation.text.redact import find_contacts

FOLDER = Path(__file__).resolve().parent.parent / "cases"
FILTER = Filter()
THEMES = {path.stem: tomllib.loads(path.read_text("utf-8"))["cases"] for path in sorted(FOLDER.glob("*.toml"))}
CASES = [
    pytest.param(theme, *case, id=f"{theme}-{n}") for theme, cases in THEMES.items() for n, case in enumerate(cases)
]


def marked(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with its spans between « and »."""
    places = {place for start, end in spans for place in range(start, end)}
    shown = "".join(f"«{char}»" if place in places else char for place, char in enumerate(text))
    return shown.replace("»«", "")


def widened(text: str, start: int, end: int) -> tuple[int, int]:
    """The span of whole words, without the punctuation around it: a match may stop at the stem of a word, or take in
    the full stop behind a phrase. Scripts without spaces stay as they are."""
    while text[start] in OUTER:
        start += 1
    while text[end - 1] in OUTER:
        end -= 1
    while start and is_letter(text[start - 1]):
        start -= 1
    while end < len(text) and is_letter(text[end]):
        end += 1
    return start, end


OUTER = ' .,:;!?"()'


def is_letter(char: str) -> bool:
    return (char.isalpha() and char < "\u2e80") or unicodedata.category(char)[0] == "M"


def told(theme: str, text: str) -> tuple[str, str]:
    """The grade and the marked text, as a row of the theme would say them."""
    if theme == "contacts":
        contacts = find_contacts(text)
        kinds = {contact.kind for contact in contacts}
        return "/".join(sorted(kinds)) or "clean", marked(text, [(c.start, c.end) for c in contacts])
    matches = FILTER.matcher.find(text, name=theme == "names")
    counted = [match for match in matches if not match.maybe]
    if matches and not counted:
        return "maybe", marked(text, [widened(text, m.start, m.end) for m in matches])
    worst = grade(matches)
    return worst, marked(text, [widened(text, m.start, m.end) for m in counted if m.severity == worst])


@pytest.mark.parametrize(("theme", "expected", "row", "why"), CASES)
def test_a_captured_case_is_graded_and_marked_as_it_says(theme: str, expected: str, row: str, why: str) -> None:
    found = told(theme, row.replace("«", "").replace("»", ""))
    assert found == (expected, row), f"{theme}: {why}"


def test_there_are_cases_enough_and_each_says_why() -> None:
    assert set(THEMES) == {"plain", "disguised", "innocent", "context", "languages", "names", "contacts"}
    assert sum(map(len, THEMES.values())) >= 300
    assert all(case[2].strip() for cases in THEMES.values() for case in cases)
