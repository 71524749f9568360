"""What a stored comment must keep so that it can be judged again as it was: the facts of its case that stand nowhere
else. They hold no address, no e-mail and no text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moderation.values import AuthorRecord, Ban, Case, Effect, Limited, Opinion, UnderArticle, Whom


def remember(case: Case) -> dict[str, Any]:
    """The facts of `case` as JSON, for `recall`."""
    record, limited, article = case.record, case.limited, case.article
    asked = {} if case.opinion is None else told(case.opinion)
    return asked | {
        "closed": case.article_closed,
        "has_email": case.has_email,
        "disposable_email": case.disposable_email,
        "record": [record.approved, record.rejected, record.spam, record.pending, _written(record.first_seen)],
        "limited": [
            limited.available,
            limited.email_exceeded,
            limited.seen,
            limited.address_recent,
            limited.near,
            limited.article_recent,
            limited.article_most,
            limited.fuse_blown,
        ],
        "article": [article.key, article.comments, _written(article.first_seen), list(article.tags)],
        "seconds_to_submit": case.seconds_to_submit,
        "form": [case.form, case.trapped, case.solution],
        "bans": [[ban.id, ban.whom.value, ban.effect.value, ban.reason, ban.doubtful] for ban in case.bans],
    }


def told(opinion: Opinion) -> dict[str, Any]:
    """What a check outside said, as it stands among the facts."""
    return {"opinion": [opinion.by, opinion.said, opinion.answer, opinion.because, opinion.tries]}


def recall(
    facts: Mapping[str, Any],
    *,
    site: str,
    body: str,
    author_name: str,
    author_url: str | None,
    verified: bool,
    is_reply: bool,
    at: datetime,
) -> Case:
    """The case that `remember` was given, with what the comment itself still says."""
    approved, rejected, spam, pending, first_seen = facts["record"]
    available, email_exceeded, seen, address_recent, *later = facts["limited"]  # the later ones are not in old records
    key, comments, article_seen, tags = facts["article"]
    form, trapped, *solution = facts.get("form", ("none", False))  # not in old records
    return Case(
        site=site,
        body=body,
        author_name=author_name,
        author_url=author_url,
        has_email=facts["has_email"],
        disposable_email=facts["disposable_email"],
        verified=verified,
        is_reply=is_reply,
        article_closed=facts["closed"],
        record=AuthorRecord(approved, rejected, spam, pending, _read(first_seen)),
        limited=Limited(True, available, email_exceeded, seen, address_recent, *later),
        at=at,
        article=UnderArticle(key, comments, _read(article_seen), tuple(tags)),
        seconds_to_submit=facts.get("seconds_to_submit"),  # not in old records
        form=form,
        trapped=trapped,
        solution=solution[0] if solution else "none",
        bans=tuple(
            Ban(ban_id, Whom(whom), Effect(effect), reason, doubtful)
            for ban_id, whom, effect, reason, doubtful in facts.get("bans", ())  # not in old records
        ),
        opinion=Opinion(*facts["opinion"]) if "opinion" in facts else None,
    )


def _written(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _read(at: str | None) -> datetime | None:
    return datetime.fromisoformat(at) if at else None
