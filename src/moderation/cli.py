"""The command `moderation`: start the service, and what its owner does from a shell. Each command is a short story;
the work itself is in `actions`. What a command needs is imported in it: `moderation filter` must start at once."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation import __version__
from moderation.errors import KeysInvalid, ModerationError, RulesInvalid
from moderation.filter_commands import filter_command
from moderation.values import Moderator, Right, Role

if TYPE_CHECKING:
    from moderation.settings import Environment

COMMAND_LINE = Moderator(0, "command line", frozenset(Right), None, "owner")
"""Who acts in the journal when a command is typed: whoever may read the keys may do everything."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="moderation")
def main() -> None:
    """The comment desk of a news site or a blog.

    \b
    Start here:
      moderation serve                     the service on http://127.0.0.1:8080
      moderation check moderation.toml     is this rules file good?
      moderation doctor                    is everything as it should be?
      moderation filter "some text"        what does the text filter find in it?

    Rules are in moderation.toml (docs/configuration.md). Where things are, and secrets, comes from
    the environment: MODERATION_STATE, MODERATION_PORT, MODERATION_DATABASE_URL, MODERATION_REDIS_URL, …
    Each may also be given as a file: MODERATION_REDIS_URL_FILE.
    """


def _options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options that stand for environment settings, shared by commands."""
    known = {
        "state": click.option(
            "--state", type=click.Path(path_type=Path), help="Folder for data, keys and rules. [./state]"
        ),
        "port": click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. [8080]"),
        "host": click.option("--host", help="Address to listen on. [127.0.0.1]"),
        "workers": click.option("--workers", type=click.IntRange(1, 64), help="Worker processes. [2]"),
        "threads": click.option("--threads", type=click.IntRange(2, 256), help="Threads a worker. [32]"),
    }

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            command = known[name](command)
        return command

    return add


def _environment(**given: Any) -> Environment:
    """The environment with the options on top. Ends with all problems in words."""
    from pydantic import ValidationError

    from moderation.settings import Environment

    try:
        return Environment(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as errors:
        for error in errors.errors(include_url=False, include_input=False):
            name = "_".join(["MODERATION", *map(str, error["loc"][:1])]).upper()
            click.echo(f"{name}: {error['msg'].removeprefix('Value error, ')}", err=True)
        sys.exit(2)
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}", err=True)
        sys.exit(2)


@main.command()
@_options("port", "host", "state", "workers", "threads")
def serve(**given: Any) -> None:
    """Start the service. Ctrl-C ends it.

    The first start makes the state folder: database, keys (mode 0600), rules file, embedded Redis. It prints a
    one-time link that sets the first admin's password, until there is an admin.
    """
    from moderation.edges.redis_server import RedisServerError

    env = _environment(**given)
    with tempfile.TemporaryDirectory(prefix="moderation-metrics-") as metrics:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics  # before anything imports the metrics
        try:
            _serve(env)
        except (KeysInvalid, RulesInvalid, RedisServerError) as problem:
            click.echo(str(problem), err=True)
            sys.exit(1)


def _serve(env: Environment) -> None:
    _prepare(env)
    embedded = None if env.redis_url else Embedded(env.state)
    env = _with_redis(env)
    try:
        secret = _first_admin(env)
        from moderation.web.server import Server

        Server(env, ready=lambda: _greet(env, secret), look_after=embedded.look_after if embedded else None).run()
    finally:
        if embedded is not None:
            embedded.stop()


class Embedded:
    """The Redis that comes along: started before the fork, started again if it dies, stopped at the end."""

    def __init__(self, state: Path) -> None:
        from moderation.edges import redis_server

        self._state = state
        self._start = redis_server.start
        self._server = self._start(state)

    def look_after(self) -> None:
        """Called about once a second, from the main thread."""
        if self._server.has_died():
            self._server = self._start(self._state)

    def stop(self) -> None:
        self._server.stop()


def _with_redis(env: Environment) -> Environment:
    """The environment with the embedded server's address where none is given."""
    from moderation.edges import redis_server

    return env if env.redis_url else env.model_copy(update={"redis_url": redis_server.socket_url(env.state)})


