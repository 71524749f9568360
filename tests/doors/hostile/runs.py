"""Hostile inputs sent: many at once over kept connections, each answer looked at, slow ones asked for again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.doors.hostile.rows import Row
from tests.doors.hostile.sockets import Answer, Line, ask_raw
from tests.doors.hostile.trials import Target, Trial, trials
from tests.doors.hostile.verdicts import SLOW, faults

CONNECTIONS = 4
GOES = 5
"""How often each is asked at most."""


@dataclass
class Run:
    """What came of the inputs of a category."""

    inputs: int = 0
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    unfit: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def summary(self) -> str:
        statuses = " ".join(f"{status}:{count}" for status, count in sorted(self.statuses.items()))
        unfit = f", no such place: {self.unfit.total()}" if self.unfit else ""
        return f"{self.inputs} inputs, {self.requests} requests ({statuses}){unfit}"


def send_all(rows: Iterable[Row], target: Target, port: int) -> Run:
    """Send every row to every place that it names. Several connections; one thread each."""
    run = Run()
    waiting, lock = iter(rows), threading.Lock()

    def work() -> None:
        line = Line(port)
        while True:
            with lock:
                row = next(waiting, None)
            if row is None:
                break
            sent = list(_send(row, target, line, port))
            with lock:
                run.inputs += 1
                for trial, answer in sent:
                    _note(run, trial, answer)
        line.close()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for worker in [pool.submit(work) for _ in range(CONNECTIONS)]:
            worker.result()
    return run


def _send(row: Row, target: Target, line: Line, port: int) -> Iterator[tuple[Trial | str, Answer | None]]:
    for trial in trials(row, target):
        if isinstance(trial, str):
            yield trial, None
            continue
        answer = _ask(trial, line, port)
        for _ in range(GOES - 1):  # the machine may have been busy: only what is slow each time is slow
            if answer.seconds <= SLOW and not _is_put_off(trial, answer):
                break
            if _is_put_off(trial, answer):
                time.sleep(float(answer.header("Retry-After") or 0))
            answer = _ask(trial, line, port)
        yield trial, answer


def _is_put_off(trial: Trial, answer: Answer) -> bool:
    """Whether the limit of sign-ins stands before what is looked for; of names that sign in, there are too many."""
    return answer.status == 429 and trial.place != "username"


def _ask(trial: Trial, line: Line, port: int) -> Answer:
    try:
        return ask_raw(port, trial.data) if trial.raw else line.ask(trial.data)
    except TimeoutError:
        line.close()
        return Answer(0, b"", b"", float("inf"))


def _note(run: Run, trial: Trial | str, answer: Answer | None) -> None:
    if isinstance(trial, str) or answer is None:
        run.unfit[str(trial)] += 1
        return
    run.requests += 1
    run.statuses[answer.status] += 1
    found = list(faults(trial, answer))
    if answer.seconds > SLOW:
        found.append(f"{answer.seconds:.1f} seconds")
    run.faults += [f"{trial.row.id} at {trial.place}: {fault}: {trial.row.text[:60]!a}" for fault in found]
