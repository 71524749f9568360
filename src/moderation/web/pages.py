"""What readers see as HTML: the thread page with its form, the demo article, and the widget's script.

Nothing is read or decided here: threads come from `web.threads`, submissions go to `web.api`, which asks `form_page`
for the answer when a form post is refused. The widget builds a comment's text from `nodes` (see `web.nodes`) and never
from HTML, so that it runs where Trusted Types forbid parsing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from moderation import catalogue, forms, receipts
from moderation.actions import own_comment
from moderation.catalogue import _, counted, moment
from moderation.edges import queries
from moderation.errors import NotFound
from moderation.settings import Site
from moderation.web import cookies, fields
from moderation.web.context import rt, settings_of
from moderation.web.decisions import COMMENT_ID
from moderation.web.nodes import is_tall
from moderation.web.origins import origins_of
from moderation.web.stands import stands
from moderation.web.threads import thread_view

pages = Blueprint("pages", __name__)

DEMO = "demo"
DEMO_ARTICLE = "night-ferry"
DEMO_TITLE = "The last ferry will run until two"
STATIC = Path(__file__).parent / "static" / "reader"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'{origins}; {more}"
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

FIELDS = {
    "article": ("article", "comment_post_ID"),
    "article_title": ("article_title",),
    "article_url": ("article_url",),
    "parent": ("parent", "comment_parent"),
    "body": ("body", "comment"),
    "author": ("author", "author.name", "author_name"),
    "email": ("email", "author.email"),
    "url": ("url", "author.url"),
    "form_token": ("form_token",),
    "author_token": ("author_token",),
    "subject": ("subject",),
}
"""Our form's fields, each with the names it may arrive under."""
LABELS = {
    "/body": ("body", "Comment"),
    "/author": ("author", "Name"),
    "/author/name": ("author", "Name"),
    "/author/email": ("email", "Email"),
    "/author/url": ("url", "Website"),
}
"""Where a problem's pointer leads in our form, in its order: the field and its label."""


@pages.get("/t/<site_id>")
def thread(site_id: str) -> Response:
    """An article's thread and form, without JavaScript. `reply` names the comment to answer, `held` one that waited;
    only the browser that sent it is told how it stands, and led to its receipt."""
    settings = settings_of(site_id)
    cursor = request.args.get("cursor", "")
    view = thread_view(site_id, fields.article_key(request.args.get("article", ""), origins_of(settings)), cursor)
    article = view["article"]
    if (site_id, article["key"], article["title"]) == (DEMO, DEMO_ARTICLE, None):
        article = article | {"title": DEMO_TITLE}
    parent, answers = _answered(site_id, article["key"], request.args.get("reply", ""))
    held = _held(site_id, request.args.get("held", ""))
    response = _page(
        settings,
        200,
        site=_site(site_id, settings),
        thread={"article": article, "comments": _nested(view["comments"], settings), "next": view["next"]},
        heading=_heading(view["count"], bool(article["closed"]), bool(held)),
        held=held,
        later=bool(cursor),
        form=_form(site_id, {"article": article["key"], "parent": parent}, answers=answers),
    )
    if held is None:  # its form is for one reader only; yet going back in the browser finds it as it was typed
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def keep_receipt(response: Response, site_id: str, comment_id: str) -> None:
    """Give the sender's browser the receipt for the page that it is led to."""
    cookies.sent(site_id).give(response, receipts.give(rt(), comment_id))


def _held(site_id: str, comment_id: str) -> dict[str, str] | None:
    """The comment that the page tells about, with the page of its receipt. None where this browser has not sent it, or
    it is gone."""
    if not COMMENT_ID.match(comment_id):
        return None
    try:
        state = own_comment.look(rt(), cookies.sent(site_id).read(), site=site_id)
    except NotFound:
        return None
    if state.id != comment_id:
        return None
    return {"id": state.id, "status": state.status, "stands": stands(state), "link": receipts.link(rt(), state.id)}


def form_page(
    site_id: str,
    article: str,
    values: Mapping[str, str],
    problems: Sequence[Mapping[str, str]],
    status: int,
    sentence: str | None = None,
    detail: str | None = None,
) -> Response:
    """The answer to a form post that was refused: what is wrong, and the form with everything that was typed.

    `problems` are those of the problem document (`pointer`, `code`, `detail`); `sentence` and `detail` are said where
    there are none. Reads nothing but the rules, so that it also works while the store is away. Raises NotFound for an
    unknown site.
    """
    settings = settings_of(site_id)
    key = article or _typed(values)["article"]
    return _page(
        settings,
        status,
        site=_site(site_id, settings),
        thread={"article": {"key": key, "url": None, "title": None, "closed": None}, "comments": None, "next": None},
        form=_form(site_id, dict(values) | {"article": key}, problems, sentence, detail),
    )