def _prepare(env: Environment) -> None:
    """State folder, keys, rules file, schema: all before the fork, all left alone where they exist."""
    from moderation.edges import migrate, rules_file, vault

    env.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    vault.ensure_keys(env.keys_path)
    vault.load_keys(env.keys_path)
    rules_file.write_default(env.rules_path, [env.public_url])
    migrate.migrate(env.database, env.state / "migrate.lock")


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
    (env.state / "address").write_text(base, "utf-8")
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
@_options("state")
def worker(**given: Any) -> None:
    """Do the housekeeping (retention, expiry) in a process of its own.

    `moderation serve` does it as well; a lease keeps it to one at a time.
    """
    from moderation.edges.telemetry import configure_logging
    from moderation.runtime import Runtime
    from moderation.worker import Housekeeping

    env = _with_redis(_environment(**given))
    configure_logging(env.log_level)
    rt = Runtime(env)
    rt.follow_rules()
    work = Housekeeping(rt)
    import signal

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: work.stop())
    try:
        work.run()
    finally:
        rt.close()


@main.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_options("state")
def check(file: Path | None, **given: Any) -> None:
    """Is this rules file good? Prints every problem with its line, and exits with 1 if there is one."""
    from moderation.edges import rules_file
    from moderation.judge.ruleset import build

    path = file or _environment(**given).rules_path
    try:
        source = rules_file.read(path)
        rules = build(source.rules, source.text)
    except RulesInvalid as problems:
        click.echo(str(problems), err=True)
        sys.exit(1)
    click.echo(f"{path}: good. Revision {rules.revision}, sites: {', '.join(rules.sites)}.")


main.add_command(filter_command)


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
@_options("state")
def users_add(name: str, role: str, sites: tuple[str, ...], password_stdin: bool, **given: Any) -> None:
    """Add a person. Prints a one-time link to set the password, unless it comes on standard input."""
    from moderation.actions import accounts

    password = sys.stdin.readline().rstrip("\n") if password_stdin else None

    def add(rt: Any) -> str | None:
        return accounts.create_person(rt, COMMAND_LINE, name, Role(role), list(sites) or None, password)

    env = _environment(**given)
    secret = _with_runtime(env, add)
    base = _address(env)
    click.echo(f"{base}/desk/set-password?token={secret}" if secret else f"{name} can sign in at {base}/desk")


def _address(env: Environment) -> str:
    """Where the service of this state folder was last reached: another command need not repeat its port."""
    try:
        return env.base_url or (env.state / "address").read_text("utf-8").strip()
    except OSError:
        return env.public_url


@users.command("list")
@_options("state")
def users_list(**given: Any) -> None:
    """Who moderates, with roles and sites."""
    from moderation.actions import accounts

    for person in _with_runtime(_environment(**given), lambda rt: accounts.list_people(rt)):
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
    type=click.Choice([right.value for right in Right]),
    help="May be repeated.",
)
@click.option("--site", "sites", multiple=True, help="Only this site; may be repeated. All sites where left out.")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Valid for this many days.")
@_options("state")
def tokens_create(name: str, scopes: tuple[str, ...], sites: tuple[str, ...], days: int, **given: Any) -> None:
    """Make a token and print it. It is shown this once."""
    from datetime import timedelta

    from moderation.actions import accounts

    def create(rt: Any) -> str:
        rights = [Right(scope) for scope in scopes]
        return accounts.create_token(
            rt, COMMAND_LINE, name, rights, list(sites) or None, rt.now() + timedelta(days=days)
        )

    click.echo(_with_runtime(_environment(**given), create))


@main.command()
@_options("state", "port", "host")
@click.option("--url", help="The running service. [http://HOST:PORT]")
@click.option("--live", is_flag=True, help="Only ask whether the process answers, as a container's health check does.")
def doctor(url: str | None, live: bool, **given: Any) -> None:
    """Check everything and say what is wrong. Exits with 1 when something is."""
    from moderation import examination

    env = _environment(**given)
    base = (url or f"http://{env.host if env.host != '0.0.0.0' else '127.0.0.1'}:{env.port}").rstrip("/")  # noqa: S104
    found = [examination.live(base)] if live else examination.whole(env, base)
    for each in found:
        click.echo(f"{'ok  ' if each.ok else 'FAIL' if each.ok is False else 'note'}  {each.part}: {each.sentence}")
    sys.exit(1 if any(each.ok is False for each in found) else 0)


def _with_runtime(env: Environment, do: Callable[[Any], Any]) -> Any:
    """Run `do` on an opened runtime; a refusal ends the command in words."""
    from moderation.runtime import Runtime
    from moderation.web.problems import problem

    _prepare(env)
    rt = Runtime(_with_redis(env))
    try:
        return do(rt)
    except ModerationError as error:
        _, body, _ = problem(error, "command line")
        for each in body.get("errors", []) or [{"pointer": "", "detail": body["detail"]}]:
            click.echo(f"{each['pointer'].strip('/')}: {each['detail']}".lstrip(": "), err=True)
        sys.exit(1)
    finally:
        rt.close()
