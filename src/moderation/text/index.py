"""A lexicon compiled for look-up: one automaton over keys, and tables of whole words spelt wrong, backwards or masked.

Built once, never changed, shared between threads.  Reading a text with it is `scan`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

import ahocorasick

from moderation.text.layers import Automata, Lists, Pieces, Words
from moderation.text.lexicon import Lexicon, Term
from moderation.text.normalise import letters_of
from moderation.text.spelling import key, runs, sound, squash
from moderation.text.words import ENGLISH, common

_SPELT_OUT = ("", "s", "es", "ed", "er", "ers", "ing", "in", "y")  # endings for which wrong spellings are worked out


_SILENT = re.compile(r"(?<=[bcdfghjklmnpqrstvwxz])e(?=[bcdfghjklmnpqrstvwxz])")


FREE_LEFT, FREE_RIGHT = 1, 2


class Form(NamedTuple):
    """A term as it is looked for: folded letters without spaces, their runs, and where its words part."""

    letters: str
    term: Term
    parts: tuple[str, ...]
    latin: bool
    squashed: str  # `letters`, each run of a letter once
    inside: bool  # may stand within a word, not only at its beginning
    loose: bool  # may be spelt with other letters of the same key

    @property
    def runs(self) -> tuple[str, ...]:
        """The letters, cut where the key letter changes; few forms are ever asked for them."""
        return runs(self.letters)


@dataclass(slots=True)
class Index:
    """Everything `scan` looks up.  `automaton` is None for an empty lexicon; to each key it gives its length, its forms
    and on which sides other letters may touch one of them (`FREE_LEFT`, `FREE_RIGHT`)."""

    automaton: ahocorasick.Automaton | Automata | None
    words: dict[str, Form] = field(default_factory=dict)
    wholes: dict[str, Form] = field(default_factory=dict)  # wild words with their endings
    # wholes, and each less one letter: which others it may be
    shortened: dict[str, list[str]] = field(default_factory=dict)
    misspelt: dict[str, Form] = field(default_factory=dict)
    sounds: dict[str, Form] = field(default_factory=dict)
    headless: dict[str, Form] = field(default_factory=dict)
    masked: dict[tuple[int, str], list[tuple[str, Form]]] = field(default_factory=dict)
    phrases: dict[str, list[tuple[tuple[str, ...], int, Form]]] = field(default_factory=dict)
    holed: set[str] = field(default_factory=set)  # wild words, one inner letter of each struck out
    longest: int = 0  # letters of the longest of them
    harmless: dict[str, int] = field(default_factory=dict)  # words lately read in which nothing is: `quick`'s
    evidence: frozenset[str] = frozenset()  # words and letters that show some language
    fragments: set[str] = field(default_factory=set)
    inner: set[str] = field(default_factory=set)  # two to four letters from within a wild word
    allowed: ahocorasick.Automaton | None = None
    excuses: dict[str, list[str]] = field(default_factory=dict)
    allow: set[str] = field(default_factory=set)
    endings: dict[str, frozenset[str]] = field(default_factory=dict)
    prefixes: dict[str, frozenset[str]] = field(default_factory=dict)


def build(lexicon: Lexicon) -> Index:
    """Compile `lexicon`; takes time in proportion to its letters."""
    index = Index(None)
    index.endings = {code: frozenset(letters_of(e) for e in ends) for code, ends in lexicon.endings.items()}
    index.prefixes = {code: frozenset(letters_of(p) for p in given) for code, given in lexicon.prefixes.items()}
    index.evidence = frozenset().union(*lexicon.evidence.values())
    _add(index, lexicon.terms)
    _add_allowed(index, lexicon)
    return index


def beside(index: Index, lexicon: Lexicon, own: Lexicon) -> Index:
    """`index` with `own` beside it, whose terms are not wild; `lexicon` is all of both.  Holds only what is new."""
    other = replace(
        index,
        words=Words(index.words),
        masked=Lists(index.masked),
        phrases=Lists(index.phrases),
        fragments=Pieces(index.fragments),
        harmless={},
        evidence=frozenset().union(*lexicon.evidence.values()),
    )
    _add(other, own.terms)
    return allowing(other, lexicon) if own.allow else other


def _add(index: Index, terms: Iterable[Term]) -> None:
    """`terms` behind those that `index` has."""
    by_key: dict[str, dict[str, Form]] = {}
    for form in map(form_of, terms):
        if not form.letters:
            continue
        word = key(form.letters) if form.latin else form.letters
        if word not in by_key:
            known = index.automaton.get(word, None) if index.automaton else None
            by_key[word] = {_named(other): other for other in known[1]} if known else {}
        by_key[word].setdefault(_named(form), form)
        if len(form.parts) > 1:
            _add_phrase(index, form)
        else:
            index.words.setdefault(form.letters, form)
    if by_key:
        automaton = ahocorasick.Automaton()
        for word, forms in by_key.items():
            wild = any(
                form.term.wild for form in forms.values()
            )  # it tells more of its own spellings than another term
            kept = (f._replace(loose=f.term.wild) if wild else f for f in forms.values())
            automaton.add_word(word, (len(word), tuple(kept), _free(index, forms.values())))
        automaton.make_automaton()
        index.automaton = Automata(index.automaton, automaton) if index.automaton else automaton
    for form in list(index.words.values()):
        if form.term.severity != "mild" and not form.term.maybe and not form.term.local:
            _add_spellings(index, form)


def _named(form: Form) -> str:
    return f"{form.term.language} {len(form.parts)} {form.letters}"


def _free(index: Index, forms: Iterable[Form]) -> int:
    """The sides on which other letters may touch one of `forms`."""
    free = 0
    for form in forms:
        term = form.term
        if form.inside and (term.boundary != "stem" or term.language in index.prefixes):
            free |= FREE_LEFT
        if term.boundary != "suffix" and (term.wild or term.boundary != "word"):
            free |= FREE_RIGHT
        if free == FREE_LEFT | FREE_RIGHT:
            break
    return free


def allowing(index: Index, lexicon: Lexicon) -> Index:
    """`index` with the allow-terms of `lexicon` in place of its own."""
    other = replace(index, allowed=None, excuses={}, allow=set())
    _add_allowed(other, lexicon)
    return other


def _add_allowed(index: Index, lexicon: Lexicon) -> None:
    """Allow-terms: by their beginning where letters are Latin, anywhere in other scripts.  Phrases are `context`'s."""
    others = ahocorasick.Automaton()
    for term in lexicon.allow:
        word = letters_of(term)
        if " " in term or not word:
            continue
        index.allow.add(word)
        if word.isascii():
            index.excuses.setdefault(word[:2], []).append(word)
        else:
            others.add_word(word, len(word))
    if len(others):
        others.make_automaton()
        index.allowed = others


