"""`moderation users` and `moderation tokens`: who may moderate, people and scripts. The work is `actions/accounts` and
`actions/single_sign_on`."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from moderation.commands import COMMAND_LINE, address, environment, options, with_runtime
from moderation.values import SCOPES, Right, Role

if TYPE_CHECKING:
    from moderation.environment import Environment


@click.group()
def users() -> None:
    """People who moderate."""


@users.command("add")
@click.argument("name")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), default=Role.MODERATOR.value, show_default=True
)
@click.option("--site", "sites", multiple=True, help="Only this site; may be repeated. All sites where left out.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of printing a one-time link."
)
@options("state")
def users_add(name: str, role: str, sites: tuple[str, ...], password_stdin: bool, **given: Any) -> None:
    """Add a person. Prints a one-time link to set the password, unless it comes on standard input."""
    from moderation.actions import accounts

    password = sys.stdin.readline().rstrip("\n") if password_stdin else None

    def add(rt: Any) -> str | None:
        return accounts.create_person(rt, COMMAND_LINE, name, Role(role), list(sites) or None, password)

    env = environment(**given)
    secret = with_runtime(env, add, create=True)
    click.echo(_password_link(env, secret) if secret else f"{name} can sign in at {address(env)}/desk")


@users.command("link")
@click.argument("name")
@options("state")
def users_link(name: str, **given: Any) -> None:
    """Print a new one-time link to set a password, for somebody who forgot theirs. An older link stops working."""
    from moderation.actions import accounts

    env = environment(**given)
    secret, is_off = with_runtime(env, lambda rt: accounts.new_link(rt, COMMAND_LINE, name))
    click.echo(_password_link(env, secret))
    if is_off:
        on = f"moderation users change {shlex.quote(name)} --on"
        click.echo(f"{name} is switched off, and the link does not work before: {on}", err=True)


@users.command("change")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="The new role.")
@click.option("--off/--on", "disabled", default=None, help="Switch the person off, or on again.")
@click.option("--no-second-step", "lost", is_flag=True, help="Take the authenticator app away, for a lost phone.")
@options("state")
def users_change(name: str, role: str | None, disabled: bool | None, lost: bool, **given: Any) -> None:
    """Change somebody's role, switch them off and on, or take a lost second step away. They are signed out."""
    from moderation.actions import accounts

    if role is None and disabled is None and not lost:
        raise click.UsageError("Say what to change: --role ROLE, --off, --on or --no-second-step.")
    new = Role(role) if role else None

    def change(rt: Any) -> None:
        if lost:
            accounts.forget_factor(rt, COMMAND_LINE, name)
        if new or disabled is not None:
            accounts.change_person(rt, COMMAND_LINE, name, role=new, disabled=disabled)

    with_runtime(environment(**given), change)
    changed = ["has no second step any more"] * lost + [f"is now {role}"] * (role is not None)
    changed += [] if disabled is None else ["is switched off" if disabled else "is switched on"]
    click.echo(f"{name} {' and '.join(changed)}. Signed out everywhere.")


@users.command("sso")
@click.argument("name")
@click.option("--subject", help="Their account's own name at the provider (`sub`).")
@click.option("--email", help="The e-mail address that the provider has verified; `-` reads it from standard input.")
@click.option("--none", "forget", is_flag=True, help="Forget all their accounts there. They are signed out.")
@options("state")
def users_sso(name: str, subject: str | None, email: str | None, forget: bool, **given: Any) -> None:
    """Say which account at the single sign-on is whose. Only a keyed hash of it is kept."""
    from moderation.actions import single_sign_on

    if sum((subject is not None, email is not None, forget)) != 1:
        raise click.UsageError("Give one of --subject, --email and --none.")
    env = environment(**given)
    if not env.oidc_issuer:
        raise click.UsageError("Set MODERATION_OIDC_ISSUER first: an account is one provider's.")
    if forget:
        gone = with_runtime(env, lambda rt: single_sign_on.unlink(rt, COMMAND_LINE, name))
        click.echo(f"{name} has no account there any more ({gone} forgotten). Signed out everywhere.")
        return
    value = sys.stdin.readline().strip() if email == "-" else email
    if value is not None:
        with_runtime(env, lambda rt: single_sign_on.link(rt, COMMAND_LINE, name, "email", value))
    elif subject is not None:
        with_runtime(env, lambda rt: single_sign_on.link(rt, COMMAND_LINE, name, "subject", subject))
    click.echo(f"{name} can sign in with {env.oidc_label}.")


@users.command("list")
@options("state")
def users_list(**given: Any) -> None:
    """Who moderates, with roles and sites."""
    from moderation.actions import accounts

    for person in with_runtime(environment(**given), lambda rt: accounts.list_people(rt)):
        sites = ", ".join(person.sites) if person.sites is not None else "all sites"
        click.echo(f"{person.name}\t{person.role}\t{sites}{chr(9) + 'disabled' if person.disabled else ''}")


@click.group()
def tokens() -> None:
    """Tokens for scripts and content systems."""


@tokens.command("create")
@click.option("--name", default="script", show_default=True, help="What it is for; stands in the journal.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([right.value for right in SCOPES]),
    help="May be repeated.",
)
@click.option("--site", "sites", multiple=True, help="Only this site; may be repeated. All sites where left out.")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Valid for this many days.")
@options("state")
def tokens_create(name: str, scopes: tuple[str, ...], sites: tuple[str, ...], days: int, **given: Any) -> None:
    """Make a token and print it. It is shown this once."""
    from datetime import timedelta

    from moderation.actions import accounts

    def create(rt: Any) -> str:
        rights = [Right(scope) for scope in scopes]
        return accounts.create_token(
            rt, COMMAND_LINE, name, rights, list(sites) or None, rt.now() + timedelta(days=days)
        )

    click.echo(with_runtime(environment(**given), create))


@tokens.command("list")
@options("state")
def tokens_list(**given: Any) -> None:
    """Id, name, scopes, sites, end and last use of each. The tokens themselves are kept nowhere."""
    from moderation.actions import accounts

    for each in with_runtime(environment(**given), lambda rt: accounts.list_tokens(rt)):
        sites = ", ".join(each.sites) if each.sites is not None else "all sites"
        until = f"until {each.expires_at:%Y-%m-%d}" if each.expires_at else "lasts for good"
        used = f"last used {each.used_at:%Y-%m-%d}" if each.used_at else "never used"
        click.echo("\t".join([each.id, each.name, ", ".join(each.scopes), sites, until, used]))


@tokens.command("end")
@click.argument("token_id", metavar="ID")
@options("state")
def tokens_end(token_id: str, **given: Any) -> None:
    """End the token with this ID, which `tokens list` tells and which stands in the token: cm_live_ID_…"""
    from moderation.actions import accounts

    with_runtime(environment(**given), lambda rt: accounts.end_token(rt, COMMAND_LINE, token_id))
    click.echo("The token has stopped working.")


def _password_link(env: Environment, secret: str) -> str:
    return f"{address(env)}/desk/set-password?token={secret}"
