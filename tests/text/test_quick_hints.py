"""Most texts hold nothing that a costly pattern would find. What tells that quickly must never be wrong about it."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from moderation.judge.reading import _RUN, _has_three_alike
from moderation.text import links, markup, signals

PIECES = (
    "at", "a", "@", ".", "dot", "punkt", "arroba", "snabel-a", "kukac", "(", ")", "[", "]", "{", "}", "<", ">", "_",
    "*", "-", "+", "=", "1.", "2)", " ", "  ", "\t", "\n", "\n\n", "\x0b", "\x1f", "\xa0", "www", "://", "\\\\", ":]//",
    "x", "zz", "com", "é", "точка", "собака", "#", "&", "~", "|", "`", "Ab", "9", "'",
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=60)
MARKUP = re.compile(r"[*_`\[\]<>&\\~|#\t]|://|www\.|\w\.\w|@|^ {2,}| $|^\s*(?:[-+=]|\d+[.)])", re.MULTILINE)
"""All of it in one pattern, five times as slow."""


@settings(max_examples=3000)
@given(texts)
@example("a\n1. b")
@example("so (a) b")
@example("look _at you")
@example("a ( . ) com")
def test_what_is_ruled_out_quickly_is_not_there(text: str) -> None:
    assert links._may_hold(text) == (links._HINT.search(text) is not None)
    assert markup._may_be_marked(text) == (MARKUP.search(text) is not None)
    assert signals._letters_of(text) == signals._NO_LETTERS.sub("", text.casefold())


@settings(max_examples=1000)
@given(st.text("ab .!", max_size=30).filter(bool))
@example("a")
@example("aa")
@example("aaa")
def test_three_alike_are_seen(text: str) -> None:
    if not _has_three_alike(text.encode()):
        assert _RUN.search(text) is None
    else:
        assert re.search(r"(.)\1\1", text, re.DOTALL)
