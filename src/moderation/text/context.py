"""What the words around a match say of it: a word that is both a name and an insult counts only with a second signal,
and a bad word among its innocent company is only a maybe."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from moderation.text.kinds import WORD
from moderation.text.lexicon import Lexicon, Term
from moderation.text.words import ENGLISH

_KANA = re.compile("[\u3041-\u30ff]")
_ENGLISH = ""
"""Stands for the words that hardly an English text does without; English may have evidence of a list's own beside."""
_NOTHING: tuple[frozenset[str], set[str]] = (frozenset(), set())
_LATIN = re.compile("[A-Za-z]")
_NEAR = 60  # characters on either side that count as company
SPAN = 2000  # characters of a text from which its language is read
_MANY = 50  # matches weighed by their neighbours; a text with more is not about blue tits
UNSPACED = frozenset(("zh", "ja", "th", "ko"))
"""Languages whose scripts are written without spaces, or tell by themselves."""
_TELLING = frozenset(("leet", "spaced", "masked", "lookalike", "invisible", "upside-down"))


class Context:
    """One text, and what has been read of it so far; made for one call and thrown away.  `phrases`: the lexicon's."""

    def __init__(self, text: str, lexicon: Lexicon, phrases: Sequence[str], name: bool) -> None:
        self._text = text
        self._phrases = phrases
        self._lexicon = lexicon
        self._name = name
        self._words: frozenset[str] | None = None
        self._kana: bool | None = None
        self._told: dict[tuple[str, frozenset[str]], bool] = {}
        self._weights: dict[str, tuple[frozenset[str], set[str]]] | None = None
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
        before = [] if self._name or shown[:1].isupper() else WORD.findall(text, max(0, start - 24), start)
        if before[-1:] in (["a"], ["an"]):  # "such a prick" is said of somebody, as "you prick" is
            before = before[:-1]
        if before and before[-1].lower() in lexicon.cues.get(term.language, ()):
            return False
        return None if term.local else True

    def _near(self, start: int, end: int) -> set[str]:
        return {w.lower() for w in WORD.findall(self._text, max(0, start - _NEAR), end + _NEAR)}

    def _excused(self, start: int, end: int) -> bool:
        """Is the match part of an allowed phrase?"""
        word = self._text[start:end].lower()
        phrases = [phrase for phrase in self._phrases if word in phrase]
        near = self._text[max(0, start - _NEAR) : end + _NEAR].lower() if phrases else ""
        return any(phrase in near for phrase in phrases)

    def _all(self) -> frozenset[str]:
        """The words of the text."""
        if self._words is None:
            self._words = frozenset(WORD.findall(self._text[:SPAN].lower()))
        return self._words

    def _own(self, start: int, end: int) -> frozenset[str]:
        """The words of the text that hold the match's letters, near it: they do not tell of the others."""
        own = WORD.findall(self._text[max(0, start - 30) : end + 30].lower())
        shown = self._text[start:end].lower()
        return self._all().intersection([w for w in own if shown in w])

    def _weight(self, language: str, own: frozenset[str]) -> int:
        """How much the words other than `own` show `language`: a point for each of its words, one for its own letters.
        All of the text's are weighed once."""
        if self._weights is None:
            accented = [word for word in self._all() if not word.isascii()]
            letters = {letter for letter in set().union(*accented) if not letter.isascii()}
            self._weights = {
                code: (evidence & self._all(), _spelt_with(evidence & letters, accented))
                for code, evidence in (*self._lexicon.evidence.items(), (_ENGLISH, ENGLISH))
            }
        words, spelt = self._weights.get(language, _NOTHING)
        return len(words) - len(words & own) + (not spelt <= own)

    def _shows(self, language: str, start: int, end: int) -> bool:
        """Do the other words tell that the text is in `language`, and not in English?  Scripts without spaces tell by
        themselves, but Chinese and Japanese share theirs: kana part them."""
        if language in ("zh", "ja"):
            if self._kana is None:
                self._kana = _KANA.search(self._text) is not None
            return self._kana == (language == "ja")
        if language in ("th", "ko"):
            return True
        if not self.may_show(language):
            return False
        own = self._own(start, end)
        told = self._told.get((language, own))
        if told is None:
            shown = self._weight(language, own)
            told = self._told[language, own] = (
                shown > 0
                and shown >= self._weight(_ENGLISH, own)
                and all(self._weight(other, own) <= shown for other in self._lexicon.evidence)  # "da" is German too
            )
        return told

    def may_show(self, language: str) -> bool:
        """Is there any word of `language`, or perhaps a letter?  Most texts are English, and need no closer look."""
        if language in UNSPACED or not self._all().isdisjoint(self._lexicon.evidence.get(language, ())):
            return True
        return not self._text.isascii() and not all(map(str.isascii, self._all()))

    def _shows_other(self, start: int, end: int) -> bool:
        """Do the other words show a language that is not English?"""
        own = self._own(start, end)
        english = self._weight(_ENGLISH, own)
        if not english and any(not w.isascii() for w in self._all() - own):
            return True
        return any(self._weight(language, own) > english for language in self._lexicon.evidence)

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
        text, first, last = self._text, max(0, start - _NEAR), end + _NEAR
        return _LATIN.search(text, first, last) is not None or not any(
            map(str.isalpha, text[first:start] + text[end:last])
        )


def hidden(shown: str, tags: frozenset[str]) -> bool:
    """Was a mild word hidden on purpose?  Then it was not meant mildly."""
    if not tags & {"leet", "masked", "invisible"} or tags & {"stretched", "respelt"}:
        return False
    return len(shown) > 3 or any(c in "$@!*" for c in shown)


def _spelt_with(letters: frozenset[str], words: Iterable[str]) -> set[str]:
    """The words with any of these letters."""
    return {word for word in words if not letters.isdisjoint(word)} if letters else set()


def _accents_match(shown: str, meant: str) -> bool:
    return meant.casefold() in shown.casefold()
