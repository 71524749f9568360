"""Errors at the door: the one table from error to status, and RFC 9457 problem details with sentences for people.

No exception's text, no statement and no matched word ever travels; a sentence is made here from a code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from moderation import errors
from moderation.errors import FieldProblem, ModerationError

QUOTA = "https://iana.org/assignments/http-problem-types#quota-exceeded"
"""The registered problem type for rate limits (draft-ietf-httpapi-ratelimit-headers)."""

STATUSES: Mapping[type[ModerationError], tuple[int, str, str]] = {
    errors.Unparsable: (400, "unparsable", "The body could not be read"),
    errors.UnsupportedContent: (415, "unsupported-content", "This kind of content is not taken here"),
    errors.TooLarge: (413, "too-large", "The body is too large"),
    errors.Invalid: (422, "invalid", "Some fields need another look"),
    errors.NotFound: (404, "not-found", "Nothing here"),
    errors.Closed: (403, "closed", "Comments are closed"),
    errors.ParentNotPublic: (403, "parent-not-public", "The comment you answer is not public"),
    errors.Duplicate: (409, "duplicate", "Duplicate comment: it looks as though you already said that"),
    errors.TooFast: (429, "quota-exceeded", "Too many comments in a short time"),
    errors.OriginRefused: (403, "origin-refused", "This page may not send this"),
    errors.NotSignedIn: (401, "not-signed-in", "Sign in first"),
    errors.Forbidden: (403, "forbidden", "You may not do this"),
    errors.SignInRefused: (403, "sign-in-refused", "The name or the password is wrong"),
    errors.Conflict: (409, "conflict", "Somebody else decided first"),
    errors.IllegalMove: (409, "illegal-move", "This cannot be decided now"),
    errors.Unavailable: (503, "unavailable", "Please try again in a moment"),
    errors.StoreError: (503, "unavailable", "Please try again in a moment"),
    errors.RulesInvalid: (422, "rules-invalid", "The rules file has problems"),
    errors.KeysInvalid: (503, "unavailable", "Please try again in a moment"),
}

DETAILS: Mapping[str, str] = {
    "framing": "The body's chunks are not what HTTP asks for.",
    "not-utf-8": "The body is not UTF-8.",
    "byte-order-mark": "The body begins with a byte order mark.",
    "not-json": "The body is not JSON.",
    "too-deep": "The JSON is nested too deeply.",
    "duplicate-key": "A field is there twice.",
    "not-a-number": "NaN and Infinity are not JSON.",
    "nul": "The body holds a NUL character.",
    "lone-surrogate": "The text holds half of a character.",
    "too-many-fields": "The form has too many fields.",
    "content-type": "Send application/json or application/x-www-form-urlencoded, in UTF-8.",
    "content-encoding": "Send the body without a content encoding.",
    "cross-origin-form": "A page of another origin may send JSON only.",
    "origin-unlisted": "The site does not list this origin.",
    "cross-site": "The request came from another site.",
    "csrf-token": "The page was open too long. Load it again and repeat what you did.",
    "site": "There is no such site.",
    "article": "There is no such article.",
    "comment": "There is no such comment.",
    "person": "There is nobody of that name.",
    "link": "This link does not work any more.",
    "busy": "Very many comments are coming in.",
    "store": "The comment could not be stored.",
}

FIELD_SENTENCES: Mapping[str, str] = {
    "required": "Please fill this in.",
    "unknown-field": "There is no such field.",
    "type": "This is not the kind of value that belongs here.",
    "too-many": "These are too many.",
    "too-short": "Please write at least {least} characters. This has {length}.",
    "too-long": "Please use at most {most} characters. This has {length}.",
    "control-character": "Please leave out control characters and line breaks.",
    "email": "Please enter a full e-mail address, such as name@example.org.",
    "url": "Please enter a web address, such as https://example.org.",
    "article-id": "An article id has 1 to 200 visible characters.",
    "article-url": "The article's address is not on one of this site's origins.",
    "unknown-comment": "There is no such comment.",
    "twice": "This field is there under two names.",
    "choice": "This is not one of the allowed values.",
    "range": "This number is out of range.",
    "cursor": "This is not a cursor of ours.",
    "common-password": "This password is among the first that others try. Please choose another.",
    "person-name": "A name has 1 to 80 characters on one line, without @.",
    "taken": "Somebody has this name already.",
}


def problem(error: ModerationError, instance: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, problem details (RFC 9457) and extra headers for `error`. `instance` is the request's id."""
    status, slug, title = STATUSES[type(error)]
    headers: dict[str, str] = {}
    body: dict[str, Any] = {
        "type": QUOTA if isinstance(error, errors.TooFast) else f"urn:moderation:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail(error),
        "instance": f"urn:moderation:request:{instance}",
    }
    if isinstance(error, errors.Invalid):
        body["errors"] = [
            {"pointer": each.pointer, "code": each.code, "detail": field_sentence(each)} for each in error.problems
        ]
    elif isinstance(error, errors.TooFast):
        body["violated-policies"] = list(error.policies)
        headers |= error.headers | {"Retry-After": str(wait_of(error))}
    elif isinstance(error, (errors.Unavailable, errors.StoreError)):
        headers["Retry-After"] = str(getattr(error, "retry_after", 2))
    elif isinstance(error, errors.SignInRefused) and error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, errors.NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="moderation"'
    elif isinstance(error, errors.Conflict):
        body |= {
            "id": error.comment_id,
            "comment-status": error.status,
            "version": error.version,
            "decided_by": error.decided_by,
            "decided_at": error.decided_at.isoformat() if error.decided_at else None,
        }
    return status, body, headers


def untyped(status: int, title: str, detail: str, instance: str) -> dict[str, Any]:
    """Problem details that say no more than the status does (RFC 9457, section 4.2.1)."""
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"urn:moderation:request:{instance}",
    }


def detail(error: ModerationError) -> str:
    """One or two plain sentences."""
    if isinstance(error, errors.TooFast):
        return f"Please wait {wait_of(error)} seconds and send it again."
    if isinstance(error, errors.TooLarge):
        return f"At most {error.limit} bytes are read."
    if isinstance(error, errors.Invalid):
        count = len(error.problems)
        return "One field needs another look." if count == 1 else f"{count} fields need another look."
    if isinstance(error, errors.Forbidden):
        return f"This needs the right {error.needs}."
    if isinstance(error, errors.SignInRefused) and error.retry_after:
        return f"Please wait {error.retry_after} seconds before the next try."
    code = getattr(error, "code", None) or getattr(error, "what", None)
    return DETAILS.get(str(code), STATUSES[type(error)][2] + ".")


def wait_of(error: errors.TooFast) -> int:
    """Whole seconds, never less than the true wait."""
    return max(1, math.ceil(error.retry_after))


def field_sentence(each: FieldProblem) -> str:
    return FIELD_SENTENCES[each.code].format(**each.data) if each.code in FIELD_SENTENCES else each.code
