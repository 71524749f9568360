"""Every shape that comes in over the wire, as pydantic models, and what is made of each once `strict` has parsed it.

Problems are collected, not raised one by one; each carries a JSON pointer into the body as it is documented, also
when the sender used a form or WordPress' names (`aliases`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moderation.actions.own_comment import APPEAL_MOST
from moderation.actions.reports import LONGEST as REPORT_MOST
from moderation.errors import FieldProblem, Invalid
from moderation.settings import BODY_MOST, Site
from moderation.text.redact import holds_address
from moderation.values import HOLDER, ArticleRef, Decision, Login, Ruling, Status, Submission
from moderation.web import aliases, fields, strict
from moderation.web.reasons import reason_of

MOST_BYTES = 32 * 1024
"""The longest body that is read where it holds no comment; where it does, for all that is not its text."""

CHARACTER = 12
"""Bytes that a character takes at most: four of UTF-8 as `%F0` in a form, two escapes such as `\\ud83d` in JSON."""

FORM_MOST = MOST_BYTES + CHARACTER * BODY_MOST
"""The longest form with a comment that is read: more than a site may accept, so that a text too long is given back."""


def most_bytes(site: Site) -> int:
    """The longest JSON that can hold a comment the site accepts."""
    return MOST_BYTES + CHARACTER * site.lengths.body_max


class Shape(BaseModel):
    """Unknown keys are refused and types are exact."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ArticleIn(Shape):
    """An article by the publisher's id or by URL, and what is told about it at its first comment."""

    id: str | None = Field(None, description="The publisher's id of the article.", examples=["2026-11-24-town-hall"])
    url: str | None = Field(None, description="The article's address, on one of the site's origins.")
    title: str | None = Field(
        None, description="The article's title, for moderators. The public sees it once they approve a comment."
    )


class AuthorIn(Shape):
    """Who writes."""

    name: str = Field("", description="Shown with the comment. Needed unless a token tells it.", examples=["Ana"])
    email: str | None = Field(None, description="Never shown. Required unless the site says otherwise.")
    url: str | None = Field(None, description="A website to link the name to.")
    token: str | None = Field(
        None, description="A JWT of the publisher's login, or what was handed out when an address was confirmed."
    )


class FormIn(Shape):
    """What a form says of itself. `subject` is never shown to people, and stays empty."""

    token: str | None = Field(None, description="The token that was handed out with the form.")
    subject: str | None = Field(None, description="Empty.")
    altcha: str | None = Field(None, description="The solution of a challenge, in Base64 as ALTCHA's widget sends it.")


class CommentIn(Shape):
    """A reader's comment. WordPress' names (`comment`, `comment_post_ID`, `email`, …) are understood as well."""

    article: str | ArticleIn = Field(description="The article's id or URL.", examples=["2026-11-24-town-hall"])
    parent: str | None = Field(None, description="The id of the comment that this one answers.")
    author: AuthorIn
    body: str = Field(description="The text: plain, or a small subset of Markdown.", examples=["Well said."])
    form: FormIn | None = Field(
        None, description="What `GET /v1/{site}/form` has handed out, where a form asked for it."
    )


class EditIn(Shape):
    """A comment of one's own, written anew, in the version that was seen."""

    version: int = Field(ge=1, le=2**31 - 1)
    body: str = Field(description="The new text.")


class AppealIn(Shape):
    """Why a moderator should look once more at a comment of one's own, in the version that was seen."""

    version: int = Field(ge=1, le=2**31 - 1)
    words: str = Field(description=f"1 to {APPEAL_MOST} characters, for moderators.")


class ReportIn(Shape):
    """What a reader has against a public comment."""

    reason: str = Field(description="One of the site's reasons by its code.", examples=["abuse"])
    explanation: str | None = Field(None, description="At most 500 characters, for moderators.")
    email: str | None = Field(None, description="Where it is told that the report has come, and what was decided.")


