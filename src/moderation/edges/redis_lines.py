"""Connections to Redis, one server or the nodes of a cluster, that hold no caller longer than a set time in total.

A cluster makes itself known by its first redirection; nothing has to be set. From then on each command goes to the node
that has its slot.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, cast

from hiredis import pack_command
from redis._parsers import _HiredisParser
from redis.connection import ConnectionPool
from redis.crc import key_slot
from redis.exceptions import AskError, InvalidResponse, MovedError, NoScriptError, RedisError, ResponseError
from redis.utils import SENTINEL

Command = tuple[str | int, ...]
_PACK: Callable[[Command], bytes] = cast(Any, pack_command)  # its types know no tuple of more than one
Reply = list[Any] | int | bytes | ResponseError
_Make = Callable[..., "_Connection"]
_Address = tuple[str, int]
_Slots = tuple[tuple[int, int, _Address], ...]
"""First and last slot, and the node that has them. Empty where there is no cluster, or nobody has asked yet."""


class Lines:
    """Thread safe; opens nothing before the first trip. `timeout` is in seconds, `script` what EVALSHA may name.

    Raises ValueError when the URL makes no sense.
    """

    def __init__(self, url: str, timeout: float, script: Callable[[], str]) -> None:
        self._make, self._settings = _read_url(url, timeout)
        self._script = script
        self._timeout = timeout
        self._ways = deque([_Line(self._make, self._settings, script)])  # the first is asked where no slot is known
        self._nodes: dict[_Address, _Line] = {}
        self._slots: _Slots = ()

    def trip(self, commands: Sequence[Command]) -> list[Reply]:
        """Send all, then read all: one round trip to each server that is concerned.

        Raises RedisError or OSError when a line is lost or time is up; what was sent may have been done then.
        """
        deadline, slots = time.monotonic() + self._timeout, self._slots
        try:
            replies = self._spread(commands, slots, deadline) if slots else self._ways[0].trip(commands, deadline)
            if "host" in self._settings and any(isinstance(reply, AskError) for reply in replies):
                self._follow(commands, replies, deadline)
        except (RedisError, OSError):
            self._slots = ()  # whichever node answers next says who has taken over
            self._ways.rotate(-1)
            raise
        return replies

    def close(self) -> None:
        """Close idle connections; a later trip opens new ones."""
        for line in (*self._ways, *self._nodes.values()):
            line.close()

    def _spread(self, commands: Sequence[Command], slots: _Slots, deadline: float) -> list[Reply]:
        places: dict[_Address, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(_address(command, slots), []).append(place)
        found: dict[int, Reply] = {}
        for address, here in places.items():
            replies = self._node(address).trip([commands[place] for place in here], deadline)
            found.update(zip(here, replies, strict=True))
        return [found[place] for place in range(len(commands))]

    def _follow(self, commands: Sequence[Command], replies: list[Reply], deadline: float) -> None:
        """Ask once more where the cluster says, in order. Where a slot has moved for good, learn where all are."""
        moved: _Line | None = None
        for place, told in enumerate(replies):
            if isinstance(told, AskError):
                node = self._node((told.host or self._settings["host"], told.port))
                asking: list[Command] = [] if isinstance(told, MovedError) else [("ASKING",)]
                *_, replies[place] = node.trip([*asking, commands[place]], deadline)
                moved = node if isinstance(told, MovedError) else moved
        if moved is not None:
            self._learn(moved, deadline)

    def _learn(self, node: _Line, deadline: float) -> None:
        (found,) = node.trip([("CLUSTER", "SLOTS")], deadline)
        if isinstance(found, list):
            self._slots = tuple(
                (first, last, (bytes(host or b"").decode() or self._settings["host"], port))
                for first, last, (host, port, *_), *_ in found
            )
            self._ways = deque(dict.fromkeys([*self._ways, *(self._node(where) for _, _, where in self._slots)]))

    def _node(self, address: _Address) -> _Line:
        known = self._nodes.get(address)
        if known is None:
            host, port = address
            settings = {**self._settings, "host": host, "port": port}
            known = self._nodes.setdefault(address, _Line(self._make, settings, self._script))
        return known


def _address(command: Command, slots: _Slots) -> _Address:
    """The node that has the slot of this command's key."""
    key = command[3] if command[0] == "EVALSHA" else command[1] if len(command) > 1 else ""
    slot = key_slot(str(key).encode())
    return next((where for first, last, where in slots if first <= slot <= last), slots[0][2])


