"""The filter's work grows in step with the text, up to a megabyte.  Calls are counted: a clock also tells of the
machine."""

from __future__ import annotations

import time

import pytest
from tests.text.worst import LENGTH, Meter, Recipe, climb, steps, text_of

from moderation.text.context import Context
from moderation.text.lexicon import Term, load
from moderation.text.matcher import compile_lexicon

LEXICON = load()
PATTERNS = {
    "letters": "a" * 50, "runs": "fu", "spelt out": "f u c ", "whole words": "fuck ", "phrases": "mother fucker ",
    "stops": "f.", "hyphens": "f-u-c-k-", "dotted": "a.s.s.h.o.l.e.", "stars": "f*", "leet": "4$", "drawn": "|-|",
    "slashes": "\\/", "open tags": "<b", "tags": "[u]f[/u]", "entities": "&#102;", "turned": "\u202ekcuf\u202c ",
    "marks": "e\u0301\u0302\u0303", "invisible": "f\u200b", "emoji": "👨\u200d👩\u200d👧", "Chinese": "操作",
    "Cyrillic": "сука", "look-alikes": "fu\u0441k", "upside-down": "ʞɔnɟ",
    "no repeats": "".join(f"f{i}u c{i % 97}k " for i in range(200_000)),
}  # fmt: skip
METER = Meter()
DEAREST: tuple[Recipe, ...] = (
    ("傻逼", "0##", "#", "###", " ", "@$$h0le", "\\/\\/", "merde", "@$$h0le", "\\/\\/", "merde"),
    ("()", " dot ", "f*ck", "0##", "f.u.c.k", "0##", "f.u.c.k", "vv", "'", "/\\/", "\u200b", "@"),
    ("|", "ｆｕｃｋ"),
    ("f.u.c.k", "?", " ", "s h 1 t", " ", "а$$", "?", " "),
    ("f.u.c.k", "??", " "),
    ("sh!t", "??", " ", "b#tch", "?", " "),
    ("4$?@1!|", " "),
    ("@", "wanker", "|", "$", "shit", "!", "?"),
    ("fuck", "face", "??", " "),
    ("操你妈", "傻逼", "。", "?"),
    ("fu ck", " ", "?", " ", "as shole", " "),
    ("§ing", "head", " "),
    ("é¶", "asshole", "%66", "한", "¶.", "faggot"),
    ("的的", "的的", "ы", "ing", "ɐss", "é?", "的的", "\\/\\/", "§*"),
    ("[u]", "ы", "ʞɔnɟ", ".", "rn", "ɐss", "fvck"),
)
"""Rows of scraps of which `worst` makes texts that take long."""
HARDLY_READ = tuple(DEAREST[number] for number in (0, 1, 5, 8, 9))
"""Those of them that are not read to their end."""
MOST_STEPS = 30
"""Calls for each character of such a text, of which the worst that was found takes 20."""
SMALL, LARGE = 32_000, 500_000


def growth(pattern: str, size: int) -> float:
    """How many times the steps of `size` characters twice as many take."""

    def find(length: int) -> int:
        text = (pattern * (length // len(pattern) + 1))[:length]
        fresh = compile_lexicon(LEXICON)  # which remembers nothing yet
        fresh.find(pattern[:100])
        return steps(lambda: fresh.find(text))

    return find(2 * size) / find(size)


@pytest.mark.parametrize("name", PATTERNS)
def test_twice_the_text_takes_twice_the_steps(name: str) -> None:
    assert growth(PATTERNS[name], SMALL) < 2.2


@pytest.mark.parametrize("name", ["letters", "spelt out"])
def test_twice_the_text_takes_twice_the_steps_up_to_a_megabyte(name: str) -> None:
    assert growth(PATTERNS[name], LARGE) < 2.2


@pytest.mark.parametrize("recipe", [DEAREST[0], DEAREST[-4]], ids=repr)
def test_twice_a_text_that_takes_long_takes_twice_the_steps(recipe: Recipe) -> None:
    assert METER.steps(text_of(recipe, 200_000)) < 2.2 * METER.steps(text_of(recipe, 100_000))


@pytest.mark.parametrize("recipe", DEAREST, ids=repr)
def test_no_text_takes_many_steps_a_character(recipe: Recipe) -> None:
    assert METER.steps(text_of(recipe)) < MOST_STEPS * LENGTH


def test_a_search_for_dear_texts_finds_none_that_takes_many_steps() -> None:
    steps_taken, recipe = climb(METER.steps, 30)[0]
    assert steps_taken < MOST_STEPS * LENGTH, recipe


def test_a_long_text_is_looked_through_for_kana_once() -> None:
    context = Context("操" * 500_000, LEXICON, (), name=False)
    began = time.process_time()
    for at in range(2_000):
        assert context.settle(at, at + 1, Term("操", "zh", local=True), frozenset()) is False
    assert time.process_time() - began < 1.5
