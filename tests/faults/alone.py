"""Faults that make their own requests, or need a store of their own: retries, giant bodies, copies, migrations."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
import sqlalchemy as sa
from tests.edges.test_migrations import AT, old_comment, store_old, upgrade
from tests.faults.ground import Ground
from tests.hour.reviewer import PROXY, Line, processes
from tests.service import CANARY, PATIENCE, running_service, start, wait_until

from moderation.edges import migrate, schema, store

KEYS = 40
MOST_GROWTH = 20 * 1024
"""Kilobytes by which a worker may grow over bodies that it refuses."""


def sent_again_over_kills(ground: Ground) -> None:
    """F16: each of 40 submissions 1 to 5 times at once, each try repeated until it is answered, while a worker is
    killed: as many rows as keys, and one answer a key."""
    service, tag = ground.service, secrets.token_hex(6)
    url = f"{service.base}/v1/demo/comments"
    tries = [number for number in range(KEYS) for _ in range(ground.rng.randint(1, 5))]
    ground.rng.shuffle(tries)
    victim = ground.rng.choice(ground.workers())

    def send(number: int) -> tuple[int, int, str]:
        value = service.comment(article=f"again-{number % 5}", body=f"{tag} {number}: said once by whoever repeats it.")
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                told = requests.post(url, json=value, headers={"Idempotency-Key": f"{tag}-{number}"}, timeout=20)
                if told.status_code not in (409, 503):
                    return number, told.status_code, str(told.json().get("id"))
            except (requests.RequestException, ValueError):
                pass
            assert time.monotonic() < ends, f"try {number} is never answered"
            time.sleep(0.05)

    with ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(send, number) for number in tries]
        wait_until(lambda: sum(each.done() for each in sent) > len(sent) // 4)
        ground.kill(victim)
        told = [each.result() for each in sent]
    assert {status for _, status, _ in told} == {202}, f"{ {status for _, status, _ in told} }"
    for number in range(KEYS):
        assert len({each for key, _, each in told if key == number}) <= 1, f"two answers for key {number}"
    rows = list(_bodies(ground.database, tag))
    assert len(rows) == len(set(rows)) == len(set(tries)), f"{len(rows)} rows, {len(set(tries))} keys"


def _bodies(database: str, tag: str) -> Iterator[str]:
    engine = store.make_engine(database)
    with engine.connect() as connection:
        yield from connection.execute(
            sa.select(schema.comments.c.body).where(schema.comments.c.body.startswith(tag))
        ).scalars()
    engine.dispose()


def giant_bodies(ground: Ground) -> None:
    """F18: refused with 400, 413, 415 or 422, and no worker grows by more than 20 MiB."""
    pids = ground.workers()
    before = {pid: _kilobytes(pid) for pid in pids}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    multipart = {"Content-Type": "multipart/form-data; boundary=b"}
    for name, headers, body in (
        ("10 MiB", {}, b'{"body":"' + b"a" * (10 * 2**20)),
        ("gzip 100:1", {"Content-Encoding": "gzip"}, gzip.compress(b" " * 3_000_000)),
        ("100,000 parts", multipart, b"--b\r\n\r\n" * 100_000),
        ("a million keys", {}, b"{" + b'"a":1,' * 1_000_000),
        ("a form of 10,000 fields", form, b"a=1&" * 10_000),
        ("30,000 deep", {}, b"[" * 30_000),
    ):
        status, seconds = _send(
            ground, {"Content-Type": "application/json", "Content-Length": str(len(body))} | headers, body
        )
        assert status in (400, 413, 415, 422), f"{name}: {status}"
        assert seconds < 10, f"{name}: answered after {seconds:.1f} s"
    status, _ = _send(ground, {"Content-Type": "application/json", "Content-Length": str(2**30)}, b"[" * 60_000)
    assert status == 413, f"1 GiB declared: {status}"
    endless = b"8000\r\n" + b"a" * 0x8000 + b"\r\n"
    status, _ = _send(ground, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, endless * 300)
    assert status in (400, 413), f"endless chunks: {status}"
    assert ground.service.post().status_code == 202
    grown = {pid: _kilobytes(pid) - before[pid] for pid in pids}
    assert set(ground.workers()) == set(pids), "a worker did not survive"
    assert max(grown.values()) < MOST_GROWTH, f"grown by {max(grown.values())} KiB"


def _send(ground: Ground, headers: dict[str, str], body: bytes) -> tuple[int, float]:
    """The status, read as soon as it is there, and after how many seconds; 0 where the connection was cut first."""
    head = "POST /v1/demo/comments HTTP/1.1\r\nHost: a\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(ground.service.base.rpartition(":")[2])), 30) as client:
        client.sendall(head.encode() + b"\r\n")
        try:
            for start in range(0, len(body), 65536):
                client.sendall(body[start : start + 65536])
        except ConnectionError:
            pass  # refused before all of it was sent
        try:
            told = client.recv(4096)
        except ConnectionResetError:
            return 413, time.monotonic() - begun  # cut off while we still sent, as RFC 9112 section 9.6 warns
    return int(told.split(b" ")[1]) if told else 0, time.monotonic() - begun


def _kilobytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def many_identities(ground: Ground) -> None:
    """F19: three hundred e-mail addresses from as many networks: Redis stays in its bounds, a reader comes through."""
    line = Line(int(ground.service.base.rpartition(":")[2]), PROXY)
    for _ in range(300):
        value = ground.service.comment(author={"name": "A", "email": f"r{secrets.token_hex(6)}@many.example.net"})
        network = ":".join(f"{ground.rng.randrange(65536):x}" for _ in range(3))
        told = line.post("/v1/demo/comments", value, {"X-Forwarded-For": f"2001:{network}::1"})
        assert told.status == 202, f"{told.status}"
    line.close()
    memory = ground.redis().info("memory")["used_memory"]
    assert memory < 64 * 2**20, f"Redis uses {memory} bytes"
    assert ground.service.post().status_code == 202


def a_damaged_seal(ground: Ground) -> None:
    """F21: one bit of a sealed address is flipped: the queue still shows the comment, and nothing answers 500."""
    comment = ground.service.post().json()["id"]
    engine, comments = store.make_engine(ground.database), schema.comments
    with engine.begin() as connection:
        here = comments.c.id == comment
        sealed = connection.execute(sa.select(comments.c.email_sealed).where(here)).scalar_one()
        at = ground.rng.randrange(8, len(sealed) - 4)
        spoilt = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        connection.execute(sa.update(comments).where(here).values(email_sealed=spoilt))
    engine.dispose()
    script = getattr(ground, "_script", None) or ground.service.token("queue:read", "decisions:write")
    ground._script = script  # type: ignore[attr-defined]
    queue = ground.service.get("/v1/demo/queue", headers=script)
    assert queue.status_code == 200, f"the queue is answered {queue.status_code}"
    ruling = [{"id": comment, "version": 1, "decision": "approve"}]
    decided = requests.post(f"{ground.service.base}/v1/demo/decisions", json=ruling, headers=script, timeout=20)
    assert decided.status_code == 200, f"deciding is answered {decided.status_code}"


def an_older_backup(ground: Ground) -> None:
    """F22: who was forgotten after the backup stays forgotten when it is put back."""
    folder = ground.folder / secrets.token_hex(4)
    with running_service(folder / "state") as service:
        service.post("open", article="a")
        service.command("backup", str(folder / "copy"))
        service.command("privacy", "erase", "--email", CANARY, "--yes")
        service.stop()
        assert "Erased again: 1 comment." in service.command("restore", str(folder / "copy"))
        service.process = start(service.state, int(service.base.rpartition(":")[2])).process
        service.wait_ready()
        assert service.get("/v1/open/counts?article=a").json() == {"counts": {"a": 0}}


def a_killed_migration(ground: Ground) -> None:
    """F23: from the first schema with its rows, killed at a random moment, and once more: whole, with every row."""
    folder = ground.folder / secrets.token_hex(4)
    folder.mkdir()
    url = f"sqlite:///{folder / 'old.db'}"
    if ground.server:
        url = ground.server.url(ground.server.make_database())
    engine = store.make_engine(url)
    upgrade(engine, "0001")
    store_old(engine, [old_comment(number, "pending", []) for number in range(1, 600)])
    code = (
        "import sys; from pathlib import Path; from moderation.edges.migrate import migrate; print('go', flush=True);"
        "migrate(sys.argv[1], Path(sys.argv[2])); print('done', flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code, url, folder / "lock"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        ground.pause(0, 1.5)
        process.send_signal(signal.SIGKILL)
    migrate.migrate(url, folder / "lock")
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        assert found == migrate.known_revisions()[-1], f"schema {found}"
        counted = connection.execute(sa.select(sa.func.count()).select_from(schema.comments)).scalar()
        assert counted == 599, f"{counted} of 599 comments are left"
        connection.execute(sa.select(schema.comments).where(schema.comments.c.created_at >= AT).limit(1)).one()
    engine.dispose()
    if not ground.server:
        shutil.rmtree(folder)


def a_copy_mid_run(ground: Ground) -> None:
    """COPY: what a kill would leave (database and WAL, copied while all processes stand still), or what `moderation
    backup` makes: opens, is whole, and holds every comment that was accepted before."""
    ground.pause(0, 0.5)
    folder = ground.folder / secrets.token_hex(4)
    before = time.time()
    if ground.rng.random() < 0.8:
        folder.mkdir()
        first, workers = processes(ground.service.state)
        for pid in (first, *workers):
            os.kill(pid, signal.SIGSTOP)
        try:
            for name in ("moderation.db", "moderation.db-wal"):
                shutil.copy(ground.service.state / name, folder)
        finally:
            for pid in (first, *workers):
                os.kill(pid, signal.SIGCONT)
    else:
        ground.service.command("backup", str(folder))
    ground.ledger.check_against(f"sqlite:///{folder / 'moderation.db'}", until=before)
    shutil.rmtree(folder)
