"""The filter's work grows in step with the text, up to a megabyte.  Calls are counted: a clock also tells of the
machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from moderation.text.lexicon import load
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
SMALL, LARGE = 32_000, 500_000


def steps(work: Callable[[], object]) -> int:
    """Calls, of Python and of C functions, that `work` makes."""
    count = 0

    def counted(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


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
