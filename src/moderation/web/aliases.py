"""WordPress' names of fields, and flat ones, as the documented shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moderation.errors import FieldProblem, Invalid
from moderation.web import fields

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
        and fields.looks_like_url(found["article"].get("id"))
        and "url" not in found["article"]
    ):
        found["article"]["url"] = found["article"].pop("id")
    return found
