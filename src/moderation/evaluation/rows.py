"""The rows that are judged: of a folder of evaluation sets, or made of our own words and families."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from moderation.evaluation.families import CARRIERS, FAMILIES, HUMAN, INNOCENT, LOSING, WORDS, rows


class Row(NamedTuple):
    """One text: is it bad, which measure does it belong to, and which part of that."""

    text: str
    bad: bool
    measure: str
    part: str = ""


PLAIN, HIDDEN, HUMANS = "plain words found", "disguised words found", "disguises written by people found"
FOREIGN, TRICKY = "words of other languages found", "innocent tricky words flagged"
CONTEXT, CLEAN, FOREIGN_CLEAN = (
    "innocent in their context flagged",
    "clean comments flagged",
    "clean in other languages",
)
MEASURES = (PLAIN, HIDDEN, HUMANS, FOREIGN, TRICKY, CONTEXT, CLEAN, FOREIGN_CLEAN)
_SETS = {"clean_tricky": TRICKY, "clean_context": CONTEXT, "comments_clean": CLEAN, "news_comments_nc": CLEAN}


def own_rows() -> list[Row]:
    """Our words in every family of disguise, plain, and innocent words treated alike."""
    made = [Row(carrier.format(word), True, PLAIN) for word in WORDS for carrier in CARRIERS]
    made += [Row(carrier.format(word), False, CLEAN) for word in INNOCENT for carrier in CARRIERS]
    made += [Row(text, True, HUMANS) for text in HUMAN]
    for name in FAMILIES:
        made += [Row(text, True, HIDDEN, name) for text in rows(name, WORDS)]
        if name not in LOSING:
            made += [Row(text, False, TRICKY, name) for text in rows(name, INNOCENT)]
    return made


def rows_of(folder: Path) -> list[Row]:
    """The rows of the sets in `folder`: files NAME.jsonl of objects with text, label, kind and, where they apply,
    family and lang.  Sets of other purposes are left out."""
    found: list[Row] = []
    for file in sorted(folder.glob("*.jsonl")):
        name = file.stem.removesuffix(".fetched")
        for line in file.read_text("utf-8").splitlines():
            if line.strip():
                found += _placed(name, json.loads(line))
    return found


def _placed(name: str, row: dict[str, Any]) -> Iterator[Row]:
    text, bad, kind = row["text"], bool(row["label"]), row.get("kind", "")
    if name == "profane_plain" and not kind.startswith("surge-mild"):
        yield Row(text, bad, PLAIN, kind)
    elif name == "profane_evasion" and kind in ("human-surge", "human-peer"):
        yield Row(text, bad, HUMANS, kind)
    elif name == "profane_evasion" and "seed" in row and kind != "control_plain":
        yield Row(text, bad, HIDDEN, row.get("family", kind))
    elif name == "multilingual" and bad and kind == "core":
        yield Row(text, bad, FOREIGN, row.get("lang", ""))
    elif name == "multilingual" and kind in ("clean-word", "clean-sentence"):
        yield Row(text, bad, FOREIGN_CLEAN, row.get("lang", ""))
    elif name in _SETS and not bad:
        yield Row(text, bad, _SETS[name], kind)
