"""Public reads: an article's thread as JSON, kept encoded for a moment, so that most reads cost no query.

A page of a thread is good for `FRESH` seconds without asking; then one point read tells whether the article's
public version has moved. When the store is down, what was read lately is served for `STALE` seconds.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import orjson
from flask import current_app

from moderation.edges import queries
from moderation.errors import NotFound, StoreError
from moderation.judge.ruleset import Ruleset, SiteRules
from moderation.runtime import Runtime
from moderation.settings import Site
from moderation.values import Article
from moderation.web.nodes import nodes

FRESH = 0.5
STALE = 60.0
MOST_PAGES = 2000
Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Page:
    """An encoded page. `view` is the same as a dict; `read_at` is monotonic seconds."""

    version: tuple[str, int, int]
    body: bytes
    etag: str
    view: dict[str, Any]
    read_at: float


def thread_view(site_id: str, article_key: str, cursor: str = "", *, newest_first: bool = False) -> dict[str, Any]:
    """A page of a thread as a dict, for the pages, never older than now: who has just posted is led to one, by any of
    the workers. Raises what `Threads.page` raises."""
    return threads().page(site_id, article_key, cursor, newest_first=newest_first, fresh=0).view


def threads() -> Threads:
    """This process's pages."""
    return cast(Threads, current_app.extensions["threads"])


class Threads:
    """The encoded pages that were read last, at most `MOST_PAGES`. One for each process; thread safe."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._pages: OrderedDict[tuple[str, str, str, bool], Page] = OrderedDict()
        self._ready: OrderedDict[tuple[str, str], Page] = OrderedDict()
        self._mutex = threading.Lock()

    def page(self, site_id: str, key: str, cursor: str, *, newest_first: bool, fresh: float = FRESH) -> Page:
        """`fresh`: for how many seconds an earlier reading is good without asking. Raises NotFound for the site,
        Invalid for the cursor, StoreError when there is nothing to fall back on."""
        rules = self._rt.rules
        site = rules.sites.get(site_id)
        if site is None:
            raise NotFound("site")
        name = (site_id, key, cursor, newest_first)
        now = time.monotonic()
        known = self._pages.get(name)
        if known and now - known.read_at < fresh and known.version[0] == rules.revision:
            return known
        try:
            page = self._read(rules, site, name, known, now)
        except StoreError:
            if known and now - known.read_at < STALE:
                return known
            raise
        self._keep(self._pages, name, page)
        return page

    def ready(self, asked: tuple[str, str]) -> Page | None:
        """The page that was the answer to this path and query, while it is good without asking."""
        page = self._ready.get(asked)
        if page is None or time.monotonic() - page.read_at >= FRESH or page.version[0] != self._rt.rules.revision:
            return None
        return page

    def remember(self, asked: tuple[str, str], page: Page) -> None:
        """`page` is the answer to this path and query."""
        self._keep(self._ready, asked, page)

    def _keep(self, pages: OrderedDict[Name, Page], name: Name, page: Page) -> None:
        with self._mutex:
            pages[name] = page
            pages.move_to_end(name)
            if len(pages) > MOST_PAGES:
                pages.popitem(last=False)

    def _read(
        self, rules: Ruleset, site: SiteRules, name: tuple[str, str, str, bool], known: Page | None, now: float
    ) -> Page:
        site_id, key, cursor, newest_first = name
        with self._rt.store.reading() as connection:
            article = queries.article(connection, site_id, key)
            version = (rules.revision, article.id if article else 0, article.version if article else 0)
            if known and known.version == version and not _may_close(site, article):
                return replace(known, read_at=now)
            found = queries.ThreadPage((), None)
            count = 0
            if article:
                size = site.settings.page_size
                found = queries.thread(connection, article.id, cursor or None, size, newest_first=newest_first)
                count = queries.approved_counts(connection, site_id, [key])[key]
        view = self._view(site, key, article, found, count)
        body = orjson.dumps(view)
        return Page(version, body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"', view, now)

    def _view(
        self, site: SiteRules, key: str, article: Article | None, page: queries.ThreadPage, count: int
    ) -> dict[str, Any]:
        settings = site.settings
        closed = "site" if settings.closed else None
        if article and not closed:
            closed = article.closed_why(settings.close_after_days, self._rt.now())
        return {
            "article": {
                "key": key,
                "url": article.public_url if article else None,
                "title": article.public_title if article else None,
                "closed": closed,
            },
            "count": count,
            "comments": [_shown(comment, settings.depth) for comment in page.comments],
            "next": page.next,
            "form": {
                "language": settings.language,
                "email": settings.email,
                "verify": settings.verify,
                "proof": settings.form.proof,
                "name_max": settings.lengths.name_max,
                "body_max": settings.lengths.body_max,
                "url_max": settings.lengths.url_max,
                "depth": settings.depth,
                "receipt_days": settings.receipt.appeal_days,
                "privacy": f"/t/{site.id}/privacy",
                "reasons": _reasons(settings) if settings.reports else [],
                "report_mail": settings.reports and self._rt.mail_server is not None,
            },
        }


def _reasons(settings: Site) -> list[dict[str, str]]:
    return [{"code": each.code, "label": each.said_in(settings.language)} for each in settings.reasons]


def _may_close(site: SiteRules, article: Article | None) -> bool:
    return bool(article and site.settings.close_after_days)


def _shown(comment: queries.PublicComment, depth: int) -> dict[str, Any]:
    """The one public form of a comment: nothing of it comes from an e-mail address."""
    return {
        "id": comment.id,
        "parent": comment.parent_id,
        "depth": min(comment.depth, depth - 1),
        "author": {"name": comment.author_name, "url": comment.author_url},
        "html": comment.html,
        "nodes": nodes(comment.html),
        "created_at": comment.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
