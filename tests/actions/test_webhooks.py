"""Webhooks: signed as Standard Webhooks, not before the grace time, tried again under the same id, given up when the
receiver is gone, and never into a network of ours. The receiver is a real one."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.test_review import rule, send
from tests.canary import CANARY, found
from tests.conftest import Clock
from tests.service import RULES, wait_until

from moderation.actions import webhooks
from moderation.commands import COMMAND_LINE
from moderation.edges import key_file, vault
from moderation.edges import webhooks as store
from moderation.edges.schema import journal, outbox
from moderation.edges.webhooks import PAUSES
from moderation.runtime import Runtime
from moderation.values import Decision
from moderation.worker import Sites


@dataclass
class Receiver:
    """What came, and what is answered next."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def told(self) -> list[tuple[str, str]]:
        return [(json.loads(body)["type"], json.loads(body)["data"]["status"]) for _, body in self.came]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    it = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(it.status)
            for name, value in it.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield it
    server.shutdown()
    server.server_close()


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime], receiver: Receiver) -> Runtime:
    return make_runtime(_rules(receiver.url), inside_networks=["127.0.0.0/8"])


def _rules(url: str) -> str:
    return RULES + f'\n[sites.demo.webhook]\nurl = "{url}"\n'


def waiting(rt: Runtime) -> int:
    tried = sa.select(sa.func.count()).where(outbox.c.done_at.is_(None), outbox.c.attempts > 0)
    with rt.store.reading() as tx:
        return int(tx.execute(tried).scalar_one())


def test_it_is_told_after_the_grace_time_and_signed_for_the_receiver(
    rt: Runtime, receiver: Receiver, clock: Clock
) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)
    assert webhooks.send_due(rt) == 0, "it may still be undone"
    clock.advance(seconds=121)
    assert webhooks.send_due(rt) == 1
    assert webhooks.send_due(rt) == 0
    ((headers, body),) = receiver.came
    told = json.loads(body)
    assert told["type"] == "comment.decided"
    assert told["data"] == {"id": comment, "site": "demo", "status": "approved", "version": 2}
    (known,) = webhooks.receivers(rt)
    secret = b64decode(known.secrets[0].removeprefix("whsec_"))
    assert len(secret) == 32
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert headers["content-type"] == "application/json"
    assert len(body) < 20_000
    assert found(body + repr(headers).encode(), CANARY) is None


def test_what_is_undone_within_the_grace_time_is_never_told(rt: Runtime, receiver: Receiver, clock: Clock) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)
    rule(rt, comment, 2, Decision.UNDO)
    clock.advance(minutes=10)
    webhooks.send_due(rt)
    assert receiver.told() == []


def test_only_what_the_site_asked_for_is_told(
    make_runtime: Callable[..., Runtime], receiver: Receiver, clock: Clock
) -> None:
    events = 'events = ["comment.received"]\n'
    rt = make_runtime(_rules(receiver.url) + events, inside_networks=["127.0.0.0/8"])
    comment = send(rt)
    send(rt, 2, site="open")
    rule(rt, comment, 1, Decision.REJECT)
    clock.advance(minutes=10)
    webhooks.send_due(rt)
    assert receiver.told() == [("comment.received", "pending")]


@pytest.mark.parametrize("status", [302, 400, 500, 503])
def test_it_is_tried_again_under_the_same_id_and_given_up_after_three_days(
    rt: Runtime, receiver: Receiver, clock: Clock, status: int
) -> None:
    receiver.status, receiver.headers = status, {"Location": receiver.url}
    rule(rt, send(rt), 1, Decision.APPROVE)
    clock.advance(seconds=121)
    assert webhooks.send_due(rt) == 1
    for pause in PAUSES:
        clock.advance(seconds=pause.total_seconds() * 0.99 - 1)
        assert webhooks.send_due(rt) == 0
        clock.advance(seconds=pause.total_seconds() * 0.12 + 2)
        assert webhooks.send_due(rt) == 1
    clock.advance(days=2)
    assert webhooks.send_due(rt) == 0
    assert len(receiver.came) == len(PAUSES) + 1
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    assert receiver.came[0][0]["webhook-id"].count("_") == 2, "number and time: a database may count anew"
    assert waiting(rt) == 0


