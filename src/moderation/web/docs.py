"""The API's documentation: an OpenAPI 3.1 document made from the table below, and a page made from that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from flask import Blueprint, Response, render_template
from markupsafe import Markup, escape
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from moderation import __version__
from moderation.errors import (
    Closed,
    Duplicate,
    Forbidden,
    Invalid,
    KeyReused,
    ModerationError,
    NotFound,
    NotSignedIn,
    OriginRefused,
    Outdated,
    ParentNotPublic,
    Settled,
    TooFast,
    TooLarge,
    TooManyReports,
    Unavailable,
    Unparsable,
    UnsupportedContent,
)
from moderation.values import Right
from moderation.web import shapes, wire
from moderation.web.context import rt
from moderation.web.problems import FIELD_SENTENCES, QUOTA, STATUSES

docs = Blueprint("docs", __name__)


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table. `refused` are the errors it may end in, `answers` (status, sentence, shape, headers)."""

    method: str
    path: str
    id: str
    summary: str
    answers: Sequence[tuple[int, str, type[BaseModel] | None, Sequence[str]]]
    refused: Sequence[type[ModerationError]] = ()
    query: Sequence[tuple[str, str, bool]] = ()
    body: type[BaseModel] | None = None
    is_list: bool = False
    takes_form: bool = False
    right: Right | None = None


