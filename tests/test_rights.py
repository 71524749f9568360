"""Every address of the application × every role × every site scope: who is let in, who is told what instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from flask import Flask

from moderation.actions import accounts, bans
from moderation.actions.submit import Intake
from moderation.edges import people, queries
from moderation.edges.people import fingerprint
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Effect, Right, Role
from moderation.web.app import create_app
from tests.actions.test_submit import submission

Fields = Callable[[Runtime], dict[str, Any]]
HERE = "demo"
SCOPES: Mapping[str, tuple[str, ...] | None] = {"all sites": None, "this site": (HERE,), "another site": ("open",)}


@dataclass(frozen=True)
class Door:
    """`right` is what it needs (None: open to everybody), `ok` what is answered to who has it, `elsewhere` to who has
    it on other sites only, `here` to who has it on this site only (None: the same, with less in it). `fields` are sent
    along."""

    right: Right | None
    ok: int
    elsewhere: int | None = None
    fields: Fields = field(default=lambda rt: {})
    here: int | None = None


numbers = count(1)


def comment(rt: Runtime) -> str:
    """A fresh one that waits."""
    return Intake(rt).submit(submission(next(numbers), site=HERE)).comment_id


def decision(rt: Runtime) -> dict[str, Any]:
    return {"id": comment(rt), "version": 1, "decision": "approve"}


def article(rt: Runtime) -> int:
    """The number of one that has comments."""
    with rt.store.reading() as tx:
        found = queries.comment(tx, comment(rt))
    assert found
    return found.article.id


def ban(rt: Runtime) -> dict[str, Any]:
    """One that is in force."""
    wish = bans.Wish(Effect.HOLD, "The matrix made it", None, network=f"198.51.100.{next(numbers) % 250}")
    return {"ban": bans.make(rt, accounts.SERVICE, HERE, wish, "r").ban.id}


CARD_BAN = {"whom": "author", "effect": "hold", "end": "day", "words": "The matrix wants to know"}
TYPED_BAN = {"site": HERE, "on": "192.0.2.1", "effect": "hold", "end": "day", "words": "The matrix wants to know"}
SENT_BAN = {"network": "192.0.2.2", "reason": "The matrix wants to know"}
WHY = {"reason": "The matrix wants to know"}
REMOVAL = {"version": 1, "start": 0, "end": 3, "reason": "asked for"}
PLACE = {"version": 1, "start": 0, "end": 3}
ARTICLE = {"article": "first"}


def reader(rt: Runtime) -> dict[str, Any]:
    author = {"name": "Ana", "email": "ana@reader.example.net"}
    return ARTICLE | {"author": author, "body": f"The matrix says this once, as number {next(numbers)}."}


def newcomer(rt: Runtime) -> dict[str, Any]:
    """Somebody who is not there yet."""
    return {"name": f"Newcomer {next(numbers)}", "role": "moderator", "sites": [HERE]}


def colleague(rt: Runtime) -> dict[str, Any]:
    """Somebody to be switched off."""
    name = f"Colleague {next(numbers)}"
    accounts.create_person(rt, accounts.SERVICE, name, Role.MODERATOR, [HERE], None)
    return {"name": name, "do": "off"}


def script(rt: Runtime) -> dict[str, Any]:
    return {"name": "script", "days": "30", "scopes": ["queue:read"], "sites": [HERE]}


def ended(rt: Runtime) -> dict[str, Any]:
    token = accounts.create_token(rt, accounts.SERVICE, "old script", [Right.READ_QUEUE], [HERE], None)
    return {"token": token.split("_")[2]}


DOORS: Mapping[str, Door] = {
    "GET /desk/": Door(Right.READ_QUEUE, 200),
    "GET /desk/live": Door(Right.READ_QUEUE, 200),
    "GET /desk/events": Door(Right.READ_QUEUE, 200),
    "POST /desk/leases": Door(Right.DECIDE, 200, 404, lambda rt: {"id": comment(rt)}),
    "POST /desk/search": Door(Right.READ_QUEUE, 303, fields=lambda rt: {"words": "harbour"}),
    "GET /desk/bulk": Door(Right.DECIDE, 200),
    "POST /desk/bulk": Door(Right.DECIDE, 303, fields=lambda rt: {"decision": "approve", "pick": [f"{comment(rt)}:1"]}),
    "GET /desk/bulk/<job_id>": Door(Right.DECIDE, 404),
    "POST /desk/bulk/undo": Door(Right.DECIDE, 404),
    "POST /desk/decisions": Door(Right.DECIDE, 200, 404, decision),
    "POST /desk/articles": Door(Right.MANAGE_ARTICLES, 303, 404, lambda rt: {"article": article(rt), "do": "open"}),
    "POST /desk/views": Door(Right.READ_QUEUE, 422),
    "POST /desk/views/drop": Door(Right.READ_QUEUE, 404),
    "GET /desk/comments/<comment_id>": Door(Right.READ_QUEUE, 200, 404),
    "GET /desk/comments/<comment_id>/<part>": Door(Right.READ_QUEUE, 200, 404),
    "POST /desk/comments/<comment_id>/notes": Door(Right.DECIDE, 200, 404, lambda rt: {"text": "The matrix was here."}),
    "POST /desk/comments/<comment_id>/notes/drop": Door(Right.DECIDE, 404),
    "POST /desk/comments/<comment_id>/redactions": Door(Right.DECIDE, 200, 404, lambda rt: REMOVAL),
    "POST /desk/comments/<comment_id>/redactions/undo": Door(Right.DECIDE, 404, fields=lambda rt: PLACE),
    "POST /desk/comments/<comment_id>/ban": Door(Right.BAN, 200, 404, lambda rt: CARD_BAN),
    "GET /desk/bans": Door(Right.READ_QUEUE, 200),
    "POST /desk/bans": Door(Right.BAN, 303, 403, lambda rt: TYPED_BAN),
    "POST /desk/bans/find": Door(Right.READ_QUEUE, 303, fields=lambda rt: {"q": "pills"}),
    "POST /desk/bans/lift": Door(Right.BAN, 303, 404, ban),
    "GET /desk/email/<comment_id>": Door(Right.REVEAL_EMAIL, 200, 404),
    "POST /desk/email/<comment_id>": Door(Right.REVEAL_EMAIL, 200, 404, lambda rt: WHY),
    "GET /desk/holds/<comment_id>": Door(Right.HOLD, 200, 404),
    "POST /desk/holds/<comment_id>": Door(Right.HOLD, 303, 404, lambda rt: WHY),
    "POST /desk/holds/<comment_id>/lift": Door(Right.HOLD, 404),
    "GET /desk/rules": Door(Right.MANAGE_RULES, 200),
    "POST /desk/rules/try": Door(Right.MANAGE_RULES, 200, 403, lambda rt: {"text": "Good morning", "site": HERE}),
    "GET /desk/rules/rule/<rule_id>": Door(Right.MANAGE_RULES, 404),
    "GET /desk/rules/draft": Door(Right.MANAGE_RULES, 200, 403, here=403),
    "POST /desk/rules/draft": Door(Right.MANAGE_RULES, 422, 403, here=403),
    "GET /desk/rules/backtests/<job_id>": Door(Right.MANAGE_RULES, 404),
    "POST /desk/rules/backtests/<job_id>/cancel": Door(Right.MANAGE_RULES, 404),
    "GET /desk/rules/backtests/<job_id>/report": Door(Right.MANAGE_RULES, 404),
    "GET /desk/rules/revisions/<revision>": Door(Right.MANAGE_RULES, 404),
    "POST /desk/rules/revisions/<revision>": Door(Right.MANAGE_RULES, 404, 403, here=403),
    "GET /desk/numbers": Door(Right.READ_QUEUE, 200),
    "GET /desk/audit": Door(Right.READ_JOURNAL, 200),
    "GET /desk/audit/csv": Door(Right.READ_JOURNAL, 200),
    "GET /desk/sign-in": Door(None, 200),
    "POST /desk/sign-in": Door(None, 403),
    "GET /desk/sso": Door(None, 404),  # there is no provider here
    "GET /desk/sso/return": Door(None, 403),
    "GET /desk/code": Door(Right.READ_QUEUE, 200),
    "POST /desk/code": Door(Right.READ_QUEUE, 401),  # nobody here has a second step to do
    "GET /desk/me": Door(Right.READ_QUEUE, 200),
    "GET /desk/me/keys": Door(Right.READ_QUEUE, 200),
    "POST /desk/me/keys": Door(Right.READ_QUEUE, 303),
    "POST /desk/me/keys/switch": Door(Right.READ_QUEUE, 200),
    "POST /desk/me/password": Door(Right.READ_QUEUE, 422),
    "POST /desk/me/sessions": Door(Right.READ_QUEUE, 303, fields=lambda rt: {"session": "all"}),
    "GET /desk/me/second-step": Door(Right.READ_QUEUE, 200),
    "POST /desk/me/second-step": Door(Right.READ_QUEUE, 422),
    "POST /desk/me/second-step/off": Door(Right.READ_QUEUE, 303),
    "POST /desk/me/recovery-codes": Door(Right.READ_QUEUE, 422),
    "GET /desk/people": Door(Right.MANAGE_PEOPLE, 200),
    "POST /desk/people": Door(Right.MANAGE_PEOPLE, 200, 403, newcomer),
    "POST /desk/people/change": Door(Right.MANAGE_PEOPLE, 303, 403, colleague),
    "GET /desk/tokens": Door(Right.MANAGE_PEOPLE, 200),
    "POST /desk/tokens": Door(Right.MANAGE_PEOPLE, 200, 403, script),
    "POST /desk/tokens/end": Door(Right.MANAGE_PEOPLE, 303, 403, ended),
    "POST /desk/sign-out": Door(Right.READ_QUEUE, 303),
    "GET /desk/set-password": Door(None, 404),
    "POST /desk/set-password": Door(None, 404),
    "GET /v1/<site_id>/queue": Door(Right.READ_QUEUE, 200, 403),
    "POST /v1/<site_id>/decisions": Door(Right.DECIDE, 200, 403, lambda rt: {"decisions": [decision(rt)]}),
    "POST /v1/<site_id>/articles": Door(Right.MANAGE_ARTICLES, 200, 403, lambda rt: ARTICLE | {"closed": False}),
    "GET /v1/<site_id>/bans": Door(Right.READ_QUEUE, 200, 403),
    "POST /v1/<site_id>/bans": Door(Right.BAN, 201, 403, lambda rt: SENT_BAN),
    "DELETE /v1/<site_id>/bans/<ban_id>": Door(Right.BAN, 204, 403, ban),
    "GET /v1/<site_id>/comments": Door(None, 200, fields=lambda rt: ARTICLE),
    "GET /v1/<site_id>/form": Door(None, 200, fields=lambda rt: ARTICLE),
    "GET /v1/<site_id>/counts": Door(None, 200, fields=lambda rt: ARTICLE),
    "POST /v1/<site_id>/comments": Door(None, 202, fields=reader),
    "OPTIONS /v1/<site_id>/comments": Door(None, 403),
    "POST /v1/<site_id>/comments/<comment_id>/reports": Door(None, 202, fields=lambda rt: {"reason": "abuse"}),
    "OPTIONS /v1/<site_id>/comments/<comment_id>/reports": Door(None, 403),
    "GET /t/<site_id>/reports/<comment_id>": Door(None, 404),  # for public comments only
    "GET /v1/<site_id>/receipts/<receipt>": Door(None, 404),  # open to who holds one: tests/doors/test_own.py
    "PATCH /v1/<site_id>/receipts/<receipt>": Door(None, 404),
    "DELETE /v1/<site_id>/receipts/<receipt>": Door(None, 404),
    "OPTIONS /v1/<site_id>/receipts/<receipt>": Door(None, 403),
    "POST /v1/<site_id>/receipts/<receipt>/appeal": Door(None, 404),
    "OPTIONS /v1/<site_id>/receipts/<receipt>/appeal": Door(None, 403),
    "GET /v1/<site_id>/challenge": Door(None, 404),
    "GET /t/<site_id>/privacy": Door(None, 200),
    "POST /t/<site_id>/privacy": Door(None, 404),  # no letters can be sent here: tests/doors/test_privacy.py
    "GET /p/<secret>": Door(None, 404),
    "POST /p/<secret>": Door(None, 404),
    "GET /v/<token>": Door(None, 404),
    "POST /v/<token>": Door(None, 404),
    "GET /r/<receipt>": Door(None, 404),
    "POST /r/<receipt>/edit": Door(None, 404),
    "POST /r/<receipt>/withdraw": Door(None, 404),
    "POST /r/<receipt>/appeal": Door(None, 404),
    "GET /t/<site_id>": Door(None, 200, fields=lambda rt: ARTICLE),
    "GET /demo/<site_id>/": Door(None, 200),
    "GET /": Door(None, 200),
    "GET /favicon.ico": Door(None, 301),
    "GET /embed.js": Door(None, 200),
    "GET /static/<path:filename>": Door(None, 200),
    "GET /static/desk/at/<version>/<name>": Door(None, 200),
    "GET /docs": Door(None, 200),
    "GET /openapi.json": Door(None, 200),
    "GET /livez": Door(None, 200),
    "GET /readyz": Door(None, 200),
    "GET /metrics": Door(None, 200),
    "POST /csp-report": Door(None, 204),
}  # fmt: skip


def addresses(app: Flask) -> set[str]:
    """Every method and path, from the application itself."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - ({"HEAD", "OPTIONS"} if "GET" in (rule.methods or set()) else set())
    }


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def app(rt: Runtime) -> Flask:
    return create_app(rt)


