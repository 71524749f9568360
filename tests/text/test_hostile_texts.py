"""Texts made to be slow: what grows with the square of their length is noticed at four times the usual limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from tests.doors.hostile.rows import Row, corpus, own
from tests.judge.cases import case, site

from moderation.judge.pipeline import judge
from moderation.text.markup import render

LONGEST = 20_000
"""The longest text that a site can allow."""
MOST_SECONDS = 1.5
"""Of processor time, for a text of that length; squares take more than twice as much."""
SLOW = [
    *("x" + blank * (LONGEST - 2) + "x" for blank in ("\n", " ", "\u3000\n", "\r\n", "\t", "\u200b", "\n ")),
    *(
        piece * (LONGEST // len(piece))
        for piece in ("[a](", "*_", "> ", "[url=a", "`a", "a.", "a@", "1. ", "- \n", "<a ", "\\*")
    ),
    "*" + "\n" * (LONGEST - 1),
    "-\u3000\n" * (LONGEST // 3),
]


def _stretched(row: Row) -> str:
    return (row.text * (LONGEST // max(len(row.text), 1) + 1))[:LONGEST]


def test_no_text_costs_the_square_of_its_length() -> None:
    rules = site()
    texts = [text[:LONGEST] for text in SLOW] + [_stretched(row) for row in own("redos_text")]
    texts += [_stretched(row) for row in corpus("redos_text")[::8]]
    for text in texts:
        assert _seconds(partial(render, text)) < MOST_SECONDS, text[:20]
        assert _seconds(partial(judge, case(body=text), rules)) < MOST_SECONDS, text[:20]


def _seconds(work: Callable[[], object]) -> float:
    """The shorter of two goes: the first may have to fill caches."""
    goes = []
    for _ in range(2):
        begun = time.thread_time()
        work()
        goes.append(time.thread_time() - begun)
    return min(goes)
