"""Every shape that goes over the wire: the one strict parser for what comes in, pydantic models for both ways.

Problems are collected, not raised one by one; each carries a JSON pointer into the body as it is documented, also
when the sender used a form or WordPress' names.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moderation.actions.own_comment import APPEAL_MOST
from moderation.actions.reports import LONGEST as REPORT_MOST
from moderation.errors import FieldProblem, Invalid, Unparsable
from moderation.settings import BODY_MOST, Site
from moderation.text.redact import find_contacts, holds_address, mask_contacts
from moderation.values import HOLDER, ArticleRef, Decision, Login, Ruling, Status, Submission
from moderation.web.reasons import reason_of

MOST_BYTES = 32 * 1024
"""The longest body that is read where it holds no comment; where it does, for all that is not its text."""

CHARACTER = 12
"""Bytes that a character takes at most: four of UTF-8 as `%F0` in a form, two escapes such as `\\ud83d` in JSON."""

FORM_MOST = MOST_BYTES + CHARACTER * BODY_MOST
"""The longest form with a comment that is read: more than a site may accept, so that a text too long is given back."""

DEEPEST = 20
"""How deep JSON may nest."""


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


def parse_json(raw: bytes) -> Any:
    """Strict JSON (RFC 8259, I-JSON RFC 7493): UTF-8, no duplicate names, no NaN, no lone surrogates, no NUL, at most
    `DEEPEST` deep. Raises Unparsable."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unparsable("not-utf-8") from None
    if text.startswith("\ufeff"):
        raise Unparsable("byte-order-mark")
    try:
        value = _STRICT.decode(text)
    except RecursionError:
        raise Unparsable("too-deep") from None
    except ValueError:
        raise Unparsable("not-json") from None
    _check_strings(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unparsable("duplicate-key")
    return found


def _no_constant(_: str) -> Any:
    raise Unparsable("not-a-number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Unparsable("not-a-number")
    return number


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _check_strings(value: Any) -> None:
    """Depth, surrogates and NUL, without recursion."""
    level = [value]
    for depth in range(DEEPEST + 1):
        deeper: list[Any] = []
        for each in level:
            if isinstance(each, str):
                _check_string(each)
            elif isinstance(each, (dict, list)):
                if depth == DEEPEST:
                    raise Unparsable("too-deep")
                deeper.extend(each)
                if isinstance(each, dict):
                    deeper.extend(each.values())
        level = deeper


def _check_string(text: str) -> None:
    if "\0" in text:
        raise Unparsable("nul")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Unparsable("lone-surrogate") from None


def parse_form(raw: bytes) -> dict[str, str]:
    """A form post (application/x-www-form-urlencoded): UTF-8, each field once, at most 40. Raises Unparsable."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=40
        )
    except UnicodeDecodeError:
        raise Unparsable("not-utf-8") from None
    except ValueError:
        raise Unparsable("too-many-fields") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unparsable("duplicate-key")
    if any("\0" in part for pair in pairs for part in pair):
        raise Unparsable("nul")
    return found


IGNORED_IN_FORMS = frozenset({"submit", "remember", "wp-comment-cookies-consent"})
_ALIASES = {
    "comment_post_ID": "article",
    "comment_parent": "parent",
    "comment": "body",
    "email": "author.email",
    "url": "author.url",
    "author.name": "author.name",
    "author.email": "author.email",
    "author.url": "author.url",
    "author_token": "author.token",
    "author_name": "author.name",
    "article_title": "article.title",
    "article_url": "article.url",
    "form_token": "form.token",
    "subject": "form.subject",
    "altcha": "form.altcha",
}


def from_form(form: Mapping[str, str]) -> Any:
    """A form's fields as the JSON shape. Empty fields count as absent, as browsers send them."""
    return from_aliases(
        {name: value for name, value in form.items() if name not in IGNORED_IN_FORMS and (value or name == "body")}
    )


def from_aliases(value: Any) -> Any:
    """WordPress' and flat names as the documented shape. Raises Invalid when a field comes under two names."""
    if not isinstance(value, dict) or not (_ALIASES.keys() & value.keys() or isinstance(value.get("author"), str)):
        return value
    found: dict[str, Any] = {}
    problems: list[FieldProblem] = []

    def put(path: str, given: Any) -> None:
        head, _, tail = path.partition(".")
        if not tail and head == "article" and isinstance(found.get("article"), dict):
            head, tail = "article", "id"
        table = found if not tail else found.setdefault(head, {})
        if tail and head == "article" and not isinstance(table, dict):
            table = found["article"] = {"id": table}
        if not isinstance(table, dict) or (tail or head) in table:
            problems.append(FieldProblem("/" + path.replace(".", "/"), "twice"))
        else:
            table[tail or head] = given

    for name, given in value.items():
        if name == "author" and isinstance(given, str):
            put("author.name", given)
        elif name == "author" and isinstance(given, dict):
            for part, inner in given.items():
                put(f"author.{part}", inner)
        elif name == "comment_post_ID" and isinstance(given, int) and not isinstance(given, bool):
            put("article", str(given))
        elif name == "comment_parent" and given in (0, "0", ""):
            continue
        else:
            put(_ALIASES.get(str(name), str(name)), given)
    if problems:
        raise Invalid(problems)
    if (
        isinstance(found.get("article"), dict)
        and _looks_like_url(found["article"].get("id"))
        and "url" not in found["article"]
    ):
        found["article"]["url"] = found["article"].pop("id")
    return found


def _looks_like_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def idempotency_key(header: str | None) -> str | None:
    """The header's value without the quotes of a structured field (RFC 8941), which not everybody sends. Raises
    Unparsable."""
    if header is None:
        return None
    text = header.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not re.fullmatch(r"[!-~]{1,200}", text):
        raise Unparsable("idempotency-key")
    return text


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
    given = from_aliases(value)
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
    name = (signed and signed.name) or _name(comment.author.name, site.lengths.name_max, problems)
    email = (signed and signed.email) or _email(comment.author.email, site.email, problems)
    url = _website(comment.author.url, site.lengths.url_max, problems)
    body = _body(comment.body, site, problems)
    if misshapen or problems:
        told = {problem.pointer for problem in misshapen}
        raise Invalid([*misshapen, *(problem for problem in problems if not told & set(_upwards(problem.pointer)))])
    assert ref is not None
    form = comment.form or _NO_FORM
    return Submission(
        site_id, ref, comment.parent, name, url, email, body, address, request_id, idempotency_key(key),
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
    name = _name(signed.name, site.lengths.name_max, unfit) if signed.name else None
    email = _email(signed.email, site.email, unfit) if signed.email else None
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
    body = _body(given.body, site, problems)
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
    email = normal_email(given.email) if given.email else None
    if given.email and email is None:
        problems.append(FieldProblem("/email", "email"))
    if problems:
        raise Invalid(problems)
    return ReportIn(reason=given.reason, explanation=words, email=email)


def _body(text: str, site: Site, problems: list[FieldProblem]) -> str:
    body = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    _check_length("/body", body, site.lengths.body_min, site.lengths.body_max, problems)
    return body


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


def _check_length(pointer: str, text: str, least: int, most: int, problems: list[FieldProblem]) -> bool:
    if not _is_visible(text):
        problems.append(FieldProblem(pointer, "required"))
    elif len(text) < least:
        problems.append(FieldProblem(pointer, "too-short", {"least": least, "length": len(text)}))
    elif len(text) > most:
        problems.append(FieldProblem(pointer, "too-long", {"most": most, "length": len(text)}))
    else:
        return True
    return False


def _is_visible(text: str) -> bool:
    """Whether anything would be seen: a letter, number, punctuation mark or symbol that is not blank."""
    return any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANKS for c in text)


_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols that look like nothing


def _name(text: str, most: int, problems: list[FieldProblem]) -> str:
    """A name on one line, NFC, without controls and marks that reorder what stands around it (Trojan Source), and
    without an e-mail address: everybody will see it."""
    name = unicodedata.normalize("NFC", text).strip()
    if _check_length("/author/name", name, 1, most, problems):
        if not _is_plain(name) and any(unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in _REORDERING for c in name):
            problems.append(FieldProblem("/author/name", "control-character"))
        elif holds_address(name):
            problems.append(FieldProblem("/author/name", "address-shown"))
    return name


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _email(text: str | None, need: Literal["required", "optional"], problems: list[FieldProblem]) -> str | None:
    given = (text or "").strip(" ")  # line breaks are no part of an address, and never end up in a letter's head
    if not given:
        if need == "required":
            problems.append(FieldProblem("/author/email", "required"))
        return None
    normal = normal_email(given)
    if normal is None:
        problems.append(FieldProblem("/author/email", "email"))
    return normal


_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*\Z")


def normal_email(text: str) -> str | None:
    """The normal form: NFC, the domain as A-label in lower case. None for what is no address (RFC 5321, 6531).

    DNS is never asked.
    """
    local, at, domain = text.rpartition("@")
    if at and len(local) <= 64 and len(text) <= 254 and _PLAIN_LOCAL.match(local):
        normal_domain = _normal_domain(domain)
        return f"{local}@{normal_domain}" if normal_domain else None
    return _validated(text)


@lru_cache(maxsize=4096)
def _normal_domain(domain: str) -> str | None:
    """The part of validation that costs (IDNA), done once for each domain."""
    whole = _validated(f"a@{domain}")
    return whole.rpartition("@")[2] if whole else None


def _validated(text: str) -> str | None:
    try:
        found = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError:
        return None
    return f"{found.local_part}@{found.ascii_domain or found.domain}"


def _website(text: str | None, most: int, problems: list[FieldProblem]) -> str | None:
    """An http or https address, without a user part; a bare host gets `https://`."""
    given = (text or "").strip()
    if not given:
        return None
    url = web_address(given)
    if url is None:
        problems.append(FieldProblem("/author/url", "url"))
    elif len(url) > most:
        problems.append(FieldProblem("/author/url", "too-long", {"most": most, "length": len(url)}))
    elif holds_address(url):
        problems.append(FieldProblem("/author/url", "address-shown"))
    return url


_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}\.?\Z|localhost\Z|\d{1,3}(?:\.\d{1,3}){3}\Z")
_BARE = re.compile(r"[\w-]+(\.[\w-]+)+(/\S*)?\Z")


def web_address(text: str) -> str | None:
    """`text` as an http(s) URL with an ASCII-only path and no hidden parts, else None."""
    if any(
        c <= " " or c in "\\<>\"'`{}|^" or c == "\x7f" or unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp")
        for c in text
    ):
        return None
    if _BARE.match(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or port == 0:
        return None
    if not (_HOST.match(host) or re.fullmatch(r"\[[0-9a-f:.]+\]", parts.netloc.partition("]")[0] + "]")):
        return None
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, parts.query, parts.fragment))