class RulingIn(Shape):
    """One decision about one comment, in the version that was seen."""

    id: str = Field(max_length=16)
    version: int = Field(ge=1, le=2**31 - 1)
    decision: Literal["approve", "reject", "spam", "hold", "undo", "escalate"]
    reason: str | None = Field(
        None,
        max_length=200,
        description="One of the site's reasons by its code, a line without an e-mail address, or `code: line`.",
    )


class RulingsIn(BaseModel):
    """Up to 200 decisions at once; each gets an answer of its own."""

    model_config = ConfigDict(strict=True, frozen=True)
    decisions: Annotated[list[RulingIn], Field(min_length=1, max_length=200)]


class ArticleChangeIn(Shape):
    """Open or close an article, or tell its title, address and tags."""

    article: str
    closed: bool | None = None
    title: str | None = Field(None, max_length=300)
    url: str | None = Field(None, max_length=2000)
    tags: list[Annotated[str, Field(min_length=1, max_length=60)]] | None = Field(
        None, max_length=30, description="What rules may ask for as `article.tags`, for example the section."
    )


class BanIn(Shape):
    """A ban on the sender of a comment (`whom` says by what they are known), on an e-mail address, or on a network."""

    effect: Literal["reject", "hold"] = Field("reject", description="`hold`: all of theirs waits for a moderator.")
    reason: str = Field(max_length=150, description="One of the site's reasons by its code, or a sentence.")
    until: str | None = Field(None, description="When it ends; without, when it is lifted.")
    comment: str | None = Field(None, max_length=16)
    whom: Literal["author", "email", "address", "network"] = Field(
        "author", description="`email`: the address that one who proved who they are has given, whoever types it."
    )
    email: str | None = Field(None, max_length=254)
    network: str | None = Field(None, max_length=60, examples=["198.51.100.0/24"])


def submission(
    value: Any,
    *,
    site_id: str,
    site: Site,
    address: str,
    request_id: str,
    own_origin: str,
    key: str | None,
    login: Callable[[str], Login],
    token: str | None = None,
) -> Submission:
    """A validated submission; `key` is the Idempotency-Key header, `token` one for the author that came beside the
    body, and `login` reads a token of the publisher's. Raises Invalid with every bad field at once, and what
    `login` raises.
    """
    given = aliases.from_aliases(value)
    if isinstance(given, dict):
        given = {"author": {}} | given  # nobody is an author without a name, so that the name is asked for
    misshapen: list[FieldProblem] = []
    try:
        comment = CommentIn.model_validate(given)
    except ValidationError as errors:
        misshapen = _problems(errors)
        comment = _legible(given)
    problems: list[FieldProblem] = []
    ref = _article(comment.article, (*site.origins, own_origin), problems)
    if comment.parent is not None and not re.fullmatch(r"[0-9a-z]{16}", comment.parent):
        problems.append(FieldProblem("/parent", "unknown-comment"))
    given_token = comment.author.token or token
    signed = _signed(given_token, login, site, problems) if given_token else None
    name = (signed and signed.name) or fields.name(comment.author.name, site.lengths.name_max, problems)
    email = (signed and signed.email) or fields.email(comment.author.email, site.email, problems)
    url = fields.website(comment.author.url, site.lengths.url_max, problems)
    body = fields.body(comment.body, site, problems)
    if misshapen or problems:
        told = {problem.pointer for problem in misshapen}
        raise Invalid([*misshapen, *(problem for problem in problems if not told & set(_upwards(problem.pointer)))])
    assert ref is not None
    form = comment.form or _NO_FORM
    return Submission(
        site_id, ref, comment.parent, name, url, email, body, address, request_id, strict.idempotency_key(key),
        form_token=form.token, trapped=bool(form.subject), subject=signed.subject if signed else None,
        holder=given_token if signed is None else None, solution=form.altcha,
    )  # fmt: skip


_UNREAD = Login("", "?", "?")
"""In the place of a sign-in that was refused: name and address are not asked for on top of it."""


