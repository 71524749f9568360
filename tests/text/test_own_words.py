"""A site's own words beside the shared index answer as one index of both would, and cost little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from tests.text.test_cases import THEMES

from moderation.text.index import Index
from moderation.text.layers import Words
from moderation.text.lexicon import Lexicon, load, parse
from moderation.text.matcher import Matcher, compile_lexicon
from moderation.text.own_words import matcher_of

OWN = """
@language en
@evidence wug
[insult strong inflect]
numpty, gobshite, crâp, assbasket
[slur severe compound]
plonk
[profanity mild word effect=spam]
casino bonus, ship
[sexual strong anywhere]
zwiebel
[allow]
Muppet Show, plonker
@language ru
[insult strong stem]
плохиш
"""
REGRADED: tuple[Mapping[str, str], ...] = (
    {},
    {"bastard": "severe", "Nigger": "strong"},
    {"crap": "strong", "bloody": "off", "wanker": "mild"},
)
TEXTS = [
    *(str(value) for rows in THEMES.values() for row in rows for value in row),
    "What a numpty, n.u.m.p.t.y and n u m p t y! GOBSH1TES and gobsh*te, gob shite. crap crâp crâps",
    "plonkface fuckplonk plonker ship $hip sh1p ass basket assbasket a casino bonus, c@sino b0nus",
    "ein Zwiebelfisch zw1ebel z w i e b e l плохиши плoхиш wug bloody wanker wankers w@nker b@stards niggers",
]


def answers(matcher: Matcher) -> list[object]:
    return [matcher.find(text, name=name) for text in TEXTS for name in (False, True)]


@pytest.mark.parametrize("regraded", REGRADED, ids=repr)
@pytest.mark.parametrize(("deny", "own"), [((), ""), (("crypto pump", "Crap"), OWN), (("hell",), "")], ids=repr)
def test_a_sites_words_answer_as_if_compiled_with_all_others(
    regraded: Mapping[str, str], deny: Sequence[str], own: str
) -> None:
    listed = parse(own, "own") if own else Lexicon()
    beside = matcher_of(("en", "de"), ("fi",), deny, regraded, listed)
    together = compile_lexicon(load(("en", "de"), deny, own=listed, off=("fi",), regraded=regraded))
    assert answers(beside) == answers(together)


def test_a_list_that_bears_on_shipped_words_is_compiled_with_them() -> None:
    listed = parse("[profanity strong compound wild]\nzwiebelfisch\n", "own")
    assert matcher_of((), (), (), {}, listed).find("Such a zweibelfisch!")


def test_sites_with_own_words_share_all_that_is_compiled_of_the_shipped_ones() -> None:
    one, other = (
        matcher_of((), (), [word], {"bastard": "severe"}, Lexicon()).index for word in ("numpty", "plonkerish")
    )
    assert shared(one) == shared(other)
    assert isinstance(one.words, Words)
    assert list(one.words) == ["numpty"]
    assert matcher_of((), (), (), {"bastard": "severe"}, Lexicon()).index is matcher_of((), (), (), {}, Lexicon()).index


def shared(index: Index) -> list[int]:
    return [id(table) for table in (index.wholes, index.shortened, index.misspelt, index.sounds, index.excuses)]
