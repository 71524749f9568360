"""gunicorn's worker of threads, which answers what comes by the thousand (`front`) without giving it to one of them.

Each hand-over from one thread to another costs more than the request: the thread must be woken, and both queue for the
interpreter's lock. So the loop that waits for all connections reads these requests itself where they have come as a
whole, and whoever leads a batch of submissions writes the answers. All other requests go their way through a thread.
"""

from __future__ import annotations

import errno
import mmap
import selectors
import socket
import time
from functools import lru_cache, partial
from typing import Any

import structlog
from gunicorn import util
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn

from moderation.web import plain, refusals, slow
from moderation.web.front import LINES, Answer, Body, Front

log = structlog.get_logger()

MOST_READ = 64 * 1024
NOTIFY_EVERY = 0.5
SEND_MOST = 30
"""Seconds for which a thread waits for a client that does not take its answer."""
LINGER = 3.0
"""Seconds for which a client may go on sending after its last answer, before the connection is closed. Closing one on
which something unread has come takes the answer from who was about to read it (RFC 9112, 9.6)."""
LINGER_MOST = 16 * 1024 * 1024
"""Bytes that are read and thrown away in that time."""
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
    """gunicorn's own, which can be given a request that was read before, and waits so long for one and no longer."""

    _body: Body | None = None

    def __init__(self, cfg: Any, sock: socket.socket, client: Any) -> None:
        super().__init__(cfg, sock, client)
        self.unreader = slow.Unreader(sock)

    def take_back(self, data: bytes, body: Body) -> None:
        """`data` is the whole request; its body is known as `body` already, with what it has come to."""
        self.unreader.unread(data)
        self._body = body

    def __next__(self) -> Any:
        self.unreader.begin()
        request = super().__next__()
        if self._body is not None:
            self.unreader.take_buffered()
            request.body, self._body = self._body, None
        return request

    next = __next__


class Connection(TConn):  # type: ignore[misc]
    """`busy` while a request of it is under way. Set by the loop, and cleared by whoever writes the answer. `left` are
    the bytes that are still thrown away after the last answer."""

    busy = False
    left = LINGER_MOST


class Worker(refusals.Worker):
    """The loop owns the lists and the poller; other threads reach it through `method_queue` only."""

    crowd: Crowd
    place: int | None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._resting: set[Connection] = set()  # busy, and not in the poller, since more has come on them already
        self._lingering: dict[Connection, None] = {}  # those that are about to be closed, in the order of their time
        self._notified = 0.0
        self._read = memoryview(bytearray(MOST_READ))  # one for all: a new one each time is memory of the system's

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
        """What has come while others had their turn is read in one go."""
        front = self._front
        if front is None:
            super().wait_for_and_dispatch_events(timeout)
            return
        self.poller.select(timeout)
        with front.turn():
            super().wait_for_and_dispatch_events(0)
        self.crowd.tell(self.place, self.nr_conns)
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
        if client.fileno() < 0 or client not in self.poller.get_map() or conn in self._lingering:
            return  # closed, or given to a thread, by what else the same look at the poller has brought
        if conn.busy:
            self.poller.unregister(client)
            self._resting.add(conn)
            if not conn.busy:
                self._go_on(conn)
            return
        try:
            data = bytes(self._read[: client.recv_into(self._read)])
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
        elif not self._take(self._front, conn, data):
            self._give_to_thread(conn)

    def _take(self, front: Front, conn: Connection, data: bytes) -> bool:
        """Whether the request is, or will be, answered without a thread."""
        request = plain.read(data, conn.client[0]) if len(data) < MOST_READ else None
        if request is None:
            conn.parser.unreader.unread(data)
            return False
        environ, closes = request
        self.keepalived_conns.remove(conn)
        conn.set_timeout()
        self.keepalived_conns.append(conn)  # in the order of their time
        conn.busy = True
        body = environ["wsgi.input"]
        try:
            if front.take(environ, partial(self._answer, conn, data, body, closes)):
                return True
        except Exception:
            log.exception("not-answered-by-the-loop")  # but by a thread, which ends no worker when it fails
        conn.busy = False
        conn.parser.take_back(data, body)
        return False

    def _answer(self, conn: Connection, data: bytes, body: Body, closes: bool, answer: Answer | None) -> None:
        """In any thread. None leaves the answer to a thread."""
        if answer is None:
            conn.parser.take_back(data, body)
            self.method_queue.defer(self._give_to_thread, conn)
            return
        closes = closes or not self.alive
        try:
            told = memoryview(_encoded(answer, closes))
        except Exception:
            self.method_queue.defer(self._drop, conn)  # nobody else would close it
            raise
        conn.parser.mesg = None
        try:
            sent = conn.sock.send(told)
        except BlockingIOError:
            sent = 0
        except OSError:
            closes, sent = True, len(told)
        if sent < len(told):
            self.method_queue.defer(self._send_rest, conn, told[sent:], closes)
        elif closes:
            self.method_queue.defer(self._forget_and_linger, conn)
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

    def finish_request(self, conn: Any, done: Any) -> None:
        """gunicorn's own, but where the connection is to be closed: there it would have all others wait for the client
        to close its end, two seconds at most."""
        if self._front is None or done.cancelled() or done.exception() or done.result():
            super().finish_request(conn, done)
        else:
            self._linger(conn)

    def _forget_and_linger(self, conn: Connection) -> None:
        self._forget(conn)
        self._linger(conn)

    def _linger(self, conn: Connection) -> None:
        """Say that nothing more comes, and close when the client has closed, or its time is over."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + LINGER
        self._lingering[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._throw_away, conn))

    def _throw_away(self, conn: Connection, client: Any) -> None:
        if conn not in self._lingering:
            return
        try:
            read = client.recv_into(self._read)
        except BlockingIOError:
            return
        except OSError:
            read = 0
        conn.left -= read
        if not read or conn.left <= 0:
            self._stop_lingering(conn)

    def _stop_lingering(self, conn: Connection) -> None:
        del self._lingering[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def _drop(self, conn: Connection) -> None:
        self._forget(conn)
        self._close(conn)

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
        while self._lingering and (force or next(iter(self._lingering)).timeout <= now):
            self._stop_lingering(next(iter(self._lingering)))
        while self.keepalived_conns and (force or self.keepalived_conns[0].timeout <= now):
            conn = self.keepalived_conns[0]
            if getattr(conn, "busy", False) and not force:
                self.keepalived_conns.popleft()
                conn.set_timeout()
                self.keepalived_conns.append(conn)
            else:
                self._drop(conn)


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
