"""One submission in, one receipt out: limited, judged, stored with its findings, its journal row and its letter.

Submissions that come together are worked together (`Batches`): one Redis trip, one read, one transaction. A receipt
means that the comment is on disk. What goes wrong with one submission is that one's own answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from moderation.actions.intake.decide import decide
from moderation.actions.intake.gather import ask_anew, gather
from moderation.actions.intake.prepare import prepare
from moderation.actions.intake.record import record
from moderation.actions.intake.repeats import recall
from moderation.actions.intake.work import Answers, Work
from moderation.batches import Batches, Overdue
from moderation.edges import telemetry
from moderation.edges.limits import too_fast
from moderation.errors import StoreError, Unavailable
from moderation.runtime import Runtime
from moderation.values import Receipt, Submission

WAIT = 2.5
"""Seconds a submission may wait for its turn before it is told to come back."""

log = structlog.get_logger()

_Step = Callable[[Runtime, Sequence[Work]], Answers]


class Intake:
    """Where submissions come together. One for each process, made after fork."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._batches: Batches[Work, Receipt] = Batches(lambda works: _work(rt, works), around=self._undisturbed)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        with self._rt.turns.turn(), telemetry.together():
            yield

    def submit(self, submission: Submission) -> Receipt:
        """Raises NotFound (site), Closed, ParentNotPublic, Duplicate, KeyReused, TooFast, Unavailable."""
        try:
            return self._batches.ask(prepare(self._rt, self._rt.rules, submission), WAIT)
        except Overdue:
            raise _busy() from None

    def leave(self, submission: Submission, hear: Callable[[Receipt | BaseException], None]) -> None:
        """`hear` gets what `submit` returns or raises, in another thread, once `begin` was called. Raises NotFound
        (site), Closed."""

        def told(outcome: Receipt | BaseException) -> None:
            hear(_busy() if isinstance(outcome, Overdue) else outcome)

        self._batches.leave(prepare(self._rt, self._rt.rules, submission), WAIT, told)

    def begin(self) -> None:
        """See `Batches.begin`."""
        self._batches.begin()


def _busy() -> Unavailable:
    return Unavailable(2, "busy")


def _work(rt: Runtime, works: Sequence[Work]) -> list[Receipt | BaseException]:
    """The steps, each for all that have no answer yet. Answers in the order of `works`."""
    answers = _together_or_alone(rt, [work for work in works if work.claims], recall)
    left = _without(works, answers)
    ask_anew(rt, left)
    answers |= _limit(rt, left)
    answers |= _together_or_alone(rt, _without(works, answers), gather)
    left = _without(works, answers)
    for work in left:
        decide(work)
    answers |= _together_or_alone(rt, left, record)
    return [answers[work.id] for work in works]


def _without(works: Sequence[Work], answers: Answers) -> list[Work]:
    return [work for work in works if work.id not in answers]


def _limit(rt: Runtime, works: Sequence[Work]) -> Answers:
    """Ask all limits of all in one trip; answers those that are refused."""
    refused: Answers = {}
    for work, answer in zip(works, rt.limits.check([work.question for work in works]), strict=True):
        work.answer = answer
        if not answer.allowed:
            refused[work.id] = too_fast(answer)
    return refused


def _together_or_alone(rt: Runtime, works: Sequence[Work], step: _Step) -> Answers:
    """`step` for all at once; if that fails, for each alone, so that one bad row never takes the others down."""
    if not works:
        return {}
    try:
        return step(rt, works)
    except StoreError as error:
        if len(works) == 1 or error.is_outage:
            log.error("store-failed", error=error.kind, submissions=len(works))
            return dict.fromkeys((work.id for work in works), Unavailable(2, "store"))
    except Exception as error:  # noqa: BLE001 - whatever is odd about one must not take the others down
        if len(works) == 1:
            return {works[0].id: error}
    answers: Answers = {}
    for work in works:
        answers.update(_together_or_alone(rt, [work], step))
    return answers
