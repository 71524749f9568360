"""The fault table: what goes wrong, how it is made to, and what must hold. A new fault is a row of `FAULTS`.

Each run strikes once at a service under load (unless `threads` is 0) and raises AssertionError where a promise is
broken. After the runs the client's ledger is held against the store, and the record is verified (`runs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import sqlalchemy as sa
from tests.faults import alone, clock, config, disk, order
from tests.faults.ground import Ground
from tests.hour.reviewer import frozen
from tests.service import wait_until

from moderation.edges import store

HELD = frozenset({"202"})
AWAY = frozenset({"202", "503"})
CUT = frozenset({"202", "none"})
ANY = HELD | AWAY | CUT
LITE = ("sqlite",)
PG = ("postgresql",)
BOTH = (*LITE, *PG)


@dataclass(frozen=True)
class Fault:
    """`answers` are what clients may get meanwhile, `long` is how many runs `./run faults` does. `short` are the stores
    where `./run test` strikes once; SQLite's commonest are in `test_faults.py`. `stores` are those where it can
    happen."""

    code: str
    name: str
    strike: Callable[[Ground], None]
    answers: frozenset[str]
    long: int
    short: tuple[str, ...] = ()
    stores: tuple[str, ...] = BOTH
    threads: int = 4


def a_worker_is_killed(ground: Ground) -> None:
    victim = ground.rng.choice(ground.workers())
    ground.kill(victim)
    with ground.timed("new worker"):
        wait_until(lambda: victim not in (alive := ground.workers()) and len(alive) == 2)


def the_service_is_killed(ground: Ground) -> None:
    ground.kill_service()
    ground.start_service()


def the_database_is_killed(ground: Ground) -> None:
    assert ground.server
    way = ground.rng.choice(("kill", "stop", "terminate"))
    if way == "terminate":
        ground.server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'")
        with ground.timed("202 again"):
            ground.accepted(1)
        return
    ground.read_before()
    ground.server.kill() if way == "kill" else ground.server.stop()
    try:
        ground.seen("503")
        ground.reads()
    finally:
        ground.server.start()
    with ground.timed("202 again"):
        ground.accepted(1)


def all_is_killed_at_once(ground: Ground) -> None:
    doomed = [ground.redis_pid(), *ground.workers(), ground.service.process.pid]
    if ground.server:
        ground.server.kill()
    for pid in doomed:
        ground.kill(pid) if pid else None
    ground.service.process.wait()
    if ground.server:
        ground.server.start()
    ground.start_service()


def something_stands_still(ground: Ground) -> None:
    """A worker, or PostgreSQL's processes, for 10 s (2 to 4 s in short)."""
    lasts = (10, 10) if ground.is_long else (2, 4)
    if ground.server and ground.rng.random() < 0.5:
        first = ground.server.process()
        with open(f"/proc/{first}/task/{first}/children", encoding="ascii") as file:
            pids = [first, *map(int, file.read().split())]
        with ExitStack() as stack:
            for pid in pids:
                stack.enter_context(frozen(pid))
            ground.pause(*lasts)
        return
    with frozen(ground.rng.choice(ground.workers())):
        ground.pause(*lasts)


def redis_is_killed(ground: Ground) -> None:
    gone = ground.redis_pid()
    ground.kill(gone)
    with ground.timed("well again"):
        ground.accepted()
        wait_until(lambda: ground.redis_pid() not in (0, gone), lambda: "Redis was not started again")
        ground.ready(status="ok")


def redis_stands_still(ground: Ground) -> None:
    with frozen(ground.redis_pid()):
        ground.ready(limits="degraded")
        ground.accepted(20)
    with ground.timed("well again"):
        ground.ready(status="ok")


def redis_is_slow(ground: Ground) -> None:
    """`CLIENT PAUSE` of 50 or 500 ms, again and again."""
    length = ground.rng.choice((50, 500))
    for _ in range(4):
        ground.redis().client_pause(length)
        ground.accepted(4)
    ground.ready(status="ok")


def redis_is_full(ground: Ground) -> None:
    client = ground.redis()
    client.config_set("maxmemory", "1mb")
    try:
        ground.ready(limits="degraded")
        ground.accepted(20)
        ground.reads()
    finally:
        client.config_set("maxmemory", "64mb")
    with ground.timed("well again"):
        ground.ready(status="ok")


def redis_takes_no_writes(ground: Ground) -> None:
    client = ground.redis()
    client.replicaof("127.0.0.1", 1)
    try:
        ground.ready(limits="degraded")
        ground.accepted(20)
    finally:
        client.replicaof("NO", "ONE")
    with ground.timed("well again"):
        ground.ready(status="ok")


def redis_forgets_or_is_spoilt(ground: Ground) -> None:
    """Emptied, its scripts dropped, or lists where our counters are."""
    client = ground.redis()
    way = ground.rng.choice(("all", "scripts", "types"))
    if way == "all":
        client.flushall()
    elif way == "scripts":
        client.script_flush()
    else:
        for key in list(client.scan_iter(count=500))[:200]:
            with client.pipeline() as both:  # nobody comes in between
                both.delete(key)
                both.rpush(key, "not", "ours")
                both.execute()
    ground.accepted(10)
    ground.ready(status="ok")