_LIMITS = ("RateLimit", "RateLimit-Policy")
_BODY = (Unparsable, TooLarge, UnsupportedContent, Invalid)
_READ = (NotFound, Invalid, Unavailable)
_TOKEN = (NotSignedIn, Forbidden)
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "post", "/v1/{site}/comments", "postComment", "Take in a comment. JSON, or a plain form.",
        [(201, "Published at once: the site moderates afterwards.", shapes.ReceiptOut, ("Location", *_LIMITS)),
         (202, "Stored, and waiting for a moderator; the same whatever the rules thought.", shapes.ReceiptOut, _LIMITS),
         (303, "A form was taken in: on to the article, or to its thread page.", None, ("Location", *_LIMITS))],
        (*_BODY, Closed, ParentNotPublic, OriginRefused, NotFound, Duplicate, KeyReused, TooFast, Unavailable),
        body=wire.CommentIn, takes_form=True,
    ),
    Operation(
        "options", "/v1/{site}/comments", "preflight", "The CORS preflight, for the site's listed origins.",
        [(204, "This origin may post JSON.", None, ("Access-Control-Allow-Origin",))], (OriginRefused, NotFound),
    ),
    Operation(
        "get", "/v1/{site}/comments", "getThread", "An article's approved comments, in reading order.",
        [(200, "A page of the thread.", shapes.ThreadOut, ("ETag", "Cache-Control")),
         (304, "Unchanged since the ETag that was sent in If-None-Match.", None, ("ETag",))],
        _READ,
        query=[("article", "The article's id or URL.", True), ("cursor", "`next` of the page before.", False),
               ("order", "`oldest` (default) or `newest`.", False)],
    ),
    Operation(
        "post", "/v1/{site}/comments/{comment}/reports", "report", "Report a public comment to the moderators.",
        [(202, "The same whatever comes of it, also for a comment that is not there.", shapes.ReportedOut, ()),
         (303, "The same for a form: on to a page that says thank you.", None, ("Location",))],
        (*_BODY, OriginRefused, NotFound, TooManyReports, Unavailable), body=wire.ReportIn,
    ),
    Operation(
        "options", "/v1/{site}/comments/{comment}/reports", "preflightReport", "The CORS preflight.",
        [(204, "This origin may report.", None, ("Access-Control-Allow-Origin",))], (OriginRefused, NotFound),
    ),
    Operation(
        "get", "/v1/{site}/form", "getForm", "A token for a form, to be sent back with the comment.",
        [(200, "The token, for one comment under this article.", shapes.FormTokenOut, ())], (NotFound, Invalid),
        query=[("article", "The article's id or URL.", True)],
    ),
    Operation(
        "get", "/v1/{site}/challenge", "getChallenge", "A challenge of the proof of work, for one comment.",
        [(200, "The challenge, as ALTCHA's widget takes it.", shapes.ChallengeOut, ())], (NotFound,),
    ),
    Operation(
        "get", "/v1/{site}/receipts/{receipt}", "getOwn", "How one's own comment stands.",
        [(200, "What its author is told.", shapes.OwnOut, ())], (OriginRefused, NotFound, Unavailable),
    ),
    Operation(
        "patch", "/v1/{site}/receipts/{receipt}", "editOwn", "Write one's own comment anew: judged again, and held.",
        [(200, "How it stands now.", shapes.OwnOut, ())],
        (*_BODY, OriginRefused, Closed, Settled, NotFound, Outdated, TooFast, Unavailable), body=wire.EditIn,
    ),
    Operation(
        "delete", "/v1/{site}/receipts/{receipt}", "withdrawOwn", "Take one's own comment back.",
        [(204, "It is gone.", None, ())], (OriginRefused, NotFound, Unavailable),
    ),
    Operation(
        "options", "/v1/{site}/receipts/{receipt}", "preflightOwn", "The CORS preflight, for listed origins.",
        [(204, "This origin may ask.", None, ("Access-Control-Allow-Origin",))], (OriginRefused,),
    ),
    Operation(
        "post", "/v1/{site}/receipts/{receipt}/appeal", "appealOwn", "Ask once for a second look at a rejection.",
        [(200, "How it stands now: a moderator will look at it.", shapes.OwnOut, ())],
        (*_BODY, OriginRefused, Settled, NotFound, Outdated, TooFast, Unavailable), body=wire.AppealIn,
    ),
    Operation(
        "options", "/v1/{site}/receipts/{receipt}/appeal", "preflightAppeal", "The CORS preflight.",
        [(204, "This origin may ask.", None, ("Access-Control-Allow-Origin",))], (OriginRefused,),
    ),
    Operation(
        "get", "/v1/{site}/counts", "getCounts", "How many approved comments articles have; up to 100 at once.",
        [(200, "Counts by article.", shapes.CountsOut, ("Cache-Control",))], _READ,
        query=[("article", "An article's id or URL; may be repeated.", True)],
    ),
    Operation(
        "get", "/v1/{site}/queue", "getQueue", "The queue, with versions and full explanations.",
        [(200, "A page of the queue.", shapes.QueueOut, ())], (*_TOKEN, *_READ), right=Right.READ_QUEUE,
        query=[("status", "`pending` (default), `reported`, `approved`, `rejected`, `spam` or `all`.", False),
               ("cursor", "`next` of the page before.", False)],
    ),
    Operation(
        "post", "/v1/{site}/decisions", "decide", "Decide about up to 200 comments; an answer for each.",
        [(200, "At least one was decided.", shapes.OutcomeOut, ()),
         (409, "Not one could be decided; each answer says how its comment stands.", shapes.OutcomeOut, ())],
        (*_TOKEN, *_BODY, NotFound, Unavailable), body=wire.RulingIn, is_list=True, right=Right.DECIDE,
    ),
    Operation(
        "post", "/v1/{site}/articles", "changeArticle", "Open or close an article, or make it known.",
        [(200, "How the article stands.", shapes.ArticleStateOut, ())],
        (*_TOKEN, *_BODY, NotFound, Unavailable), body=wire.ArticleChangeIn, right=Right.MANAGE_ARTICLES,
    ),
    Operation(
        "get", "/v1/{site}/bans", "getBans", "The bans in force, the newest first.",
        [(200, "A page of them.", shapes.BansOut, ())], (*_TOKEN, *_READ), right=Right.READ_QUEUE,
        query=[("cursor", "`next` of the page before.", False)],
    ),
    Operation(
        "post", "/v1/{site}/bans", "ban", "Ban or pre-moderate a sender. Nobody but moderators learns of it.",
        [(201, "It is in force, in place of a former one on the same sender.", shapes.BanOut, ())],
        (*_TOKEN, *_BODY, NotFound, Unavailable), body=wire.BanIn, right=Right.BAN,
    ),
    Operation(
        "delete", "/v1/{site}/bans/{ban}", "liftBan", "Lift a ban.",
        [(204, "It is lifted.", None, ())], (*_TOKEN, NotFound, Unavailable), right=Right.BAN,
    ),
    Operation("get", "/livez", "livez", "Does the process answer?", [(200, "It does.", shapes.LivenessOut, ())]),
    Operation(
        "get", "/readyz", "readyz", "Can comments be taken in?",
        [(200, "Yes; where `limits` is `degraded`, they are held.", shapes.ReadinessOut, ()),
         (503, "No: the store is away.", shapes.ReadinessOut, ())],
    ),
)  # fmt: skip
"""Every operation of the API. /metrics speaks Prometheus' text format and is described in the page's prose."""

_HEADERS = {
    "RateLimit": "What is left, for the client's address: draft-ietf-httpapi-ratelimit-headers.",
    "RateLimit-Policy": "The limits themselves.",
    "Location": "Where the comment is, or where a person goes next.",
    "ETag": "Of this page of the thread.",
    "Cache-Control": "Any cache may keep it for ten seconds.",
    "Access-Control-Allow-Origin": "The origin, exactly as listed.",
    "Retry-After": "Whole seconds until it is worth trying again.",
}


@docs.get("/openapi.json")
def openapi() -> Response:
    """The document."""
    return Response(orjson.dumps(document(rt().env.public_url)), 200, {"Cache-Control": "no-cache"}, "application/json")


@docs.get("/docs")
def page() -> Response:
    """The document as a page."""
    base = rt().env.public_url
    text = render_template(
        "docs.html",
        base=base,
        version=__version__,
        operations=[_described(operation) for operation in OPERATIONS],
        schemas=document(base)["components"]["schemas"],
        problems=[(status, _type(slug), title) for status, slug, title in sorted(_PROBLEMS)],
        codes={code: re.sub(r"\{(\w+)\}", "…", sentence) for code, sentence in FIELD_SENTENCES.items()},
    )
    return Response(text, 200, {"Cache-Control": "no-cache"}, "text/html")


