"""The short way to read a chunk: is it an ordinary word or number in which `scan` would find nothing?

Says yes only where that is sure; whatever is out of the ordinary is left to `scan`.
"""

from __future__ import annotations

import re
from itertools import pairwise

from moderation.text.index import Form, Index
from moderation.text.readings import CLOSING
from moderation.text.slips import meant
from moderation.text.spelling import distance, key, key_of, squash
from moderation.text.weigh import allowed, fits, most_odd
from moderation.text.words import common, innocent

_BEFORE = "\"'“‘"
_PARTED = re.compile(r"[a-z]+(?:[-–—.'’_=/:][a-z]+){1,5}\Z")
_PART = re.compile("[a-z]+")
_NUMBER = re.compile(r"(?!.*1[23])[0-9]+(?:[.,:;/-][0-9]+)*\Z")  # 13 and 12 are drawings of B and R
_PAIRS = (("rn", "m"), ("nn", "m"), ("cl", "d"), ("vv", "w"))  # as in `leet`
_LONGEST = 40
_REMEMBERED = 20_000  # words, about 2 MB


def plain_letters(index: Index, chunk: str) -> str | None:
    """The folded letters of `chunk` where it is plainly harmless by itself, else None."""
    core = chunk.lstrip(_BEFORE).rstrip(CLOSING)
    if len(core) > _LONGEST:
        return None
    if not core.isascii():
        core = core.replace("’", "'").replace("–", "-").replace("—", "-")
        if not core.isascii():
            return None
    core = core.lower()
    if core.isalpha():
        return core if _holds_none(index, core) else None
    if core.startswith("("):
        word = core.lstrip("(")  # the bracket may be read as a C
        return word if word.isalpha() and _holds_none(index, word) and _holds_none(index, "c" + word) else None
    if _PARTED.match(core):
        return _letters_of_parts(index, core)
    return "".join(filter(str.isdigit, core)) if _NUMBER.match(core) else None


def _letters_of_parts(index: Index, core: str) -> str | None:
    """Words joined by hyphens, stops and the like: plain where each of them is, and all together."""
    parts = _PART.findall(core)
    whole = "".join(parts)
    if len(core) <= index.longest and (len(parts) > 2 or "?".join(parts) in index.holed):
        return None  # a word with letters struck out
    if ("/" in core or ":" in core) and (len(parts) > 2 or _struck_out(index, *parts)):
        return None
    if all(len(part) == 1 for part in parts) or _may_hold(index, whole, parts=len(parts), cut=len(parts[0])):
        return None
    return whole if all(_holds_none(index, word) for word in (*parts, whole)) else None


def _struck_out(index: Index, before: str, after: str) -> bool:
    """Is there a word of `before`, one letter and `after`?"""
    size = len(before) + 1 + len(after)
    words = index.masked.get((size, before[0]), ())
    return any(word.startswith(before) and word.endswith(after) for word, _ in words)


def _holds_none(index: Index, word: str) -> bool:
    """As `_is_harmless`, remembered: "the," and "The" are one word."""
    if word in index.harmless:
        return True
    if not _is_harmless(index, word):
        return False
    if len(index.harmless) >= _REMEMBERED:
        index.harmless.clear()
    index.harmless.add(word)
    return True


def _is_harmless(index: Index, word: str) -> bool:
    """Can neither `word` nor a letter-pair reading of it hold a term, be a misspelling or sound like one?"""
    if word in index.words:
        return False
    if word in common() or word in innocent():
        return True
    if meant(index, word) is not None:
        return False
    if _may_hold(index, word):
        return False
    if not any(pair in word for pair, _ in _PAIRS):
        return True
    drawn = word
    for pair, letter in _PAIRS:
        drawn = drawn.replace(pair, letter)
    return not _may_hold(index, drawn, drawn=word)


def _may_hold(index: Index, word: str, *, drawn: str = "", parts: int = 1, cut: int = 0) -> bool:
    """Does some term's key stand in the key of `word` where its boundary and its letters allow it?  Of a word in two
    parts, cut at `cut`, only a term that begins it and goes beyond the cut is one cut up.  `drawn`: the word before its
    pairs were read as one letter, which only wild words may hold."""
    if index.automaton is None:
        return False
    whole = key(word)
    last = len(whole) - 1
    parted = parts > 1
    squashed = ""
    begins: list[int] = []
    for end, (size, forms) in index.automaton.iter(whole):
        if parts == 2 and end >= size:
            continue
        for form in forms:
            if not parted and not _may_stand(form, end >= size, end < last):
                continue
            if not form.loose:
                squashed = squashed or squash(word)
                if form.squashed not in squashed or (drawn and form.squashed not in squash(drawn)):
                    continue
            begins = begins or key_of(word)[1]
            runs = begins[end - size + 1 : end + 2]
            if parts == 2 and runs[-1] <= cut:
                continue
            left, right = ("", "") if parted else (word[: runs[0]], word[runs[-1] :])
            if fits(index, form, left, right) and _is_near(form, word, runs, left, right):
                return True
    return False


def _may_stand(form: Form, left: bool, right: bool) -> bool:
    """Does the boundary of the term allow other letters on these sides?"""
    return (form.inside or not left) and not (right and not form.term.wild and form.term.boundary == "word")


def _is_near(form: Form, word: str, runs: list[int], left: str, right: str) -> bool:
    """Are the letters at `runs` of `word` near enough to the form, whose key they have?"""
    if not form.loose:
        return True  # its letters were compared before
    odd, _ = distance(form.runs, [word[a:b] for a, b in pairwise(runs)])
    return odd <= min(most_odd(form), allowed(form.letters, left, right))
