"""Conditions: what is sound is read, what is not is named with its offset, and the evaluator agrees with the types."""

from __future__ import annotations

import subprocess
import sys

import pytest

from moderation.conditions.language import BOOL, DOUBLE, INT, STRING, ConditionError, Type, list_of, read
from moderation.conditions.programs import evaluator

LINK = Type("link", fields={"host": STRING, "domain": STRING})
FACTS = {
    "comment": Type(
        "comment",
        fields={"body": STRING, "length": INT, "uppercase": DOUBLE, "links": list_of(LINK), "tags": list_of(STRING)},
    ),
    "author": Type("author", fields={"verified": BOOL, "approved": INT}),
    "site": STRING,
}
VALUES = {
    "comment": {
        "body": "hello",
        "length": 5,
        "uppercase": 0.5,
        "links": [{"host": "www.a.example", "domain": "a.example"}],
        "tags": ["news"],
    },
    "author": {"verified": False, "approved": 2},
    "site": "demo",
}
SOUND = [
    "comment.length > 3",
    "comment.uppercase > 0 || author.approved == 0",
    "size(comment.links) > 0 && !author.verified",
    'comment.links.exists(l, l.domain == "a.example")',
    'comment.links.filter(l, l.host.startsWith("www")).size() == 1',
    'comment.links.map(l, l.host)[0].endsWith(".example")',
    '"news" in comment.tags && site in ["demo", "blog"]',
    "(author.verified ? 1 : 2) * 3 == 6",
    "double(author.approved) / 2.0 >= 1.0",
    "-author.approved < 0 && 7 % 2 == 1",
    "0x1F == 31 && 1.5e1 == 15.0 && .5 < 1.0",
    'duration("90m") > duration("1h") // a note',
]
WRONG = [
    ("comment.lenght > 3", 8, "did you mean length"),
    ("commant.length > 3", 0, "did you mean comment"),
    ('comment.length > "a"', 15, "int and a string"),
    ("comment.length", 0, "type int"),
    ("comment.length / 2.0 > 1.0", 15, "double("),
    ("comment.length > 3 &&", 21, "too early"),
    ("comment.length > 3 true", 19, "does not belong"),
    ("comment.body.matches(site)", 13, "in quotes"),
    ('comment.links.exists(l, l.host.matches("a"))', 24, "such as comment.body"),
    ("comment.links.exists(l, l.nope)", 26, "no 'nope'"),
    ("comment.links.exists(site, true)", 21, "is taken"),
    ("comment < comment", 0, "comment.body"),
    ("comment == author", 0, "no value of its own"),
    ("comment.length > 3 && author", 22, "author.verified"),
    ("[comment].size() == 1", 1, "no value of its own"),
    ("(true ? comment : comment).length > 3", 8, "no value of its own"),
    ("comment.links.map(l, author).size() == 1", 21, "no value of its own"),
    ("comment.links[0] == comment.links[0]", 0, "as a whole"),
    ('"x" in comment.links', 7, "a link is never compared"),
    ("comment.links.exists(l, l in comment.links)", 24, "as a whole"),
    ("comment.length > 3 && comment.links == comment.links", 22, "by what it has: .host"),
    ("author.approved.exists(l, true)", 16, "a list"),
    ("has(author.approved)", 0, "not needed"),
    ("author.approved > 1u", 18, "write 1"),
    ("length(comment.body) > 1", 0, "no function"),
    ("(" * 60 + "true" + ")" * 60, 40, "deep"),
    ("!" * 60 + "true", 39, "deep"),
    ('site == "a', 8, "without its end"),
]


@pytest.mark.parametrize("source", SOUND)
def test_a_sound_condition_runs_in_the_evaluator(source: str) -> None:
    assert read(source, FACTS).source == source
    cel = evaluator()
    assert cel.compile(source).execute(cel.Context(variables=VALUES)) is True


@pytest.mark.parametrize(("source", "offset", "words"), WRONG)
def test_a_wrong_condition_says_what_and_where(source: str, offset: int, words: str) -> None:
    with pytest.raises(ConditionError) as caught:
        read(source, FACTS)
    assert words in str(caught.value)
    assert caught.value.offset == offset


def test_it_tells_which_facts_patterns_and_choices_a_condition_has() -> None:
    source = r'author.approved == 0 && comment.body.matches(r"\bwin\b") && comment.links.exists(l, l.host == "x")'
    found = read(source, FACTS)
    assert found.facts == ("author.approved", "comment.body", "comment.links")
    (pattern,) = found.patterns
    assert (pattern.fact, pattern.regex) == ("comment.body", r"\bwin\b")
    assert source[pattern.start : pattern.end] == r'comment.body.matches(r"\bwin\b")'
    (choice,) = found.choices
    assert (choice.fact, choice.variable) == ("comment.links", "l")
    assert source[slice(*choice.predicate)] == 'l.host == "x"'


def _refusal(source: str) -> ConditionError | None:
    try:
        read(source, FACTS)
    except ConditionError as error:
        return error
    return None


def test_every_beginning_of_a_condition_is_read_or_refused_in_words() -> None:
    source = r'comment.links.exists(l, l.host == "x\u00e9") && [1, 2][0] < size(comment.body) ? true : !author.verified'
    for end in range(len(source)):
        error = _refusal(source[:end])
        assert error is None or (0 <= error.offset <= end and str(error))


def test_the_evaluator_comes_without_its_command_line() -> None:
    code = """
import sys
from moderation.conditions.programs import compiled
assert "cel.cel" not in sys.modules
compiled("comment.length > 3")
print([name for name in ("cel.cel", "prompt_toolkit", "typer") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['cel.cel']"
