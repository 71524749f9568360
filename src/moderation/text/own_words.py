"""The matcher of a site: an index that sites share, with the site's own words beside it.

What is shared is compiled once for each choice of languages and of shipped words dropped or graded anew.  Own words are
looked up beside it and answer as if compiled with it; only what they add is kept for the site.  Words graded from
strong to severe or back are told so after they are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from moderation.text.index import beside
from moderation.text.lexicon import Lexicon, Term, at_home, load, merge
from moderation.text.matcher import Matcher, compile_lexicon

_FOUND_ALIKE = frozenset(("strong", "severe"))  # of mild words no misspellings are looked for


def matcher_of(
    languages: Sequence[str], off: Sequence[str], deny: Sequence[str], regrade: Mapping[str, str], own: Lexicon
) -> Matcher:
    """The matcher that a lexicon of all that would have, which `load` makes."""
    terms = at_home((*map(Term, deny), *own.terms), languages)
    if own.endings or own.prefixes or any(term.wild for term in terms):  # they bear on shipped words
        return compile_lexicon(load(languages, deny, own=own, off=off, regraded=regrade))
    shipped = _texts(tuple(languages), tuple(off)) if terms or regrade else {}
    changed: dict[str, str] = {}
    graded: dict[Term, str] = {}
    for word, grade in regrade.items():
        known = shipped.get(word.casefold(), ())
        if {grade, *(term.severity for term in known)} <= _FOUND_ALIKE:
            graded |= dict.fromkeys(known, grade)
        elif known:
            changed[word.casefold()] = grade
    changed |= {text: "off" for term in terms if (text := term.text.casefold()) in shipped}
    shared = _shared(tuple(languages), tuple(off), tuple(sorted(changed.items())))
    if own == Lexicon() and not terms:
        return Matcher(shared.lexicon, shared.index, graded)
    lexicon = replace(merge((shared.lexicon, own)), terms=(*shared.lexicon.terms, *terms))
    return Matcher(lexicon, beside(shared.index, lexicon, replace(own, terms=terms)), graded)


@lru_cache(maxsize=16)
def _texts(languages: tuple[str, ...], off: tuple[str, ...]) -> dict[str, tuple[Term, ...]]:
    """The shipped terms by their text, without case."""
    texts: dict[str, tuple[Term, ...]] = {}
    for term in load(languages, off=off).terms:
        text = term.text.casefold()
        texts[text] = (*texts.get(text, ()), term)
    return texts


@lru_cache(maxsize=16)
def _shared(languages: tuple[str, ...], off: tuple[str, ...], changed: tuple[tuple[str, str], ...]) -> Matcher:
    return compile_lexicon(load(languages, off=off, regraded=dict(changed)))
