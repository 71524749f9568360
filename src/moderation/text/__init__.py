"""The text filter as a library: `Filter` explains a text, `filter_lines` serves JSON lines.

The rooms behind it: `normalise` folds, `lexicon` reads word lists, `matcher` finds, `redact` and `links` find the rest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from moderation.text.lexicon import GRAVITY, Lexicon, load
from moderation.text.matcher import Found, Match, Matcher, compile_lexicon
from moderation.text.normalise import fold, squeeze

__all__ = ["Explanation", "Filter", "filter_lines"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that the filter has to say about one text.  `grade` is the worst severity that counts, or "clean".  `unread`:
    from where on (code points) not all was read, as there was too much hidden in the text; None for an honest one."""

    text: str
    folded: str
    squeezed: str
    matches: tuple[Match, ...]
    unread: int | None
    flagged: bool
    grade: str
    censored: str
    seconds: float


class Filter:
    """A matcher with the shipped defaults: strong and severe words are flagged, unless they only may be meant."""

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self.matcher: Matcher = compile_lexicon(lexicon if lexicon is not None else load())

    def explain(self, text: str) -> Explanation:
        """What was found in `text`, what it was read as, and what it looks like with the words masked."""
        began = time.perf_counter()
        found = self.matcher.read(text)
        matches, unread = found
        took = time.perf_counter() - began
        folded, squeezed, censored = fold(text).text, squeeze(text), censor(text, matches)
        return Explanation(text, folded, squeezed, matches, unread, flagged(found), grade(matches), censored, took)

    def flagged(self, text: str) -> bool:
        return flagged(self.matcher.read(text))


def flagged(found: Found) -> bool:
    """Hold or more under the shipped defaults."""
    return found.unread is not None or any(not m.maybe and m.severity != "mild" for m in found.matches)


def grade(matches: Iterable[Match]) -> str:
    """The gravest severity that is surely meant, else `clean`."""
    return max((m.severity for m in matches if not m.maybe), key=GRAVITY.__getitem__, default="clean")


def censor(text: str, matches: Iterable[Match]) -> str:
    """`text` with each counted match masked as its first character and stars; nothing else changes."""
    pieces: list[str] = []
    at = 0
    for m in matches:
        if m.maybe:
            continue
        pieces += [text[at : m.start], text[m.start : m.start + 1], "*" * (m.end - m.start - 1)]
        at = m.end
    return "".join(pieces) + text[at:]


def filter_lines(lines: Iterable[str | bytes], chosen: Filter | None = None) -> Iterator[str]:
    """JSON lines `{id, text}` in; `{id, flagged, grade, spans, terms, censored}` out, one for each line that holds one;
    with `unread` where a text was so full of hidden words that not all was read from that place on.
    A line that is no such object gives `{id: null, error: ...}`.  What goes out can always be written as UTF-8."""
    active = chosen or Filter()
    for line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text = row["text"]
            if not isinstance(text, str):
                raise TypeError("text is not a string")
        except (ValueError, KeyError, TypeError, RecursionError) as problem:
            yield json.dumps({"id": None, "error": f"not an object with id and text: {type(problem).__name__}"})
            continue
        found = active.matcher.read(text)
        matches = found.matches
        counted = [m for m in matches if not m.maybe]
        answer = {
            "id": row.get("id"),
            "flagged": flagged(found),
            "grade": grade(matches),
            "spans": [[m.start, m.end] for m in counted],
            "terms": [m.term for m in counted],
            "censored": censor(text, matches),
        }
        if found.unread is not None:
            answer["unread"] = found.unread
        told = json.dumps(answer, ensure_ascii=False)
        yield told if _is_whole(told) else json.dumps(answer)


def _is_whole(text: str) -> bool:
    """Whether `text` can be written: JSON may name half of a character pair, which UTF-8 cannot."""
    return not any("\ud800" <= c <= "\udfff" for c in text) if not text.isascii() else True
