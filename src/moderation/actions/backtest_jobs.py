"""A backtest from the desk: started by a request, run beside requests by whichever process has room, one at a time for
the whole service. It can be cancelled, and what a killed service left half done is told as interrupted."""

from __future__ import annotations

from datetime import timedelta

import structlog

from moderation.edges import backtest_jobs, backtest_process, expiry
from moderation.edges.backtest_jobs import Job
from moderation.errors import BacktestFailed, Busy, Forbidden, NotFound
from moderation.rules_loading import load_draft
from moderation.runtime import Runtime
from moderation.values import Moderator, Right

LEASE = timedelta(seconds=15)
NAME = "backtest"

log = structlog.get_logger()


def start(rt: Runtime, who: Moderator, text: str, mark: str, since: str) -> Job:
    """Try a draft on the comments since `since`. Raises Forbidden, RulesInvalid, Busy."""
    if not who.may(Right.MANAGE_RULES) or who.sites is not None:
        raise Forbidden(Right.MANAGE_RULES.value, on_all_sites=True)
    draft = load_draft(text, rt.env.rules_path.parent, rt.inside).source.whole
    job = Job(rt.new_id(), who.id, draft, mark, since, "waiting", 0, 0, None, rt.now(), None, None, None)
    with rt.store.writing() as tx:
        if not backtest_jobs.start(tx, job):
            raise Busy
    return job


def cancel(rt: Runtime, who: Moderator, job_id: str) -> Job:
    """End one of theirs. Raises NotFound."""
    with rt.store.writing() as tx:
        backtest_jobs.cancel(tx, _theirs(backtest_jobs.get(tx, job_id), who).id, rt.now())
        return _theirs(backtest_jobs.get(tx, job_id), who)


def find(rt: Runtime, who: Moderator, job_id: str) -> Job:
    """One of theirs. Raises NotFound."""
    with rt.store.reading() as tx:
        return _theirs(backtest_jobs.get(tx, job_id), who)


def latest(rt: Runtime, who: Moderator) -> Job | None:
    """The one that they started last, for as long as it is kept."""
    with rt.store.reading() as tx:
        return backtest_jobs.of_person(tx, who.id)


def work(rt: Runtime) -> bool:
    """Run the backtest that waits for longest, to its end. False where none waits, or another one is running."""
    with rt.store.reading() as tx:
        if not backtest_jobs.any_open(tx):
            return False
    with rt.store.writing() as tx:
        now = rt.now()
        backtest_jobs.interrupt(tx, now)
        job = backtest_jobs.next_waiting(tx)
        if job is None or not expiry.lease(tx, NAME, rt.process, now, now + LEASE):
            return False
        backtest_jobs.begin(tx, job.id, now)
    _run(rt, job)
    return True


def _run(rt: Runtime, job: Job) -> None:
    try:
        with backtest_process.running(rt.env, job.draft, job.since) as run:
            for done, total in run.progress():
                if not _advance(rt, job, done, total):
                    return
            state, report = "done", run.report()
    except BacktestFailed as error:
        log.warning("backtest-failed", job=job.id, error=error.why)
        state, report = "failed", {}
    with rt.store.writing() as tx:
        backtest_jobs.finish(tx, job.id, state, report or None, rt.now())


def _advance(rt: Runtime, job: Job, done: int, total: int) -> bool:
    now = rt.now()
    with rt.store.writing() as tx:
        expiry.lease(tx, NAME, rt.process, now, now + LEASE)
        return backtest_jobs.advance(tx, job.id, done, total, now)


def _theirs(job: Job | None, who: Moderator) -> Job:
    if job is None or job.person_id != who.id:
        raise NotFound("backtest")
    return job
