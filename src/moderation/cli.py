"""The command `moderation`: start the service, and what its owner does from a shell. Each command is a short story;
the work itself is in `actions`. What a command needs is imported in it: `moderation filter` must start at once."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation import __version__, rules_commands
from moderation.backup_commands import backup, restore
from moderation.commands import (
    end,
    environment,
    local_address,
    must_be_there,
    opened,
    options,
    port_refused,
    prepare,
    serving,
    using,
    with_redis,
    with_runtime,
)
from moderation.errors import KeysInvalid, RulesInvalid
from moderation.filter_commands import evaluate_command, filter_command
from moderation.hold_commands import hold
from moderation.keys_commands import keys
from moderation.limits_commands import limits
from moderation.people_commands import tokens, users
from moderation.privacy_commands import privacy
from moderation.webhooks_commands import webhooks

if TYPE_CHECKING:
    from moderation.environment import Environment


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="moderation")
def main() -> None:
    """The comment desk of a news site or a blog.

    \b
    Start here:
      moderation serve                     the service on http://127.0.0.1:8080
      moderation check moderation.toml     is this rules file good?
      moderation explain --text "…"        what comes of a comment under the rules, and why?
      moderation backtest new.toml         what would new rules have done last month?
      moderation doctor                    is everything as it should be?
      moderation filter "some text"        what does the text filter find in it?

    Rules are in moderation.toml (docs/configuration.md). Where things are, and secrets, comes from
    the environment: MODERATION_STATE, MODERATION_PORT, MODERATION_DATABASE_URL, MODERATION_REDIS_URL, …
    Each may also be given as a file: MODERATION_REDIS_URL_FILE.
    """


@main.command()
@options("port", "host", "state", "workers", "threads")
def serve(**given: Any) -> None:
    """Start the service. Ctrl-C ends it.

    The first start makes the state folder: database, keys (mode 0600), rules file, embedded Redis. It prints a
    one-time link that sets the first admin's password, until there is an admin.
    """
    from moderation.edges.redis_server import RedisServerError

    gc.disable()  # until all is loaded, and there to stay: looking through it meanwhile took a seventh of the start
    env = environment(**given)
    with tempfile.TemporaryDirectory(prefix="moderation-metrics-") as metrics:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics  # before anything imports the metrics
        try:
            with using(env.state) as is_free, serving(env.state) as is_only:
                if not is_free:
                    raise click.ClickException("A backup is being put back into this state folder.")
                if not is_only:
                    where = f"The service of {env.state} runs already, at {local_address(env)}."
                    raise click.ClickException(f"{where} End it first, or name another folder with --state.")
                if refused := port_refused(env.host, env.port):
                    raise click.ClickException(refused)
                _serve(env)
        except (KeysInvalid, RulesInvalid, RedisServerError) as problem:
            end(str(problem))


def _serve(env: Environment) -> None:
    from moderation.edges.telemetry import configure_logging

    prepare(env)
    configure_logging(env.log_level)
    embedded = None if env.redis_url else Embedded(env.state)
    env = with_redis(env)
    try:
        secret = _first_admin(env)
        from moderation.web.server import Server

        if embedded is not None:
            embedded.wait()
        Server(env, ready=lambda: _greet(env, secret), look_after=embedded.look_after if embedded else None).run()
    finally:
        if embedded is not None:
            embedded.stop()


class Embedded:
    """The Redis that comes along: begun at once, waited for before the fork, started again if it dies, stopped at the
    end."""

    def __init__(self, state: Path) -> None:
        from moderation.edges import redis_server

        self._state = state
        self._start = redis_server.start
        self._server = redis_server.begin(state)

    def wait(self) -> None:
        """Until it answers."""
        self._server = self._start(self._state, begun=self._server)

    def look_after(self) -> None:
        """Called about once a second, from the main thread."""
        if self._server.has_died():
            self._server = self._start(self._state)

    def stop(self) -> None:
        self._server.stop()


def _first_admin(env: Environment) -> str | None:
    from moderation.actions import accounts
    from moderation.runtime import Runtime

    rt = Runtime(env)
    try:
        return accounts.first_admin_link(rt)
    finally:
        rt.close()


def _greet(env: Environment, secret: str | None) -> None:
    base = env.public_url
    (env.state / "address").write_text(f"{base}\n{env.local_url}\n", "utf-8")
    lines = [
        "",
        f"  moderation {__version__} is running. Ctrl-C ends it.",
        "",
        f"  Article to try it on   {base}/demo/demo/",
        f"  Desk for moderators    {base}/desk",
        f"  API and its pages      {base}/docs",
    ]
    if secret:
        lines += [
            "",
            "  Set the first admin's password (works once, for 24 hours):",
            f"  {base}/desk/set-password?token={secret}",
        ]
    click.echo("\n".join([*lines, ""]))
    sys.stdout.flush()


@main.command()
@options("state")
def worker(**given: Any) -> None:
    """Do what happens beside requests (retention, expiry, e-mail) in a process of its own.

    `moderation serve` does it as well; nothing is done twice.
    """
    from moderation.edges.telemetry import configure_logging
    from moderation.worker import Housekeeping, background

    env = environment(**given)
    configure_logging(env.log_level)
    rt = opened(env, must_be_there)
    rt.follow_rules()
    work, others = Housekeeping(rt), background(rt)
    for each in others:
        each.start()
    import signal

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: work.stop())
    with using(env.state):
        try:
            work.run()
        finally:
            for each in others:
                each.stop()
            rt.close()


main.add_command(rules_commands.backtest)
main.add_command(rules_commands.check)
main.add_command(rules_commands.explain)
main.add_command(filter_command)
main.add_command(evaluate_command)
main.add_command(users)
main.add_command(tokens)
main.add_command(privacy)
main.add_command(hold)
main.add_command(keys)
main.add_command(limits)
main.add_command(webhooks)
main.add_command(backup)
main.add_command(restore)


@main.group()
def audit() -> None:
    """The record of who did what."""


@audit.command("verify")
@click.option(
    "--checkpoint",
    metavar="SEQ:MAC",
    help="A line `journal-checkpoint` of the log: also finds a whole older record that was put back.",
)
@options("state")
def audit_verify(checkpoint: str | None, **given: Any) -> None:
    """Is the record as it was written? Names the first row that was changed, cut out, put in or swapped.

    Exits with 1 when there is one. Prints a new checkpoint to keep elsewhere.
    """
    from moderation.actions import audit as actions

    seq, _, mac = (checkpoint or "").partition(":")
    if checkpoint and not (seq.isascii() and seq.isdigit() and mac):
        raise click.UsageError("A checkpoint looks like 1234:5a6b7c.")
    known = (int(seq), mac) if checkpoint else None
    report = with_runtime(environment(**given), lambda rt: actions.verify(rt, known))
    if report.older:
        click.echo(f"{report.older} rows are older than the chain: nothing vouches for them.")
    if report.last >= report.first:
        click.echo(f"Rows {report.first} to {report.last} are as they were written.")
    if report.broken:
        end(f"Row {report.broken.seq} {_BROKEN[report.broken.why]}.")
    click.echo(f"Checkpoint {report.last}:{report.mac.hex()}" if report.mac else "Nothing has been written yet.")


_BROKEN = {
    "changed": "is not what was written there",
    "missing": "is missing",
    "added": "was not written by this service",
}


@main.command()
@options("state", "port", "host")
@click.option("--url", help="The running service. [where the last start with this state folder listens]")
@click.option("--live", is_flag=True, help="Only ask whether the process answers, as a container's health check does.")
def doctor(url: str | None, live: bool, **given: Any) -> None:
    """Check everything and say what is wrong. Exits with 1 when something is."""
    from moderation import examination

    env = environment(**given)
    is_told = given["port"] is not None or given["host"] is not None
    base = (url or (env.local_url if is_told else local_address(env))).rstrip("/")
    found = [examination.live(base)] if live else examination.whole(env, base)
    for each in found:
        click.echo(f"{'ok  ' if each.ok else 'FAIL' if each.ok is False else 'note'}  {each.part}: {each.sentence}")
    sys.exit(1 if any(each.ok is False for each in found) else 0)