def _article(given: str | ArticleIn, origins: tuple[str, ...], problems: list[FieldProblem]) -> ArticleRef | None:
    if isinstance(given, str):
        given = ArticleIn(url=given) if _looks_like_url(given) else ArticleIn(id=given)
    before = len(problems)
    pointer = "/article"
    if given.id is None and given.url is None:
        problems.append(FieldProblem(pointer, "required"))
    if given.id is not None and not is_article_id(given.id):
        problems.append(FieldProblem(pointer, "article-id"))
    url = article_url(given.url, origins) if given.url is not None else None
    if given.url is not None and url is None:
        problems.append(FieldProblem(pointer, "article-url"))
    title = shown_title(given.title)
    if len(title) > 300:
        problems.append(FieldProblem(pointer + "/title", "too-long", {"most": 300, "length": len(title)}))
    if len(problems) > before:
        return None
    return ArticleRef(given.id or url or "", url, title or None)


def shown_title(text: str | None) -> str:
    """A title as everybody sees it: on one line, e-mail addresses and telephone numbers hidden."""
    title = " ".join((text or "").split())
    return mask_contacts(title, find_contacts(title)) if title else ""


def is_article_id(text: str) -> bool:
    """1 to 200 visible characters, no space at either end, nothing that controls or reorders, no e-mail address."""
    return (
        0 < len(text) <= 200
        and text == text.strip()
        and (
            _is_plain(text)
            or all(unicodedata.category(c) not in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") for c in text)
        )
        and not holds_address(text)
    )


def article_url(text: str, origins: tuple[str, ...]) -> str | None:
    """The URL without its fragment, when it stands on one of `origins`; else None.

    Newsletters put a reader's address into their links: such parts of the query are dropped, so that it is the same
    article for everybody and nobody's address is told. An address in the path is refused.
    """
    url = web_address(text)
    if url is None or len(url) > 450:
        return None
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}" not in origins:
        return None
    query = parts.query
    if holds_address(url):
        query = "&".join(part for part in query.split("&") if not holds_address(part))
        if holds_address(parts.path):
            return None
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


