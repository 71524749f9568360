"""What is wrong with the words of a rules file: languages without a list, words that are in no list, and a list of the
site's own that cannot be read. The rest of the file is `rules_file`'s."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import lru_cache

from moderation.errors import RulesProblem
from moderation.rules_problems import place, shown_key, shown_value
from moderation.settings import Rules
from moderation.text.lexicon import LexiconError, parse, shipped_lists
from moderation.toml_places import Path, Places

_At = tuple[int, int, Path]


def word_problems(rules: Rules, text: str, places: Places) -> list[RulesProblem]:
    """Every problem, in the order of the file, each once: a wrong default is not told for every site."""
    met: dict[_At, RulesProblem] = {}
    for name, site in rules.sites.items():
        here: Path = ("sites", name, "words")
        for key, codes in (("languages", site.words.languages), ("off", site.words.off)):
            for number, code in enumerate(codes):
                _unknown_language(met, place((*here, key, str(number)), places), code)
        for word in site.words.regrade:
            _unknown_word(met, place((*here, "regrade", word), places), word)
        if site.words.own:
            for at, problem in _list_problems(site.words.own, place((*here, "own"), places), text):
                met.setdefault(at, problem)
    return [met[at] for at in sorted(met)]


def _unknown_language(met: dict[_At, RulesProblem], at: _At, code: str) -> None:
    known = shipped_lists()
    if code not in known:
        allowed = f"allowed are the languages with a word list: {', '.join(sorted(known))}"
        met.setdefault(at, RulesProblem(at[0], at[1], shown_key(at[2]), shown_value(code), allowed))


SUGGESTED = 20
"""Unknown words that get suggestions: looking for what was meant costs some milliseconds a word."""


def _unknown_word(met: dict[_At, RulesProblem], at: _At, word: str) -> None:
    known = _shipped_words()
    if word.casefold() in known or at in met:
        return
    near = difflib.get_close_matches(word.casefold(), known, 3) if len(met) < SUGGESTED else []
    hint = f"; did you mean {' or '.join(near)}?" if near else "; your own words go into deny or own"
    met[at] = RulesProblem(at[0], at[1], shown_key(at[2]), shown_value(word), f"no shipped list has this word{hint}")


@lru_cache(maxsize=1)
def _shipped_words() -> frozenset[str]:
    return frozenset(term.text.casefold() for shipped in shipped_lists().values() for term in shipped.terms)


_PROBLEM = re.compile(r"own:(\d+):(\d+): (.*)", re.DOTALL)
_OPENED = re.compile(r"[^=\n]*=\s*(?:'''|\"\"\")(\n?)")


def _list_problems(own: str, at: _At, text: str) -> Iterator[tuple[_At, RulesProblem]]:
    """The list's problems where they stand in the rules file; those of a list written in one line, at its key."""
    try:
        parse(own, "own")
    except LexiconError as error:
        line, column, path = at
        lines = text.split("\n")
        opened = _OPENED.match("\n".join(lines[line - 1 : line + 1])) if line else None
        for told in error.problems:
            if found := _PROBLEM.fullmatch(told):
                row, col, what = int(found[1]), int(found[2]), found[3]
                if opened:
                    where = (
                        line + row - (0 if opened[1] else 1),
                        col + (0 if opened[1] or row > 1 else opened.end()),
                        path,
                    )
                    yield where, RulesProblem(where[0], where[1], shown_key(path), "", what)
                else:
                    what = f"line {row}, column {col} of the list: {what}"
                    yield (
                        (line, column, (*path, str(row), str(col))),
                        RulesProblem(line, column, shown_key(path), "", what),
                    )
