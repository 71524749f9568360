"""The grammar of word lists: terms with language, category, severity and boundary; allow-terms; endings and cues.

    @language en                      one line a property: language, source, licence, endings, prefixes, cues, evidence
    [slur severe inflect]             category, severity, boundary, then any of: maybe, exact, local, effect=spam
    word, another word                terms, parted by commas
    [allow]                           words that excuse a match inside them
    [benign]                          lines of TERM, TERM: words in whose company the term is only a maybe
    # note                            to the end of the line

Reads and checks lists; matching is `matcher`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

CATEGORIES = ("profanity", "sexual", "slur", "insult", "threat", "self-harm")
SEVERITIES = ("mild", "strong", "severe")
GRAVITY = {severity: number for number, severity in enumerate(SEVERITIES)}
BOUNDARIES = ("word", "inflect", "stem", "prefix", "suffix", "compound", "anywhere")
FLAGS = ("maybe", "exact", "local", "wild", "shared")
EFFECTS = ("tag", "hold", "spam", "reject")
PROPERTIES = ("language", "source", "licence", "endings", "prefixes", "cues", "evidence")


class LexiconError(ValueError):
    """A word list that cannot be read; `problems` lists every one as file:line:column: what is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Term(NamedTuple):
    """One word or phrase to find.  `maybe`: only counts with a second signal.  `exact`: its accents matter.
    `local`: only where the site's languages or the text itself call for its language.
    `wild`: so common that its misspellings are looked for too.
    `shared`: an innocent word of another language too, so only a maybe in a text that shows another.
    `list` names where it came from.  `effect`: what it leads to, where that is not its severity's to say."""

    text: str
    language: str = "en"
    category: str = "profanity"
    severity: str = "strong"
    boundary: str = "word"
    maybe: bool = False
    exact: bool = False
    local: bool = False
    wild: bool = False
    shared: bool = False
    list: str = "extra"
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Terms and allow-terms, with what their languages need to be matched: endings, prefixes, cue words, evidence."""

    terms: tuple[Term, ...] = ()
    allow: tuple[str, ...] = ()
    endings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cues: Mapping[str, frozenset[str]] = field(default_factory=dict)
    evidence: Mapping[str, frozenset[str]] = field(default_factory=dict)
    benign: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def phrases(self) -> tuple[str, ...]:
        """The allow-terms of several words, lower case."""
        return tuple(term.lower() for term in self.allow if " " in term)


def load(
    languages: Sequence[str] | None = None,
    extra_terms: Iterable[Term | str] = (),
    allow_terms: Iterable[str] = (),
    *,
    own: Lexicon | None = None,
    off: Sequence[str] = (),
    regraded: Mapping[str, str] | None = None,
) -> Lexicon:
    """The shipped lists.  The unambiguous core of every language is always in, but of those in `off`; local terms of
    `languages` count at once, those of others only in texts that show their language.  `extra_terms` and the list `own`
    come on top and win over shipped terms of the same text; `allow_terms` excuse what they cover.  `regraded` gives
    shipped terms, in whatever case, another severity, or "off".  Raises LexiconError for an unknown language."""
    shipped = shipped_lists()
    unknown = [code for code in (*(languages or ()), *off) if code not in shipped]
    if unknown:
        raise LexiconError(
            [f"languages:1:1: no word list for {code!r}; there are {', '.join(shipped)}" for code in unknown]
        )
    own = own or Lexicon()
    extra = (*(t if isinstance(t, Term) else Term(t) for t in extra_terms), *own.terms)
    theirs = {t.text.casefold() for t in extra}
    grades = {word.casefold(): grade for word, grade in (regraded or {}).items()}
    kept = [term for language, lexicon in shipped.items() if language not in off for term in lexicon.terms]
    if theirs or grades:  # most have neither, and folding every term takes its time
        kept = [
            _graded(term, grades.get(text, term.severity))
            for term in kept
            if (text := term.text.casefold()) not in theirs and grades.get(text) != "off"
        ]
    merged = merge((*shipped.values(), own))
    return replace(merged, terms=at_home((*kept, *extra), languages), allow=(*merged.allow, *allow_terms))


@lru_cache(maxsize=1)
def shipped_lists() -> dict[str, Lexicon]:
    """Language code to its list, as shipped; parsed once."""
    folder = Path(__file__).with_name("lexicons")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".txt")), key=lambda f: (f.name != "en.txt", f.name))
    return {f.name[:-4]: parse(f.read_text(encoding="utf-8"), f.name) for f in files}


def parse(source: str, name: str) -> Lexicon:
    """Read one list.  Raises LexiconError with all of its problems."""
    reader = _Reader(name)
    for number, line in enumerate(source.splitlines(), 1):
        reader.read(number, line)
    if reader.problems:
        raise LexiconError(reader.problems)
    code = reader.language
    return Lexicon(
        tuple(reader.terms),
        tuple(reader.allow),
        {code: reader.properties["endings"]} if "endings" in reader.properties else {},
        {code: reader.properties["prefixes"]} if "prefixes" in reader.properties else {},
        {code: frozenset(reader.properties["cues"])} if "cues" in reader.properties else {},
        {code: frozenset(reader.properties["evidence"])} if "evidence" in reader.properties else {},
        reader.benign,
    )


_Section = tuple[str, str, str, str, bool, bool, bool, bool, bool, str, str]  # the fields of a term, without its text


@dataclass
class _Reader:
    """The state of reading one list: its properties so far, the open section, and every problem met."""

    name: str
    language: str = "en"
    section: _Section | None = None
    allowing: bool = False
    benign_open: bool = False
    benign: dict[str, frozenset[str]] = field(default_factory=dict)
    terms: list[Term] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)
    properties: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def read(self, number: int, line: str) -> None:
        text = line.split("#", 1)[0].rstrip() if not line.lstrip().startswith("#") else ""
        bare = text.strip()
        if not bare:
            return
        column = len(text) - len(text.lstrip()) + 1
        if bare.startswith("@"):
            self._property(number, column, bare)
        elif bare.startswith("["):
            self._open(number, column, bare)
        elif self.benign_open:
            self._company(number, column, bare)
        else:
            self._words(number, text)

    def _company(self, number: int, column: int, bare: str) -> None:
        names, colon, words = bare.partition(":")
        if not colon or not names.strip() or not words.strip():
            self._problem(number, column, "a line of [benign] is TERM, TERM: words of innocent company")
            return
        for name in names.split(","):
            self.benign[name.strip()] = frozenset(words.split())

    def _problem(self, number: int, column: int, what: str) -> None:
        self.problems.append(f"{self.name}:{number}:{column}: {what}")

    def _property(self, number: int, column: int, bare: str) -> None:
        key, _, value = bare[1:].partition(" ")
        if key not in PROPERTIES:
            self._problem(number, column, f"unknown property @{key}; there are {', '.join(PROPERTIES)}")
            return
        self.properties[key] = self.properties.get(key, ()) + tuple(value.split())
        if key == "language":
            self.language = value.strip()

    def _open(self, number: int, column: int, bare: str) -> None:
        if not bare.endswith("]"):
            self._problem(number, column + len(bare), "a section ends with ]")
            return
        words = bare[1:-1].split()
        self.allowing, self.benign_open = words == ["allow"], words == ["benign"]
        if self.allowing or self.benign_open:
            return
        self.section = None
        fine = True
        for index, (given, known) in enumerate(zip(words, (CATEGORIES, SEVERITIES, BOUNDARIES), strict=False)):
            if given not in known:
                at = column + sum(len(w) + 1 for w in words[:index]) + 1
                self._problem(number, at, f"unknown word {given!r}; expected one of {', '.join(known)}")
                fine = False
        for given in words[3:]:
            if given not in (*FLAGS, *_EFFECTS):
                flags_known = ", ".join((*FLAGS, *_EFFECTS))
                self._problem(number, column + bare.index(given), f"unknown flag {given!r}; there are {flags_known}")
                fine = False
        if len(words) < 3:
            self._problem(number, column, "a section names category, severity and boundary, or is [allow] or [benign]")
        elif fine:
            category, severity, boundary, *flags = words
            maybe, exact, local, wild, shared = (flag in flags for flag in FLAGS)
            effect = next((_EFFECTS[flag] for flag in flags if flag in _EFFECTS), "")
            self.section = (
                self.language, category, severity, boundary, maybe, exact, local, wild, shared, self.name, effect
            )  # fmt: skip

    def _words(self, number: int, text: str) -> None:
        if not self.allowing and self.section is None:
            self._problem(number, 1, "a term stands before any valid [section]")
            return
        at = 0
        for piece in text.split(","):
            word = " ".join(piece.split())
            column = at + len(piece) - len(piece.lstrip()) + 1
            at += len(piece) + 1
            if not word:
                continue
            if not any(map(str.isalnum, word)):
                self._problem(number, column, f"{word!r} holds no letter")
            elif len(word) > 60:
                self._problem(number, column, "a term has at most 60 characters")
            elif self.allowing:
                self.allow.append(word)
            elif self.section is not None:
                self.terms.append(Term(word, *self.section))


_EFFECTS: Mapping[str, str] = {f"effect={effect}": effect for effect in EFFECTS}


def join(lexicons: Sequence[Lexicon]) -> Lexicon:
    """Several lists of a site's own as one, with what `_in_ies` adds to them."""
    terms = [term for lexicon in lexicons for term in lexicon.terms]
    return replace(merge(lexicons), terms=(*terms, *_in_ies(terms)))


