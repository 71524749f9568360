"""The API: submissions and public reads for article pages, queue and decisions for scripts. Decides nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode

import orjson
from flask import Blueprint, Response, current_app, g, request

from moderation import catalogue, forms, logins, proof_of_work, receipts
from moderation.actions import articles as article_actions
from moderation.actions import review
from moderation.actions.submit import Intake
from moderation.edges import queries, queue, reports, telemetry
from moderation.edges.comments import finding_row
from moderation.errors import (
    FieldProblem,
    Invalid,
    ModerationError,
    NotFound,
    TooLarge,
    UnsupportedContent,
)
from moderation.settings import Site
from moderation.values import Comment, Receipt, Right, Sort, Status
from moderation.web import aliases, auth, confirm, fields, pages, strict, wire
from moderation.web.answers import private
from moderation.web.context import client_address, request_id, rt, settings_of
from moderation.web.front import OUTCOME, receipt_json
from moderation.web.headers import CACHEABLE
from moderation.web.origins import check_origin, origins_of, preflight
from moderation.web.problems import problem, slug
from moderation.web.threads import threads

api = Blueprint("api", __name__)

MOST_COUNTS = 100


@api.post("/v1/<site_id>/comments")
def post_comment(site_id: str) -> Response:
    """Take in a comment. JSON or a form; the form's answers are for people."""
    settings = settings_of(site_id)
    kind = content_kind()
    values: Mapping[str, str] = {}
    try:
        if kind == "form":  # first, so that a refusal gives back what was typed
            values = strict.parse_form(comment_bytes(settings, kind))
        check_origin(settings)
        receipt = _outcome() or _submit(
            site_id,
            settings,
            aliases.from_form(values) if kind == "form" else strict.parse_json(comment_bytes(settings, kind)),
            token=_login_token() or (confirm.kept(site_id) if kind == "form" else None),
        )
    except ModerationError as error:
        telemetry.count_submission(site_id, slug(error))
        if kind == "json":
            raise
        return _form_refused(site_id, values, error)
    telemetry.count_submission(site_id, "published" if receipt.published else "held")
    return _accepted(site_id, receipt, kind)


def _outcome() -> Receipt | None:
    """What submitting this very body has come to before Flask was asked. Raises that."""
    outcome = request.environ.get(OUTCOME)
    if isinstance(outcome, Exception):
        raise outcome
    return cast(Receipt | None, outcome)


def _submit(site_id: str, settings: Site, value: Any, token: str | None) -> Receipt:
    submission = wire.submission(
        value,
        site_id=site_id,
        site=settings,
        address=client_address(),
        request_id=request_id(),
        own_origin=rt().env.public_url,
        key=request.headers.get("Idempotency-Key"),
        login=lambda token: logins.read(rt(), site_id, settings.login, token),
        token=token,
    )
    return intake().submit(submission)


def _login_token() -> str | None:
    """A token of the publisher's login that came as a header. Those of our API have no dots, and prove no author."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.count(".") == 2 else None


def _accepted(site_id: str, receipt: Receipt, kind: str) -> Response:
    if kind == "form":
        location = _after_form(site_id, receipt)
        response = Response(b"", 303, {"Location": location, **receipt.headers})
        if not (receipt.published or receipt.article_url):
            pages.keep_receipt(response, site_id, receipt.comment_id)
        return response
    status = 201 if receipt.published else 202
    link = receipts.link(rt(), receipt.comment_id)
    response = Response(
        receipt_json(receipt, link, catalogue.spoken()),
        status,
        receipt.headers,
        "application/json",
    )
    if receipt.published:
        response.headers["Location"] = _after_form(site_id, receipt)
    return response


def _after_form(site_id: str, receipt: Receipt) -> str:
    """Where a reader goes after posting: the article where its address is known, else the thread page, which thanks
    for one that waits. People share such addresses, so the receipt is not in them."""
    if receipt.article_url:
        return f"{receipt.article_url}#comment-{receipt.comment_id}"
    held = {} if receipt.published else {"held": receipt.comment_id}
    query = {"article": receipt.article_key} | held
    return f"/t/{site_id}?{urlencode(query)}#comment-{receipt.comment_id}"


def _form_refused(site_id: str, values: Mapping[str, str], error: ModerationError) -> Response:
    """An accessible page with the form as it was typed."""
    status, body, headers = problem(error, request_id())
    response = pages.form_page(
        site_id,
        values.get("article") or values.get("comment_post_ID") or "",
        values,
        body.get("errors", []),
        status,
        sentence=body["title"] if not body.get("errors") else None,
        detail=body["detail"],
    )
    response.headers.extend(headers)
    return response


@api.route("/v1/<site_id>/comments", methods=["OPTIONS"])
def preflight_comment(site_id: str) -> Response:
    """CORS preflight: an exact listed origin or nothing."""
    return preflight(settings_of(site_id), "POST, OPTIONS", "authorization, content-type, idempotency-key")


def content_kind() -> str:
    """`json` or `form`. Raises UnsupportedContent."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedContent("content-encoding")
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    kind = {"application/json": "json", "application/x-www-form-urlencoded": "form"}.get(request.mimetype)
    if kind is None or charset not in ("utf-8", "utf8"):
        raise UnsupportedContent("content-type")
    return kind


