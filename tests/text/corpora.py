"""Texts to try the filter on: our own families of disguise, and the corpora in MODERATION_CORPORA where it is set."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moderation.evaluation.families import FAMILIES, INNOCENT, WORDS, rows


def texts() -> Iterator[str]:
    """Every text there is, ours first."""
    for name in FAMILIES:
        yield from rows(name, WORDS + INNOCENT)
    for name in sets():
        yield from (row["text"] for row in read(name))


def sets() -> list[str]:
    """Names of the corpora of the filter; none where MODERATION_CORPORA is not set."""
    folder = _folder()
    return sorted(file.stem for file in folder.glob("*.jsonl")) if folder else []


def read(name: str) -> list[dict[str, Any]]:
    """The rows of one corpus."""
    folder = _folder()
    assert folder is not None
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").splitlines() if line.strip()]


def _folder() -> Path | None:
    corpora = os.environ.get("MODERATION_CORPORA")
    return Path(corpora) / "filter" if corpora else None
