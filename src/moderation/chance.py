"""Random bytes of the system, taken in stocks. Each call to the system lets all other threads in first, and a request
needs three: for its id, the comment's id and the seal of the e-mail address. Every thread has a stock of its own, and a
forked process begins with none, so that no byte is ever given out twice.
"""

from __future__ import annotations

import os
import threading

STOCK = 1024
MOST = 16
"""More than so many bytes at once are a secret: these come from the system itself."""


class _Stocks(threading.local):
    stock = b""


_mine = _Stocks()


def some(length: int) -> bytes:
    """`length` random bytes, good for keys and nonces."""
    if length > MOST:
        return os.urandom(length)
    stock = _mine.stock
    if len(stock) < length:
        stock = os.urandom(STOCK)
    _mine.stock = stock[length:]
    return stock[:length]


def _begin_anew() -> None:
    global _mine
    _mine = _Stocks()


os.register_at_fork(after_in_child=_begin_anew)