@lru_cache(maxsize=20_000)
def form_of(term: Term) -> Form:
    """How `term` is looked for; matchers of other words share it."""
    text = term.text
    if text.isascii() and text.isalpha():
        letters = text.lower()
        parts: tuple[str, ...] = (letters,)
    else:
        spaced = text if " " in text else text.replace("-", " ")  # a chunk of a phrase may hold a hyphen
        parts = tuple(p for p in map(letters_of, spaced.split()) if p)
        letters = "".join(parts)
    latin = letters.isascii()
    inside = term.boundary not in ("word", "inflect", "prefix")
    known = term.language == "en" and term.severity != "mild" and not term.maybe and len(letters) >= 7
    loose = term.wild or (known and latin)
    return Form(letters, term, parts, latin, squash(letters), inside, loose)


def _add_phrase(index: Index, form: Form) -> None:
    def rare(at: int) -> tuple[bool, bool, int]:
        part = form.parts[at]
        return part not in common(), part not in ENGLISH, len(part)

    anchor = max(range(len(form.parts)), key=rare)  # looked up by its rarest word
    index.phrases.setdefault(form.parts[anchor], []).append((form.parts, anchor, form))


def _add_spellings(index: Index, form: Form) -> None:
    word = form.letters
    if form.term.language != "en":
        if len(word) >= 4 and form.term.boundary != "anywhere":
            index.masked.setdefault((len(word), word[0]), []).append((word, form))
        return
    endings = _SPELT_OUT if form.term.boundary in ("compound", "inflect", "anywhere") else ("",)
    for ending in endings:
        whole = word[:-1] + ending if ending[:1] in ("e", "i") and word.endswith("e") else word + ending
        if len(whole) >= 3:
            index.masked.setdefault((len(whole), whole[0]), []).append((whole, form))
        if len(whole) < 4:
            continue
        for cut in range(1, len(whole)):
            index.fragments.add(whole[:cut])
            index.fragments.add(whole[cut:])
        if not form.term.wild:
            continue
        if not ending:
            index.inner.update(word[i : i + n] for n in (2, 3, 4) for i in range(1, len(word) - n))
        index.holed.update(whole[:i] + "?" + whole[i + 1 :] for i in range(1, len(whole) - 1))
        index.longest = max(index.longest, len(whole))
        if whole not in index.wholes:
            index.wholes[whole] = form
            index.shortened.setdefault(whole, [])
            for less in {whole[:i] + whole[i + 1 :] for i in range(len(whole))}:
                index.shortened.setdefault(less, []).append(whole)
        index.headless.setdefault(whole[1:], form)
        index.misspelt.setdefault(whole[::-1], form)
        if len(sound(word)) >= 6 and not word.startswith("fuck"):
            index.sounds.setdefault(sound(whole), form)
            index.sounds.setdefault(sound(_SILENT.sub("", whole)), form)
        for wrong in respelt(whole):
            index.misspelt.setdefault(wrong, form)


_AS_HEARD = (("u", "oo"), ("o", "oa"), ("a", "ah"), ("er", "ah"), ("er", "ur"), ("er", "uh"))


def respelt(word: str) -> Iterator[str]:
    """Vowels written as they sound in other words, all of one kind at once: foocker, wanka.  Or all left out: bstrd."""
    for vowel, heard in _AS_HEARD:
        if vowel in word:
            yield word.replace(vowel, heard)
    bare = word[0] + "".join(c for c in word[1:] if c not in "aeiou")
    if len(bare) >= 4 and len(word) >= 5:
        yield bare
