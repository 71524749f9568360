"""`moderation hold`: legal holds from a shell. The work itself is `actions/holds`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from moderation.commands import COMMAND_LINE, end, environment, options, with_runtime
from moderation.errors import Invalid, ModerationError, NotFound


@click.group()
def hold() -> None:
    """Keep what must not be deleted for now, whatever retention or its author says."""


_reason = click.option("--reason", required=True, help="Kept in the record: the file number, who asked. No address.")


@hold.command("place")
@click.argument("comment")
@click.option("--author", "whole_author", is_flag=True, help="All comments of its author, also those to come.")
@_reason
@options("state")
def place(comment: str, whole_author: bool, reason: str, **given: Any) -> None:
    """Keep the comment with the number COMMENT. A click on the reason on its card unfolds its checks, under which the
    number stands; it is in the address of its own page (History) as well."""
    from moderation.actions import holds as action
    from moderation.catalogue import counted

    def work(rt: Any) -> Any:
        return action.place(rt, COMMAND_LINE, comment, whole_author=whole_author, reason=reason, request_id="")

    placed = _done(work, **given)
    click.echo(f"Hold {placed.id} is in force: {counted('{n} comment', '{n} comments', placed.kept)}.")


@hold.command("list")
@options("state")
def show(**given: Any) -> None:
    """List the holds in force."""
    from moderation.edges import held

    def look(rt: Any) -> Any:
        with rt.store.reading() as tx:
            return held.page(tx, None)

    found = _done(look, **given)
    for each in found:
        whom = "the author of comment" if each.whole_author else "comment"
        click.echo(
            f"{each.id}  {each.site}  {whom} {each.comment_id}, {each.kept} kept, "
            f"since {each.at:%Y-%m-%d %H:%M} UTC by {each.by}: {each.reason}"
        )
    if not found:
        click.echo("No hold is in force.")


@hold.command("lift")
@click.argument("hold_id", metavar="HOLD")
@_reason
@options("state")
def lift(hold_id: str, reason: str, **given: Any) -> None:
    """End the hold with the number HOLD. What its author wanted gone meanwhile is deleted now."""
    from moderation.actions import holds as action
    from moderation.catalogue import counted

    gone = _done(lambda rt: action.lift(rt, COMMAND_LINE, hold_id, reason=reason, request_id=""), **given)
    click.echo(f"Lifted. Erased with it: {counted('{n} comment', '{n} comments', gone)}.")


def _done(do: Callable[[Any], Any], **given: Any) -> Any:
    """What `do` answers; a refusal ends the command in words."""

    def safely(rt: Any) -> Any:
        try:
            return do(rt)
        except ModerationError as error:
            return error

    answer = with_runtime(environment(**given), safely)
    if isinstance(answer, NotFound):
        end(f"There is no {answer.what} of this number.")
    if isinstance(answer, Invalid):
        click.echo("The reason must be one line of 8 to 200 characters, without an e-mail address.", err=True)
        sys.exit(2)
    if isinstance(answer, ModerationError):
        raise answer
    return answer