def _in_ies(terms: Iterable[Term]) -> Iterable[Term]:
    """What the endings of `inflect` do not reach, since a letter changes: "numpties" and "numptied" of "numpty"."""
    return (
        term._replace(text=term.text[:-1] + ending, boundary="word")
        for term in terms
        if term.language == "en" and term.boundary == "inflect" and CONSONANT_Y.search(term.text)
        for ending in ("ies", "ied")
    )


CONSONANT_Y = re.compile("[b-df-hj-np-tv-xz]y$", re.IGNORECASE)


def _graded(term: Term, severity: str) -> Term:
    return term if severity == term.severity else term._replace(severity=severity)


def at_home(terms: Iterable[Term], languages: Sequence[str] | None) -> tuple[Term, ...]:
    """The terms as they count on a site of these languages: local ones of its own count in every text."""
    home = set(languages or ("en",))
    return tuple(term._replace(local=False) if term.local and term.language in home else term for term in terms)


def merge(lexicons: Iterable[Lexicon]) -> Lexicon:
    """All that several lists say but their terms; of two that say something of the same, the later one."""
    allow: list[str] = []
    endings: dict[str, tuple[str, ...]] = {}
    prefixes: dict[str, tuple[str, ...]] = {}
    cues: dict[str, frozenset[str]] = {}
    evidence: dict[str, frozenset[str]] = {}
    benign: dict[str, frozenset[str]] = {}
    for lexicon in lexicons:
        allow += lexicon.allow
        endings |= lexicon.endings
        prefixes |= lexicon.prefixes
        cues |= lexicon.cues
        evidence |= lexicon.evidence
        benign |= lexicon.benign
    return Lexicon((), tuple(allow), endings, prefixes, cues, evidence, benign)