def test_who_is_gone_is_told_no_more_until_somebody_starts_it_again(
    rt: Runtime, receiver: Receiver, clock: Clock
) -> None:
    receiver.status = 410
    rule(rt, send(rt), 1, Decision.APPROVE)
    rule(rt, send(rt, 2), 1, Decision.APPROVE)
    clock.advance(seconds=121)
    webhooks.send_due(rt)
    assert [each.is_stopped for each in webhooks.receivers(rt)] == [True]
    receiver.status, came = 204, len(receiver.came)
    clock.advance(minutes=10)
    assert webhooks.send_due(rt) == 0
    assert len(receiver.came) == came
    assert webhooks.start_again(rt, COMMAND_LINE, "demo")
    rule(rt, send(rt, 3), 1, Decision.REJECT)
    clock.advance(seconds=121)
    webhooks.send_due(rt)
    assert receiver.told()[-1] == ("comment.decided", "rejected")
    with rt.store.reading() as tx:
        actions = tx.execute(sa.select(journal.c.action).order_by(journal.c.seq)).scalars().all()
    assert [each for each in actions if each.startswith("webhook")] == ["webhook-stopped", "webhook-started"]


def test_a_new_receiver_is_told_of_the_last_day_only(
    make_runtime: Callable[..., Runtime], receiver: Receiver, clock: Clock
) -> None:
    before = make_runtime()
    old, new = send(before), send(before, 2)
    rule(before, old, 1, Decision.APPROVE)
    clock.advance(days=2)
    rule(before, new, 1, Decision.REJECT)
    clock.advance(minutes=10)
    after = make_runtime(_rules(receiver.url), inside_networks=["127.0.0.0/8"])
    webhooks.send_due(after)
    webhooks.send_due(after)
    assert receiver.told() == [("comment.decided", "rejected")]
    with after.store.reading() as tx:
        left = sa.select(sa.func.count()).where(outbox.c.kind == "comment.decided", outbox.c.done_at.is_(None))
        assert tx.execute(left).scalar_one() == 0, "what is not told is not looked at for ever"


def test_several_processes_tell_each_thing_once(
    make_runtime: Callable[..., Runtime], receiver: Receiver, clock: Clock
) -> None:
    runtimes = [make_runtime(_rules(receiver.url), inside_networks=["127.0.0.0/8"]) for _ in range(3)]
    for number in range(20):
        rule(runtimes[0], send(runtimes[0], number), 1, Decision.APPROVE)
    clock.advance(seconds=200)
    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(webhooks.send_due, runtimes)) == 20
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == len(receiver.came) == 20


def test_who_dies_while_telling_tells_it_again(rt: Runtime, receiver: Receiver, clock: Clock) -> None:
    rule(rt, send(rt), 1, Decision.APPROVE)
    clock.advance(seconds=121)
    with rt.store.writing() as tx:  # claimed, and nothing after it
        number = tx.execute(sa.select(outbox.c.id).where(outbox.c.kind == "comment.decided")).scalar_one()
        assert store.claim(tx, number, rt.now(), rt.now() + webhooks.CLAIM) is not None
    assert webhooks.send_due(rt) == 0
    clock.advance(seconds=webhooks.CLAIM.total_seconds() + 1)
    assert webhooks.send_due(rt) == 1
    assert receiver.told() == [("comment.decided", "approved")]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:7f00:1]", "[::1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"]
)
def test_it_leads_into_no_network_of_ours_though_the_rules_file_could_not_tell(
    make_runtime: Callable[..., Runtime], receiver: Receiver, clock: Clock, host: str
) -> None:
    port = receiver.url.rpartition(":")[2]
    for number, scheme in enumerate(("http", "https")):
        rt = make_runtime(_rules(f"{scheme}://{host}:{port}"), inside_networks=["0.0.0.0/1", "128.0.0.0/1", "::/1"])
        rt.inside = ()  # as where a name turns out to lead there
        rule(rt, send(rt, number), 1, Decision.APPROVE)
        clock.advance(seconds=121)
        assert webhooks.send_due(rt) == 1
        assert waiting(rt) == 0, "there is no use in trying again"
    assert receiver.came == []


