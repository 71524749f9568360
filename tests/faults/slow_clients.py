"""F17: 400 clients that are slow in every way, through nginx as shipped before a real service. Nobody else waits."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.config import RULES
from tests.hour.reviewer import PROXY
from tests.service import running_service
from tests.test_proxy import ask, nginx_before

CLIENTS, SECONDS = 400, 60.0
HEAD = b"POST /v1/demo/comments HTTP/1.1\r\nHost: a\r\n"


def told(folder: Path, clients: int = CLIENTS, seconds: float = SECONDS) -> tuple[str, bool]:
    """The line of the table, and whether nobody failed."""
    place = folder / "slow"
    (place / "nginx").mkdir(parents=True)
    env = {"MODERATION_TRUSTED_PROXIES": f"127.0.0.1/32,{PROXY}/32"}
    with (
        running_service(place / "state", rules=RULES, workers=2, env=env) as service,
        nginx_before(int(service.base.rpartition(":")[2]), place / "nginx") as port,
    ):
        good, opened = asyncio.run(_reign(port, clients, seconds))
    failed = sum(status != 200 for status, _ in good)
    times = sorted(taken for _, taken in good)
    name = f"{clients} slow clients for {seconds:.0f} s, through nginx"
    line = f"{'F17':<6} {name:<44} {'SQLite':<10} {len(good):>5} {failed:>6} {min(1.0, 3 / len(good)):>8.2%}"
    worst, late = times[-1] * 1000, times[int(len(times) * 0.99)] * 1000
    return f"{line}  {opened} slow connections; others: p99 {late:.0f} ms, worst {worst:.0f} ms", not failed


async def _reign(port: int, clients: int, seconds: float) -> tuple[list[tuple[int, float]], int]:
    """Status and seconds of each good request while the slow ones are at it, and how many connections those opened."""
    ends = time.monotonic() + seconds
    opened = [0]
    slow = [asyncio.create_task(_be_slow(port, number, ends, opened)) for number in range(clients)]
    good = await asyncio.to_thread(_read_on, port, ends)
    await asyncio.gather(*slow)
    return good, opened[0]


def _read_on(port: int, ends: float) -> list[tuple[int, float]]:
    """A reader every 20 ms."""
    good = []
    while time.monotonic() < ends:
        try:
            answer = ask(port, "GET", "/v1/demo/comments?article=first-article", timeout=20)
            good.append((answer.status, answer.seconds))
        except OSError:
            good.append((0, 20.0))
        time.sleep(0.02)
    return good


async def _be_slow(port: int, number: int, ends: float, opened: list[int]) -> None:
    """Idle, dribbling a header or a body, or reading a byte at a time; a new connection when one is cut off."""
    kind = ("idle", "header", "body", "reading")[number % 4]
    address = f"127.0.{8 + number // 250}.{number % 250 + 1}"
    while time.monotonic() < ends:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0), limit=1)
            opened[0] += 1
            try:
                await _dribble(kind, reader, writer, ends)
            finally:
                writer.close()


async def _dribble(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends: float) -> None:
    opening = {
        "idle": b"",
        "header": HEAD + b"X-Slow: ",
        "body": HEAD + b"Content-Length: 30000\r\n\r\n",
        "reading": b"GET /static/desk/desk.css HTTP/1.1\r\nHost: a\r\n\r\n",
    }[kind]
    writer.write(opening)
    while time.monotonic() < ends:
        await asyncio.sleep(0.5)
        if kind == "reading":
            if not await reader.read(1):
                return
        elif reader.at_eof() or writer.is_closing():
            return
        elif kind != "idle":
            writer.write(b"x")
            await writer.drain()
