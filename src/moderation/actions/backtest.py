"""Judge past comments again, under the rules of now and under others: what would have been different. Writes nothing.

Comments are read in stretches, each by one of several processes that keep nothing of it but counts and the few most
telling changes. So memory does not grow with the number of comments, and ending it half-way leaves nothing behind.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moderation.edges import past, revisions
from moderation.edges.past import Asked
from moderation.edges.schema import finding_of
from moderation.edges.store import Store
from moderation.errors import RulesInvalid
from moderation.judge.again import DECIDING
from moderation.judge.cases import recall
from moderation.judge.pipeline import CHECKS
from moderation.judge.ruleset import Ruleset
from moderation.judge.tally import Comparison, Past, Tally, Then
from moderation.rules_loading import load_text
from moderation.values import Effect, Status

STRETCH = 1000
"""Comments of one stretch: enough to make the way to another process cheap, few enough to show progress."""

MOST_REVISIONS = 20
"""Earlier rules that are made ready, so that what their checks found need not be found again."""

ASSUMED_SECONDS = 10.0
"""A moderator's time for a decision, where too few were made to measure it."""

Progress = Callable[[int], None]
"""Called with how many comments more are done."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """`decision_seconds` is a moderator's time for one decision; `is_measured` is false where it is only assumed."""

    since: datetime
    until: datetime
    before: str
    after: str
    tally: Tally
    decision_seconds: float
    is_measured: bool

    @property
    def false_reject_share(self) -> float:
        """Share of the comments which people approved that the new rules would refuse."""
        approved = self.tally.approved_by_people
        return self.tally.wrongly_refused[1] / approved if approved else 0.0


def count(database: str, sites: Sequence[str] | None, since: datetime) -> int:
    """How many comments a backtest would look at."""
    with _store(database) as store, store.reading() as tx:
        return past.count(tx, Asked(sites, since))


def run(
    database: str,
    before: Ruleset,
    after: Ruleset,
    sites: Sequence[str] | None,
    since: datetime,
    until: datetime,
    *,
    processes: int = 0,
    progress: Progress = lambda done: None,
) -> Backtest:
    """Judge all comments on `sites` (None: all) since `since`. `processes`: 0 for one a core. Raises StoreError."""
    comparison = Comparison(before, after, _kept(database))
    asked = Asked(sites, since, comparison.revisions)
    total = Tally()
    for done in _tallies(database, asked, comparison, processes or os.cpu_count() or 1):
        total.merge(done)
        progress(done.counted + done.left_out)
    with _store(database) as store, store.reading() as tx:
        seconds = past.seconds_per_decision(tx, asked)
    return Backtest(
        since, until, before.revision, after.revision, total, seconds or ASSUMED_SECONDS, seconds is not None
    )


def _kept(database: str) -> list[Ruleset]:
    """The latest rules that took effect, as far as this version makes the same of them as they were then."""
    with _store(database) as store, store.reading() as tx:
        newest = revisions.newest(tx, MOST_REVISIONS)
    found = []
    for each in newest:
        try:
            rules = load_text(each.source, each.revision).rules
        except RulesInvalid:  # of another version
            continue
        if rules.revision == each.revision:
            found.append(rules)
    return found


def _tallies(database: str, asked: Asked, comparison: Comparison, processes: int) -> Iterator[Tally]:
    """A tally a stretch, in any order. At most twice as many stretches as processes are on their way at once."""
    if processes == 1:
        with _store(database) as store, store.reading() as tx:
            for start, end in past.stretches(tx, asked, STRETCH):
                yield _tally(store, asked, comparison, start, end)
        return
    context = multiprocessing.get_context("fork")  # compiled rules travel by memory, not by wire
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_begin, initargs=(database, asked, comparison, os.getpid())
    ) as pool:
        pool.submit(os.getpid).result()  # all processes are there before this one opens the store
        with _store(database) as store, store.reading() as tx:
            waiting: set[Future[Tally]] = set()
            try:
                for start, end in past.stretches(tx, asked, STRETCH):
                    waiting.add(pool.submit(_work, start, end))
                    if len(waiting) >= 2 * processes:
                        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                        yield from (each.result() for each in done)
                yield from (each.result() for each in waiting)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


_here: dict[str, Any] = {}
"""What one process of a backtest works with, from its beginning to its end."""


def _begin(database: str, asked: Asked, comparison: Comparison, parent: int) -> None:
    """In a new process. It ends with its parent, however that ends, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG; nothing here needs tidying up
    if os.getppid() != parent:
        os._exit(1)
    gc.freeze()  # word lists and rules are here to stay: looking through them again and again took a third of the time
    gc.set_threshold(50_000)
    _here.update(store=Store(database), asked=asked, comparison=comparison)


def _work(start: str, end: str | None) -> Tally:
    return _tally(_here["store"], _here["asked"], _here["comparison"], start, end)


def _tally(store: Store, asked: Asked, comparison: Comparison, start: str, end: str | None) -> Tally:
    tally = Tally()
    with store.reading() as tx:
        rows = past.rows(tx, asked, start, end)
    for row in rows:
        if row.facts is None:  # it came before facts were kept
            tally.left_out += 1
        else:
            comparison.add(_past(row), tally)
    return tally


def _past(row: Any) -> Past:
    case = recall(
        row.facts,
        site=row.site,
        body=row.body,
        author_name=row.author_name,
        author_url=row.author_url,
        verified=row.verified,
        is_reply=row.parent_id is not None,
        at=row.created_at,
    )
    is_human = row.decided_by is not None and row.status != Status.PENDING.value
    then = _then(row.revision, row.findings) if row.findings is not None else None
    return Past(row.id, case, then, Status(row.status) if is_human else None)


def _then(revision: str, findings: Sequence[Mapping[str, Any]]) -> Then | None:
    """What counts of what was found then; None for a comment of which an older version kept other findings."""
    if len(findings) < len(CHECKS):
        return None
    found = tuple(
        finding_of(each) if number in DECIDING and each["effect"] != Effect.PASS.value else None
        for number, each in enumerate(findings[: len(CHECKS)])
    )
    return Then(revision, found, tuple(map(finding_of, findings[len(CHECKS) :])))


@contextmanager
def _store(database: str) -> Iterator[Store]:
    store = Store(database)
    try:
        yield store
    finally:
        store.close()
