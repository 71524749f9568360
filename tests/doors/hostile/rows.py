"""Hostile inputs as data: our own in `own/`, and those of a corpus where the variable MODERATION_CORPORA names one.

One file of JSON lines a category, all ASCII, so that nothing in them tricks whoever looks at them. A row holds one
payload: `s` (text), `b64` (bytes) or `gen` (a long one: `pre` + `rep` n times + `post` + `rep2` n2 times + `post2`;
`{i}` in a `rep` is the turn). `where` names the places it is sent to, `expect` what must come of it; `status` (ours
only) lists the statuses that are right. In our files the first line holds what all the others share.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

OWN = Path(__file__).parent / "own"
VARIABLE = "MODERATION_CORPORA"


@dataclass(frozen=True, slots=True)
class Row:
    """One hostile input. `encoding` is the content coding it is to be sent in."""

    id: str
    category: str
    where: tuple[str, ...]
    expect: str
    payload: str | bytes
    encoding: str = ""
    statuses: frozenset[int] = frozenset()

    @property
    def is_ours(self) -> bool:
        return self.id.startswith("own ")

    @property
    def text(self) -> str:
        """The payload as text; bytes that are no UTF-8 become lone surrogates."""
        return self.payload if isinstance(self.payload, str) else self.payload.decode("utf-8", "surrogateescape")

    @property
    def raw(self) -> bytes:
        """The payload as bytes. Lone surrogates are written as if they were characters."""
        return self.payload if isinstance(self.payload, bytes) else self.payload.encode("utf-8", "surrogatepass")


def categories() -> list[str]:
    """Every category, in order."""
    return sorted(path.stem for path in OWN.glob("*.jsonl"))


@cache
def own(category: str) -> tuple[Row, ...]:
    """Our own rows of a category."""
    shared, *lines = (json.loads(line) for line in (OWN / f"{category}.jsonl").read_text("ascii").splitlines())
    return tuple(_row(f"own {category} {number}", category, shared | line) for number, line in enumerate(lines, 2))


@cache
def corpus(category: str) -> tuple[Row, ...]:
    """The corpus' rows of a category; none without a corpus."""
    folder = corpus_folder()
    if folder is None:
        return ()
    lines = (folder / f"{category}.jsonl").read_text("ascii").splitlines()
    return tuple(_row(line["id"], category, line) for line in map(json.loads, lines))


def corpus_folder() -> Path | None:
    """Where the corpus of bad inputs is. A variable that names a wrong folder is an error, not an empty corpus."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named) / "bad_inputs"
    assert folder.is_dir(), f"{VARIABLE} names {named}, which holds no bad_inputs"
    return folder


def corpus_categories() -> list[str]:
    folder = corpus_folder()
    return sorted(path.stem for path in folder.glob("*.jsonl")) if folder else []


def _row(name: str, category: str, line: Mapping[str, Any]) -> Row:
    return Row(
        name,
        category,
        tuple(line["where"]),
        line["expect"],
        _payload(line),
        line.get("gen", {}).get("encode", ""),
        frozenset(line.get("status", [])),
    )


def _payload(line: Mapping[str, Any]) -> str | bytes:
    if "b64" in line:
        return base64.b64decode(line["b64"])
    if "gen" in line:
        return "".join(_pieces(line["gen"]))
    return str(line["s"])


def _pieces(plan: Mapping[str, Any]) -> Iterator[str]:
    for before, repeated, times in (("pre", "rep", "n"), ("post", "rep2", "n2")):
        yield plan.get(before, "")
        piece, turns = plan.get(repeated, ""), plan.get(times, 0)
        yield "".join(piece.replace("{i}", str(turn)) for turn in range(turns)) if "{i}" in piece else piece * turns
    yield plan.get("post2", "")
