"""The short way to read a chunk: is it an ordinary word or number in which `scan` would find nothing?

Says yes only where that is sure; whatever is out of the ordinary is left to `scan`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

import ahocorasick

from moderation.text.index import FREE_LEFT, FREE_RIGHT, Form, Index
from moderation.text.kinds import EVIDENT, PRICED, evident, kind_of
from moderation.text.layers import Automata
from moderation.text.lines import NO_FACE, accented, native
from moderation.text.normalise import letters_of
from moderation.text.readings import CLOSING
from moderation.text.slips import may_be_meant, meant
from moderation.text.spelling import distance, key, key_of, squash
from moderation.text.weigh import allowed, fits, most_odd
from moderation.text.words import common, innocent

_BEFORE = "\"'“‘"
_PARTED = re.compile(r"[a-z]+(?:[-–—.'’_=/:][a-z]+){1,5}\Z")
_PART = re.compile("[a-z]+")
_NUMBER = re.compile(r"(?!.*1[23])[0-9]+(?:[.,:;/-][0-9]+)*\Z")  # 13 and 12 are drawings of B and R
_PAIRS = (("rn", "m"), ("nn", "m"), ("cl", "d"), ("vv", "w"))  # as in `leet`
_PAIR = re.compile("|".join(pair for pair, _ in _PAIRS))
_LONGEST = 40
_REMEMBERED = 20_000  # words, about 2 MB


def ordinary(index: Index, chunks: Iterable[str]) -> list[tuple[str, int | None, str]]:
    """Those of `chunks` that are one word, dressed in no more than punctuation, each with its kind and its word; no
    kind where it is not plain that nothing is in it.  Takes them all together: most of the cost is in every call."""
    harmless = index.harmless
    words: list[tuple[str, str]] = []
    fresh: dict[str, None] = {}
    natives: dict[str, tuple[str, str]] = {}
    for chunk in chunks:
        core = chunk.lstrip(_BEFORE).rstrip(CLOSING)
        if len(core) > _LONGEST:
            continue
        if not core.isascii():
            word = accented(core)
            if word is None:
                read = native(core)
                if read is not None:
                    natives[chunk] = read
                continue
        elif core.isalpha():
            word = core.lower()
        else:
            continue
        words.append((chunk, word))
        if word not in harmless:
            fresh[word] = None
    found = _natives(index, natives) if natives else []
    known: Mapping[str, int] = harmless
    if fresh:
        known = {word: harmless[word] for _, word in words if word not in fresh}
        for word in _harmless(index, [word for word in fresh if word not in index.words]):
            known[word] = _remember(index, word)
    for chunk, word in words:
        kind = known.get(word)
        if kind is not None and not chunk.isascii():
            kind |= evident(index, chunk)
        found.append((chunk, kind, word))
    return found


def _natives(index: Index, words: dict[str, tuple[str, str]]) -> list[tuple[str, int | None, str]]:
    """The kinds of chunks of one word each that is not of Latin letters: `words` has them as they are, and as the Latin
    ones they look like."""
    chunks = list(words)
    doubtful: set[str] = set()
    if index.automaton is not None:
        faces = [chunk for chunk in chunks if words[chunk][1].strip(NO_FACE)]
        if faces:
            looks = key("\n" + "\n".join([words[chunk][1] for chunk in faces]) + "\n")
            doubtful.update(faces[number] for number, _ in _held(index.automaton, looks))
        letters = "\n" + "\n".join([letters for letters, _ in words.values()]) + "\n"
        doubtful.update(chunks[number] for number, _ in _held(index.automaton, letters))
    found: list[tuple[str, int | None, str]] = []
    for chunk in chunks:
        word = letters_of(chunk)
        kind = None if chunk in doubtful else kind_of(index, word) | PRICED | evident(index, chunk)
        found.append((chunk, kind, word))
    return found


def _harmless(index: Index, words: list[str]) -> list[str]:
    """Those of `words` that `_is_harmless` would find to be so."""
    known = [word for word in words if word in common() or word in innocent()]
    asked = [word for word in words if word not in common() and word not in innocent()]
    if not asked or index.automaton is None:
        return words
    doubtful = may_be_meant(index, asked) | _may_hold_some(index, asked)
    paired = [word for word in asked if _PAIR.search(word)]
    if paired:
        drawn = _may_hold_some(index, [_drawn(word) for word in paired])
        doubtful.update(word for word in paired if _drawn(word) in drawn)
    return known + [word for word in asked if word not in doubtful or _is_harmless(index, word)]


def _may_hold_some(index: Index, words: list[str]) -> set[str]:
    """Those of `words` whose key holds that of a term where its boundary allows it and, where that matters, with the
    same letters.  `_may_hold` looks closer."""
    assert index.automaton is not None
    held: set[str] = set()
    for number, forms in _held(index.automaton, key("\n" + "\n".join(words) + "\n")):
        word = words[number]
        if word not in held:
            squashed = squash(word)
            if any(form.loose or form.squashed in squashed for form in forms):
                held.add(word)
    return held


def _held(automaton: ahocorasick.Automaton | Automata, lines: str) -> Iterator[tuple[int, tuple[Form, ...]]]:
    """(Number of the line, forms) for each term whose key stands in one of `lines`, where its boundary allows it.  Each
    line has a line end on either side."""
    at, number = 0, -1  # how far the lines were counted, and the last that began there
    for end, (size, forms, free) in automaton.iter(lines):
        if (free & FREE_LEFT or lines[end - size] == "\n") and (free & FREE_RIGHT or lines[end + 1] == "\n"):
            number += lines.count("\n", at, end)
            at = end
            yield number, forms


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
    _remember(index, word)
    return True


def _remember(index: Index, word: str) -> int:
    """The kind of a harmless word."""
    if len(index.harmless) >= _REMEMBERED:
        index.harmless.clear()
    kind = index.harmless[word] = kind_of(index, word) | (EVIDENT if word in index.evidence else 0)
    return kind


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
    return not _PAIR.search(word) or not _may_hold(index, _drawn(word), drawn=word)


def _drawn(word: str) -> str:
    """`word` with its pairs of letters read as the one they look like."""
    for pair, letter in _PAIRS:
        word = word.replace(pair, letter)
    return word


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
    for end, (size, forms, _) in index.automaton.iter(whole):
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