def the_store_is_locked(ground: Ground) -> None:
    """SQLite's one writer, or a lock on PostgreSQL's table of comments: for longer than a writer waits, or (in the long
    run) for 1, 5 or 30 s."""
    length = ground.rng.choice((1, 5, 30)) if ground.is_long else None
    engine = store.make_engine(ground.database)
    is_sqlite = engine.dialect.name == "sqlite"
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("BEGIN EXCLUSIVE" if is_sqlite else "LOCK TABLE comments IN EXCLUSIVE MODE"))
            if length != 1:
                ground.seen("503") if length != 5 else ground.pause(5, 5)
                ground.reads()
            if length in (1, 30):
                ground.pause(length, length)
            connection.rollback()
    finally:
        engine.dispose()
    with ground.timed("202 again"):
        ground.accepted(1)
    ground.accepted(10)  # those that waited
    before = len(ground.ledger.seconds)
    ground.accepted(100 if ground.is_long else 10)
    late = sorted(ground.ledger.seconds[before:])
    ground.took.setdefault("p95 afterwards", []).append(late[int(len(late) * 0.95)])
    slowest = max(ground.ledger.seconds)
    assert slowest <= 5 or not ground.is_long, f"a request waited {slowest:.1f} s"


def killed_at_random(ground: Ground) -> None:
    """One of the kills, whichever: for the long run with its many comments."""
    kinds = [a_worker_is_killed, a_worker_is_killed, the_service_is_killed, redis_is_killed, all_is_killed_at_once]
    if ground.server:
        kinds.append(the_database_is_killed)
    ground.accepted(ground.rng.randrange(200, 900))
    ground.rng.choice(kinds)(ground)


FAULTS = (
    Fault("F1", "kill -9 of a worker", a_worker_is_killed, CUT, 200),
    Fault("F2", "kill -9 of the service", the_service_is_killed, CUT, 50),
    Fault("F3", "kill -9, stop, terminate of PostgreSQL", the_database_is_killed, ANY, 30, PG, stores=PG),
    Fault("F4", "kill -9 of all at once", all_is_killed_at_once, ANY, 30, BOTH),
    Fault("F5", "a worker or PostgreSQL stands still", something_stands_still, ANY, 20, LITE),
    Fault("F6", "kill -9 of Redis", redis_is_killed, HELD, 20),
    Fault("F7", "Redis accepts and never answers", redis_stands_still, HELD, 20),
    Fault("F8", "Redis slow by 50 or 500 ms", redis_is_slow, HELD, 20, LITE),
    Fault("F9", "Redis out of memory", redis_is_full, HELD, 10),
    Fault("F10", "Redis read-only", redis_takes_no_writes, HELD, 10),
    Fault("F11", "Redis emptied, scripts gone, wrong types", redis_forgets_or_is_spoilt, HELD, 20, LITE),
    Fault("F12", "the disk is full", disk.the_disk_is_full, AWAY, 10, LITE, stores=LITE, threads=0),
    Fault("F13", "the store is locked", the_store_is_locked, AWAY, 20, PG),
    Fault("F14", "the clock jumps, and back", clock.the_clock_jumps, HELD, 10, LITE, threads=0),
    Fault(
        "F15",
        "the rules file cut, huge, a folder, a loop",
        config.the_rules_file_is_spoilt,
        HELD,
        200,
        LITE,
        stores=LITE,
    ),
    Fault("F16", "a request sent 1 to 5 times over kills", alone.sent_again_over_kills, CUT, 20, BOTH, threads=0),
    Fault("F18", "giant, endless and nested bodies", alone.giant_bodies, HELD, 250, LITE, threads=0),
    Fault("F19", "hundreds of new identities at once", alone.many_identities, HELD, 20, LITE, threads=0),
    Fault("F21", "a sealed address damaged", alone.a_damaged_seal, HELD, 20, LITE, threads=0),
    Fault("F22", "an older backup is put back", alone.an_older_backup, HELD, 5, stores=LITE, threads=0),
    Fault("F23", "a migration killed half way", alone.a_killed_migration, HELD, 50, BOTH, threads=0),
    Fault("COPY", "a copy of database and WAL, taken mid-run", alone.a_copy_mid_run, HELD, 100, LITE, stores=LITE),
    Fault("ORDER", "a 202 before it is on disk", order.a_202_comes_after_the_disk, HELD, 10, BOTH, threads=0),
    Fault("KILLS", "20,000 comments under random kills", killed_at_random, ANY, 1, threads=8),
)

ELSEWHERE: Mapping[str, str] = {
    "F17": "tests/test_proxy.py: slow clients through nginx; ./run faults --only F17 with 400 of them",
    "F20": "tests/actions/test_webhooks.py: refusals, 410, a dying sender; tests/edges/test_outside.py: slow "
    "and endless answers. Sending has a thread of its own, and no request waits for it",
}
"""Rows of the fault table that are held to elsewhere."""