def body_bytes(most: int = wire.MOST_BYTES) -> bytes:
    """At most so many. Raises TooLarge."""
    if (request.content_length or 0) > most:
        raise TooLarge(most)
    request.max_content_length = most + 1
    raw = request.stream.read(most + 1)
    if len(raw) > most:
        raise TooLarge(most)
    return raw


def comment_bytes(settings: Site, kind: str) -> bytes:
    """The body that holds a comment's text, `json` or `form`. Raises TooLarge."""
    try:
        return body_bytes(wire.FORM_MOST if kind == "form" else wire.most_bytes(settings))
    except TooLarge as error:
        raise TooLarge(error.limit, settings.lengths.body_max) from None


@api.get("/v1/<site_id>/comments")
def get_thread(site_id: str) -> Response:
    """An article's approved comments, for anyone and any cache."""
    g.cors_origin = "*"  # also of an error: that there is no such site, say
    page = threads().page(site_id, _article_key(site_id), request.args.get("cursor", ""), newest_first=_newest_first())
    threads().remember((request.environ["PATH_INFO"], request.environ["QUERY_STRING"]), page)
    return _cacheable(page.body, page.etag)


@api.get("/v1/<site_id>/counts")
def get_counts(site_id: str) -> Response:
    """How many approved comments each `article` has."""
    origins = origins_of(settings_of(site_id))
    given = request.args.getlist("article")
    if not 1 <= len(given) <= MOST_COUNTS:
        raise Invalid([FieldProblem("/article", "required" if not given else "too-many")])
    keys = {each: fields.article_key(each, origins) for each in given}
    with rt().store.reading() as connection:
        counted = queries.approved_counts(connection, site_id, list(set(keys.values())))
    return _cacheable(orjson.dumps({"counts": {each: counted[key] for each, key in keys.items()}}), None)


@api.get("/v1/<site_id>/form")
def get_form(site_id: str) -> Response:
    """A token for a form under an article, to be sent back with the comment. Each is handed out once. A page that may
    not send one is told so: of a refused preflight no script learns why."""
    g.cors_origin = "*"
    check_origin(settings_of(site_id))
    token = forms.give(rt(), site_id, _article_key(site_id))
    return Response(orjson.dumps({"token": token}), 200, {"Cache-Control": "no-store"}, "application/json")


@api.get("/v1/<site_id>/challenge")
def get_challenge(site_id: str) -> Response:
    """A challenge of the proof of work, whose solution is sent back with the comment. Each is handed out once."""
    settings = settings_of(site_id).form
    if settings.proof == "off":
        raise NotFound("challenge")
    headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
    return Response(orjson.dumps(proof_of_work.give(rt(), site_id, settings)), 200, headers, "application/json")


def _cacheable(body: bytes, etag: str | None) -> Response:
    headers = CACHEABLE | ({"ETag": etag} if etag else {})
    if etag and etag in request.headers.get("If-None-Match", ""):
        return Response(b"", 304, headers, "application/json")
    return Response(body, 200, headers, "application/json")


def _article_key(site_id: str) -> str:
    return fields.article_key(request.args.get("article", ""), origins_of(settings_of(site_id)))


def _newest_first() -> bool:
    order = request.args.get("order", "oldest")
    if order not in ("oldest", "newest"):
        raise Invalid([FieldProblem("/order", "choice")])
    return order == "newest"