def ask(app: Flask, rt: Runtime, address: str, role: Role | None, sites: tuple[str, ...] | None) -> int:
    """The status that somebody with this role on these sites gets, by a fresh session or token."""
    method, _, rule = address.partition(" ")
    door = DOORS[address]
    path = rule.replace("<site_id>", HERE).replace("<path:filename>", "desk/desk.css").replace("<name>", "desk.js")
    path = path.replace("<comment_id>", comment(rt)) if "<comment_id>" in path else path
    path = path.replace("<part>", "history")
    fields = door.fields(rt)
    path = path.replace("<ban_id>", fields.get("ban", ""))
    client = app.test_client()
    if path.startswith("/v1"):
        sent: dict[str, Any] = {"headers": as_script(rt, role, sites) if role else {}}
        sent |= {"query_string": fields} if method == "GET" else {"json": fields.get("decisions", fields)}
    else:
        token = ""
        if role:
            secret, token = as_person(rt, role, sites)
            client.set_cookie("mod-8080", secret)
        sent = {"headers": {"Sec-Fetch-Site": "same-origin", "Accept": "application/json", "X-CSRF-Token": token}}
        sent["query_string" if method == "GET" else "data"] = fields
    with client.open(path, method=method, **sent) as answer:
        return answer.status_code


