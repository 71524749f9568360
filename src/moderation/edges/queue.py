"""The queue as moderators ask for it: filters and sorts, by index and keyset at any size. Reads only.

What is asked picks the index that narrows most: that of words, the author's, the article's, the language's, the
moderator's, the rule's, else the tab's own. The other filters are looked at row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, tuple_, union_all

from moderation import ids
from moderation.edges import queries, reports, search
from moderation.edges.queries import QueuePage
from moderation.edges.schema import Tx, comment_rules, comments, counters, escalations, search_rows
from moderation.values import Sort, Status

FEW, MANY = 500, 10_000
"""Comments that a search goes through at first, and at most before it asks the index of words."""
COMMON = 10_000
"""Comments that may hold a word before the index is of no use: most of them may stand in other tabs."""
LOOKED_AT = 20_000
"""Comments that a search then goes through for one page; the next page goes on from there."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote: by blind index, with their id where they proved who they are; by name on one site, where no e-mail
    address was given."""

    email_index: bytes | None
    name: str
    site: str
    id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which comments are asked for; None stands for any. `since` is included, `until` is not. `among` are ids, few."""

    sites: Sequence[str] | None
    status: Status | None = Status.PENDING
    article: int | None = None
    rule: str | None = None
    language: str | None = None
    decided_by: str | None = None
    author: Author | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: Sort = Sort.OLDEST
    escalated: bool | None = None
    reported: bool = False
    words: str = ""
    among: Sequence[str] | None = None


def author_of(tx: Tx, comment_id: str) -> Author | None:
    """Who wrote this comment."""
    found = tx.execute(
        select(comments.c.email_index, comments.c.author_name, comments.c.site, comments.c.author_id).where(
            comments.c.id == comment_id
        )
    ).first()
    return Author(*found) if found else None


def written_from(tx: Tx, indexes: Sequence[bytes], sites: Sequence[str] | None) -> str | None:
    """The newest comment that was sent with an e-mail address (by its blind index under each live key), if any."""
    for site in _sites(tx, Asked(sites)):
        wanted = (comments.c.site == site, comments.c.email_index.in_(list(indexes)))
        found = tx.execute(select(func.max(comments.c.id)).where(*wanted)).scalar()
        if found:
            return str(found)
    return None


def page(tx: Tx, asked: Asked, cursor: str | None, limit: int = 50) -> QueuePage:
    """One page of comments with all that a moderator sees of them. Raises Invalid for a cursor that is not ours."""
    after = _read_cursor(asked, cursor) if cursor else None
    found, last = _places(tx, asked, after, limit + 1)
    more = found[limit - 1] if len(found) > limit else last
    items = queries.comments_of(tx, [each.id for each in found[:limit]])
    return QueuePage(items, _cursor_at(asked, more), goes_on=more is not None and more is last)


def places(tx: Tx, asked: Asked, limit: int) -> list[Any]:
    """The ids of the first `limit`, in order, with the `rank` they are sorted by before age; however much has to be
    looked through."""
    found, last = _places(tx, asked, None, limit)
    while last is not None and len(found) < limit:
        more, last = _places(tx, asked, (last.rank, last.id), limit - len(found))
        found += more
    return found


def _places(tx: Tx, asked: Asked, after: tuple[int, str] | None, limit: int) -> tuple[list[Any], Any | None]:
    """The first `limit` after a place, and where a search stopped that has looked at enough for now."""
    if asked.words:
        return _found(tx, asked, after, limit)
    order = _in_order(tx, asked, after, limit)
    return ([] if order is None else list(tx.execute(order))), None


def _in_order(tx: Tx, asked: Asked, after: tuple[int, str] | None, limit: int) -> Select[Any] | None:
    """The first `limit` whatever their words."""
    heads = [_head(asked, site, status, after, limit) for site in _sites(tx, asked) for status in _statuses(asked)]
    if not heads:
        return None
    merged = union_all(*heads).subquery()
    return select(merged).order_by(*_order(asked, merged.c.id, merged.c.rank)).limit(limit)


