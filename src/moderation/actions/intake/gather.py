"""What the store knows of a batch's submissions beforehand: article, parent, and the author's record and bans."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from moderation.actions.intake.prepare import question
from moderation.actions.intake.work import Answers, Work
from moderation.buckets import is_regular
from moderation.edges import authors, bans, comments, queries
from moderation.edges.schema import Tx
from moderation.errors import Closed, ModerationError, NotFound, ParentNotPublic, StoreError
from moderation.runtime import Runtime
from moderation.values import AuthorRecord

log = structlog.get_logger()


def ask_anew(rt: Runtime, works: Sequence[Work]) -> None:
    """Give regulars their wider limits, and those who are forgotten a stranger's. Only for authors who proved who they
    are the store is asked twice; while it is away, nobody is a regular."""
    proved = [work for work in works if work.proof and (work.proof.id or _has_regulars(work))]
    if not proved:
        return
    try:
        with rt.store.reading() as tx:
            for site in {work.submission.site for work in proved}:
                _know_authors(tx, site, [work for work in proved if work.submission.site == site])
    except StoreError as error:
        log.warning("regulars-unknown", error=error.kind)
    for work in proved:
        regular = is_regular(work.site, verified=work.author_known, record=work.record)
        if regular or work.proof is None:
            today = work.now.date()
            work.question = question(rt, work.submission, work.site, work.proof, work.solution, today, regular)


def _has_regulars(work: Work) -> bool:
    return work.site.settings.limits.regular_factor > 1


def gather(rt: Runtime, works: Sequence[Work]) -> Answers:
    """The article, the parent, the author's record and bans of each; answers those that are refused."""
    refused: Answers = {}
    with rt.store.reading() as connection:
        public = queries.parents(connection, {work.submission.parent for work in works if work.submission.parent})
        for site in {work.submission.site for work in works}:
            here = [work for work in works if work.submission.site == site]
            keys = {work.submission.article.key for work in here}
            known, has_bans = comments.find_articles_to_fill(connection, site, keys)
            _know_authors(connection, site, here)
            if has_bans:
                _find_bans(rt, connection, here)
            for work in here:
                work.article = known.get(work.submission.article.key)
                work.parent = public.get(work.submission.parent) if work.submission.parent else None
                error = _refusal(work)
                if error:
                    refused[work.id] = error
    return refused


def _know_authors(tx: Tx, site: str, works: Sequence[Work]) -> None:
    _recognise(tx, works)
    records = queries.records(tx, site, {key for work in works for key in _counts_for(work)})
    for work in works:
        work.record = AuthorRecord.of(records[key] for key in _counts_for(work) if key in records)


def _recognise(tx: Tx, works: Sequence[Work]) -> None:
    """Who has been here before under this proof. What was handed out to one who is forgotten proves nothing."""
    proofs = [work.proof for work in works if work.proof]
    known = authors.find(tx, proofs) if proofs else {}
    for work in works:
        if work.proof:
            work.author = known.get(work.proof)
            work.author_known = work.author is not None
            if work.proof.id and work.author is None:
                work.proof = None


def _counts_for(work: Work) -> Sequence[bytes]:
    """Whose record is the author's: their own, where they proved who they are, and never that of a typed address."""
    if work.proof:
        return [work.author] if work.author else []
    return work.indexes


def _find_bans(rt: Runtime, tx: Tx, works: Sequence[Work]) -> None:
    """The bans in force on each sender, for works of one site."""
    keys = {
        work.id: bans.keys_of(rt.vault, work.submission.address, email=work.submission.email, author=work.author)
        for work in works
    }
    _add_confirmed(rt, tx, works, keys)
    found = bans.in_force(tx, set().union(*keys.values()), works[0].now)
    for work in works:
        sent, proved = work.submission, work.proof is not None
        work.bans = bans.on(found, sent.site, keys[work.id], sent.address, proved=proved, author=work.author)


def _add_confirmed(rt: Runtime, tx: Tx, works: Sequence[Work], keys: dict[str, list[bytes]]) -> None:
    """To the keys of each: as whom the owner of the typed address is known, who may have been banned as that."""
    typed = {
        work.id: {*work.indexes, *bans.author_keys(rt.vault, work.submission.email)}
        for work in works
        if work.submission.email
    }
    known = authors.by_mail(tx, works[0].submission.site, set().union(*typed.values())) if typed else {}
    for work_id, indexes in typed.items():
        keys[work_id] += [known[index] for index in indexes if index in known]


def _refusal(work: Work) -> ModerationError | None:
    article, settings = work.article, work.site.settings
    if article is None:
        if settings.articles == "listed":
            return NotFound("article")
        return ParentNotPublic() if work.submission.parent else None
    if why := article.closed_why(settings.close_after_days, work.now):
        return Closed(why)
    if work.submission.parent and (work.parent is None or work.parent.article_id != article.id):
        return ParentNotPublic()
    return None
