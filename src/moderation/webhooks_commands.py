"""`moderation webhooks`: the secrets of the sites' receivers, and telling one again that had wanted nothing more. The
work is `actions/webhooks`."""

from __future__ import annotations

from typing import Any

import click

from moderation.commands import COMMAND_LINE, environment, options, with_runtime


@click.group()
def webhooks() -> None:
    """Receivers of what happens to comments: show, start."""


@webhooks.command("show")
@options("state")
def show(**given: Any) -> None:
    """Print each site's receiver, what it is told, and the secret by which it checks that it was told by us; and so of
    a check of the site's own.

    While keys are rotated there are two secrets, the newest first, and every webhook is signed with both.
    """
    from moderation.actions import external
    from moderation.actions import webhooks as action

    found = with_runtime(environment(**given), lambda rt: list(action.receivers(rt)))
    if not found:
        click.echo("No site has a receiver: [sites.X.webhook] in the rules file names one.")
    for each in found:
        click.echo(f"{each.site}: {each.hook.url}{' (stopped: it answered 410)' if each.is_stopped else ''}")
        click.echo(f"  told of: {', '.join(each.hook.events)}")
        for secret in each.secrets:
            click.echo(f"  secret:  {secret}")
    for site, url, secrets in with_runtime(environment(**given), external.shown):
        click.echo(f"{site}: {url}\n  asked about new comments")
        for secret in secrets:
            click.echo(f"  secret:  {secret}")


@webhooks.command("start")
@click.option("--site", required=True, help="The site.")
@options("state")
def start(site: str, **given: Any) -> None:
    """Tell a receiver again that had answered 410 Gone. What it was not told within the last three days comes then."""
    from moderation.actions import webhooks as action

    was_stopped = with_runtime(environment(**given), lambda rt: action.start_again(rt, COMMAND_LINE, site))
    click.echo("It is told again." if was_stopped else "It was not stopped.")
