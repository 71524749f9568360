"""Signs of mass-made texts: near copies share a key and others do not, phrases are counted, scripts are told apart."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.text import signals
from moderation.text.signals import BANDS, phrases, script, sketch

PITCH = (
    "I was about to lose my home when a friend told me of this man who trades for you, and now I earn four thousand "
    "every week without leaving the house, so write to him and thank me later"
)
WORDS = [
    "council",
    "river",
    "bridge",
    "market",
    "budget",
    "teacher",
    "winter",
    "garden",
    "station",
    "border",
    "doctor",
    "harbour",
    "village",
    "minister",
    "engine",
    "forest",
    "letter",
    "window",
    "summer",
    "kitchen",
    "captain",
    "museum",
    "ticket",
    "weather",
    "shadow",
    "island",
    "pepper",
    "castle",
    "journey",
    "mirror",
]


def meet(one: str, other: str) -> bool:
    return bool(set(sketch(one)) & set(sketch(other)))


@pytest.mark.parametrize(
    "copy",
    [
        PITCH,
        PITCH.upper(),
        PITCH.replace("four", "five"),
        PITCH.replace("this man", "Mrs Smith"),
        PITCH + " at once!",
        "Friends! " + PITCH,
        PITCH.replace(", ", " ... "),
        PITCH.replace("every week", "every single week"),
    ],
)
def test_a_near_copy_shares_a_key(copy: str) -> None:
    assert meet(PITCH, copy)


def test_nearly_every_copy_with_one_word_changed_is_found() -> None:
    rng = random.Random(5)
    found = 0
    for _ in range(300):
        words = rng.choices(WORDS, k=25)
        changed = list(words)
        changed[rng.randrange(25)] = "elsewhere"
        found += meet(" ".join(words), " ".join(changed))
    assert found >= 285


def test_other_texts_share_none_even_among_thousands() -> None:
    rng = random.Random(7)
    many = [a + b for a in WORDS for b in WORDS]
    texts = {" ".join(rng.choices(many, k=rng.randrange(12, 40))) for _ in range(3000)}
    keys = [key for text in texts for key in set(sketch(text))]
    assert len(keys) - len(set(keys)) <= len(texts) * 0.01


def test_a_text_without_spaces_is_compared_too() -> None:
    text = "我朋友介绍我一个老师带我炒股现在每个星期赚很多钱大家快去找他吧"
    assert meet(text, text.replace("星期", "礼拜"))


@pytest.mark.parametrize("text", ["", "Thank you", "I agree with every word of this.", "?!?!", "\ud800 \udc00"])
def test_a_short_text_has_no_sketch(text: str) -> None:
    assert sketch(text) == ()


def test_a_sketch_is_the_same_in_every_process_and_bounded() -> None:
    assert sketch(PITCH)[0] == "0:1016aa208e61a1f981b8c3fa"
    assert len(sketch("word " * 10_000)) == BANDS
    began = time.process_time()
    sketch(" ".join(WORDS * 400))
    assert time.process_time() - began < 0.1


def test_repeated_phrases_are_counted() -> None:
    assert phrases("buy cheap pills now " * 6).times == 6
    assert phrases("buy cheap pills now " * 6).share > 0.7
    assert phrases(PITCH).share == 0.0
    assert phrases("no no no").times == 1


@pytest.mark.parametrize(
    ("text", "name", "share"),
    [
        ("Plain English.", "Latin", 1.0),
        ("Zażółć gęślą jaźń", "Latin", 1.0),
        ("Привет всем", "Cyrillic", 1.0),
        ("γειά σου", "Greek", 1.0),
        ("مرحبا بكم", "Arabic", 1.0),
        ("שלום לכם", "Hebrew", 1.0),
        ("नमस्ते", "Devanagari", 1.0),
        ("สวัสดี", "Thai", 1.0),
        ("你好世界", "Han", 1.0),
        ("日本語です", "Kana", 1.0),
        ("안녕하세요", "Hangul", 1.0),
        ("abcПриветыы", "Cyrillic", 0.727),
        ("123 !!!", "", 0.0),
        ("", "", 0.0),
    ],
)
def test_the_script_of_most_letters_is_told(text: str, name: str, share: float) -> None:
    assert script(text)[:2] == (name, share)


@settings(max_examples=500, deadline=None)
@given(st.text("ab'_9 .-Z\n", max_size=60))
def test_a_text_of_plain_letters_is_cut_into_the_same_words(text: str) -> None:
    assert signals._ASCII_WORD.findall(text.lower()) == signals._WORD.findall(text.casefold())
