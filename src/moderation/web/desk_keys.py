"""The keys of the desk: what each does, how a person has them, and the page on which they change that.

Scripts know the usual keys only; what somebody presses is translated into them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from moderation.actions import accounts
from moderation.catalogue import _
from moderation.values import Right
from moderation.web import auth
from moderation.web.answers import private
from moderation.web.context import rt

desk_keys = Blueprint("desk_keys", __name__, url_prefix="/desk/me/keys")

MOST = 3
"""Keys for one thing."""


@dataclass(frozen=True, slots=True)
class Does:
    """One thing that keys do: its name, its usual keys, the first of which scripts know it by, and what it is."""

    name: str
    usual: tuple[str, ...]
    words: str


ALL = (
    Does("next", ("j",), "next comment"),
    Does("previous", ("k",), "previous comment"),
    Does("approve", ("a", "f"), "approve"),
    Does("reject", ("r", "d"), "reject: then 1 to 9 for a reason, 0 to type one, Enter for none"),
    Does("spam", ("s",), "spam"),
    Does("escalate", ("e",), "escalate: leave it to a senior, Enter after a word on why"),
    Does("close", ("c",), "close the article to new comments, or open it again"),
    Does("undo", ("z",), "undo the last decision"),
    Does("mode", ("o",), "one at a time, or the list"),
    Does("select", ("x",), "select; then Shift and the key of a decision for all selected"),
    Does("unfold", ("+",), "all of a long text, or its beginning alone"),
    Does("as-sent", ("v", "i"), "as it was sent, with what cannot be seen"),
    Does("thread", ("t", "p"), "the thread around it"),
    Does("author", ("u", "y"), "the author and their last comments"),
    Does("notes", ("n", "m"), "notes by colleagues, and one of your own"),
    Does("redact", ("w", "q"), "remove words: those that are selected in the text, or typed"),
    Does("ban", ("b",), "ban or pre-moderate the author, their address or network"),
    Does("alike", ("l", "."), "those that are much like this, to decide about together"),
    Does("history", ("h", "g"), "the history of this comment"),
    Does("search", ("/",), "search"),
    Does("help", ("?",), "the list of keys"),
)


@dataclass(frozen=True, slots=True)
class Keys:
    """How somebody has them: whether they are on, and by the name of each thing the keys for it."""

    on: bool
    of: Mapping[str, tuple[str, ...]]

    @property
    def usual(self) -> dict[str, str]:
        """From what is pressed to the key that scripts know."""
        return {key: each.usual[0] for each in ALL for key in self.of[each.name]}

    @property
    def lines(self) -> list[tuple[Does, tuple[str, ...]]]:
        """Each thing with its keys, those that have none left out."""
        return [(each, self.of[each.name]) for each in ALL if self.of[each.name]]


def keys() -> Keys:
    """Those of who is signed in."""
    if "desk_keys" not in g:
        g.desk_keys = _keys(accounts.desk_keys(rt(), auth.current()))
    found: Keys = g.desk_keys
    return found


def key_for(name: str) -> str:
    """The first key for a thing, "" for none."""
    return next(iter(keys().of[name]), "")


@desk_keys.get("")
@auth.signed_in(Right.READ_QUEUE)
def page() -> str:
    """How one has them."""
    typed = {name: " ".join(given) for name, given in keys().of.items()}
    return _page(keys().on, typed, {}, saved="saved" in request.args)


@desk_keys.post("")
@auth.signed_in(Right.READ_QUEUE)
def save() -> ResponseReturnValue:
    """Keep what was typed, or go back to the usual ones."""
    form, is_on = request.form, "on" in request.form
    if form.get("do") == "usual":
        accounts.set_desk_keys(rt(), auth.current(), None)
        return redirect(url_for("desk_keys.page", saved="yes"), 303)
    typed = {each.name: form.get(each.name, "") for each in ALL}
    given = {name: tuple(dict.fromkeys(text.split())) for name, text in typed.items()}
    if wrong := _wrong(given):
        return _page(is_on, typed, wrong), 422
    changed = {each.name: given[each.name] for each in ALL if given[each.name] != each.usual}
    accounts.set_desk_keys(rt(), auth.current(), {"on": is_on, "keys": changed})
    return redirect(url_for("desk_keys.page", saved="yes"), 303)


@desk_keys.post("/switch")
@auth.signed_in(Right.READ_QUEUE)
def switch() -> Response:
    """Turn them on or off and leave them as they are."""
    kept = accounts.desk_keys(rt(), auth.current()) or {}
    accounts.set_desk_keys(rt(), auth.current(), {"on": "on" in request.form, "keys": kept.get("keys", {})})
    return private({"on": "on" in request.form})


def _keys(kept: Mapping[str, Any] | None) -> Keys:
    kept = kept or {}
    changed = kept.get("keys", {})
    taken = {key for keys in changed.values() for key in keys}  # also by who had them before there was a usual one
    usual = {each.name: tuple(key for key in each.usual if key not in taken) for each in ALL}
    return Keys(kept.get("on", True), {name: tuple(changed.get(name, keys)) for name, keys in usual.items()})


def _wrong(given: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What is wrong with the keys of each thing."""
    wrong: dict[str, str] = {}
    taken: dict[str, Does] = {}
    for each in ALL:
        for key in given[each.name]:
            if len(key) != 1 or not key.isprintable() or key != key.lower() or key.isdigit():
                wrong[each.name] = _("A key is one small letter or sign; numbers pick reasons.")
            elif key in taken:
                wrong[each.name] = _("“{key}” is there already: {words}.").format(
                    key=key, words=_(taken[key].words).partition(":")[0]
                )
            taken[key] = each
        if len(given[each.name]) > MOST:
            wrong[each.name] = _("At most {most} keys for one thing.").format(most=MOST)
    return wrong


def _page(is_on: bool, typed: Mapping[str, str], wrong: Mapping[str, str], *, saved: bool = False) -> str:
    return render_template(
        "desk/keys.html", who=auth.current(), all=ALL, is_on=is_on, typed=typed, wrong=wrong, saved=saved
    )