@api.get("/v1/<site_id>/queue")
@auth.bearer(Right.READ_QUEUE)
def get_queue(site_id: str) -> Response:
    """The queue, for scripts and content systems: each comment with its version and its whole explanation."""
    settings_of(site_id)
    given = request.args.get("status", "pending")
    is_reported = given == "reported"
    status = Status.APPROVED if is_reported else wire.status_of(given)
    with rt().store.reading() as connection:
        sort = Sort.OLDEST if status is Status.PENDING else Sort.REPORTED if is_reported else Sort.NEWEST
        asked = queue.Asked([site_id], status, sort=sort, reported=is_reported)
        page = queue.page(connection, asked, request.args.get("cursor") or None)
        reported = reports.of_comments(connection, [item.id for item in page.items if item.reports])
        counts = queries.tab_counts(connection, [site_id])
    return private(
        {
            "counts": {tab.value: count for tab, count in counts.items()},
            "items": [_queued(item, reported.get(item.id, ())) for item in page.items],
            "next": page.next,
        }
    )


@api.post("/v1/<site_id>/decisions")
@auth.bearer(Right.DECIDE)
def post_decisions(site_id: str) -> Response:
    """Decide about comments. 409 when not one of them could be decided; each answer says how its comment stands."""
    settings_of(site_id)
    rulings = wire.rulings(json_body())
    outcomes = review.decide(rt(), auth.current(), rulings, request_id(), site=site_id)
    for ruling, outcome in zip(rulings, outcomes, strict=True):
        telemetry.decisions_total.labels(ruling.decision.value, outcome.result).inc()
    answers = [
        {
            "id": outcome.comment_id,
            "result": outcome.result,
            "status": outcome.status,
            "version": outcome.version,
            "decided_by": outcome.decided_by,
            "decided_at": outcome.decided_at,
        }
        for outcome in outcomes
    ]
    return private(answers, 200 if any(outcome.result == "decided" for outcome in outcomes) else 409)


@api.post("/v1/<site_id>/articles")
@auth.bearer(Right.MANAGE_ARTICLES)
def post_article(site_id: str) -> Response:
    """Open or close an article, or make it known with its title and address."""
    origins = origins_of(settings_of(site_id))
    change = wire.article_change(json_body(), origins)
    key = fields.article_url(change.article, origins) or change.article
    article = article_actions.change(
        rt(),
        auth.current(),
        site_id,
        key,
        closed=change.closed,
        title=change.title,
        url=change.url,
        tags=change.tags,
        request_id=request_id(),
    )
    shown = {"key": article.key, "url": article.url, "title": article.title, "closed": article.closed}
    return private(shown)


def json_body(site: Site | None = None) -> Any:
    """What came as JSON; with the text of a comment, where `site` is given. Raises UnsupportedContent, TooLarge,
    Unparsable."""
    if content_kind() != "json":
        raise UnsupportedContent("content-type")
    return strict.parse_json(comment_bytes(site, "json") if site else body_bytes())


def _queued(comment: Comment, reported: Sequence[reports.Report]) -> dict[str, Any]:
    """The moderators' form of a comment. The e-mail address is masked here too."""
    record = comment.record
    return {
        "id": comment.id,
        "version": comment.version,
        "status": comment.status,
        "created_at": comment.created_at,
        "article": {"key": comment.article.key, "url": comment.article.url, "title": comment.article.title},
        "parent": {"id": comment.parent.id, "author": comment.parent.author_name, "body": comment.parent.body}
        if comment.parent
        else None,
        "author": {
            "name": comment.author_name,
            "url": comment.author_url,
            "email": comment.email_masked,
            "verified": comment.verified,
            "record": {"approved": record.approved, "rejected": record.rejected, "spam": record.spam},
        },
        "body": comment.body,
        "html": comment.html,
        "masked": [[span.start, span.end, span.label] for span in comment.masks],
        "explanation": {
            "verdict": comment.verdict,
            "revision": comment.revision,
            "findings": [finding_row(finding) for finding in comment.findings],
        },
        "decided": {"by": comment.decided_by, "at": comment.decided_at, "reason": comment.reason}
        if comment.decided_at
        else None,
        "escalated": dataclasses.asdict(comment.escalation) if comment.escalation else None,
        "reports": [{"reason": each.reason, "explanation": each.words, "at": each.at} for each in reported],
    }


def intake() -> Intake:
    """This process's intake of comments."""
    return cast(Intake, current_app.extensions["intake"])
