"""Open or close an article, make it known, tell its title, address and tags."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.edges import comments, journal
from moderation.errors import Forbidden, NotFound
from moderation.runtime import Runtime
from moderation.values import Article, ArticleRef, Moderator, Right


def change(
    rt: Runtime,
    who: Moderator,
    site: str,
    key: str,
    *,
    closed: bool | None,
    title: str | None,
    url: str | None,
    tags: Sequence[str] | None = None,
    request_id: str,
) -> Article:
    """The article as it then stands; one not yet known is made known. Raises Forbidden, NotFound (site)."""
    if site not in rt.rules.sites:
        raise NotFound("site")
    if not who.may(Right.MANAGE_ARTICLES, site):
        raise Forbidden(Right.MANAGE_ARTICLES.value)
    now = rt.now()
    with rt.store.writing() as tx:
        article = comments.make_articles(tx, site, [ArticleRef(key, url, title)], now)[key]
        comments.change_article(tx, article, closed=closed, title=title, url=url, tags=tags)
        action = {True: "article-closed", False: "article-opened", None: "article-told"}[closed]
        entry = journal.Entry(now, who.name, who.role, action, site, f"article:{article.id}", request_id=request_id)
        journal.write(tx, [entry])
        return comments.find_articles(tx, site, [key])[key]
