"""The short way to read a chunk answers exactly as the long one, and takes most ordinary words."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from tests.text.corpora import texts

from moderation.evaluation.families import INNOCENT, WORDS
from moderation.text import Filter
from moderation.text.chunks import read_chunk, read_in_full, read_words
from moderation.text.effort import Effort
from moderation.text.glance import spell_nothing
from moderation.text.kinds import PRICED
from moderation.text.quick import plain_letters
from moderation.text.scan import scan
from moderation.text.spelling import key, key_of

INDEX = Filter().matcher.index
AROUND = "abcdefhilmnoprstuvwy'’-–_.=()!?:;0123456789“”…\"\u212a"


MOST = 12_000
"""Chunks of a run: the long way takes a millisecond for each."""


def differ(chunks: set[str]) -> list[str]:
    words, odd = read_words(INDEX, chunks)
    read = {c: words[c] if c in words else read_chunk(INDEX, c, Effort(), odd=c in odd) for c in chunks}
    return [c for c, (kind, note) in read.items() if (kind % PRICED, note) != read_in_full(INDEX, c, Effort())]


def test_chunks_of_all_texts_are_read_alike() -> None:
    chunks = sorted({chunk for text in texts() for chunk in text.split()})
    assert differ(set(random.Random(20261128).sample(chunks, min(MOST, len(chunks))))) == []


def test_words_with_a_few_letters_and_signs_changed_are_read_alike() -> None:
    rng = random.Random(20261125)
    words = [*WORDS, *INNOCENT, *sorted(INDEX.words)[::20]]
    chunks = set()
    for _ in range(MOST):
        chunk = rng.choice(words)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(chunk) + 1)
            chunk = chunk[:at] + rng.choice(AROUND) + chunk[at + rng.randrange(2) :]
        chunks.add(chunk)
    assert differ(chunks) == []


@given(st.text(st.sampled_from(AROUND), min_size=1, max_size=12) | st.text(min_size=1, max_size=8))
def test_any_chunk_is_read_alike(chunk: str) -> None:
    for part in chunk.split():
        assert differ({part}) == []


def test_ordinary_words_and_numbers_take_the_short_way() -> None:
    for chunk in (
        "mayor",
        "(said",
        "well-known",
        "don’t",
        "2026-11-25.",
        "“Nobody",
        "she’s",
        "10:45,",
        "reader's!",
        "consensus,",
        "France.",
    ):
        assert plain_letters(INDEX, chunk) is not None, chunk


def test_pieces_that_surely_spell_nothing_spell_nothing() -> None:
    rng = random.Random(20261129)
    words = [*WORDS, *INNOCENT, "a", "I've", "3", "p", "h", "(so", "it!", "x", "n", "mo"]
    found = 0
    for _ in range(MOST // 2):
        run = " ".join(rng.choice(words)[: rng.choice((1, 2, 3, 20))] for _ in range(rng.randrange(2, 5)))
        at = rng.randrange(len(run))
        run = (run[:at] + rng.choice(AROUND) + run[at:]).strip()
        hits = scan(INDEX, run, Effort(), spaced=True)
        assert not (hits and spell_nothing(INDEX, run)), run
        found += bool(hits)
    assert found > 100


@given(st.text(st.sampled_from("phfckqzsvulyiab"), max_size=12))
def test_the_quick_key_is_the_key(letters: str) -> None:
    assert key(letters) == key_of(letters)[0]