def _read_url(url: str, timeout: float) -> tuple[_Make, dict[str, Any]]:
    """What makes a connection, and with what. Raises ValueError when the URL makes no sense."""
    pool = ConnectionPool.from_url(url)  # only to read the URL; whatever it says, these hold:
    make: _Make = pool.connection_class
    settings: dict[str, Any] = {
        **pool.connection_kwargs,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": None,  # together with the next two: not once (redis-py's default is ten times with pauses)
        "retry_on_error": [],
        "retry_on_timeout": False,
        "health_check_interval": 0,
        "protocol": 2,
        "decode_responses": False,
        "driver_info": None,  # saves two round trips a connection
        "parser_class": _DeadlineParser,
    }
    try:
        make(**settings)  # opens nothing yet
    except TypeError as error:
        raise ValueError("The Redis URL has an option after '?' that does not exist.") from error
    return make, settings


class _Line:
    """Connections to one server, none of which holds a caller beyond a deadline."""

    def __init__(self, make: _Make, settings: dict[str, Any], script: Callable[[], str]) -> None:
        self._make = make
        self._settings = settings
        self._script = script
        self._idle: list[_Connection] = []

    def trip(self, commands: Sequence[Command], deadline: float) -> list[Reply]:
        """Send all, then read all. Commands that the server's empty script cache refused are sent once more, in order.

        Raises RedisError or OSError when the line is lost or time is up; what was sent may have been done then.
        """
        line = self._borrow(deadline)
        try:
            replies = _exchange(line, commands, deadline)
            again = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if again:
                _, *fresh = _exchange(
                    line, [("SCRIPT", "LOAD", self._script()), *(commands[i] for i in again)], deadline
                )
                for i, reply in zip(again, fresh, strict=True):
                    replies[i] = reply
        except BaseException:
            line.disconnect()
            raise
        self._idle.append(line)
        return replies

    def close(self) -> None:
        while (line := self._take()) is not None:
            line.disconnect()

    def _borrow(self, deadline: float) -> _Connection:
        while (line := self._take()) is not None:
            try:
                if not line.can_read(0):
                    return line
            except (RedisError, OSError):
                line.disconnect()  # closed by the server, for instance because it was restarted
            else:
                line.disconnect()  # something unread: not ours to interpret
        return self._connect(deadline)

    def _take(self) -> _Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self, deadline: float) -> _Connection:
        """In a thread of its own: name resolution knows no timeout, and a handshake has several steps."""
        made: Future[_Connection] = Future()
        threading.Thread(target=self._dial, args=(made,), name="limits-dial", daemon=True).start()
        try:
            return made.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            if made.cancel():
                raise
            return made.result()

    def _dial(self, made: Future[_Connection]) -> None:
        line = self._make(**self._settings)
        try:
            line.connect()
            (reply,) = _exchange(line, [("PING",)], time.monotonic() + self._settings["socket_timeout"])
            if reply != b"PONG":  # no password, for instance
                raise reply if isinstance(reply, RedisError) else InvalidResponse("this is no Redis")
        except (RedisError, OSError) as error:
            if made.set_running_or_notify_cancel():
                made.set_exception(error)
        else:
            if made.set_running_or_notify_cancel():
                made.set_result(line)
            else:
                line.disconnect()


class _DeadlineParser(_HiredisParser):
    """Counts its timeout from the start of the exchange; redis-py's starts anew with every piece that arrives."""

    deadline = 0.0  # by time.monotonic; 0: none, as while connecting

    def read_from_socket(self, timeout: object = SENTINEL, raise_on_timeout: bool = True) -> bool:
        if self.deadline:
            timeout = max(0.001, self.deadline - time.monotonic())
        return bool(super().read_from_socket(timeout, raise_on_timeout))  # type: ignore[no-untyped-call]


class _Connection(Protocol):
    """What is used of redis-py's connections, which are untyped."""

    _parser: _DeadlineParser

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def can_read(self, timeout: float) -> bool: ...
    def send_packed_command(self, command: list[bytes], check_health: bool) -> None: ...
    def read_response(self, *, disconnect_on_error: bool) -> Any: ...


def _exchange(line: _Connection, commands: Sequence[Command], deadline: float) -> list[Reply]:
    line._parser.deadline = deadline
    line.send_packed_command([b"".join(map(_PACK, commands))], check_health=False)
    replies: list[Reply] = []
    for _ in commands:
        try:
            replies.append(line.read_response(disconnect_on_error=False))
        except ResponseError as error:
            replies.append(error)
    return replies
