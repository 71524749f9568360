"""`moderation keys`: what keys there are, and changing them while the service runs. The work is `actions/keys`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from moderation.commands import COMMAND_LINE, end, environment, options, with_runtime
from moderation.errors import KeysInvalid
from moderation.values import PURPOSES


@click.group()
def keys() -> None:
    """The keys of the service: show, rotate, write rows anew, retire."""


def _purpose(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("purpose", type=click.Choice(PURPOSES))(options("state")(command))


@keys.command("show")
@options("state")
def show(**given: Any) -> None:
    """List ids, purposes and states; never a key."""
    from moderation.edges.vault import load_keys

    try:
        found = load_keys(environment(**given).keys_path).all
    except KeysInvalid as problem:
        end(str(problem))
    for key in sorted(found, key=lambda key: (key.purpose, key.id)):
        click.echo(
            f"{key.purpose:<13} {key.id:>3}  {key.state:<8}" + (f" since {key.since}" if key.since.year > 1 else "")
        )


@keys.command("rotate")
@_purpose
def rotate(purpose: str, **given: Any) -> None:
    """Make a new key the active one. The former one still reads. Takes a few seconds, so that all workers know it."""
    from moderation.actions import keys as action

    new, former = _done(lambda rt: action.rotate(rt, COMMAND_LINE, purpose), **given)
    click.echo(f"{purpose}: key {new.id} is active, key {former.id} still reads.")


@keys.command("reencrypt")
@_purpose
def reencrypt(purpose: str, **given: Any) -> None:
    """Write the rows of older keys anew with the active one. May be stopped at any moment and started again."""
    from moderation.actions import keys as action

    def run(rt: Any) -> tuple[int, int, int]:
        batches = list(action.reencrypt(rt, COMMAND_LINE, purpose))
        return sum(b.seen for b in batches), sum(b.written for b in batches), sum(b.unreadable for b in batches)

    seen, written, unreadable = _done(run, **given)
    click.echo(f"{purpose}: {seen} rows looked at, {written} written anew, {unreadable} cannot be read.")
    if unreadable:
        sys.exit(1)


@keys.command("retire")
@_purpose
def retire(purpose: str, **given: Any) -> None:
    """Retire the former keys. Refused while a row or something handed out still needs one."""
    from moderation.actions import keys as action

    gone = _done(lambda rt: action.retire(rt, COMMAND_LINE, purpose), **given)
    told = ", ".join(str(key.id) for key in gone)
    click.echo(f"{purpose}: retired {told}." if gone else f"{purpose}: there is no former key to retire.")


def _done(do: Callable[[Any], Any], **given: Any) -> Any:
    """What `do` answers; a refusal about keys ends the command in its own words."""

    def safely(rt: Any) -> Any:
        try:
            return do(rt)
        except KeysInvalid as problem:
            end(str(problem))

    return with_runtime(environment(**given), safely)