def _signed(token: str, login: Callable[[str], Login], site: Site, problems: list[FieldProblem]) -> Login | None:
    """What the publisher's login says, its name and address in our form. None for a token of our own."""
    if token.startswith(HOLDER):
        return None
    try:
        signed = login(token)
    except Invalid as error:
        problems += error.problems
        return _UNREAD
    unfit: list[FieldProblem] = []
    name = fields.name(signed.name, site.lengths.name_max, unfit) if signed.name else None
    email = fields.email(signed.email, site.email, unfit) if signed.email else None
    if unfit:
        problems.append(FieldProblem("/author/token", "token-unfit"))
    return Login(signed.subject, name, email)


_NO_FORM = FormIn(token=None, subject=None, altcha=None)


def edit(value: Any, site: Site) -> EditIn:
    """Raises Invalid."""
    try:
        given = EditIn.model_validate(value)
    except ValidationError as errors:
        raise Invalid(_problems(errors)) from None
    problems: list[FieldProblem] = []
    body = fields.body(given.body, site, problems)
    if problems:
        raise Invalid(problems)
    return EditIn(version=given.version, body=body)


def appeal(value: Any) -> AppealIn:
    """Raises Invalid."""
    try:
        given = AppealIn.model_validate(value)
    except ValidationError as errors:
        raise Invalid(_problems(errors)) from None
    words = given.words.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not words:
        raise Invalid([FieldProblem("/words", "required")])
    if len(words) > APPEAL_MOST:
        raise Invalid([FieldProblem("/words", "too-long", {"most": APPEAL_MOST, "length": len(words)})])
    return AppealIn(version=given.version, words=words)


def report(value: Any, site: Site) -> ReportIn:
    """Raises Invalid."""
    try:
        given = ReportIn.model_validate(value)
    except ValidationError as errors:
        raise Invalid(_problems(errors)) from None
    problems: list[FieldProblem] = []
    if not any(given.reason == reason.code for reason in site.reasons):
        problems.append(FieldProblem("/reason", "choice" if given.reason else "required"))
    words = (given.explanation or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(words) > REPORT_MOST:
        problems.append(FieldProblem("/explanation", "too-long", {"most": REPORT_MOST, "length": len(words)}))
    email = fields.normal_email(given.email) if given.email else None
    if given.email and email is None:
        problems.append(FieldProblem("/email", "email"))
    if problems:
        raise Invalid(problems)
    return ReportIn(reason=given.reason, explanation=words, email=email)


def _legible(given: Any) -> CommentIn:
    """What can still be looked at of a body in the wrong shape, so that its other bad fields are told as well."""
    body = given if isinstance(given, dict) else {}
    author = body.get("author")
    author = author if isinstance(author, dict) else {}
    article = body.get("article")
    if isinstance(article, dict):
        article = ArticleIn(id=_text(article, "id"), url=_text(article, "url"), title=_text(article, "title"))
    return CommentIn(
        article=article if isinstance(article, (str, ArticleIn)) else "",
        parent=_text(body, "parent"),
        author=AuthorIn(
            name=_text(author, "name") or "",
            email=_text(author, "email"),
            url=_text(author, "url"),
            token=_text(author, "token"),
        ),
        body=_text(body, "body") or "",
    )


def _text(table: Mapping[Any, Any], name: str) -> str | None:
    found = table.get(name)
    return found if isinstance(found, str) else None


def _upwards(pointer: str) -> list[str]:
    """A pointer and those of all that it stands in."""
    return [pointer[:at] for at in range(len(pointer) + 1) if at == len(pointer) or pointer[at] == "/"]


def _problems(errors: ValidationError) -> list[FieldProblem]:
    """pydantic's errors as ours: its own codes and texts never travel."""
    found: dict[tuple[str, str], FieldProblem] = {}
    for error in errors.errors(include_url=False):
        path = [str(part) for part in error["loc"] if part not in ("str", "ArticleIn")]
        path = path[:-1] if path and holds_address(path[-1]) else path  # a field's name is not repeated then
        pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1")[:60] for part in path)
        code = _CODES.get(error["type"], "type")
        told = error.get("ctx", {})
        data = {"most": told["max_length"], "length": len(error["input"])} if code == "too-long" else {}
        found.setdefault((pointer, code), FieldProblem(pointer, code, data))
    inner = {outer for pointer, _ in found for outer in _upwards(pointer)[:-1]}  # `article` may be text or a table
    return [problem for (pointer, code), problem in found.items() if code != "type" or pointer not in inner]


_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown-field",
    "string_too_long": "too-long",
    "too_long": "too-many",
    "too_short": "required",
    "literal_error": "choice",
    "less_than_equal": "range",
    "greater_than_equal": "range",
}


