"""What the benchmark sends: HTTP requests ready to be written to a socket. Submissions as long as readers write them,
of median 200 characters, in the words that readers use; reads of one thread.

No two submissions of a load are near copies of each other (`moderation.text.signals`), as they were while whole
sentences came again: the service keeps what it needs to group those, which ordinary comments cost nothing.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator
from typing import Any

READERS = 1000
ARTICLES = 50
TEMPLATES = 20_000
THREAD = "thread"  # the article whose comments are read
BROWSER = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: application/json\r\n"

SENTENCES = (
    "I walked past the town hall this morning and the new steps are already loose and slippery.",
    "The council promised this bridge four years ago, and we are still waiting for it.",
    "Thank you for the article, it explains the budget better than the meeting did.",
    "My grandmother worked in that mill, and she would not believe what it looks like today.",
    "Who pays for it in the end?",
    "That is simply not what the report says, please read page twelve again.",
    "As a bus driver I can tell you that the new timetable does not leave a minute for a break.",
    "I agree with the writer, though the part about the schools comes a bit short.",
    "The photograph shows the old square, not the market, by the way.",
    "We moved here from the coast two summers ago and never looked back.",
    "Honestly, the noise at night is much worse than anybody at the office admits.",
    "It would help to see the same figures for the last ten years, and not only for this one.",
    "Good news for once!",
    "The library was open until eight when I was a student, and it was always full.",
    "Nobody asked the shops around the corner, and they are the ones who will have to close.",
    "I counted the trees with my daughter: forty of them, and eleven are marked with red paint.",
    "There is a café near the station that does exactly this, and it works.",
    "Perhaps the mayor could answer the question that was put to him three times now?",
    "Sorry, but a roundabout will not slow anyone down on a Friday evening.",
    "The second paragraph mixes up the two companies, they only share the name.",
    "I have **never** seen so many people at a hearing, and most of them were calm and polite.",
    "What a damn shame that the pool stays closed for another season.",
    "In our street the water was brown again on Tuesday, and the hotline was busy all day.",
    "You can find the minutes of the meeting at https://council.example.org/minutes if you want to check.",
    "Those who complain about the cyclists should try to cross the ring road on foot.",
    "Let us wait for the court before we judge anybody.",
)

MARKED = [sentence for sentence in SENTENCES if set(sentence) & set("*/é") or " damn " in sentence]
"""Markdown, a link, a word that is no ASCII, a strong one: each takes a path of its own through the service."""

WORDS = " ".join(sentence for sentence in SENTENCES if sentence not in MARKED).replace(".", "").replace("?", "").split()

OWN_WORDS = (
    "about above after again along apple beach begin below black board bread bring brown build catch chair child "
    "clean clear climb close cloud coast count cover dance dream drink early earth eight every field first floor "
    "front fruit glass grass green group happy heart house large laugh learn leave light lunch match money month "
    "mouse music north"
)


def submissions(site: str, chance: random.Random) -> Iterator[bytes]:
    """Endless submissions to `site`, written before the first is asked for. Each has three words of its own, so that
    none is a duplicate of another."""
    templates = [_template(site, chance) for _ in range(TEMPLATES)]
    own = [" ".join(words).encode() for words in itertools.product(OWN_WORDS.split(), repeat=3)]
    chance.shuffle(own)

    def one(number: int) -> bytes:
        before, after = templates[number % TEMPLATES]
        return b"".join((before, own[number // TEMPLATES % len(own)], after))

    return map(one, itertools.count())


def comment(chance: random.Random) -> dict[str, Any]:
    """A comment by one of `READERS` readers; `???` stands where its own words go."""
    reader = chance.randrange(READERS)
    length = chance.lognormvariate(math.log(165), 0.6)
    said = ""
    while len(said) < length:
        said += _sentence(chance) + " "
    return {
        "article": f"article-{chance.randrange(ARTICLES)}",
        "author": {"name": f"Reader {reader}", "email": f"reader.{reader}@mail{reader % 40}.example.org"},
        "body": f"{said}(???)",
    }


def _sentence(chance: random.Random) -> str:
    if chance.random() < len(MARKED) / len(SENTENCES):
        return chance.choice(MARKED)
    return " ".join(chance.choices(WORDS, k=chance.randrange(4, 25))).capitalize() + "."


def _template(site: str, chance: random.Random) -> tuple[bytes, bytes]:
    """A submission as it stands before and after its own words, which always have the same length."""
    before, after = json.dumps(comment(chance), ensure_ascii=False).encode().split(b"???")
    length = len(before) + len("about above after") + len(after)
    head = (
        f"POST /v1/{site}/comments HTTP/1.1\r\nHost: comments.example.org\r\n{BROWSER}"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
        f"X-Forwarded-For: 203.0.{chance.randrange(4)}.{chance.randrange(250)}\r\n\r\n"
    )
    return head.encode() + before, after


def reads(site: str, etag: str | None = None) -> Iterator[bytes]:
    """Endless reads of `THREAD`; with its `etag`, conditional ones."""
    request = (
        f"GET /v1/{site}/comments?article={THREAD} HTTP/1.1\r\nHost: comments.example.org\r\n"
        + BROWSER
        + (f"If-None-Match: {etag}\r\n" if etag else "")
        + "\r\n"
    ).encode()
    return itertools.repeat(request)
