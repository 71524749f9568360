"""What a site adds to an index, laid over what all sites share: each answers as one table of both would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import ahocorasick

Key = TypeVar("Key")
Value = TypeVar("Value")


class Words(dict[Key, Value]):
    """One value a key; the shared one wins.  Holds only what is new."""

    def __init__(self, shared: dict[Key, Value]) -> None:
        super().__init__()
        self._shared = shared

    def __missing__(self, key: Key) -> Value:
        return self._shared[key]

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or key in self._shared

    def get(self, key: Key, default: Any = None) -> Any:
        return dict.get(self, key) or self._shared.get(key, default)

    def setdefault(self, key: Key, value: Value) -> Value:
        return self._shared[key] if key in self._shared else super().setdefault(key, value)


class Lists(dict[Key, list[Value]]):
    """Several values a key, the shared ones first.  Holds only what is new."""

    def __init__(self, shared: dict[Key, list[Value]]) -> None:
        super().__init__()
        self._shared = shared

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or key in self._shared

    def get(self, key: Key, default: Any = None) -> Any:
        own = dict.get(self, key)
        return self._shared.get(key, default) if own is None else [*self._shared.get(key, ()), *own]


class Pieces(set[str]):
    """A set.  Holds only what is new, and some of what is shared."""

    def __init__(self, shared: set[str]) -> None:
        super().__init__()
        self._shared = shared

    def __contains__(self, piece: object) -> bool:
        return set.__contains__(self, piece) or piece in self._shared


class Automata:
    """Two automata that are searched as one.  Where both have a key, what the `own` one says of it holds."""

    def __init__(self, shared: ahocorasick.Automaton, own: ahocorasick.Automaton) -> None:
        self._shared, self._own = shared, own

    def get(self, key: str, default: Any = None) -> Any:
        return self._own.get(key, self._shared.get(key, default))

    def iter(self, text: str) -> Iterable[tuple[int, Any]]:
        """(Place, value) of every key in `text`, by where they end, the longest first."""
        own = list(self._own.iter(text))
        if not own:
            found: Iterable[tuple[int, Any]] = self._shared.iter(text)
            return found
        places = {(end, value[0]) for end, value in own}
        both = [*own, *(hit for hit in self._shared.iter(text) if (hit[0], hit[1][0]) not in places)]
        return sorted(both, key=lambda hit: (hit[0], -hit[1][0]))
