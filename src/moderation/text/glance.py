"""A glance at a piece that is no plain word: is it sure that `scan` would find nothing in it?

Reads the piece in all the ways of `lines` at once, as plain strings: no map to the original, nothing weighed.  Says yes
only where no term's key stands anywhere that its boundary allows; whatever is in doubt is left to `scan`.
"""

from __future__ import annotations

import re

from moderation.text.index import FREE_LEFT, FREE_RIGHT, Index
from moderation.text.leet import drawn
from moderation.text.lines import BEGINNING, ENDING, OTHERS, trim
from moderation.text.masks import MASKS, SOFT, masked
from moderation.text.normalise import read_units
from moderation.text.readings import CLOSING, OPENING, SIGNS
from moderation.text.slips import may_be_meant
from moderation.text.spelling import key, squash

_PLAIN = re.compile(r"[ -~\n’‘“”–—…]*\Z")
_GAP = "\n"
_WAY = "\v"  # parts ways to read a piece
_GAPS = re.compile(r"\n\n+")
_INNER = re.compile(r"[^\n\v]\n[^\n\v]")
_LONGEST = 200
"""Characters of a piece.  In a longer one there is likelier something, and each hit looks at all of it again."""
_LETTERS = {code: chr(code).lower() if chr(code).isalpha() else _GAP for code in range(128)} | dict.fromkeys(
    map(ord, "’‘“”–—…"), _GAP
)
_LEET = _LETTERS | {ord(sign): letters[0] for sign, letters in SIGNS.items() if letters and sign.isascii()}
_SIGN = re.compile("[" + re.escape("".join(sign for sign, letters in SIGNS.items() if letters)) + "]")
_PARTED_PH = re.compile(r"p\n+h")
_SINGLES = re.compile(r"(?:\n[a-z](?=\n)){4}")


def holds_nothing(index: Index, piece: str) -> bool:
    """Is it sure that nothing is hidden in this chunk?"""
    if index.automaton is None or len(piece) > _LONGEST or not _PLAIN.match(piece):
        return False
    return _are_free(index, _ways(piece.lower())) and _is_no_word(index, piece)


def spell_nothing(index: Index, run: str) -> bool:
    """Is it sure that neighbouring chunks spell nothing together?"""
    if index.automaton is None or len(run) > _LONGEST or not _PLAIN.match(run):
        return False
    ways = _ways(run.lower())
    if _SINGLES.search(f"\n{ways[0]}\n"):
        return False
    letters = _joined(ways)
    keys = key(letters)
    return not _have_parted(index, letters, keys, list(index.automaton.iter(keys)))


def _ways(lower: str) -> list[str]:
    """The letters that may be read, with a gap for whatever parts them; first the letters alone."""
    ways = {lower.translate(_LETTERS): None}
    if _SIGN.search(lower):
        written = [
            lower,
            *(lower.replace(sign, other) for sign, other in OTHERS.items() if sign in lower),
            *drawn(lower),
        ]
    else:
        written = list(drawn(lower))
    for line in written:
        ended = line.rstrip(ENDING)
        ways |= dict.fromkeys(each.translate(_LEET) for each in (line, ended, ended.lstrip(BEGINNING)))
    return list(ways)


def _joined(ways: list[str]) -> str:
    """The ways in one string, a gap at both ends of each."""
    return _GAPS.sub(_GAP, _WAY.join([f"\n{letters}\n" for letters in ways]))


def _are_free(index: Index, ways: list[str]) -> bool:
    """Does no term's key stand in one of `ways` where its boundary and its letters allow it, nor across a gap?"""
    assert index.automaton is not None
    letters = _joined(ways)
    keys = key(letters)
    found = list(index.automaton.iter(keys))
    pieces: list[str] = []
    for end, (size, forms, free) in found:
        if (free & FREE_LEFT or keys[end - size] == _GAP) and (free & FREE_RIGHT or keys[end + 1] == _GAP):
            pieces = pieces or squash(letters).split(_GAP)
            piece = pieces[keys.count(_GAP, 0, end)]
            for form in forms:
                if form.loose or form.squashed in piece:
                    return False
    return not _have_parted(index, letters, keys, found)


def _have_parted(index: Index, letters: str, keys: str, found: list[tuple[int, tuple[int, object, int]]]) -> bool:
    """May a term's key stand across a gap?  Then one at a gap has its last letter behind it too, or there are more of
    them in the letters without their gaps than the `found` ones."""
    assert index.automaton is not None
    if not _INNER.search(letters):
        return False
    if _PARTED_PH.search(letters):
        return True
    for end, (size, _, _) in found:
        first = end - size + 1
        if keys[first - 1] == _GAP and first > 1 and keys[first - 2] == keys[first]:
            return True
        if keys[end + 1] == _GAP and keys[end + 2 : end + 3] == keys[end]:
            return True
    return sum(1 for _ in index.automaton.iter(key(letters.replace(_GAP, "")))) > len(found)


def _is_no_word(index: Index, piece: str) -> bool:
    """Is the whole no misspelling of a word, nor one with letters struck out?"""
    core = piece.rstrip(CLOSING).lstrip(OPENING)
    letters = core.lower().translate(_LEET)
    if _GAP not in letters and may_be_meant(index, [letters]):
        return False
    if core.isalnum():
        return True
    struck = [char for char in core if not char.isalnum() and (char in MASKS or not SIGNS.get(char))]
    kinds = set(struck)
    soft = kinds <= SOFT and (len(core) < 4 or len(kinds) > 1 or core[-1] in kinds)
    if "*" not in kinds and (soft or len(kinds) > 2):
        return True
    return masked(index, trim(read_units(piece))) is None
