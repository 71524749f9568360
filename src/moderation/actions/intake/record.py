"""The last step: one transaction for all of a batch, with articles, comments, counts, journal, outbox and letters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from moderation import confirmations
from moderation.actions import external
from moderation.actions.intake.repeats import claim_keys
from moderation.actions.intake.work import Answers, Work, receipt
from moderation.buckets import LETTER, letters_allowed
from moderation.edges import authors, comments, external_checks, idempotency, journal, likeness, mails
from moderation.edges.comments import NewComment
from moderation.edges.schema import Tx
from moderation.edges.store import together
from moderation.edges.vault import mask
from moderation.errors import Duplicate
from moderation.judge.cases import remember
from moderation.runtime import Runtime
from moderation.values import Effect, Limited, Status


def record(rt: Runtime, works: Sequence[Work]) -> Answers:
    """One transaction for all: articles, comments, counts, journal, outbox. Answers a receipt or an error for each."""
    now = works[0].now
    with rt.store.writing() as tx:
        _open_articles(tx, works)
        answers = claim_keys(rt, tx, works)
        works = [work for work in works if work.id not in answers]
        late = comments.said_before(
            tx,
            {work.id: work.text_key for work in works},
            now,
            {work.id: work.now + timedelta(minutes=work.site.settings.duplicates.window_minutes) for work in works},
        )
        idempotency.release(tx, [work.id for work in works if work.claims and work.id in late])
        fresh = [work for work in works if work.id not in late]
        _admit(rt, tx, fresh)
        with together(tx):
            comments.store(tx, [_new(work) for work in fresh], rt.store.shard)
            likeness.add(tx, [(work.id, _likeness(work)) for work in fresh])
            journal.post(tx, [_letter(work) for work in fresh])
        journal.write(tx, [_entry(work) for work in fresh])
        external_checks.ask(tx, [_check(rt, work) for work in fresh if work.case and work.case.opinion])
        _ask_to_confirm(rt, tx, fresh)
    return answers | {work.id: Duplicate() if work.id in late else receipt(work) for work in works}


def _open_articles(tx: Tx, works: Sequence[Work]) -> None:
    unknown = [work for work in works if work.article is None]
    for site in {work.submission.site for work in unknown}:
        here = [work for work in unknown if work.submission.site == site]
        made = comments.make_articles(tx, site, [work.submission.article for work in here], here[0].now)
        for work in here:
            work.article = made[work.submission.article.key]
    titles: dict[int, str] = {}
    for work in works:
        if work.article and work.article.title is None and work.submission.article.title:
            titles.setdefault(work.article.id, work.submission.article.title)
    comments.fill_titles(tx, titles)


def _admit(rt: Runtime, tx: Tx, works: Sequence[Work]) -> None:
    """Know from now on who comes from the publisher's login for the first time."""
    new = [work for work in works if work.proof and not work.author_known]
    for work in sorted(new, key=lambda work: work.proof.keys if work.proof else ()):
        assert work.proof is not None
        author_id = authors.new_id(rt.random(16))
        work.author = authors.prove(
            tx, rt.vault, authors.LOGIN, work.submission.site, work.proof.name, author_id, work.now
        )


def _likeness(work: Work) -> list[int]:
    """What it has in common with near copies, where it has any or nobody knows."""
    limited = work.case.limited if work.case else Limited(available=False)
    if limited.available and not (limited.seen or limited.near):
        return []
    return likeness.keys(work.question.seen)


def _ask_to_confirm(rt: Runtime, tx: Tx, works: Sequence[Work]) -> None:
    """A letter to each whose address nobody has confirmed in this browser."""
    for work in works:
        if (email := work.submission.email) and _gets_letter(work):
            settings = work.site.settings
            subject, text = confirmations.letter(rt, work.id, settings.name or work.site.id, settings.language)
            mails.post(tx, rt.vault, rt.new_id(), "confirm-address", email, subject, text, work.now)


def _gets_letter(work: Work) -> bool:
    """Not where too many went there, or nobody can tell; and nobody is bothered for the sake of spam."""
    answer, verdict = work.answer, work.verdict
    is_asked = answer is not None and any(each.bucket.scope in LETTER for each in answer.buckets)
    is_kept = verdict is not None and verdict.status in (Status.PENDING, Status.APPROVED)
    return answer is not None and is_asked and letters_allowed(answer) and is_kept


def _new(work: Work) -> NewComment:
    submission, parent = work.submission, work.parent
    assert work.article is not None
    assert work.case is not None
    assert work.verdict is not None
    return NewComment(
        id=work.id,
        site=submission.site,
        article_id=work.article.id,
        article_title=submission.article.title,
        parent_id=parent.id if parent else None,
        root_id=parent.root_id if parent else work.id,
        depth=parent.depth + 1 if parent else 0,
        author_name=submission.author_name,
        author_url=submission.author_url,
        email_sealed=work.sealed,
        email_index=work.indexes[0] if work.indexes else None,
        email_masked=mask(submission.email) if submission.email else None,
        author_id=work.author,
        verified=work.author is not None,
        address_hash=work.address_hash,
        address_prefix=work.address_prefix,
        body=submission.body,
        html=work.html,
        words=work.words,
        verdict=work.verdict,
        language=work.language,
        facts=remember(work.case),
        created_at=work.now,
    )


def _entry(work: Work) -> journal.Entry:
    assert work.verdict is not None
    effect = Effect(work.verdict.decision)
    decided = next((found.rule for found in work.verdict.findings if found.effect is effect), None)
    return journal.Entry(
        at=work.now,
        actor="rules",
        role="service",
        action="received",
        site=work.submission.site,
        target=work.id,
        after=work.verdict.status.value,
        reason=decided,
        request_id=work.submission.request_id,
    )


def _letter(work: Work) -> journal.Letter:
    assert work.verdict is not None
    return journal.Letter(work.now, work.submission.site, "comment.received", work.id, work.verdict.status.value, 1)


def _check(rt: Runtime, work: Work) -> external_checks.New:
    return external.new(rt, work.site, work.id, work.submission.address, work.now)
