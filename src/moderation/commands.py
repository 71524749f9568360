"""What the commands share: options that stand for environment settings, an opened runtime, refusals in words."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation.errors import ModerationError
from moderation.values import Moderator, Right

if TYPE_CHECKING:
    from moderation.settings import Environment

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


def with_runtime(env: Environment, do: Callable[[Any], Any]) -> Any:
    """Run `do` on an opened runtime; a refusal ends the command in words."""
    from moderation.runtime import Runtime
    from moderation.web.problems import problem

    prepare(env)
    rt = Runtime(with_redis(env))
    try:
        return do(rt)
    except ModerationError as error:
        _, body, _ = problem(error, "command line")
        for each in body.get("errors", []) or [{"pointer": "", "detail": body["detail"]}]:
            click.echo(f"{each['pointer'].strip('/')}: {each['detail']}".lstrip(": "), err=True)
        sys.exit(1)
    finally:
        rt.close()


@contextmanager
def using(state: Path, *, alone: bool = False) -> Iterator[bool]:
    """Hold the state folder while the block runs: many may use it, or one `alone`. False where that cannot be now."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(state / "in-use.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _locked(fd, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    finally:
        os.close(fd)


def _locked(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def with_redis(env: Environment) -> Environment:
    """The environment with the embedded server's address where none is given."""
    from moderation.edges import redis_server

    return env if env.redis_url else env.model_copy(update={"redis_url": redis_server.socket_url(env.state)})


def prepare(env: Environment) -> None:
    """State folder, keys, rules file, schema: all before the fork, all left alone where they exist. What this process
    writes from here on is its owner's alone, also in a folder that others may look into."""
    from moderation.edges import migrate, rules_file, vault

    os.umask(0o077)
    env.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    vault.ensure_keys(env.keys_path)
    vault.load_keys(env.keys_path)
    rules_file.write_default(env.rules_path, [env.public_url])
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