def article_key(given: str, origins: tuple[str, ...]) -> str:
    """What an article that somebody asks for is found by. Raises Invalid."""
    key = article_url(given, origins) or given
    is_elsewhere = _looks_like_url(key) and len(key) <= 450 and not holds_address(key)
    if not (is_article_id(key) or is_elsewhere):
        raise Invalid([FieldProblem("/article", "article-id" if given else "required")])
    return key


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
    if not is_article_id(change.article) and not article_url(change.article, origins):
        problems.append(FieldProblem("/article", "article-id"))
    if change.url is not None and article_url(change.url, origins) is None:
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
    email = normal_email(given.email) if given.email is not None else None
    if given.email is not None and email is None:
        problems.append(FieldProblem("/email", "email"))
    until = time_of(given.until) if given.until is not None else None
    if given.until is not None and until is None:
        problems.append(FieldProblem("/until", "time"))
    elif until is not None and until.year > LAST_YEAR:
        problems.append(FieldProblem("/until", "range"))
    if problems:
        raise Invalid(problems)
    return given.model_copy(update={"email": email})


LAST_YEAR = 2999
"""No ban ends later. One that is to last for good has no end; near the year 9999 calendars themselves end."""


def time_of(text: str) -> datetime | None:
    """A time with its zone (RFC 3339), in UTC; None for what is none."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def status_of(text: str | None) -> Status | None:
    """The `status` of a queue query; None for all. Raises Invalid."""
    if not text or text == "all":
        return None
    try:
        return Status(text)
    except ValueError:
        raise Invalid([FieldProblem("/status", "choice")]) from None
