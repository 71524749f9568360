"""How much work one text may take.  Steps are counted, not time, so that a text is read alike on every machine.

A step is some five microseconds of one core.  What steps are spent on is said where they are taken.
"""

from __future__ import annotations

import sys
from bisect import bisect_left

READING, SETTLING = (800, 3), (200, 5)
"""Steps that any text may take to be read, and to have its hits weighed in their context; and how many characters allow
one more."""


WHOLE = 200
"""Characters up to which a text is read to its end, whatever it takes."""


class Effort:
    """Steps `taken`, of the `most` that there are.  `short`: something was left out as there were no more."""

    __slots__ = ("most", "short", "taken")

    def __init__(self, most: int = sys.maxsize) -> None:
        self.most, self.taken, self.short = most, 0, False

    def is_spent(self) -> bool:
        """Is nothing left?  Then whoever asks leaves out what it was about to do."""
        if self.taken < self.most:
            return False
        self.short = True
        return True


def allowed(size: int, rate: tuple[int, int]) -> Effort:
    """What a text of `size` characters may take, for `READING` or `SETTLING`."""
    least, characters = rate
    return Effort() if size <= WHOLE else Effort(least + size // characters)


PRICES = (0, 1, 2, 3, 4, 6, 8, 11, 16, 22, 32, 48, 64, 96, 160, 256)
"""Prices of a chunk that is remembered, in steps.  They are few so that one byte holds them beside its kind."""


def price_of(steps: int) -> int:
    """The number of the least of `PRICES` that pays for `steps`; of the last where none does."""
    return min(bisect_left(PRICES, steps), len(PRICES) - 1)