def _found(tx: Tx, asked: Asked, after: tuple[int, str] | None, limit: int) -> tuple[list[Any], Any | None]:
    """Those that hold the words. What many hold is met soon by going through them in order, and what few hold is
    looked up by the words: the cost of neither grows with the queue. Which of both they are is seen on the way. What
    few hold here and many elsewhere is gone through a stretch at a time."""
    hits: list[Any] = []
    looked_at, step = 0, FEW
    while looked_at + step <= MANY:
        near = _looked_through(tx, asked, after, step)
        hits += [each for each in near if each.holds]
        if len(hits) >= limit or len(near) < step:
            return hits[:limit], None
        looked_at, after = looked_at + step, (near[-1].rank, near[-1].id)
        if not hits:
            break
        step = max(FEW, (limit - len(hits)) * looked_at // len(hits))
    known = search.held(tx, asked.words, COMMON + 1)
    if len(known) <= COMMON:
        return hits + _looked_up(tx, asked, known, after, limit - len(hits)), None
    near = _looked_through(tx, asked, after, LOOKED_AT)
    hits += [each for each in near if each.holds]
    is_all = len(hits) >= limit or len(near) < LOOKED_AT
    return hits[:limit], None if is_all else near[-1]


def _looked_through(tx: Tx, asked: Asked, after: tuple[int, str] | None, limit: int) -> list[Any]:
    """The next `limit` in order, and whether each `holds` the words."""
    order, holds = _in_order(tx, asked, after, limit), search.holding(tx, asked.words)
    if order is None or holds is None:
        return []
    near = order.subquery("near")
    told = select(holds).where(search_rows.c.comment_id == near.c.id).scalar_subquery()
    query = select(near.c.id, near.c.rank, told.label("holds"))
    return list(tx.execute(query.order_by(*_order(asked, near.c.id, near.c.rank))))


def _looked_up(tx: Tx, asked: Asked, known: Sequence[str], after: tuple[int, str] | None, limit: int) -> list[Any]:
    """The next of those that are `known` to hold the words. Ids sort by time, so by age the first are met first."""
    known = sorted(known, reverse=asked.sort is not Sort.OLDEST)
    by_age, rank = asked.sort in _BY_AGE, _rank(asked)
    if after is not None and by_age:
        known = [each for each in known if (each > after[1] if asked.sort is Sort.OLDEST else each < after[1])]
    sites = _sites(tx, asked)
    found: list[Any] = []
    step = min(2 * limit, 1000)
    for at in range(0, len(known), step):
        query = select(comments.c.id, rank.label("rank")).where(comments.c.id.in_(known[at : at + step]))
        query = query.where(func.trim(comments.c.site).in_(sites), *_narrowed(asked), *_timed(asked, comments.c.id))
        query = query.where(func.trim(comments.c.status).in_([status.value for status in _statuses(asked)]))
        if after is not None:
            query = query.where(_beyond(asked, comments.c.id, rank, after))
        found += tx.execute(query.order_by(*_order(asked, comments.c.id, rank)).limit(limit))
        if len(found) >= limit and by_age:
            break
    if not by_age:
        found.sort(key=lambda each: (each.rank, each.id), reverse=asked.sort in _MOST_FIRST)
    return found[:limit]


def _sites(tx: Tx, asked: Asked) -> Sequence[str]:
    author = asked.author
    if author is not None and author.email_index is None and author.id is None:
        return [author.site] if asked.sites is None or author.site in asked.sites else []
    return list(tx.execute(select(counters.c.site).distinct()).scalars()) if asked.sites is None else asked.sites


def _statuses(asked: Asked) -> Sequence[Status]:
    return [asked.status] if asked.status else list(Status)


def _head(asked: Asked, site: str, status: Status, after: Any, limit: int) -> Select[Any]:
    """The nearest to the cursor in one site and status: a stretch of one index, whatever the size of the queue."""
    by_rule = asked.rule is not None and not _narrower_than_rule(asked)
    table = comment_rules if by_rule else comments
    number, rank = (table.c.comment_id if by_rule else table.c.id), _rank(asked, table)
    # Where few are named, their own ids serve, not the site's index.
    here = table.c.site if asked.among is None else func.trim(table.c.site)
    query = select(number.label("id"), rank.label("rank")).where(here == site)
    if by_rule:
        query = query.where(table.c.rule == asked.rule, table.c.status == status.value, *_raised(asked, number))
    else:
        # An author has few comments, and few are escalated: their own index serves, not the tab's.
        few = asked.author is not None or asked.escalated or asked.among is not None
        stands = func.trim(comments.c.status) if few else comments.c.status
        query = query.where(stands == status.value, *_narrowed(asked))
    query = query.where(*_timed(asked, number))
    if after is not None:
        query = query.where(_beyond(asked, number, rank, after))
    stretch = query.order_by(*_order(asked, number, rank)).limit(limit).subquery()
    return select(stretch)


def _narrower_than_rule(asked: Asked) -> bool:
    """Whether something is asked that the table of rules does not know."""
    others = (asked.author, asked.article, asked.language, asked.decided_by, asked.among)
    return any(each is not None for each in others) or asked.sort is Sort.ARTICLE or _of_reported(asked)


def _of_reported(asked: Asked) -> bool:
    """Whether only those are asked for that readers reported: sorted by that, there are no others."""
    return asked.reported or asked.sort is Sort.REPORTED


def _rank(asked: Asked, table: Any = comments) -> Any:
    """What a sort looks at before age."""
    if asked.sort is Sort.REPORTED:
        return comments.c.reports
    return comments.c.article_id if asked.sort is Sort.ARTICLE else table.c.gravity


def _timed(asked: Asked, number: Any) -> list[ColumnElement[bool]]:
    """Ids sort by time, so that a time is a place among them."""
    since = [number >= ids.first(asked.since)] if asked.since is not None else []
    return since + ([number < ids.first(asked.until)] if asked.until is not None else [])


def _narrowed(asked: Asked) -> list[ColumnElement[bool]]:
    """The filters that one of several indexes may serve."""
    wanted: list[ColumnElement[bool]] = []
    author = asked.author
    if author is not None and (author.id is not None or author.email_index is not None):
        ways = ((comments.c.author_id, author.id), (comments.c.email_index, author.email_index))
        wanted.append(or_(*(column == key for column, key in ways if key is not None)))
    elif author is not None:
        wanted += [comments.c.email_index.is_(None), comments.c.author_name == author.name]
    if asked.among is not None:
        wanted.append(comments.c.id.in_(list(asked.among)))
    if _of_reported(asked):
        wanted.append(reports.IS_REPORTED)
    if asked.article is not None:
        wanted.append(comments.c.article_id == asked.article)
    if asked.decided_by is not None:
        wanted.append(comments.c.decided_by == asked.decided_by)
    if asked.language is not None:
        wanted.append(comments.c.language == asked.language)
    if asked.rule is not None:
        told = (comment_rules.c.comment_id == comments.c.id, comment_rules.c.rule == asked.rule)
        wanted.append(exists().where(*told))
    return wanted + _raised(asked, comments.c.id)


def _raised(asked: Asked, number: Any) -> list[ColumnElement[bool]]:
    if asked.escalated is None:
        return []
    raised = number.in_(select(escalations.c.comment_id))
    return [raised if asked.escalated else ~exists().where(escalations.c.comment_id == number)]


def _order(asked: Asked, number: Any, rank: Any) -> list[Any]:
    if asked.sort in _MOST_FIRST:
        return [rank.desc(), number.desc()]
    if asked.sort is Sort.ARTICLE:
        return [rank, number]
    return [number if asked.sort is Sort.OLDEST else number.desc()]


def _beyond(asked: Asked, number: Any, rank: Any, after: tuple[int, str]) -> ColumnElement[bool]:
    if asked.sort in _MOST_FIRST:
        return tuple_(rank, number) < tuple_(*after)
    if asked.sort is Sort.ARTICLE:
        return tuple_(rank, number) > tuple_(*after)
    beyond: ColumnElement[bool] = number > after[1] if asked.sort is Sort.OLDEST else number < after[1]
    return beyond


def _cursor_at(asked: Asked, last: Any | None) -> str | None:
    if last is None:
        return None
    rank = [] if asked.sort in _BY_AGE else [f"{last.rank:016d}"]
    return queries.cursor_of(*rank, last.id)


def _read_cursor(asked: Asked, cursor: str) -> tuple[int, str]:
    parts = queries.read_cursor(cursor, 1 if asked.sort in _BY_AGE else 2)
    if len(parts) == 2 and not parts[0].isdecimal():
        raise queries.bad_cursor()
    return (int(parts[0]) if len(parts) == 2 else 0), parts[-1]


_BY_AGE = frozenset({Sort.OLDEST, Sort.NEWEST})
"""Sorts that look at nothing else."""
_MOST_FIRST = frozenset({Sort.GRAVEST, Sort.REPORTED})
"""Sorts by a number that the gravest or most reported have most of, the newest first."""