def _article(given: str | ArticleIn, origins: tuple[str, ...], problems: list[FieldProblem]) -> ArticleRef | None:
    if isinstance(given, str):
        given = ArticleIn(url=given) if fields.looks_like_url(given) else ArticleIn(id=given)
    before = len(problems)
    pointer = "/article"
    if given.id is None and given.url is None:
        problems.append(FieldProblem(pointer, "required"))
    if given.id is not None and not fields.is_article_id(given.id):
        problems.append(FieldProblem(pointer, "article-id"))
    url = fields.article_url(given.url, origins) if given.url is not None else None
    if given.url is not None and url is None:
        problems.append(FieldProblem(pointer, "article-url"))
    title = fields.shown_title(given.title)
    if len(title) > 300:
        problems.append(FieldProblem(pointer + "/title", "too-long", {"most": 300, "length": len(title)}))
    if len(problems) > before:
        return None
    return ArticleRef(given.id or url or "", url, title or None)


def rulings(value: Any) -> list[Ruling]:
    """Decisions from the API: a list of them. Raises Invalid."""
    try:
        found = RulingsIn.model_validate({"decisions": value})
    except ValidationError as errors:
        problems = _problems(errors)
        raise Invalid(
            [FieldProblem(each.pointer.removeprefix("/decisions"), each.code, each.data) for each in problems]
        ) from None
    made, refused = [], []
    for number, each in enumerate(found.decisions):
        try:
            reason = reason_of(each.reason, f"/{number}/reason")
        except Invalid as problem:
            refused += problem.problems
        else:
            made.append(Ruling(each.id, each.version, Decision(each.decision), reason))
    if refused:
        raise Invalid(refused)
    return made


def article_change(value: Any, origins: tuple[str, ...]) -> ArticleChangeIn:
    """Raises Invalid."""
    try:
        change = ArticleChangeIn.model_validate(value)
    except ValidationError as errors:
        raise Invalid(_problems(errors)) from None
    problems = []
    if not fields.is_article_id(change.article) and not fields.article_url(change.article, origins):
        problems.append(FieldProblem("/article", "article-id"))
    if change.url is not None and fields.article_url(change.url, origins) is None:
        problems.append(FieldProblem("/url", "article-url"))
    if problems:
        raise Invalid(problems)
    return change


def ban(value: Any) -> BanIn:
    """The e-mail address in its normal form. Raises Invalid."""
    try:
        given = BanIn.model_validate(value)
    except ValidationError as errors:
        raise Invalid(_problems(errors)) from None
    problems = []
    if sum(each is not None for each in (given.comment, given.email, given.network)) != 1:
        problems.append(FieldProblem("/comment", "one-of"))
    email = fields.normal_email(given.email) if given.email is not None else None
    if given.email is not None and email is None:
        problems.append(FieldProblem("/email", "email"))
    until = fields.time_of(given.until) if given.until is not None else None
    if given.until is not None and until is None:
        problems.append(FieldProblem("/until", "time"))
    elif until is not None and until.year > fields.LAST_YEAR:
        problems.append(FieldProblem("/until", "range"))
    if problems:
        raise Invalid(problems)
    return given.model_copy(update={"email": email})


def status_of(text: str | None) -> Status | None:
    """The `status` of a queue query; None for all. Raises Invalid."""
    if not text or text == "all":
        return None
    try:
        return Status(text)
    except ValueError:
        raise Invalid([FieldProblem("/status", "choice")]) from None
