"""The record of who did what, for those who may read it: a page with filters, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request

from moderation.edges import queries
from moderation.errors import FieldProblem, Invalid
from moderation.values import Right
from moderation.web import auth
from moderation.web.context import rt

audit = Blueprint("audit", __name__, url_prefix="/desk/audit")

PAGE = 50
MOST = 10_000
"""Rows of one download, the newest ones."""

FIELDS = ("actor", "action", "site", "target", "since", "until")
COLUMNS = ("seq", "at", "actor", "role", "action", "site", "target", "before", "after", "reason", "request_id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@audit.get("")
@auth.signed_in(Right.READ_JOURNAL)
def page() -> str:
    """Newest first, by keyset."""
    asked = _asked()
    who, rows = auth.current(), _rows(asked, _before(), PAGE + 1)
    with rt().store.reading() as tx:
        sites = queries.sites_of(tx, {row["target"] for row in rows if row["target"]})
    more = {"before": str(rows[PAGE - 1]["seq"])} if len(rows) > PAGE else None
    return render_template(
        "desk/audit.html",
        who=who,
        asked=asked,
        rows=rows[:PAGE],
        seen={target for target, site in sites.items() if who.may(Right.READ_QUEUE, site)},
        next="/desk/audit?" + urlencode(asked | more) if more else None,
        csv="/desk/audit/csv?" + urlencode(asked),
        most=MOST,
    )


@audit.get("/csv")
@auth.signed_in(Right.READ_JOURNAL)
def download() -> Response:
    """The rows that match, as a spreadsheet reads them."""
    asked = _asked()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in _rows(asked, None, MOST):
        writer.writerow([safe_cell(_text(row[name])) for name in COLUMNS])
    headers = {"Content-Disposition": 'attachment; filename="record.csv"'}
    return Response(text.getvalue(), 200, headers, content_type="text/csv; charset=utf-8")


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _text(value: object) -> str:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value or "")


def _asked() -> dict[str, str]:
    """The filters that are filled in."""
    given = {name: request.args.get(name, "").strip() for name in FIELDS}
    return {name: value for name, value in given.items() if value}


def _rows(asked: Mapping[str, str], before: int | None, limit: int) -> list[Mapping[str, Any]]:
    who = auth.current()
    until = _day(asked, "until")
    actor, action, site, target = (asked.get(name, "").replace("\0", "") or None for name in FIELDS[:4])
    end = until + timedelta(days=1) if until else None
    wanted = queries.JournalFilter(actor, action, site, target, _day(asked, "since"), end)
    with rt().store.reading() as tx:
        return queries.journal_page(tx, None if who.sites is None else sorted(who.sites), wanted, before, limit)


def _day(asked: Mapping[str, str], name: str) -> datetime | None:
    """The day's beginning in UTC. Raises Invalid."""
    if name not in asked:
        return None
    try:
        day = datetime.strptime(asked[name], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 9000:
        raise Invalid([FieldProblem(f"/{name}", "choice")])
    return day


def _before() -> int | None:
    """The cursor. Raises Invalid."""
    given = request.args.get("before")
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise Invalid([FieldProblem("/before", "cursor")])
    return int(given)
