"""What the commands share: options that stand for environment settings, an opened runtime, refusals in words."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from moderation.errors import KeysInvalid, ModerationError, RulesInvalid
from moderation.values import Moderator, Right

if TYPE_CHECKING:
    from moderation.environment import Environment
    from moderation.runtime import Runtime

COMMAND_LINE = Moderator(0, "command line", frozenset(Right), None, "owner")
"""Who acts in the journal when a command is typed: whoever may read the keys may do everything."""


def options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
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


def environment(**given: Any) -> Environment:
    """The environment with the options on top. Ends with all problems in words."""
    from pydantic import ValidationError

    from moderation.environment import Environment

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


def with_runtime(env: Environment, do: Callable[[Any], Any], *, create: bool = False) -> Any:
    """Run `do` on an opened runtime; a refusal ends the command in words. So does a place that holds nothing, unless
    the command may `create` what a first start of the service does."""
    from moderation.edges.telemetry import configure_logging
    from moderation.web.problems import problem

    configure_logging("warning")  # on standard error, so that the answer is the command's own
    rt = opened(env, _prepare_here if create else _prepare_there)
    try:
        return do(rt)
    except ModerationError as error:
        _, body, _ = problem(error, "command line")
        for each in body.get("errors", []) or [{"pointer": "", "detail": body["detail"]}]:
            click.echo(f"{each['pointer'].strip('/')}: {each['detail']}".lstrip(": "), err=True)
        sys.exit(1)
    finally:
        rt.close()


def opened(env: Environment, ready: Callable[[Environment], None]) -> Runtime:
    """The runtime, once things are `ready`. Ends the command in words where keys or rules are no good."""
    from moderation.runtime import Runtime

    try:
        ready(env)
        return Runtime(with_redis(env))
    except (KeysInvalid, RulesInvalid) as error:
        end(str(error))


def end(sentence: str) -> NoReturn:
    """End the command with a sentence on standard error."""
    click.echo(sentence, err=True)
    sys.exit(1)


def email_address(text: str) -> str:
    """The address in its normal form, which is what comments are found by. Ends the command where it is none."""
    from moderation.web.fields import normal_email

    address = normal_email(text.strip())
    if address is None:
        click.echo("This is not an e-mail address.", err=True)
        sys.exit(2)
    return address


@contextmanager
def using(state: Path, *, alone: bool = False) -> Iterator[bool]:
    """Hold the state folder while the block runs: many may use it, or one `alone`. False where that cannot be now."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(state / "in-use.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _locked(fd, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    finally:
        os.close(fd)


@contextmanager
def serving(state: Path) -> Iterator[bool]:
    """Be the one service of the state folder while the block runs; False where there is one. The lock is this process's
    alone: forked workers have no part in it, and it is gone with the process, however that ends."""
    fd = os.open(state / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _locked(fd, fcntl.LOCK_EX, fcntl.lockf)
    finally:
        os.close(fd)


def _locked(fd: int, kind: int, lock: Callable[[int, int], None] = fcntl.flock) -> bool:
    try:
        lock(fd, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # which of the two, is the system's choice
        return False
    return True


def port_refused(host: str, port: int) -> str | None:
    """Why nothing can listen there, in a sentence; None where it can. Asked before anything is made, and at once:
    gunicorn tries for five seconds and tells it to the log."""
    error = _bind_error(host, port)
    if error is None:
        return None
    if error.errno == errno.EADDRINUSE:
        free = next((other for other in range(port + 1, min(port + 100, 65536)) if not _bind_error(host, other)), None)
        return f"Port {port} is taken." + (f" Choose another: ./run --port {free}" if free else "")
    return f"Nothing can listen on {host}, port {port}: {error.strerror}."


def _bind_error(host: str, port: int) -> OSError | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
        try:
            tried.bind((host, port))
        except OSError as error:
            return error
    return None


def with_redis(env: Environment) -> Environment:
    """The environment with the embedded server's address where none is given."""
    from moderation.edges import redis_server

    return env if env.redis_url else env.model_copy(update={"redis_url": redis_server.socket_url(env.state)})


def prepare(env: Environment) -> None:
    """State folder, keys, rules file, schema: all before the fork, all left alone where they exist. What this process
    writes from here on is its owner's alone, also in a folder that others may look into."""
    from moderation.edges import rules_file, vault

    _private(env)
    vault.ensure_keys(env.keys_path)
    vault.load_keys(env.keys_path)
    rules_file.write_default(env.rules_path, [env.public_url])
    _migrate(env)


def _prepare_here(env: Environment) -> None:
    """As a first start does, and says so: in a mistyped folder nobody looks for a second service."""
    if not env.keys_path.exists():
        made = f"There was no service at {env.state}: keys, rules and database are made there now."
        click.echo(f"{made} Another folder is named with --state.", err=True)
    prepare(env)


def _prepare_there(env: Environment) -> None:
    """The schema only, where a service has made the rest."""
    must_be_there(env)
    _private(env)
    _migrate(env)


def must_be_there(env: Environment) -> None:
    """End the command where no service has made anything: a mistyped folder must not answer that all is well."""
    must_have_store(env)
    if not env.keys_path.exists():
        end(f"There are no keys at {env.keys_path}. Name the service's state folder with --state.")


def must_have_store(env: Environment) -> None:
    """End the command where there is no database, which opening it would make."""
    from moderation.edges.store import sqlite_file

    file = sqlite_file(env.database)
    if file is not None and not file.exists():
        end(f"There is no database at {file}. Name the service's state folder with --state.")


def _private(env: Environment) -> None:
    os.umask(0o077)
    env.state.mkdir(mode=0o700, parents=True, exist_ok=True)


def _migrate(env: Environment) -> None:
    from moderation.edges import migrate

    migrate.migrate(env.database, env.state / "migrate.lock")


def address(env: Environment) -> str:
    """Where browsers reach the service of this state folder: another command need not repeat its port."""
    return env.base_url or (_addresses(env) or [env.public_url])[0]


def local_address(env: Environment) -> str:
    """Where the service of this state folder listens, for who asks from the same machine."""
    return (_addresses(env) or [env.local_url])[-1]


def _addresses(env: Environment) -> list[str]:
    """Both, as the last start wrote them down."""
    try:
        return (env.state / "address").read_text("utf-8").split()
    except OSError:
        return []
