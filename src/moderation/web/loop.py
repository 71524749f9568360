"""gunicorn's worker of threads, which answers what comes by the thousand (`front`) without giving it to one of them.

Each hand-over from one thread to another costs more than the request: the thread must be woken, and both queue for the
interpreter's lock. So the loop that waits for all connections reads these requests itself where they have come as a
whole, and whoever leads a batch of submissions writes the answers. All other requests go their way through a thread.
"""

from __future__ import annotations

import errno
import mmap
import re
import selectors
import time
from functools import lru_cache, partial
from typing import Any

import structlog
from gunicorn import util
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn

from moderation.web import refusals
from moderation.web.front import LINES, Answer, Body, Front

log = structlog.get_logger()

MOST_READ = 64 * 1024
_CANDIDATE = re.compile(rb"(?:GET|POST) /v1/[^/%?# ]{1,60}/comments[? ]")
_KNOWN = {"CONTENT-TYPE": "CONTENT_TYPE", "CONTENT-LENGTH": "CONTENT_LENGTH"}
_ELSEWHERE = frozenset({"TRANSFER-ENCODING", "EXPECT", "UPGRADE", "SCRIPT-NAME"})
"""Requests with one of these go to a thread."""
NOTIFY_EVERY = 0.5
SEND_MOST = 30
"""Seconds for which a thread waits for a client that does not take its answer."""
PAUSE = 0.001
"""Seconds for which a worker lets others go first that have fewer connections. Whoever is awake would get all of a
burst, since a connection is accepted quicker than another worker wakes up."""


class Crowd:
    """How many connections each worker has, in memory that all of them share. Made before the fork."""

    def __init__(self, workers: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * workers)).cast("I")

    def enter(self, server: Any, worker: Worker) -> None:
        """Give a worker that is about to be forked a place that no living one has. None is left for those that were
        added by a signal (TTIN); those of before a reload stand in another crowd."""
        taken = {other.place for other in server.WORKERS.values() if other.crowd is self}
        worker.crowd = self
        worker.place = next((place for place in range(len(self._counts)) if place not in taken), None)
        self.tell(worker.place, 0)

    def tell(self, place: int | None, count: int) -> None:
        if place is not None:
            self._counts[place] = count

    def has_more_than_others(self, place: int | None, count: int) -> bool:
        return place is not None and count > min(self._counts)


class Parser(RequestParser):  # type: ignore[misc]
    """gunicorn's own, which can take a request back."""

    def __init__(self, cfg: Any, sock: Any, client: Any) -> None:
        super().__init__(cfg, sock, client)
        self._back: Any = None

    def take_back(self, request: Any) -> None:
        self._back = request

    def __next__(self) -> Any:
        if self._back is not None:
            request, self._back = self._back, None
            return request
        return super().__next__()

    next = __next__


class Connection(TConn):  # type: ignore[misc]
    """`busy` while a request of it is under way. Set by the loop, and cleared by whoever writes the answer."""

    busy = False


