"""What is wrong with the words of a rules file: languages without a list, words that are in no list, and lists of the
site's own that cannot be read. The rest of the file is `rules_file`'s."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from itertools import accumulate

from moderation.errors import RulesProblem
from moderation.rules_problems import MOST_PROBLEMS, place, shown_key, shown_value
from moderation.settings import Rules
from moderation.text.inflected import inflections, regraded, shipped_terms
from moderation.text.lexicon import LexiconError, parse, shipped_lists
from moderation.toml_places import Path, Places, places_in_value

_At = tuple[int, int, Path]


def word_problems(rules: Rules, text: str, places: Places, lists: Mapping[str, str]) -> list[RulesProblem]:
    """Every problem, in the order of the file, each once: a wrong default is not told for every site. `lists` are the
    word lists in files of their own that could be read."""
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
        for number, listed in enumerate(site.words.lists):
            for at, problem in _file_problems(
                listed, lists.get(listed, ""), place((*here, "lists", str(number)), places)
            ):
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
    known = shipped_terms()
    if word.casefold() in known or at in met:
        return
    near = difflib.get_close_matches(word.casefold(), known, 3) if len(met) < SUGGESTED else []
    hint = f"; did you mean {' or '.join(near)}?" if near else "; your own words go into deny or own"
    met[at] = RulesProblem(at[0], at[1], shown_key(at[2]), shown_value(word), f"no shipped list has this word{hint}")


def left_behind(rules: Rules) -> dict[str, list[str]]:
    """Words that a site grades anew, each with its inflected forms that were graded on their own and keep their grade
    there: `cumming` of `cum`."""
    found: dict[str, set[str]] = {}
    for site in rules.sites.values():
        changed = {word.casefold() for word in regraded(site.words.regrade)}
        for word in site.words.regrade:
            if forms := inflections(word).keys() - changed:
                found.setdefault(word, set()).update(forms)
    return {word: sorted(forms) for word, forms in found.items()}


def _file_problems(name: str, content: str, at: _At) -> Iterator[tuple[_At, RulesProblem]]:
    """The problems of a list in a file of its own, at the key that names it."""
    try:
        parse(content, "own")
    except LexiconError as error:
        line, column, path = at
        for told in error.problems[:MOST_PROBLEMS]:
            if found := _PROBLEM.fullmatch(told):
                what = f"line {found[1]}, column {found[2]} of the list: {found[3]}"
                yield (
                    (line, column, (*path, found[1].zfill(9), found[2].zfill(9))),
                    RulesProblem(line, column, shown_key(path), shown_value(name), what),
                )


_PROBLEM = re.compile(r"own:(\d+):(\d+): (.*)", re.DOTALL)


def _list_problems(own: str, at: _At, text: str) -> Iterator[tuple[_At, RulesProblem]]:
    """The list's problems where they stand in the rules file; at its key, where it does not begin on the key's line."""
    try:
        parse(own, "own")
    except LexiconError as error:
        line, column, path = at
        starts = [0, *accumulate(map(len, own.splitlines(keepends=True)))]
        found = filter(None, map(_PROBLEM.fullmatch, error.problems))
        told = sorted((int(each[1]), int(each[2]), each[3]) for each in found)
        offsets = [starts[row - 1] + col - 1 for row, col, _ in told]
        for where, (row, col, what) in zip(places_in_value(text, (line, column), offsets), told, strict=True):
            if where == (line, column):
                what = f"line {row}, column {col} of the list: {what}"
            yield (*where, (*path, str(row), str(col))), RulesProblem(*where, shown_key(path), "", what)
