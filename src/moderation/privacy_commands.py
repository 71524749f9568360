"""`moderation privacy`: what a reader may ask by law, done from a shell. The work itself is `actions/privacy`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from moderation.commands import COMMAND_LINE, email_address, environment, options, with_runtime

if TYPE_CHECKING:
    from moderation.actions.privacy import Reader


@click.group()
def privacy() -> None:
    """A copy of what is kept about a reader, and forgetting it."""


def _asked(command: Callable[..., Any]) -> Callable[..., Any]:
    command = options("state")(command)
    command = click.option("--reason", default="asked by the reader", show_default=True, help="Kept in the record.")(
        command
    )
    for option, words in (
        ("--login", "With --site, instead: the reader's name at the publisher's login (`sub`); `-` as above."),
        ("--site", "The site whose login that is."),
        ("--email", "The reader's address; `-` reads it from standard input."),
    ):
        command = click.option(option, help=words)(command)
    return command


@privacy.command("export")
@_asked
def export(email: str | None, site: str | None, login: str | None, reason: str, **given: Any) -> None:
    """Print all that is kept about a reader, as JSON to hand to them (GDPR articles 15 and 20)."""
    from moderation.actions import privacy as action
    from moderation.edges.store import store_name

    reader = _reader(email, site, login)
    env = environment(**given)
    found = with_runtime(env, lambda rt: action.export(rt, COMMAND_LINE, reader, reason))
    click.echo(f"From {store_name(env.database)}.", err=True)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


@privacy.command("erase")
@click.option("--yes", is_flag=True, help="Do it. Without this, only say what would go.")
@_asked
def erase(email: str | None, site: str | None, login: str | None, reason: str, yes: bool, **given: Any) -> None:
    """Forget a reader (GDPR article 17): their comments, address and records, everywhere.

    A comment that was answered stays as "[removed at the author's request]", so that the answers keep their place.
    Older backups still hold what was erased; `moderation restore` erases it again.
    """
    from moderation.actions import privacy as action
    from moderation.catalogue import counted
    from moderation.edges import backups
    from moderation.edges.store import sqlite_file, store_name

    reader = _reader(email, site, login)
    env = environment(**given)
    found = with_runtime(env, lambda rt: action.look(rt, reader))
    for site, statuses in found.items():
        click.echo(f"{site}: " + ", ".join(f"{count} {status}" for status, count in statuses.items()))
    if not yes:
        nothing = f"Nothing is kept about this reader in {store_name(env.database)}."
        click.echo("Nothing was erased. Add --yes to do it." if found else nothing)
        return
    count = with_runtime(env, lambda rt: action.erase(rt, COMMAND_LINE, reader, reason))
    click.echo(f"Erased: {counted('{n} comment', '{n} comments', count)}.")
    file = sqlite_file(env.database)
    for path in backups.kept_aside(file) if file else []:
        click.echo(f"Not reached: {path}, which a restore kept. Delete it when you need it no more.")
    for comment_id, hold in with_runtime(env, lambda rt: action.kept(rt, reader)).items():
        click.echo(f"Left, out of the public's sight, until hold {hold.id} is lifted: {comment_id} ({hold.reason}).")


@privacy.command("reapply")
@options("state")
def reapply(**given: Any) -> None:
    """Forget again every reader of erased.jsonl, after an older copy of the database was put back by other tools."""
    from moderation.actions import privacy as action
    from moderation.catalogue import counted

    count = with_runtime(environment(**given), lambda rt: action.erase_again(rt, COMMAND_LINE))
    click.echo(f"Erased again: {counted('{n} comment', '{n} comments', count)}.")


@privacy.command("inventory")
def inventory() -> None:
    """Print which columns of the database hold personal data: what, why and until when, as a table in Markdown.

    Where an end names a setting, docs/configuration.md says its value: most are of [retention].
    """
    from moderation.inventory import page

    click.echo(page())


def _reader(email: str | None, site: str | None, login: str | None) -> Reader:
    """Whom the options name: by an address in its normal form, which is what comments are found by, or at a login."""
    from moderation.actions.privacy import SignedIn

    if bool(email) == bool(login) or bool(login) != bool(site):
        click.echo("Give either --email, or --site and --login.", err=True)
        sys.exit(2)
    given = email or login
    text = (sys.stdin.readline() if given == "-" else str(given)).strip()
    if site:
        return SignedIn(site, text)
    return email_address(text)
