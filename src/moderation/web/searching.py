"""The search field of the desk. It is posted, so that an e-mail address typed into it never stands in an address."""

from __future__ import annotations

import re

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from moderation.edges import queue
from moderation.values import Right
from moderation.web import auth
from moderation.web.context import rt
from moderation.web.fields import normal_email
from moderation.web.views import View, sites_asked, view_in

searching = Blueprint("searching", __name__, url_prefix="/desk")

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")


@searching.post("/search")
@auth.signed_in(Right.READ_QUEUE)
def search() -> AnyResponse:
    """Lead to what was looked for: words, or for those who may, all that was sent with one e-mail address."""
    who = auth.current()
    view = view_in(request.form, who)
    asked = " ".join(request.form.get("words", "").split())[:200]
    typed = _ADDRESS.search(asked)
    if typed is None:
        return redirect(view.path(q=asked, cursor=""), 303)
    view = View(status="all", site=view.site)
    if not who.may(Right.REVEAL_EMAIL):
        return redirect(view.path(result="no-right"), 303)
    address = normal_email(typed[0])
    with rt().store.reading() as tx:
        indexes = rt().vault.indexes(address.lower()) if address else []
        found = queue.written_from(tx, indexes, sites_asked(view, who)) if indexes else None
    return redirect(view.path(author=found) if found else view.path(result="nobody"), 303)
