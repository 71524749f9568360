"""Counts what a filter flags among rows, and what it costs: time, start-up and memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from moderation.evaluation.rows import Row

Judge = Callable[[str], bool]


class Share(NamedTuple):
    """`flagged` of `judged` rows."""

    flagged: int
    judged: int

    @property
    def rate(self) -> float:
        return self.flagged / self.judged if self.judged else 0.0


class Speed(NamedTuple):
    """Processor time over `judged` texts held in memory."""

    comments: float
    megabytes: float
    judged: int


class Start(NamedTuple):
    """A fresh process that judges one text: processor time and memory, Python's own included."""

    seconds: float
    megabytes: float


def shares(judge: Judge, rows: Sequence[Row]) -> dict[tuple[str, str], Share]:
    """How much is flagged of every measure, as (measure, ""), and of each of its parts."""
    flagged: Counter[tuple[str, str]] = Counter()
    judged: Counter[tuple[str, str]] = Counter()
    for row in rows:
        found = judge(row.text)
        for place in {(row.measure, ""), (row.measure, row.part)}:
            judged[place] += 1
            flagged[place] += found
    return {place: Share(flagged[place], count) for place, count in judged.items()}


def sample(rows: Sequence[Row], most: int) -> list[Row]:
    """At most `most` rows of each part of each measure, evenly spread."""
    parts: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        parts.setdefault((row.measure, row.part), []).append(row)
    return [row for part in parts.values() for row in part[:: -(-len(part) // most)]]


def speed(judge: Judge, texts: Sequence[str], passes: int) -> Speed:
    """What is judged a second.  What is remembered from one pass to the next may help."""
    began = time.process_time()
    for _ in range(passes):
        for text in texts:
            judge(text)
    took = max(time.process_time() - began, 1e-9)
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    return Speed(passes * len(texts) / took, passes * size / took / 1e6, len(texts))


def start(code: str) -> Start:
    """Of the Python `code`, which is to judge one text: the fastest and leanest of three.  Linux tells the memory."""
    tell = "\nimport re; print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1024)"
    seconds, megabytes = [], []
    for _ in range(3):
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", code + tell], check=True, capture_output=True, text=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
        megabytes.append(float(done.stdout.split()[-1]))
    return Start(min(seconds), min(megabytes))