class Worker(refusals.Worker):
    """The loop owns the lists and the poller; other threads reach it through `method_queue` only."""

    crowd: Crowd
    place: int | None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._resting: set[Connection] = set()  # busy, and not in the poller, since more has come on them already
        self._notified = 0.0

    @property
    def _front(self) -> Front | None:
        found: Front | None = self.wsgi.extensions.get("front")
        return found

    def notify(self) -> None:
        """Tell gunicorn's master of life, which needs to hear it every few seconds and not with each request."""
        if time.monotonic() - self._notified >= NOTIFY_EVERY:
            self._notified = time.monotonic()
            super().notify()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(timeout)
        self.crowd.tell(self.place, self.nr_conns)
        if front := self._front:
            front.begin()

    def accept(self, listener: Any) -> None:
        if self._front is None:
            super().accept(listener)
            return
        if self.crowd.has_more_than_others(self.place, self.nr_conns):
            time.sleep(PAUSE)
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        self.crowd.tell(self.place, self.nr_conns)
        conn = Connection(self.cfg, sock, client, listener.getsockname())
        conn.initialized, conn.data_ready, conn.parser = True, True, Parser(self.cfg, sock, client)
        self._keep(conn)

    def _keep(self, conn: Connection) -> None:
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        self._listen(conn)

    def _listen(self, conn: Connection) -> None:
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """A request, a part of one, or the end of the connection."""
        if self._front is None:
            super().on_client_socket_readable(conn, client)
            return
        if client.fileno() < 0 or client not in self.poller.get_map():
            return  # closed, or given to a thread, by what else the same look at the poller has brought
        if conn.busy:
            self.poller.unregister(client)
            self._resting.add(conn)
            if not conn.busy:
                self._go_on(conn)
            return
        try:
            data = client.recv(MOST_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
        elif not self._take(self._front, conn, data):
            self._give_to_thread(conn)

    def _take(self, front: Front, conn: Connection, data: bytes) -> bool:
        """Whether the request is, or will be, answered without a thread. If not, its parser can begin anew."""
        parser = conn.parser
        parser.unreader.unread(data)
        if len(data) == MOST_READ or not _CANDIDATE.match(data) or b"\r\n\r\n" not in data:
            return False
        try:
            request = next(parser)
            environ = _environ(request, conn)
        except Exception:  # noqa: BLE001 - a thread meets it again, and answers it
            conn.parser = Parser(self.cfg, conn.sock, conn.client)
            conn.parser.unreader.unread(data)
            return False
        if environ is not None:
            request.body = environ["wsgi.input"]
            self.keepalived_conns.remove(conn)
            conn.set_timeout()
            self.keepalived_conns.append(conn)  # in the order of their time
            conn.busy = True
            try:
                if front.take(environ, partial(self._answer, conn, request)):
                    return True
            except Exception:
                log.exception("not-answered-by-the-loop")  # but by a thread, which ends no worker when it fails
            conn.busy = False
        parser.take_back(request)
        return False

    def _answer(self, conn: Connection, request: Any, answer: Answer | None) -> None:
        """In any thread. None leaves the answer to a thread."""
        if answer is None:
            conn.parser.take_back(request)
            self.method_queue.defer(self._give_to_thread, conn)
            return
        closes = request.should_close() or not self.alive
        try:
            data = memoryview(_encoded(answer, closes))
        except Exception:
            self.method_queue.defer(self._drop, conn)  # nobody else would close it
            raise
        conn.parser.mesg = None
        try:
            sent = conn.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            closes, sent = True, len(data)
        if sent < len(data):
            self.method_queue.defer(self._send_rest, conn, data[sent:], closes)
        elif closes:
            self.method_queue.defer(self._drop, conn)
        else:
            conn.busy = False
            if conn in self._resting:
                self.method_queue.defer(self._go_on, conn)

    def _go_on(self, conn: Connection) -> None:
        if conn in self._resting and not conn.busy:
            self._resting.remove(conn)
            self._listen(conn)

    def _send_rest(self, conn: Connection, data: memoryview, closes: bool) -> None:
        """A thread sends what the connection does not take at once."""
        self._forget(conn)

        def send() -> bool:
            conn.sock.settimeout(SEND_MOST)
            conn.sock.sendall(data)
            return not closes

        sending = self.tpool.submit(send)
        sending.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def _give_to_thread(self, conn: Connection) -> None:
        self._forget(conn)
        self.enqueue_req(conn)

    def _drop(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: Connection) -> None:
        conn.busy = False
        if conn in self._resting:
            self._resting.remove(conn)
        else:
            self.poller.unregister(conn.sock)
        self.keepalived_conns.remove(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close those that have been quiet for too long. One whose request is under way is none of them."""
        now = time.monotonic()
        while self.keepalived_conns and (force or self.keepalived_conns[0].timeout <= now):
            conn = self.keepalived_conns[0]
            if getattr(conn, "busy", False) and not force:
                self.keepalived_conns.popleft()
                conn.set_timeout()
                self.keepalived_conns.append(conn)
            else:
                self._drop(conn)


def _environ(request: Any, conn: Connection) -> dict[str, Any] | None:
    """What `Front` looks at of a WSGI environment. None where not all of the request has come, or more than one, or
    where gunicorn should read it."""
    body = conn.parser.unreader.take_buffered()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "REMOTE_ADDR": conn.client[0],
        "wsgi.input": Body(body),
    }
    is_plain = request.version == (1, 1)
    for name, value in request.headers:
        key = _KNOWN.get(name) or "HTTP_" + name.replace("-", "_")
        if key in environ or name in _ELSEWHERE:
            is_plain = False
        environ[key] = value
    if is_plain and str(len(body)) == environ.get("CONTENT_LENGTH", "0"):
        return environ
    conn.parser.unreader.unread(body)
    return None


@lru_cache(maxsize=2)
def _date(now: int) -> str:
    return str(util.http_date(now))


def _encoded(answer: Answer, closes: bool) -> bytes:
    status, headers, body = answer
    lines = [
        f"HTTP/1.1 {LINES[status]}",
        f"Date: {_date(int(time.time()))}",
        f"Connection: {'close' if closes else 'keep-alive'}",
        *[f"{name}: {value}" for name, value in headers],
    ]
    head = "\r\n".join(lines)
    assert head.count("\n") == len(lines) - 1, "a header's value must not end its line"
    return head.encode("latin-1") + b"\r\n\r\n" + body
