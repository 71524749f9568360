"""The command `moderation`: start the service, and what its owner does from a shell. Each command is a short story;
the work itself is in `actions`. What a command needs is imported in it: `moderation filter` must start at once."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation import __version__, rules_commands
from moderation.backup_commands import backup, restore
from moderation.commands import (
    COMMAND_LINE,
    address,
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
from moderation.privacy_commands import privacy
from moderation.values import SCOPES, Right, Role
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
main.add_command(privacy)
main.add_command(hold)
main.add_command(keys)
main.add_command(limits)
main.add_command(webhooks)
main.add_command(backup)
main.add_command(restore)


@main.group()
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


def _password_link(env: Environment, secret: str) -> str:
    return f"{address(env)}/desk/set-password?token={secret}"


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


@main.group()
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
