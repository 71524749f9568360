"""A number of runs of one fault, the ledger held against the store afterwards, and what is told of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median

from tests.faults.ground import Ground
from tests.faults.ledger import Ledger, load
from tests.faults.table import Fault

from moderation.edges import chain, vault
from moderation.edges.store import Store

HEADS = f"{'':<6} {'fault':<44} {'store':<10} {'runs':>5} {'failed':>6} {'bound':>8}  seen"


@dataclass(frozen=True)
class Result:
    """`failures` are sentences. `accepted` comments were held against the store."""

    fault: Fault
    store: str
    runs: int
    failures: list[str]
    ledger: Ledger
    unknown: int
    seconds: float
    took: Mapping[str, list[float]]
    counts: Mapping[str, int]

    @property
    def line(self) -> str:
        """One line: by the rule of three, 95 % of such services fail less often than `bound`, where none failed."""
        bound = f"{min(1.0, 3 / self.runs):.2%}" if not self.failures else "–"
        told = f"{self.fault.code:<6} {self.fault.name:<44} {self.store:<10} {self.runs:>5} "
        told += f"{len(self.failures):>6} {bound:>8}"
        answers = " ".join(f"{status}:{count}" for status, count in sorted(self.ledger.answers.items()))
        times = sorted(self.ledger.seconds)
        slowest = f", p99 {times[int(len(times) * 0.99)]:.2f} s, slowest {times[-1]:.2f} s" if times else ""
        counted = (
            f"{len(self.ledger.accepted)} accepted, {self.unknown} unanswered but stored, answers {answers}{slowest}; "
        )
        worst = "".join(
            f"{what}: median {median(times):.2f} s, worst {max(times):.2f} s; " for what, times in self.took.items()
        )
        worst += "".join(f"{count} {what}; " for what, count in self.counts.items())
        return f"{told}  {counted if self.fault.threads else ''}{worst}{self.seconds:.0f} s"


def run(ground: Ground, fault: Fault, runs: int, accepted: int = 0) -> Result:
    """Strike `runs` times, and on until `accepted` comments are in."""
    begun, failures, done = time.monotonic(), [], 0
    ground.took, ground.counts = {}, Counter()
    loaded = load(ground.service, fault.threads) if fault.threads else nullcontext(Ledger())
    with loaded as ledger:
        ground.ledger = ledger
        while done < runs or len(ledger.accepted) < accepted:
            done += 1
            try:
                if fault.threads:
                    ground.accepted()
                fault.strike(ground)
                if fault.threads:
                    ground.accepted()
            except Exception as error:  # noqa: BLE001 - told with the others; a fault that cannot be made is a failure too
                failures.append(f"run {done}: {type(error).__name__}: {error}")
                if len(failures) > 2:
                    break
    unknown = 0
    try:
        unknown = _settle(ground, fault, ledger)
    except Exception as error:  # noqa: BLE001 - as above
        failures.append(f"afterwards: {type(error).__name__}: {error}")
    return Result(
        fault, ground.store, done, failures, ledger, unknown, time.monotonic() - begun, ground.took, ground.counts
    )


def _settle(ground: Ground, fault: Fault, ledger: Ledger) -> int:
    """After the last run: what clients were told, what is stored, and the record. Raises AssertionError."""
    strange = set(ledger.answers) - fault.answers
    assert not strange, f"answers that may not be: {dict(ledger.answers)}"
    assert not ledger.silent_503, f"{ledger.silent_503} answers 503 without Retry-After"
    unknown = ledger.check_against(ground.database)
    _verify_record(ground)
    return unknown


def _verify_record(ground: Ground) -> None:
    """What `moderation audit verify` does, without a process of its own."""
    store = Store(ground.database)
    try:
        with store.snapshot() as tx:
            report = chain.verify(tx, vault.Vault(vault.load_keys(ground.service.state / "keys.json")))
    finally:
        store.close()
    assert report.broken is None, f"the record is broken: {report.broken}"
