"""The limits on a real cluster of three nodes: one slot a site, redirections followed, a slot that moves, a node that
dies. And by arithmetic: every key of a real submission lies in one slot.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot
from tests.actions.test_submit import submission
from tests.conftest import PATIENCE
from tests.service import free_port, wait_until
from tests.stopwatch import timed

from moderation.actions import limits as action
from moderation.actions.limits import Busy
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges.limits import Limits
from moderation.edges.redis_server import find_binary
from moderation.errors import TooFast
from moderation.rates import Answer, Bucket, Question, Window
from moderation.runtime import Runtime

SLOTS = 16384
SLOW = Window("slow", 5, 86_400, 5)


@dataclass
class Node:
    """One server of the cluster. `first` and `last` are its slots at the start."""

    port: int
    bus: int
    process: subprocess.Popen[bytes]
    client: redis.Redis
    first: int = 0
    last: int = 0

    def ask(self, *words: str | int) -> Any:
        return self.client.execute_command(*words)  # type: ignore[no-untyped-call]

    @property
    def id(self) -> str:
        return str(self.ask("CLUSTER", "MYID").decode())

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    nodes = [_start(tmp_path_factory.mktemp("node")) for _ in range(3)]
    share = SLOTS // len(nodes) + 1
    for number, node in enumerate(nodes):
        node.first, node.last = number * share, min((number + 1) * share, SLOTS) - 1
        node.ask("CLUSTER", "ADDSLOTSRANGE", node.first, node.last)
        node.ask("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].bus)
    wait_until(lambda: all(b"cluster_state:ok" in node.ask("CLUSTER", "INFO") for node in nodes))
    wait_until(lambda: all(len(node.ask("CLUSTER", "SLOTS")) == 3 for node in nodes))
    yield nodes
    for node in nodes:
        node.client.close()
        node.process.kill()
        node.process.wait()


def _start(folder: Path) -> Node:
    """A node on free ports. It does not think another one gone that a busy machine has kept from answering."""
    port, bus = free_port(), free_port()
    words: dict[str, str | int] = {
        "port": port, "cluster-port": bus, "bind": "127.0.0.1", "cluster-enabled": "yes",
        "cluster-node-timeout": 30_000, "cluster-require-full-coverage": "no", "save": "", "dir": str(folder),
    }  # fmt: skip
    command = [str(find_binary()), *(str(part) for name, value in words.items() for part in (f"--{name}", value))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port, socket_timeout=5)

    def answers() -> bool:
        try:
            return client.ping() is True
        except redis.RedisError:
            return False

    wait_until(answers)
    return Node(port, bus, process, client)


@pytest.fixture
def cluster(started: list[Node]) -> list[Node]:
    for node in started:
        node.ask("FLUSHALL", "SYNC")
    return started


@pytest.fixture
def limits(cluster: list[Node]) -> Iterator[Limits]:
    made = Limits(cluster[0].url, workers=1, timeout=PATIENCE)
    yield made
    made.close()


def question(site: str, key: str = "a") -> Question:
    return Question(site, (Bucket("address", key, SLOW, True), Bucket("article", "b", SLOW, False)), ("print",))


def site_of(node: Node, but: str = "") -> str:
    """A site whose keys this node has."""
    names = (f"site-{number}" for number in range(10_000))
    return next(name for name in names if node.first <= key_slot(name.encode()) <= node.last and name != but)


def left(answers: list[Answer]) -> list[int]:
    assert {answer.source for answer in answers} == {"redis"}
    return [answer.buckets[0].remaining for answer in answers]


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7"])
def test_every_key_of_a_real_submission_lies_in_one_slot(
    make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    rt = make_runtime("[sites.demo]\n")
    asked: list[Question] = []
    real = rt.limits.check

    def check(questions: list[Question]) -> list[Answer]:
        asked.extend(questions)
        return real(questions)

    monkeypatch.setattr(rt.limits, "check", check)
    Intake(rt).submit(submission(1, address=address, body="Look at https://example.net and at what they wrote there."))
    keys = asked[0].keys()
    scopes = {bucket.scope for bucket in asked[0].buckets}
    assert {"address", "pair", "email", "article", "site", "fuse"} <= scopes
    assert len(keys) > len(asked[0].buckets) > 5
    assert {key_slot(key.encode()) for key in keys} == {key_slot(b"demo")}


def test_each_site_is_counted_on_its_node_whatever_node_is_named(limits: Limits, cluster: list[Node]) -> None:
    sites = [site_of(node) for node in cluster]
    for round_ in range(6):
        answers = limits.check([question(site) for site in sites])
        assert left(answers) == [max(0, 4 - round_)] * 3
        assert [answer.allowed for answer in answers] == [round_ < 5] * 3
        assert [answer.seen for answer in answers] == [(min(round_, 5),)] * 3
    for node, site in zip(cluster, sites, strict=True):
        keys = node.client.keys()
        assert isinstance(keys, list)
        assert len(keys) == 3
        assert all(f"{{{site}}}".encode() in key for key in keys)
    assert limits.state().failures_total == 0


def test_a_batch_of_many_sites_keeps_its_order(limits: Limits, cluster: list[Node]) -> None:
    sites = [site_of(node) for node in cluster]
    mixed = [question(site) for site in sites for _ in range(2)] + [question(sites[0])]
    assert left(limits.check(mixed)) == [4, 3, 4, 3, 4, 3, 2]
    assert left(limits.check(mixed)) == [1, 0, 2, 1, 2, 1, 0]


def test_a_slot_that_moves_is_followed_on_its_way_and_after(limits: Limits, cluster: list[Node]) -> None:
    source, target = cluster[0], cluster[1]
    site = site_of(source)
    slot = key_slot(site.encode())
    assert left(limits.check([question(site)])) == [4]
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
    try:
        keys = source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100)
        source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 2000, "KEYS", *keys)
        assert left(limits.check([question(site)])) == [3], "it is asked where the keys are already"
        for node in (target, source, cluster[2]):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        assert left(limits.check([question(site)] * 2)) == [2, 1]
        assert limits.state().failures_total == 0
    finally:
        target.ask("FLUSHALL", "SYNC")
        for node in cluster:
            node.ask("CLUSTER", "SETSLOT", slot, "STABLE")
        for node in (source, target, cluster[2]):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", source.id)


def test_what_one_has_used_is_seen_and_cleared(cluster: list[Node], make_runtime: Callable[..., Runtime]) -> None:
    sites = [site_of(node) for node in cluster]
    tables = "".join(
        f'[sites.{site}]\n[sites.{site}.limits]\naddress = ["5/day"]\nfuse = ["5/day"]\n' for site in sites
    )
    rt = make_runtime(tables)
    rt.limits.close()
    rt.limits = Limits(cluster[2].url, workers=1, timeout=PATIENCE)
    intake = Intake(rt)
    for site in sites:
        for number in range(5):
            intake.submit(submission(number, site=site, body=f"Words {site} {number}."))
        with pytest.raises(TooFast):
            intake.submit(submission(6, site=site))
    assert action.blown_fuses(rt, sites) == sites
    busy = Busy(sites[1], address="203.0.113.7")
    assert [each.remaining for each in action.show(rt, busy)] == [0]
    assert action.clear(rt, COMMAND_LINE, busy, None) == 1
    intake.submit(submission(7, site=sites[1]))


def test_while_a_node_is_away_nobody_waits_long_and_afterwards_all_is_well(cluster: list[Node]) -> None:
    limits = Limits(cluster[2].url, workers=1)
    away, near = site_of(cluster[2]), site_of(cluster[1])
    for site in (away, near):
        wait_until(lambda site=site: limits.check([question(site)])[0].source == "redis")
    os.kill(cluster[2].process.pid, signal.SIGSTOP)
    try:
        (answer,), took = timed(lambda: limits.check([question(away)]))
        assert took < 0.4
        assert answer.source == "local"
        (answer,) = limits.check([question(near)])
        assert answer.source == "redis", "another node is asked where the sites are"
    finally:
        os.kill(cluster[2].process.pid, signal.SIGCONT)
    wait_until(lambda: limits.check([question(away)])[0].source == "redis")
    limits.close()
