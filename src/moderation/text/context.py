"""What the words around a match say of it: a word that is both a name and an insult counts only with a second signal,
and a bad word among its innocent company is only a maybe."""

from __future__ import annotations

import re
import unicodedata

from moderation.text.lexicon import Lexicon, Term

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NEAR = 60  # characters on either side that count as company
_TELLING = frozenset(("leet", "spaced", "masked", "lookalike", "invisible", "upside-down"))


def settle(
    text: str, start: int, end: int, term: Term, tags: frozenset[str], lexicon: Lexicon, name: bool
) -> bool | None:
    """Whether the match is only a maybe; None where it is to be dropped."""
    if term.local and not _shows_language(text, start, end, term.language, lexicon):
        return None
    if term.language != "en" and _needs_evidence(text, start, end, term) and not _shows_language(
        text, start, end, term.language, lexicon
    ):
        return None
    if term.shared and not tags & _TELLING and _shows_other(text, start, end, lexicon):
        return True
    if "lookalike" in tags and not _among_latin(text, start, end):
        return None
    if term.exact and not _accents_match(text[start:end], term.text):
        return None
    if lexicon.phrases and _excused(text, start, end, lexicon):
        return None
    company = lexicon.benign.get(term.text) or lexicon.benign.get(term.text.rstrip("s"))
    if company and not tags & _TELLING:
        near = {w.lower() for w in _WORD.findall(text, max(0, start - _NEAR), end + _NEAR)}
        if near & company:
            return True
    if not term.maybe:
        return False
    if tags & _TELLING and len(term.text) > 3:
        return False
    if name:
        return True
    before = _WORD.findall(text, max(0, start - 24), start)
    return not (before and before[-1].lower() in lexicon.cues.get(term.language, ()) and not text[start].isupper())


def _needs_evidence(text: str, start: int, end: int, term: Term) -> bool:
    """A short foreign word in Latin letters proves little: without its accents, or inside a longer word."""
    if len(term.text) > 5 or not text[start:end].isascii() and _accents_match(text[start:end], term.text):
        return False
    if not term.text.isascii():
        return term.text[0].isascii() or "LATIN" in unicodedata.name(term.text[0], "")
    return term.boundary == "stem" and (text[end : end + 1].isalpha() or text[start - 1 : start].isalpha())


def hidden(shown: str, tags: frozenset[str]) -> bool:
    """Was a mild word hidden on purpose?  Then it was not meant mildly."""
    if not tags & {"leet", "masked", "invisible"} or tags & {"stretched", "respelt"}:
        return False
    return len(shown) > 3 or any(c in "$@!*" for c in shown)


def _excused(text: str, start: int, end: int, lexicon: Lexicon) -> bool:
    """Is the match part of an allowed phrase?"""
    near = text[max(0, start - _NEAR) : end + _NEAR].lower()
    word = text[start:end].lower()
    return any(word in phrase and phrase in near for phrase in lexicon.phrases)


def _accents_match(shown: str, meant: str) -> bool:
    return meant.casefold() in shown.casefold()


def _shows_language(text: str, start: int, end: int, language: str, lexicon: Lexicon) -> bool:
    """Do the words around the match tell that the text is in its language, and not in English?"""
    evidence = lexicon.evidence.get(language, frozenset())
    rest = _around(text, start, end)
    near = set(_WORD.findall(rest))
    if len(near & _ENGLISH) > 1:
        return False
    return bool(near & evidence) or any(len(e) == 1 and not e.isascii() and e in rest for e in evidence)


def _around(text: str, start: int, end: int) -> str:
    """The text around the match in lower case, without what is left of the match's own word."""
    while start > 0 and end - start < _NEAR and text[start - 1].isalpha() and not _is_unspaced(text[start - 1]):
        start -= 1
    while end < len(text) and end - start < 2 * _NEAR and text[end].isalpha() and not _is_unspaced(text[end]):
        end += 1
    return text[max(0, start - 200) : start].lower() + " " + text[end : end + 200].lower()


def _is_unspaced(char: str) -> bool:
    """A letter of a script that puts no spaces between words."""
    return "\u0e00" <= char <= "\u0eff" or "\u1780" <= char <= "\u17ff" or "\u3040" <= char <= "\ud7ff"


def _shows_other(text: str, start: int, end: int, lexicon: Lexicon) -> bool:
    """Does the text around the match show a language other than English?"""
    near = set(_WORD.findall(_around(text, start, end)))
    if near & _ENGLISH:
        return False
    return any(not word.isascii() for word in near) or any(near & words for words in lexicon.evidence.values())


def _among_latin(text: str, start: int, end: int) -> bool:
    """Look-alikes only make sense where the match or the text around it has Latin letters, or it stands alone."""
    if any(c.isascii() and c.isalpha() for c in text[start:end]):
        return True
    around = text[max(0, start - _NEAR) : start] + text[end : end + _NEAR]
    letters = [c for c in around if c.isalpha()]
    return not letters or any(c.isascii() for c in letters)


_ENGLISH = frozenset("the and of to is are was were that this with for you it not they have has be on at by from".split())
