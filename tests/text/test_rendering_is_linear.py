"""Rendering a text with links takes steps in proportion to its length."""

from __future__ import annotations

import pytest
from tests.text.worst import steps

from moderation.text.markup import MOST_BRACKETS, render

BEGUN = (90 * "[a](", 90 * "[a](http://example.org/b", 99 * "[", 45 * "[a](b) ")
"""As many brackets as are read as markup, or nearly."""


@pytest.mark.parametrize("begun", BEGUN)
def test_twice_the_text_behind_links_takes_twice_the_steps(begun: str) -> None:
    assert begun.count("[") <= MOST_BRACKETS

    def shown(size: int) -> int:
        return steps(lambda: render(begun + "x " * (size // 2)))

    shown(1_000)  # the first makes the renderer
    assert shown(8_000) < 2.2 * shown(4_000)


def test_links_without_end_are_shown_as_typed() -> None:
    text = "[a](" * 1_200
    assert steps(lambda: render(text)) < len(text)
