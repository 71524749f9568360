"""Errors at the door: the one table from error to status, and RFC 9457 problem details with sentences for people.

No exception's text, no statement and no matched word ever travels; a sentence is made here from a code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from moderation import errors
from moderation.catalogue import _, counted
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
    errors.Settled: (403, "settled", "This comment can no longer be changed"),
    errors.ParentNotPublic: (403, "parent-not-public", "The comment you answer is not public under this article"),
    errors.Duplicate: (409, "duplicate", "Duplicate comment: it looks as though you already said that"),
    errors.KeyReused: (422, "key-reused", "This Idempotency-Key came with another comment"),
    errors.TooFast: (429, "quota-exceeded", "Too many comments in a short time"),
    errors.TooManyReports: (429, "quota-exceeded", "Too many reports in a short time"),
    errors.OriginRefused: (403, "origin-refused", "This page may not send this"),
    errors.NotSignedIn: (401, "not-signed-in", "Sign in first"),
    errors.SecondStepMissing: (401, "second-step-missing", "A second step is needed first"),
    errors.Forbidden: (403, "forbidden", "You may not do this"),
    errors.SignInRefused: (403, "sign-in-refused", "The name or the password is wrong"),
    errors.SingleSignOnFailed: (403, "single-sign-on-failed", "The single sign-on did not succeed"),
    errors.Conflict: (409, "conflict", "Somebody else decided first"),
    errors.Outdated: (409, "conflict", "Your comment has changed since this page showed it"),
    errors.IllegalMove: (409, "illegal-move", "This cannot be decided now"),
    errors.Unavailable: (503, "unavailable", "Please try again in a moment"),
    errors.StoreError: (503, "unavailable", "Please try again in a moment"),
    errors.RulesInvalid: (422, "rules-invalid", "The rules file has problems"),
    errors.RulesChanged: (409, "rules-changed", "Somebody else changed the rules meanwhile"),
    errors.RulesNotWritable: (409, "rules-not-writable", "The rules file cannot be written from here"),
    errors.Busy: (409, "busy", "A backtest of yours is under way"),
    errors.BacktestFailed: (503, "backtest-failed", "The backtest ended without a report"),
    errors.DeliveryError: (503, "unavailable", "Please try again in a moment"),
    errors.KeysInvalid: (503, "unavailable", "Please try again in a moment"),
}

DETAILS: Mapping[str, str] = {
    "framing": "The body's chunks are not what HTTP asks for.",
    "state": "This sign-in was begun elsewhere or too long ago. Please begin it again here.",
    "refused": "The single sign-on let nobody in. Nothing was changed.",
    "provider": "The single sign-on does not answer as it should. Try again in a moment, or use your password.",
    "id-token": "What the single sign-on said could not be believed. Tell the site's owner.",
    "email-not-verified": "The single sign-on has not verified your e-mail address.",
    "unknown-person": "Nobody here has this account. Ask an admin to add it to your name.",
    "not-installed": "The single sign-on is not installed. Tell the site's owner.",
    "not-utf-8": "The body is not UTF-8.",
    "byte-order-mark": "The body begins with a byte order mark.",
    "not-json": "The body is not JSON.",
    "too-deep": "The JSON is nested too deeply.",
    "duplicate-key": "A field is there twice.",
    "not-a-number": "NaN and Infinity are not JSON.",
    "nul": "The body holds a NUL character.",
    "lone-surrogate": "The text holds half of a character.",
    "idempotency-key": "An Idempotency-Key has 1 to 200 visible ASCII characters.",
    "too-many-fields": "The form has too many fields.",
    "content-type": "Send application/json or application/x-www-form-urlencoded, in UTF-8.",
    "content-encoding": "Send the body without a content encoding.",
    "cross-origin-form": "A page of another origin may send JSON only.",
    "origin-unlisted": "The owner has to list the address of this page first (`origins` in moderation.toml).",
    "cross-site": "The request came from another site.",
    "csrf-token": "The page was open too long. Load it again and repeat what you did.",
    "site": "There is no such site.",
    "limits": "Redis does not answer, so the limits cannot be seen or changed.",
    "article": "There is no such article.",
    "comment": "There is no such comment.",
    "receipt": "This link is not whole. Please copy it again, to its end.",
    "challenge": "This site asks for no proof of work.",
    "confirmation": "This link does not work any more: it works once, for three days. Comment again to get another.",
    "own-comment": "This comment is no longer here: it was taken back, or deleted after its time.",
    "edit": "The time for writing it anew is over.",
    "decided": "A moderator has decided about it.",
    "appeal": "A second look can be asked for once, at a comment that was rejected, and for a time only.",
    "view": "There is no such view.",
    "redaction": "These words are not taken out any more.",
    "note": "There is no such note of yours.",
    "ban": "There is no such ban, or it has ended.",
    "hold": "There is no such hold, or it was lifted.",
    "job": "There is no such job of yours.",
    "backtest": "There is no such backtest of yours. A new one takes the place of the last; each goes after a day.",
    "report": "This backtest has no report.",
    "revision": "There is no such revision of the rules.",
    "rule": "There is no such rule.",
    "streams": "Too many pages listen at once. This one asks now and then.",
    "person": "There is nobody of that name.",
    "email": "There is no such comment, or no e-mail address with it.",
    "link": "This link does not work any more.",
    "page": "There is no such page.",
    "token": "There is no such token.",
    "code": "Give a code of your authenticator app first.",
    "set-up": "Set up an authenticator app first.",
    "second-step": "There is no second step to take away, or the role must have one.",
    "session": "This session is over already.",
    "busy": "Very many comments are coming in.",
    "hashing": "Very many people are signing in.",
    "login-keys": "It cannot be told now whether the sign-in is good.",
    "store": "The comment could not be stored.",
}

FIELD_SENTENCES: Mapping[str, str] = {
    "required": "Please fill this in.",
    "unknown-field": "There is no such field.",
    "type": "This is not the kind of value that belongs here.",
    "too-many": "These are too many.",
    "not-in-text": "These words do not stand in the text exactly like this.",
    "redacted-before": "These words are taken out already.",
    "unseen": "This holds characters that cannot be seen.",
    "note-address": "A note holds no e-mail address: to see one, a role and a reason are needed.",
    "too-short": "Please write at least {least} characters. This has {length}.",
    "too-long": "Please use at most {most} characters. This has {length}.",
    "control-character": "Please leave out control characters and line breaks.",
    "email": "Please enter a full address, such as name@example.org.",
    "url": "Please enter a web address, such as https://example.org.",
    "address-shown": "Everybody will see this. Please leave out the e-mail address.",
    "article-id": "An article id has 1 to 200 visible characters and is no e-mail address.",
    "article-url": "The article's address is not on one of this site's origins.",
    "unknown-comment": "There is no such comment.",
    "token-not-taken": "No sign-in of the publisher's is taken here.",
    "token-unknown": "This sign-in could not be believed. Please sign in again, and post it then.",
    "token-expired": "Your sign-in is over. Please sign in again, and post it then.",
    "token-early": "This sign-in holds from a later time only. Is the clock of the login right?",
    "token-claims": "This sign-in is not meant for comments here. Please tell the site's owner.",
    "token-unfit": "The name or the e-mail address of this sign-in cannot be used here. Please tell the site's owner.",
    "twice": "This field is there under two names.",
    "choice": "This is not one of the allowed values.",
    "range": "This number is out of range.",
    "cursor": "This is not a cursor of ours.",
    "common-password": "This password is among the first that others try. Please choose another.",
    "last-admin": "Nobody else who can sign in is an admin of all sites. Make somebody one first.",
    "person-name": "A name has 1 to 80 characters on one line, without @.",
    "reveal-reason": "A reason is one line without an e-mail address.",
    "wrong-code": "This code is not right. Codes change every 30 seconds; is the phone's clock right?",
    "no-second-step": "There is no second step to have codes for.",
    "wrong-password": "This is not your password, or it was tried too often: each further try waits a little longer.",
    "other-password": "The two passwords are not the same.",
    "no-site": "Please tick at least one site.",
    "no-scope": "Please tick what the token may do.",
    "network": "A network is IPv4 from /24 on or IPv6 from /48 on, such as 198.51.100.0/24, or a single address.",
    "no-email": "This comment came without an e-mail address.",
    "email-unreadable": "The e-mail address cannot be opened: its key is not in the key file any more.",
    "address-gone": "The network address of this comment is not kept any more.",
    "past": "This time is over.",
    "time": "A time is written like 2026-12-24T18:00:00Z.",
    "one-of": "Name one of them: a comment, an e-mail address or a network.",
    "taken": "Somebody has this name already.",
}


def slug(error: ModerationError) -> str:
    """What `error` is called, in the type of its problem and in metrics."""
    return STATUSES[type(error)][1]


def problem(error: ModerationError, instance: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, problem details (RFC 9457) and extra headers for `error`. `instance` is the request's id."""
    status, name, title = STATUSES[type(error)]
    headers: dict[str, str] = {}
    body: dict[str, Any] = {
        "type": QUOTA if isinstance(error, errors.TooFast) else f"urn:moderation:problem:{name}",
        "title": _(title),
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
        return _("Please wait {seconds} seconds and send it again.").format(seconds=wait_of(error))
    if isinstance(error, errors.TooLarge):
        if error.characters is not None:
            return _("A comment may have at most {count} characters.").format(count=error.characters)
        return _("At most {limit} bytes are read.").format(limit=error.limit)
    if isinstance(error, errors.Invalid):
        count = len(error.problems)
        return counted("One field needs another look.", "{n} fields need another look.", count)
    if isinstance(error, errors.Forbidden):
        needs = (
            _("This needs the right {right} on all sites.")
            if error.on_all_sites
            else _("This needs the right {right}.")
        )
        return needs.format(right=error.needs)
    if isinstance(error, errors.SignInRefused) and error.retry_after:
        return _("Please wait {seconds} seconds before the next try.").format(seconds=error.retry_after)
    code = getattr(error, "code", None) or getattr(error, "what", None)
    return _(DETAILS[str(code)]) if str(code) in DETAILS else _(STATUSES[type(error)][2]) + "."


def wait_of(error: errors.TooFast) -> int:
    """Whole seconds, never less than the true wait."""
    return max(1, math.ceil(error.retry_after))


def field_sentence(each: FieldProblem) -> str:
    """What is wrong with one field, for people."""
    return _(FIELD_SENTENCES[each.code]).format(**each.data) if each.code in FIELD_SENTENCES else each.code
