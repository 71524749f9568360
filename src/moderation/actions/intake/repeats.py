"""Submissions that come again, by their Idempotency-Key or their form's token, and get the answer of the first time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from moderation.actions.intake.work import Answers, Work, receipt
from moderation.edges import idempotency
from moderation.edges.idempotency import Claim
from moderation.edges.schema import Tx
from moderation.errors import KeyReused
from moderation.runtime import Runtime
from moderation.values import Receipt


def recall(rt: Runtime, works: Sequence[Work]) -> Answers:
    """What these keys have come to already. Asked before the limits: an answer that got lost costs nothing to
    repeat."""
    answers: Answers = {}
    with rt.store.reading() as connection:
        keys = {claim.key for work in works for claim in work.claims}
        found = idempotency.find(connection, keys, works[0].now)
    for work in works:
        claim = next((claim for claim in work.claims if claim.key in found), None)
        if claim is None:
            continue
        try:
            answers[work.id] = _again(found[claim.key], claim)
        except KeyReused as error:
            if work.submission.idempotency_key:
                answers[work.id] = error
            else:  # back to the page, and another comment: no reason to refuse it
                work.form_used, work.claims = True, []
    return answers


def claim_keys(rt: Runtime, tx: Tx, works: Sequence[Work]) -> Answers:
    """Answers those whose key somebody else has had in the meantime."""
    claims = {work.id: work.claims[0] for work in works if work.claims}
    held = idempotency.claim(tx, [_outcome(rt, work, work.claims[0]) for work in works if work.claims], works[0].now)
    answers: Answers = {}
    for work_id, claim in claims.items():
        if held[claim.key].comment_id != work_id:
            try:
                answers[work_id] = _again(held[claim.key], claim)
            except KeyReused as error:
                answers[work_id] = error
    return answers


def _again(known: idempotency.Outcome, claim: Claim) -> Receipt:
    """The receipt of the first time. Raises KeyReused."""
    if known.payload != claim.payload:
        raise KeyReused
    return Receipt(known.comment_id, known.article_key, known.article_url, known.published, {})


def _outcome(rt: Runtime, work: Work, claim: Claim) -> idempotency.Outcome:
    told = receipt(work)
    return idempotency.Outcome(
        claim.key, claim.payload, work.id, told.article_key, told.article_url, told.published,
        work.now + timedelta(hours=rt.rules.retention.idempotency_hours),
    )  # fmt: skip