def test_who_does_not_answer_holds_up_their_own_site_alone(
    make_runtime: Callable[..., Runtime], receiver: Receiver, clock: Clock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        rules = (
            _rules(f"http://127.0.0.1:{silent.getsockname()[1]}/") + f'[sites.open.webhook]\nurl = "{receiver.url}"\n'
        )
        rt = make_runtime(rules, inside_networks=["127.0.0.0/8"])
        rule(rt, send(rt), 1, Decision.APPROVE)
        rule(rt, send(rt, 2, site="open"), 1, Decision.REJECT)
        clock.advance(seconds=121)
        begun = threading.Event()

        def work(site: str) -> int:
            if site == "demo":
                begun.set()
            return webhooks.send_site(rt, site)

        sites = Sites("webhooks", lambda: webhooks.sites_due(rt), work)
        sites.turn()
        assert begun.wait(20)
        wait_until(lambda: receiver.told() == [("comment.decided", "rejected")])
        assert waiting(rt) == 1, "the silent one is still being waited for"
        rule(rt, send(rt, 3, site="open"), 1, Decision.REJECT)
        clock.advance(seconds=121)
        wait_until(lambda: sites.turn() or len(receiver.came) == 2)
    wait_until(lambda: not sites.busy)


def test_an_undo_while_it_is_being_told_is_told_as_well_or_nothing_is(
    make_runtime: Callable[..., Runtime], receiver: Receiver, clock: Clock
) -> None:
    """The moderator's clock says that the grace time runs, the sender's that it is over."""
    desk, sender = (make_runtime(_rules(receiver.url), inside_networks=["127.0.0.0/8"]) for _ in range(2))
    comments = [send(desk, number) for number in range(24)]
    for comment in comments:
        rule(desk, comment, 1, Decision.APPROVE)
    early, late = clock.time, clock.time + timedelta(seconds=121)
    desk.now, sender.now = (lambda: early), (lambda: late)
    begin = threading.Barrier(2)

    def undo() -> None:
        begin.wait(20)
        for comment in comments:
            assert rule(desk, comment, 2, Decision.UNDO).result == "decided"

    def tell() -> None:
        begin.wait(20)
        for _ in range(3):
            webhooks.send_due(sender)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(undo), pool.submit(tell)]:
            done.result()
    webhooks.send_due(sender)
    told: dict[str, list[tuple[int, str]]] = {comment: [] for comment in comments}
    for _, body in receiver.came:
        data = json.loads(body)["data"]
        told[data["id"]].append((data["version"], data["status"]))
    assert all(each in ([], [(2, "approved"), (3, "pending")]) for each in told.values()), told


def test_while_keys_are_rotated_both_secrets_count(rt: Runtime, receiver: Receiver, clock: Clock) -> None:
    (before,) = webhooks.receivers(rt)
    key_file.activate(rt.env.keys_path, key_file.add(rt.env.keys_path, "links").id, rt.now().date())
    rt.vault = vault.Vault(vault.load_keys(rt.env.keys_path))
    (after,) = webhooks.receivers(rt)
    assert after.secrets[1:] == before.secrets
    rule(rt, send(rt), 1, Decision.APPROVE)
    clock.advance(seconds=121)
    webhooks.send_due(rt)
    ((headers, _),) = receiver.came
    assert headers["webhook-signature"].count("v1,") == 2


def test_the_last_pause_ends_after_three_days() -> None:
    assert timedelta(days=3) < sum(PAUSES, timedelta()) < timedelta(days=4)
