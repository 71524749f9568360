"""`moderation limits`: how far an address, an author or an article has used up its limits, and giving it back. The work
is `actions/limits`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import click

from moderation.commands import COMMAND_LINE, email_address, environment, options, with_runtime

if TYPE_CHECKING:
    from moderation.actions.limits import Busy
    from moderation.rates import BucketAnswer


@click.group()
def limits() -> None:
    """Rate limits of an address, an author, an article or a site: show, clear."""


def _address(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    try:
        return given and str(ip_address(given.strip()))
    except ValueError:
        raise click.BadParameter("a network address such as 203.0.113.7 or 2001:db8::7") from None


def _busy(command: Callable[..., Any]) -> Callable[..., Any]:
    for add in (
        options("state"),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--article", metavar="ID", help="The id of an article, as its page gives it."),
        click.option("--email", is_flag=True, help="An author: asks for the address, or reads it from standard input."),
        click.option("--address", callback=_address, help="A network address, of IPv4 or IPv6."),
        click.option("--site", required=True, help="The site. Alone: the limits of the whole site."),
    ):
        command = add(command)
    return command


@limits.command("show")
@_busy
def show(as_json: bool, **given: Any) -> None:
    """Print every limit that counts here: how many are left, and when it is whole again."""
    from moderation.actions import limits as action

    def look(rt: Any) -> tuple[datetime, list[BucketAnswer]]:
        return rt.now(), action.show(rt, busy)

    busy, env = _asked(**given)
    now, found = with_runtime(env, look)
    rows = [_told(each, now) for each in found]
    if as_json:
        click.echo(json.dumps({"site": busy.site, "at": now.isoformat(), "buckets": rows}, indent=2))
    else:
        click.echo("\n".join(_lines(rows)) or "No limit is set here.")


@limits.command("clear")
@click.option("--reason", help="Kept in the record.")
@_busy
def clear(as_json: bool, reason: str | None, **given: Any) -> None:
    """Make these limits whole again. Leaves a row in the record, which does not say for whom."""
    from moderation.actions import limits as action

    busy, env = _asked(**given)
    count = with_runtime(env, lambda rt: action.clear(rt, COMMAND_LINE, busy, reason))
    click.echo(json.dumps({"site": busy.site, "cleared": count}) if as_json else f"Cleared: {count} used limits.")


def _asked(*, site: str, address: str | None, email: bool, article: str | None, **given: Any) -> tuple[Busy, Any]:
    from moderation.actions.limits import Busy

    return Busy(site, address, _email() if email else None, article), environment(**given)


def _email() -> str:
    """From standard input or a prompt, so that it stands in no list of processes and no shell's history."""
    return email_address(click.prompt("E-mail address", err=True) if sys.stdin.isatty() else sys.stdin.readline())


def _told(each: BucketAnswer, now: datetime) -> dict[str, Any]:
    window = each.bucket.window
    return {
        "limit": window.name,
        "scope": each.bucket.scope,
        "uses": window.limit,
        "seconds": window.period,
        "at_once": window.burst,
        "left": each.remaining,
        "whole_in": each.reset_after,
        "whole_at": (now + timedelta(seconds=each.reset_after)).isoformat(timespec="seconds"),
    }


def _lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"{row['limit']:<12}{row['uses']:>7} in {row['seconds']:g} s, {row['at_once']} at once: {row['left']} left, "
        + (f"whole again at {row['whole_at']}" if row["whole_in"] else "whole")
        for row in rows
    ]
