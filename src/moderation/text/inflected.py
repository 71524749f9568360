"""Shipped words that are another one with an ending, and stand in the lists beside it: "bitches" beside "bitch".

What a site says of a word reaches those that its list has as the same kind of word: of its language, category and
severity, and not found inside others where it is not.  The rest were graded on their own ("cumming" beside "cum"), or
are another word ("nigga" beside "nig").  Endings in no list need nothing: the word's own boundary finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from moderation.text.lexicon import CONSONANT_Y, Term, shipped_lists


def inflections(word: str) -> dict[str, bool]:
    """The shipped words that inflect `word`, without case, each with whether what is said of `word` reaches it."""
    text, shipped = word.casefold(), shipped_terms()
    heads = shipped.get(text, ())
    forms = {form for head in heads for form in _spelt(text, head.language) if form in shipped} - {text}
    return {form: all(any(_is_of(term, head) for head in heads) for term in shipped[form]) for form in forms}


def reached(words: Iterable[str], named: Iterable[str]) -> dict[str, str]:
    """The shipped words, without case, that what is said of `words` reaches, each with the longest of those that it
    inflects.  None of `words`, and none of `named`, of which something else is said."""
    said = sorted(words, key=len)
    found = {form: word for word in said for form, reaches in inflections(word).items() if reaches}
    for word in (*said, *named):
        found.pop(word.casefold(), None)
    return found


def regraded(grades: Mapping[str, str]) -> dict[str, str]:
    """New grades of words, with those of the forms that they reach."""
    return {form: grades[word] for form, word in reached(grades, ()).items()} | dict(grades)


@lru_cache(maxsize=1)
def shipped_terms() -> dict[str, tuple[Term, ...]]:
    """The terms of all shipped lists by their text, without case."""
    found: dict[str, tuple[Term, ...]] = {}
    for lexicon in shipped_lists().values():
        for term in lexicon.terms:
            text = term.text.casefold()
            found[text] = (*found.get(text, ()), term)
    return found


def _spelt(word: str, language: str) -> Iterator[str]:
    """`word` with each ending of its language; in English also with its last letter doubled, a last e left out, or a y
    turned into an i."""
    endings = shipped_lists()[language].endings.get(language, ())
    yield from (word + ending for ending in endings)
    if language == "en":
        stems = (word + word[-1], word.removesuffix("e"))
        yield from (stem + ending for stem in stems for ending in endings if ending[0] in "aeiouy")
        if CONSONANT_Y.search(word):
            yield from (word[:-1] + ending for ending in endings if ending.startswith("ie"))


def _is_of(form: Term, head: Term) -> bool:
    alike = form[1:4] == head[1:4]  # language, category, severity
    return alike and (form.boundary in _APART or head.boundary not in _APART)


_APART = frozenset(("word", "inflect"))  # never found inside another word
