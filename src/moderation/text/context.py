"""What the words around a match say of it: a word that is both a name and an insult counts only with a second signal,
and a bad word among its innocent company is only a maybe."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from moderation.text.lexicon import Lexicon, Term
from moderation.text.words import ENGLISH

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_KANA = re.compile("[\u3041-\u30ff]")
_NEAR = 60  # characters on either side that count as company
_SPAN = 2000  # characters of a text from which its language is read
_MANY = 50  # matches weighed by their neighbours; a text with more is not about blue tits
_TELLING = frozenset(("leet", "spaced", "masked", "lookalike", "invisible", "upside-down"))


class Context:
    """One text, and what has been read of it so far; made for one call and thrown away.  `phrases`: the lexicon's."""

    def __init__(self, text: str, lexicon: Lexicon, phrases: Sequence[str], name: bool) -> None:
        self._text = text
        self._phrases = phrases
        self._lexicon = lexicon
        self._name = name
        self._words: frozenset[str] | None = None
        self._weighed = 0

    def settle(self, start: int, end: int, term: Term, tags: frozenset[str]) -> bool | None:
        """Whether the match at [start, end) is only a maybe; None where it is to be dropped."""
        text, lexicon = self._text, self._lexicon
        shown = text[start:end]
        if term.local and not self._shows(term.language, start, end):
            return None
        if (
            term.language != "en"
            and self._needs_evidence(start, end, term)
            and not self._shows(term.language, start, end)
        ):
            return None
        if term.exact and not _accents_match(shown, term.text):
            return None
        if "lookalike" in tags and not self._among_latin(start, end):
            return None
        told = bool(tags & _TELLING)
        if term.shared and not told and self._shows_other(start, end):
            return True
        if self._weighed < _MANY:
            self._weighed += 1
            if self._excused(start, end):
                return None
            company = None if told else lexicon.benign.get(term.text) or lexicon.benign.get(term.text.rstrip("s"))
            if company and company & self._near(start, end):
                return True
        if not term.maybe:
            return False
        if told and len(term.text) > 3:
            return False
        before = [] if self._name or shown[:1].isupper() else _WORD.findall(text, max(0, start - 24), start)
        if before[-1:] in (["a"], ["an"]):  # "such a prick" is said of somebody, as "you prick" is
            before = before[:-1]
        if before and before[-1].lower() in lexicon.cues.get(term.language, ()):
            return False
        return None if term.local else True

    def _near(self, start: int, end: int) -> set[str]:
        return {w.lower() for w in _WORD.findall(self._text, max(0, start - _NEAR), end + _NEAR)}

    def _excused(self, start: int, end: int) -> bool:
        """Is the match part of an allowed phrase?"""
        word = self._text[start:end].lower()
        phrases = [phrase for phrase in self._phrases if word in phrase]
        near = self._text[max(0, start - _NEAR) : end + _NEAR].lower() if phrases else ""
        return any(phrase in near for phrase in phrases)

    def _all(self) -> frozenset[str]:
        """The words of the text."""
        if self._words is None:
            self._words = frozenset(_WORD.findall(self._text[:_SPAN].lower()))
        return self._words

    def _others(self, start: int, end: int) -> frozenset[str]:
        """The words of the text, without the match's own."""
        own = _WORD.findall(self._text[max(0, start - 30) : end + 30].lower())
        return self._all() - {w for w in own if self._text[start:end].lower() in w}

    def _shows(self, language: str, start: int, end: int) -> bool:
        """Do the other words tell that the text is in `language`, and not in English?  Scripts without spaces tell by
        themselves, but Chinese and Japanese share theirs: kana part them."""
        if language in ("zh", "ja"):
            return bool(_KANA.search(self._text)) == (language == "ja")
        if language in ("th", "ko"):
            return True
        if not self.may_show(language):
            return False
        known = self._lexicon.evidence
        evidence = known.get(language, frozenset())
        words = self._others(start, end)
        shown = _weight(words, evidence)
        if not shown or shown < len(words & ENGLISH):
            return False
        return all(_weight(words, other) <= shown for other in known.values())  # "da" and "um" are German words too

    def may_show(self, language: str) -> bool:
        """Is there any word or letter of `language`?  Most texts are English, and need no closer look."""
        if not self._text.isascii() or language in ("zh", "ja", "th", "ko"):
            return True
        return not self._all().isdisjoint(self._lexicon.evidence.get(language, frozenset()))

    def _shows_other(self, start: int, end: int) -> bool:
        """Do the other words show a language that is not English?"""
        words = self._others(start, end)
        english = len(words & ENGLISH)
        return (not english and any(not w.isascii() for w in words)) or any(
            _weight(words, evidence) > english for evidence in self._lexicon.evidence.values()
        )

    def _needs_evidence(self, start: int, end: int, term: Term) -> bool:
        """A short foreign word in Latin letters proves little: without its accents, or inside a longer word."""
        shown = self._text[start:end]
        if len(term.text) > 5 or (not shown.isascii() and _accents_match(shown, term.text)):
            return False
        if not term.text.isascii():
            return term.text[0].isascii() or "LATIN" in unicodedata.name(term.text[0], "")
        inside = self._text[end : end + 1].isalpha() or self._text[max(0, start - 1) : start].isalpha()
        return term.boundary == "stem" and inside

    def _among_latin(self, start: int, end: int) -> bool:
        """Look-alikes only make sense where the match or the text around it has Latin letters, or it stands alone."""
        if any(c.isascii() and c.isalpha() for c in self._text[start:end]):
            return True
        around = self._text[max(0, start - _NEAR) : start] + self._text[end : end + _NEAR]
        letters = [c for c in around if c.isalpha()]
        return not letters or any(c.isascii() for c in letters)


def _weight(words: frozenset[str], evidence: frozenset[str]) -> int:
    """How much `words` show the language of `evidence`: a point for each of its words, one for its own letters."""
    accented = [word for word in words if not word.isascii()]
    own = bool(accented) and any(e in word for e in evidence if len(e) == 1 and not e.isascii() for word in accented)
    return len(words & evidence) + own


def hidden(shown: str, tags: frozenset[str]) -> bool:
    """Was a mild word hidden on purpose?  Then it was not meant mildly."""
    if not tags & {"leet", "masked", "invisible"} or tags & {"stretched", "respelt"}:
        return False
    return len(shown) > 3 or any(c in "$@!*" for c in shown)


def _accents_match(shown: str, meant: str) -> bool:
    return meant.casefold() in shown.casefold()
