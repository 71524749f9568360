"""Closing an article to new comments at the desk, and opening it again. What is there stays to be read."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions import articles
from moderation.edges import queries
from moderation.edges.schema import Tx
from moderation.errors import FieldProblem, Invalid, NotFound
from moderation.values import Article, Moderator, Right
from moderation.web import auth
from moderation.web.context import request_id, rt
from moderation.web.views import is_number, view_in

closing = Blueprint("closing", __name__, url_prefix="/desk")


@closing.post("/articles")
@auth.signed_in(Right.MANAGE_ARTICLES)
def change() -> AnyResponse:
    """Close or open one. The page goes back to where it was and offers the way back."""
    who = auth.current()
    wish = request.form.get("do", "")
    if wish not in ("close", "open"):
        raise Invalid([FieldProblem("/do", "choice")])
    with rt().store.reading() as tx:
        article = _seen(tx, who, request.form.get("article", ""))
    if article is None:
        raise NotFound("article")
    is_closed = wish == "close"
    articles.change(
        rt(), who, article.site, article.key, closed=is_closed, title=None, url=None, request_id=request_id()
    )
    return redirect(view_in(request.form, who).path(of=str(article.id)), 303)


def article_notice(tx: Tx, who: Moderator, number: str) -> dict[str, Any] | None:
    """How an article stands now, with what a button may do with it; None for one that is not theirs."""
    article = _seen(tx, who, number)
    if article is None:
        return None
    return {"id": article.id, "title": article.title or article.key, "closed": article.closed}


def _seen(tx: Tx, who: Moderator, number: str) -> Article | None:
    article = queries.article_by_id(tx, int(number)) if is_number(number) else None
    return article if article and who.may(Right.MANAGE_ARTICLES, article.site) else None