def _page(settings: Site, status: int, **shown: Any) -> Response:
    """The thread page. Its form ends at an article on one of the site's origins: browsers hold a form's redirects to
    `form-action` as well."""
    response = make_response(render_template("reader/thread.html", **shown), status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = POLICY.format(
        origins=" ".join(("", *settings.origins)), more="" if settings.form.proof == "off" else "connect-src 'self'; "
    )
    return response


@pages.get("/")
def home() -> Response:
    """For who comes to the bare address: where the desk and the API are."""
    return make_response(render_template("home.html"))


@pages.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """Browsers ask for it beside answers that name no icon."""
    return redirect(url_for("static", filename="desk/icon.svg"), 301)


@pages.get("/demo/<site_id>/")
def demo(site_id: str) -> Response:
    """An article to try the comments on."""
    if site_id != DEMO:
        raise NotFound("page")
    settings_of(site_id)
    return make_response(render_template("reader/demo.html", site_id=site_id, article=DEMO_ARTICLE, title=DEMO_TITLE))


@pages.get("/embed.js")
def embed() -> Response:
    """The widget's script, for any page's cache."""
    script, etag = _embed()
    response = Response(script, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(etag)
    response.make_conditional(request)
    return response


@cache
def _embed() -> tuple[bytes, str]:
    """The widget with all that belongs in it, and its hash."""
    style = re.sub(r"/\*.*?\*/|\n\s*", "", (STATIC / "comments.css").read_text("utf-8"), flags=re.DOTALL)
    source = (STATIC / "embed.js").read_text("utf-8")
    words = {code: catalogue.words_of("static/reader/", code) for code in catalogue.LANGUAGES}
    for part in ("proof", "left"):
        source = source.replace(f"/* @@{part.upper()}@@ */", (STATIC / f"{part}.js").read_text("utf-8"), 1)
    script = source.replace('"@@STYLE@@"', json.dumps(style), 1)
    whole = script.replace('"@@WORDS@@"', json.dumps(words, ensure_ascii=False), 1).encode()
    # No string or pattern in it goes over more than a line, or begins one.
    whole = re.sub(rb"(?ms)^ *(/\*.*?\*/\n| +)", b"", whole)
    return whole, hashlib.sha256(whole).hexdigest()[:24]


def _site(site_id: str, settings: Site) -> dict[str, Any]:
    return {
        "id": site_id,
        "name": settings.name or site_id,
        "body_max": settings.lengths.body_max,
        "needs_email": settings.email == "required",
        "verifies": settings.verify == "mail",
        "proof": settings.form.proof != "off",
        "holds_all": settings.mode == "pre",
        "takes_reports": settings.reports,
    }


def _heading(count: int, closed: bool, has_sent: bool) -> str:
    if count == 0:
        return _("No comments") if closed or has_sent else _("Be the first to comment")
    return counted("{n} comment", "{n} comments", count)


def _answered(site_id: str, article_key: str, comment_id: str) -> tuple[str, str]:
    """The public comment of this article that a reply answers, and its author's name; empty for any other id."""
    if not comment_id:
        return "", ""
    with rt().store.reading() as tx:
        found = queries.public_comment(tx, site_id, comment_id)
    if found is None or found[1].key != article_key:
        return "", ""
    return comment_id, found[0].author_name


def _nested(comments: Sequence[Mapping[str, Any]], settings: Site) -> list[dict[str, Any]]:
    """Comments in reading order as a tree of at most `depth` levels; what lies deeper stands behind what it answers."""
    zone = ZoneInfo(settings.timezone)
    top: list[dict[str, Any]] = []
    placed: dict[str, tuple[dict[str, Any], list[dict[str, Any]], int]] = {}
    for comment in comments:
        parent = placed.get(comment["parent"] or "")
        at = datetime.fromisoformat(comment["created_at"]).astimezone(zone)
        card = {
            **comment,
            "html": Markup(comment["html"]),  # noqa: S704 - made and cleaned by text.markup when the comment was written
            "when": moment(at, "d MMMM y 'at' HH:mm"),
            "replies": [],
            "is_tall": is_tall(comment["nodes"]),
            "answers": "",
        }
        siblings, level = top, 0
        if parent and parent[2] + 1 < settings.depth:
            siblings, level = parent[0]["replies"], parent[2] + 1
        elif parent:
            siblings, level = parent[1], parent[2]
            card["answers"] = parent[0]["author"]["name"]
        siblings.append(card)
        placed[comment["id"]] = (card, siblings, level)
    return top


def _form(
    site_id: str,
    values: Mapping[str, str],
    problems: Sequence[Mapping[str, str]] = (),
    sentence: str | None = None,
    detail: str | None = None,
    answers: str = "",
) -> dict[str, Any]:
    wrong: dict[str, str] = {}
    lines = []
    order = {pointer: place for place, pointer in enumerate(LABELS)}
    for problem in sorted(problems, key=lambda each: order.get(each["pointer"], -1)):
        field, label = LABELS.get(problem["pointer"], ("", ""))
        wrong.setdefault(field, problem["detail"])
        lines.append({"field": field, "words": f"{_(label)}: {problem['detail']}" if label else problem["detail"]})
    typed = _typed(values)
    if any(problem["pointer"] == "/author/token" for problem in problems):
        typed["author_token"] = ""  # it will be no better the second time
    key = fields.article_url(typed["article"], origins_of(settings_of(site_id))) or typed["article"]
    if forms.read(rt(), typed["form_token"], site_id, key) in (forms.NO_FORM, forms.FORGED):
        typed["form_token"] = forms.give(rt(), site_id, key)
    is_said = detail is None or detail.rstrip(".") == (sentence or "").rstrip(".")
    return {
        "action": url_for("api.post_comment", site_id=site_id),
        "typed": typed,
        "lines": lines,
        "wrong": wrong,
        "sentence": sentence or (_("There is a problem") if lines else None),
        "detail": None if is_said or lines else detail,
        "answers": answers,
    }


def _typed(values: Mapping[str, str]) -> dict[str, str]:
    """What was typed, by our field names, from whichever alias it came under."""
    return {field: next((values[name] for name in names if values.get(name)), "") for field, names in FIELDS.items()}
