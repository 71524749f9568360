"""Sign in by an OpenID provider, as somebody who is known here already: an admin says which account there is whose.
Nobody is added by signing in, and nobody gets another role.
"""

from __future__ import annotations

from typing import Literal

from moderation import sessions
from moderation.edges import factors, journal, oidc, people
from moderation.edges.oidc import Attempt, Client
from moderation.edges.people import fingerprint
from moderation.errors import FieldProblem, Forbidden, Invalid, NotFound, SingleSignOnFailed
from moderation.runtime import Runtime
from moderation.sessions import entry, new_secret
from moderation.values import Moderator, Right

RETURN = "/desk/sso/return"
Kind = Literal["subject", "email"]


def client(rt: Runtime) -> Client:
    """How we are known at the provider. Raises NotFound where there is none."""
    env = rt.env
    if not env.oidc_issuer:
        raise NotFound("page")
    return Client(
        env.oidc_issuer, env.oidc_client_id, env.oidc_client_secret.get_secret_value(), env.public_url + RETURN
    )


def begin(rt: Runtime, address: str) -> tuple[Attempt, str]:
    """A fresh attempt, and where to send the browser. Raises NotFound, SignInRefused, SingleSignOnFailed."""
    known = client(rt)
    sessions.check_rates(rt, address, None)
    attempt = Attempt(new_secret(rt), new_secret(rt), new_secret(rt))
    return attempt, oidc.way(known, attempt)


def finish(
    rt: Runtime, attempt: Attempt, code: str, address: str, replaces: str | None = None
) -> tuple[str, Moderator]:
    """The new session's secret and who it is for. Raises NotFound, SignInRefused, SingleSignOnFailed."""
    known = client(rt)
    sessions.check_rates(rt, address, None)
    found = oidc.identity(known, attempt, code, rt.now())
    value = found.email if rt.env.oidc_match == "email" else found.subject
    if value is None:
        raise SingleSignOnFailed("email-not-verified")
    with rt.store.writing() as tx:
        person = people.of_identity(tx, rt.vault.indexes(_name(rt, rt.env.oidc_match, value)))
        if person is None or person.disabled:
            raise SingleSignOnFailed("unknown-person")
        if replaces:
            people.end_session(tx, fingerprint(replaces))
        action = "identity-given" if factors.get(tx, person.id) else "sign-in"
        return sessions.begin(rt, tx, person, rt.now(), action, "single sign-on")


def accounts_known(rt: Runtime) -> dict[int, int]:
    """How many accounts at the provider each person has, by the person's id: which ones, a keyed hash does not tell."""
    with rt.store.reading() as tx:
        return people.identity_counts(tx)


def link(rt: Runtime, who: Moderator, name: str, kind: Kind, value: str) -> None:
    """From now on the account `value` at the provider is this person's. Raises Forbidden, NotFound, Invalid."""
    if not who.may(Right.MANAGE_PEOPLE) or who.sites is not None:
        raise Forbidden(Right.MANAGE_PEOPLE.value)
    value = value.strip().lower() if kind == "email" else value.strip()
    if not 1 <= len(value) <= 255 or (kind == "email" and "@" not in value):
        raise Invalid([FieldProblem(f"/{kind}", "email" if kind == "email" else "required")])
    with rt.store.writing() as tx:
        person = people.find(tx, name)
        if person is None:
            raise NotFound("person")
        people.add_identity(tx, rt.vault.index(_name(rt, kind, value)), person.id)
        journal.write(tx, [entry(rt.now(), who.name, who.role, "identity-added", person.id, kind)])


def unlink(rt: Runtime, who: Moderator, name: str) -> int:
    """Forget all accounts of this person at the provider, and end their sessions. How many accounts there were."""
    if not who.may(Right.MANAGE_PEOPLE) or who.sites is not None:
        raise Forbidden(Right.MANAGE_PEOPLE.value)
    with rt.store.writing() as tx:
        person = people.find(tx, name)
        if person is None:
            raise NotFound("person")
        gone = people.drop_identities(tx, person.id)
        people.end_sessions(tx, person.id)
        journal.write(tx, [entry(rt.now(), who.name, who.role, "identities-ended", person.id, str(gone))])
    return gone


def _name(rt: Runtime, kind: str, value: str) -> str:
    """What is kept as a keyed hash: an account is one provider's, and an address no subject."""
    return f"{rt.env.oidc_issuer}|{kind}|{value}"