def as_person(rt: Runtime, role: Role, sites: tuple[str, ...] | None) -> tuple[str, str]:
    """(a new session's secret, a token for its forms)."""
    secret = f"secret-{next(numbers)}"
    with rt.store.writing() as tx:
        person = people.add(tx, f"Person {next(numbers)}", role, sites, None, rt.now())
        people.open_session(tx, fingerprint(secret), person, rt.now())
    return secret, f"salt.{rt.vault.sign('session-csrf', fingerprint(secret).hex(), 'salt')}"


def as_script(rt: Runtime, role: Role, sites: tuple[str, ...] | None) -> dict[str, str]:
    token = accounts.create_token(rt, accounts.SERVICE, "script", sorted(RIGHTS[role]), sites, None)
    return {"Authorization": f"Bearer {token}"}


def expected(address: str, role: Role | None, scope: str) -> int:
    """What the table says."""
    door = DOORS[address]
    if door.right is None:
        return door.ok
    if role is None:
        return 303 if address.startswith("GET /desk") else 401
    if door.right not in RIGHTS[role]:
        return 403
    told = {"all sites": door.ok, "this site": door.here, "another site": door.elsewhere}[scope]
    return door.ok if told is None else told


def test_no_address_is_without_its_row(app: Flask) -> None:
    assert addresses(app) == set(DOORS), "DOORS lists every address and the right that it needs"


@pytest.mark.parametrize("address", DOORS)
def test_each_role_on_each_scope_gets_what_the_table_says(app: Flask, rt: Runtime, address: str) -> None:
    comment(rt)  # makes the article known
    cells = [(None, "all sites"), *((role, scope) for role in Role for scope in SCOPES)]
    found = {(role, scope): ask(app, rt, address, role, SCOPES[scope]) for role, scope in cells}
    assert found == {(role, scope): expected(address, role, scope) for role, scope in cells}