_PROBLEMS = {STATUSES[error] for operation in OPERATIONS for error in operation.refused}


@docs.app_template_filter()
def code_spans(text: str) -> Markup:
    """`text` with what stands between backticks as code, as the Markdown of OpenAPI has it."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def _type(slug: str) -> str:
    return QUOTA if slug == "quota-exceeded" else f"urn:moderation:problem:{slug}"


@lru_cache(maxsize=4)
def document(base: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    models: set[type[BaseModel]] = {operation.body for operation in OPERATIONS if operation.body}
    models |= {shape for operation in OPERATIONS for _, _, shape, _ in operation.answers if shape}
    models.add(shapes.ProblemOut)
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "moderation", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`moderation tokens create`"}
            },
        },
    }


_REF = "#/components/schemas/{model}"


def _operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": _parameters(operation),
    }
    if operation.body:
        schema: dict[str, Any] = {"$ref": _REF.format(model=operation.body.__name__)}
        if operation.is_list:
            schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": 200}
        content = {"application/json": {"schema": schema}}
        if operation.takes_form:
            content["application/x-www-form-urlencoded"] = {"schema": FORM}
        found["requestBody"] = {"required": True, "content": content}
    if operation.right:
        found["security"] = [{"token": []}]
        found["description"] = f"Needs a token with the scope `{operation.right.value}`."
    found["responses"] = _responses(operation)
    return found


FORM = {
    "type": "object",
    "required": ["article", "author", "body"],
    "properties": {
        name: {"type": "string"} for name in ("article", "parent", "author", "email", "url", "body", "form_token")
    },
    "description": "WordPress' names (comment_post_ID, comment_parent, comment) are understood as well.",
}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    text = {"type": "string"}
    found: list[dict[str, Any]] = []
    if "{site}" in operation.path:
        found.append({"name": "site", "in": "path", "required": True, "description": "The site's id.", "schema": text})
    if "{receipt}" in operation.path:
        told = "The end of the address that a comment's answer calls `receipt`."
        found.append({"name": "receipt", "in": "path", "required": True, "description": told, "schema": text})
    if "{comment}" in operation.path:
        told = "The comment's id."
        found.append({"name": "comment", "in": "path", "required": True, "description": told, "schema": text})
    if "{ban}" in operation.path:
        found.append({"name": "ban", "in": "path", "required": True, "description": "The ban's id.", "schema": text})
    for name, description, required in operation.query:
        is_many = operation.id == "getCounts" and name == "article"
        schema: dict[str, Any] = {"type": "array", "items": text, "minItems": 1, "maxItems": 100} if is_many else text
        found.append({"name": name, "in": "query", "required": required, "description": description, "schema": schema})
    if operation.id == "postComment":
        told = "1 to 200 visible characters: sent again with the same comment, it gets the first answer again."
        key = {"type": "string", "maxLength": 200, "pattern": "^[!-~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "description": told, "schema": key})
    if operation.method == "options":
        origin = "The page's origin, as browsers send it."
        found.append({"name": "Origin", "in": "header", "required": False, "description": origin, "schema": text})
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, sentence, shape, headers in operation.answers:
        answer: dict[str, Any] = {"description": sentence}
        if shape:
            schema: dict[str, Any] = {"$ref": _REF.format(model=shape.__name__)}
            if operation.is_list:
                schema = {"type": "array", "items": schema}
            answer["content"] = {"application/json": {"schema": schema}}
        if headers:
            answer["headers"] = {name: _header(name) for name in headers}
        found[str(status)] = answer
    for status in sorted({STATUSES[error][0] for error in operation.refused}):
        found.setdefault(str(status), _problem(operation, status))
    return found


def _problem(operation: Operation, status: int) -> dict[str, Any]:
    told = [STATUSES[error] for error in operation.refused]
    titles = dict.fromkeys(title for code, _, title in told if code == status)
    content: dict[str, Any] = {"application/problem+json": {"schema": {"$ref": _REF.format(model="ProblemOut")}}}
    if operation.takes_form:
        content["text/html"] = {"schema": {"type": "string", "description": "A form post's answer: the form as typed."}}
    answer: dict[str, Any] = {"description": ". ".join(titles) + ".", "content": content}
    if status in (429, 503):
        answer["headers"] = {"Retry-After": _header("Retry-After")}
    return answer


def _header(name: str) -> dict[str, Any]:
    return {"description": _HEADERS[name], "schema": {"type": "string"}}


def _described(operation: Operation) -> dict[str, Any]:
    """An operation for the page."""
    return {
        "method": operation.method.upper(),
        "path": operation.path,
        "right": operation.right,
        **_operation(operation),
    }
