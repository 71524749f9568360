"""What one word is meant to be: spelt wrong, by its sound, one slip away from a bad word, or dressed up whole.

Whole words only, in folded letters.  That the word is none of the known ones is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from moderation.text.index import Form, Index
from moderation.text.spelling import sound

LONGEST = 24  # letters of a word that is looked at; the longest bad ones have 16
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_FILLERS = frozenset("xzqjh")  # letters put in to part others: fuxck, fuhck
_LISPED = {"r": "w", "l": "w"}  # niggew
_VOWELS = frozenset("aeiou")


def meant(index: Index, word: str) -> Form | None:
    """The form that `word` is a spelling of, if it is one."""
    form = index.misspelt.get(word)
    if form is None and len(word) > 4:
        form = index.sounds.get(sound(word))
    if form is None and 2 < len(word) <= LONGEST:
        form = _slipped(index, word) or _undressed(index, word)
    return form


def may_be_meant(index: Index, words: Sequence[str]) -> set[str]:
    """Those of `words` that `meant` may know.  Many at once cost less than each alone."""
    perhaps = {word for word in words if _is_near(index, word) or word in index.misspelt}
    heard = sound("\n".join(words)).split("\n")
    if not index.sounds.keys().isdisjoint(heard):
        perhaps.update(word for word, said in zip(words, heard, strict=True) if said in index.sounds)
    return perhaps


def _is_near(index: Index, word: str) -> bool:
    """Is `word`, or `word` less one letter, a bad word or one less one letter, or is it dressed up?"""
    if len(word) > LONGEST:
        return False
    shortened = index.shortened
    if word in shortened or not shortened.keys().isdisjoint([word[:at] + word[at + 1 :] for at in range(len(word))]):
        return True
    return word[-2:] == "ay" or "izz" in word or (len(word) > 6 and word[1] == word[3] == word[5])


def _slipped(index: Index, word: str) -> Form | None:
    """A word with a letter too many, too few, mistyped, or two of them swapped.  Every such pair has a word less one
    letter in common, so one look-up a letter finds it."""
    wholes, shortened = index.wholes, index.shortened
    for whole in shortened.get(word, ()):
        if _is_lost(word, whole):
            return wholes[whole]
    for at in range(len(word)):
        cut = word[:at] + word[at + 1 :]
        if cut in wholes and _is_put_in(word, at, len(wholes[cut].letters)):
            return wholes[cut]
        for whole in shortened.get(cut, ()):
            if _is_swapped(word, whole) or _is_mistyped(word, whole, wholes[whole]):
                return wholes[whole]
    return None


def _is_lost(word: str, whole: str) -> bool:
    """A vowel lost from five letters, or any inner letter from six."""
    at, size = _parting(word, whole), len(whole)
    return at > 0 and ((size >= 5 and whole[at] in _VOWELS) or (size >= 6 and at < size - 1))


def _is_put_in(word: str, at: int, size: int) -> bool:
    """A filler inside, or in five letters or more (endings apart) a neighbour of the key that was meant."""
    if not 0 < at < len(word) - 1:
        return False
    extra = word[at]
    return extra in _FILLERS or (4 < size > at and extra in NEAR[word[at - 1]] | NEAR[word[at + 1]])


def _is_swapped(word: str, whole: str) -> bool:
    at = _parting(word, whole)
    return word[at : at + 2] == whole[at : at + 2][::-1] and word[at + 2 :] == whole[at + 2 :]


def _is_mistyped(word: str, whole: str, form: Form) -> bool:
    """Not the first letter, which anchors a word for its reader, nor its ending; of four letters only an inner one, and
    none of a slur: names are like those."""
    at, size = _parting(word, whole), len(form.letters)
    if not 0 < at < size or word[at + 1 :] != whole[at + 1 :]:
        return False
    if size < 5:
        return at < size - 1 and form.term.category != "slur" and word[at] in NEAR[whole[at]]
    return word[at] in NEAR[whole[at]] or _LISPED.get(whole[at]) == word[at]


def _parting(word: str, whole: str) -> int:
    """Where the two begin to differ."""
    at = 0
    for one, other in zip(word, whole, strict=False):
        if one != other:
            break
        at += 1
    return at


def _undressed(index: Index, word: str) -> Form | None:
    return next((index.wholes[bare] for bare in _bare(word) if bare in index.wholes), None)


def _bare(word: str) -> Iterator[str]:
    """Without pig Latin (uckfay), the infix of rap (shizzit) and a letter between all others (fxuxcxk)."""
    if word.endswith("ay"):
        body = word[:-2]
        for size in (1, 2, 3):
            yield body[-size:] + body[:-size]
        if body.endswith("w"):
            yield body[:-1]
    if "izz" in word:
        yield word.replace("izz", "", 1)
    if len(word) > 6 and word[1] == word[3] == word[5] and word[1] not in _VOWELS and len({*word[1::2]}) == 1:
        yield word[::2]


def _near() -> dict[str, frozenset[str]]:
    """The keys that touch each key of an English keyboard; Z and Y stand in each other's place on a German one."""
    keys = {key: (x + y / 2, y) for y, row in enumerate(_ROWS) for x, key in enumerate(row)}
    touching = {
        key: frozenset(k for k, (a, b) in keys.items() if k != key and abs(a - x) <= 1 and abs(b - y) <= 1)
        for key, (x, y) in keys.items()
    }
    return touching | {key: touching[key] | {"z"} for key in "tu"}


NEAR = _near()
