"""The command `bench`: which loads are run, in which order, and the table that is printed of them.

Every figure is a median over rounds. In each round both servers get the same load, one after the other in an order of
chance, so that what else the machine does falls on both; ratios are formed within a round.
"""

from __future__ import annotations

import platform
import random
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from bench import comments
from bench.load import Outcome, arrive, saturate
from bench.stands import DURABILITY, THREAD_SIZE, THREADS, WORKERS, Pair, Stand, running
from moderation.edges.store import sqlite_module

CONNECTIONS = 32
OPEN_CONNECTIONS = 64
"""For latency: some more, so that a request that is due rarely waits in the generator."""


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of request and the status it must be answered with."""

    name: str
    unit: str
    expect: int
    requests: Callable[[Pair, random.Random], Iterator[bytes]]


SUBMISSIONS = Load("submissions", "Submissions", 202, lambda _, chance: comments.submissions("desk", chance))
READS = Load("reads", f"Reads of {THREAD_SIZE} comments", 200, lambda *_: comments.reads("open"))
CONDITIONAL = Load("reads", "The same with its ETag (304)", 304, lambda pair, _: comments.reads("open", pair.etag))


@dataclass(frozen=True, slots=True)
class Figures:
    """One stand under one load in one round. Processor seconds a request: of the workers, and with Redis and store."""

    outcome: Outcome
    workers: float
    everything: float


Rounds = list[tuple[Figures, Figures]]  # service, bare


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("what", type=click.Choice(["submissions", "reads", "latency", "all"]), default="all")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=5, show_default=True, help="Of each load.")
@click.option("--store", type=click.Choice(list(DURABILITY)), help="Only this one. [both]")
@click.option(
    "--folder", type=click.Path(path_type=Path, exists=True), help="Where the data goes: its disk is measured. [TMPDIR]"
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the order of chance.")
def main(what: str, rounds: int, seconds: float, store: str | None, folder: Path | None, seed: int) -> None:
    """Measure the service beside a bare Flask application and print the figures as Markdown.

    WHAT is submissions, reads, latency (at half load) or all, which is the default and takes about 8 minutes.
    Exits with 1 when a request was not answered as it must be.
    """
    chance = random.Random(seed)
    errors = 0
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as name:
        _say(_machine(Path(name)), f"{rounds} rounds of {seconds:g} s.\n")
        for each in [store] if store else DURABILITY:
            with running(each, Path(name)) as pair:
                errors += _measure(pair, each, what, rounds, seconds, chance)
    sys.exit(1 if errors else 0)


def _measure(pair: Pair, store: str, what: str, rounds: int, seconds: float, chance: random.Random) -> int:
    """All that was asked for on one store. Returns the number of errors."""
    _say(f"## {DURABILITY[store]}\n")
    loads = [each for each in (SUBMISSIONS, READS, CONDITIONAL) if what in (each.name, "all", "latency")]
    for each in loads:
        _rounds(pair, each, 1, min(1.0, seconds), chance)  # to warm up
    if what == "latency":
        rates = {each.unit: _rounds(pair, each, 1, seconds, chance) for each in loads[:2]}
    else:
        rates = {each.unit: _rounds(pair, each, rounds, seconds, chance) for each in loads}
        _say(*_throughput(rates, pair.size))
    if what in ("latency", "all"):
        late = {each.unit: _half_load(pair, each, rates[each.unit], rounds, seconds, chance) for each in loads[:2]}
        _say(*_latency(late))
        rates |= {f"{unit} at half load": found for unit, found in late.items()}
    return sum(figures.outcome.errors for found in rates.values() for both in found for figures in both)


def _rounds(pair: Pair, kind: Load, rounds: int, seconds: float, chance: random.Random) -> Rounds:
    """Both servers saturated, in turn."""

    def one(stand: Stand) -> Outcome:
        return saturate(stand.port, kind.requests(pair, chance), seconds, expect=kind.expect, connections=CONNECTIONS)

    return [_round(pair, one, chance) for _ in range(rounds)]


def _half_load(pair: Pair, kind: Load, saturated: Rounds, rounds: int, seconds: float, chance: random.Random) -> Rounds:
    """Both servers at half of what each took when saturated."""
    service, bare = (statistics.median(both[i].outcome.rate for both in saturated) / 2 for i in (0, 1))

    def one(stand: Stand) -> Outcome:
        rate = service if stand is pair.service else bare
        return arrive(
            stand.port,
            kind.requests(pair, chance),
            seconds,
            max(1.0, rate),
            expect=kind.expect,
            connections=OPEN_CONNECTIONS,
            seed=chance.randrange(1 << 30),
        )

    return [_round(pair, one, chance) for _ in range(rounds)]


def _round(pair: Pair, one: Callable[[Stand], Outcome], chance: random.Random) -> tuple[Figures, Figures]:
    found: dict[str, Figures] = {}
    for stand in chance.sample([pair.service, pair.bare], 2):
        before = stand.spent()
        outcome = one(stand)
        workers, everything = (after - so_far for so_far, after in zip(before, stand.spent(), strict=True))
        requests = max(1, outcome.done + outcome.errors)
        found[stand.name] = Figures(outcome, workers / requests, everything / requests)
    return found[pair.service.name], found[pair.bare.name]


def _throughput(rates: dict[str, Rounds], size: int) -> list[str]:
    rows = [
        f"| Saturated, {CONNECTIONS} connections | of bare | in the rounds | a second | bare | CPU µs | with Redis "
        "and store | bare | errors |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for unit, found in rates.items():
        ratios = [service.outcome.rate / bare.outcome.rate for service, bare in found]
        services, bares = zip(*found, strict=True)
        rows.append(
            f"| {unit} | **{statistics.median(ratios):.2f}** | {min(ratios):.2f} to {max(ratios):.2f} "
            f"| {_rate(services)} | {_rate(bares)} | {_micros(each.workers for each in services)} "
            f"| {_micros(each.everything for each in services)} | {_micros(each.workers for each in bares)} "
            f"| {_errors(services)} |"
        )
    spent = _micros(
        each.outcome.spent / max(1, each.outcome.done) for found in rates.values() for both in found for each in both
    )
    return [*rows, f"\nA thread read is {size:,} bytes. The generator itself: {spent} µs a request.\n"]


def _latency(rates: dict[str, Rounds]) -> list[str]:
    rows = [
        "| By a timetable | p50 ms | p99 ms | a second | bare p50 | bare p99 | a second | errors |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for unit, found in rates.items():
        services, bares = zip(*found, strict=True)
        rows.append(
            f"| {unit} at half load | {_quantile(services, 0.5)} | **{_quantile(services, 0.99)}** | {_rate(services)} "
            f"| {_quantile(bares, 0.5)} | {_quantile(bares, 0.99)} | {_rate(bares)} | {_errors(services)} |"
        )
    return [*rows, ""]


def _rate(found: Sequence[Figures]) -> str:
    return f"{statistics.median(each.outcome.rate for each in found):,.0f}"


def _micros(seconds: Iterator[float]) -> str:
    return f"{statistics.median(seconds) * 1e6:,.0f}"


def _errors(found: Sequence[Figures]) -> str:
    """How many answers were wrong, and which: `2 (503, lost)`."""
    wrong = sum((each.outcome.wrong for each in found), Counter[str]())
    return f"{wrong.total()} ({', '.join(sorted(wrong))})" if wrong else "0"


def _quantile(found: Sequence[Figures], share: float) -> str:
    """The median over the rounds of each round's quantile."""
    rounds = [sorted(each.outcome.latencies) for each in found if each.outcome.latencies]
    return (
        f"{statistics.median(times[int(share * (len(times) - 1))] for times in rounds) * 1000:.1f}" if rounds else "-"
    )


def _machine(folder: Path) -> str:
    """Where and when: what a figure means nothing without."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    cores = len([line for line in _lines("/proc/cpuinfo") if line.startswith("processor")])
    load = " ".join(_lines("/proc/loadavg")[0].split()[:3])
    disk = max(
        (line.split()[1:3] for line in _lines("/proc/mounts") if str(folder).startswith(line.split()[1])),
        key=lambda mount: len(mount[0]),
    )[1]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, {cores} × {model}, load {load}, data on {disk}, "
        f"Linux {platform.release()}, Python {platform.python_version()}, SQLite {sqlite_module().sqlite_version}; "
        f"gunicorn gthread, {WORKERS} workers × {THREADS} threads, generator on the same machine."
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines()


def _commit() -> str:
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        name = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.strip() + (" and changes" if changed else "")


def _say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main(prog_name="bench/run")
