"""A check outside: a comment is held while it is asked, its answer decides as the rules would have, whatever goes wrong
holds and is asked again, people's decisions stand, and no e-mail address is ever told. The service outside is a real
one on this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from structlog.testing import capture_logs
from tests.actions.test_review import rule, send
from tests.canary import BODY_CANARY, CANARY, found
from tests.conftest import Clock
from tests.outside import HERE, Outside
from tests.outside import outside as outside
from tests.service import RULES, free_port

from moderation import examination, receipts
from moderation.actions import bans, external, keys, own_comment, privacy, retention
from moderation.actions.bans import Wish
from moderation.commands import COMMAND_LINE
from moderation.edges import external_checks, generic_check, queries
from moderation.edges.schema import comment_rules, counters, journal, outbox
from moderation.edges.schema import external_checks as table
from moderation.environment import Environment
from moderation.errors import DeliveryError, KeysInvalid
from moderation.judge.cases import recall
from moderation.judge.pipeline import judge
from moderation.runtime import Runtime
from moderation.values import EXTERNAL, Comment, Decision, Effect, Finding, Status

Make = Callable[..., Runtime]
TEXT = "A plain thought about the harbour."


@pytest.fixture
def own(make_runtime: Make, outside: Outside) -> Runtime:
    """The sites `demo` (looks first) and `open` (publishes first), with a check of their own."""
    return make_runtime(rules(outside.url + "/check", "generic"), **HERE)


@pytest.fixture
def akismet(make_runtime: Make, outside: Outside) -> Runtime:
    """The same with Akismet."""
    return make_runtime(rules(outside.url, "akismet"), akismet_keys="0123456789ab", **HERE)


def rules(url: str, kind: str, more: str = "", seconds: int = 10) -> str:
    return RULES + f'\n[defaults.external]\nkind = "{kind}"\nurl = "{url}"\nseconds = {seconds}\n{more}\n'


def says(outside: Outside, verdict: str, because: str | None = None) -> None:
    told = {"verdict": verdict} | ({} if because is None else {"because": because})
    outside.body = json.dumps(told).encode()


def stands(rt: Runtime, comment_id: str) -> Comment:
    with rt.store.reading() as tx:
        comment = queries.comment(tx, comment_id)
    assert comment
    return comment


def told(rt: Runtime, comment_id: str) -> Finding:
    (finding,) = [each for each in stands(rt, comment_id).findings if each.rule == EXTERNAL]
    return finding


def rows(rt: Runtime, column: sa.Column[Any], *where: Any) -> list[Any]:
    with rt.store.reading() as tx:
        return list(tx.execute(sa.select(column).where(*where)).scalars())


def letters(rt: Runtime) -> list[tuple[str, int]]:
    found = rows(rt, outbox.c.payload, outbox.c.kind == "comment.decided")
    return [(each["status"], each["version"]) for each in found]


def test_a_ban_that_was_made_meanwhile_holds_what_the_answer_would_publish(own: Runtime, outside: Outside) -> None:
    says(outside, "ham")
    comment = send(own, site="open")
    bans.make(own, COMMAND_LINE, None, Wish(Effect.REJECT, "Sells pills", None, comment_id=comment), "r")
    assert external.ask_due(own) == 1
    now = stands(own, comment)
    assert now.status is Status.PENDING
    assert "pre-moderated" in {each.code for each in now.findings}


def test_the_rules_of_now_decide_about_what_the_answer_would_publish(make_runtime: Make, outside: Outside) -> None:
    says(outside, "ham")
    comment = send(make_runtime(rules(outside.url, "generic"), **HERE), site="open")
    after = make_runtime(rules(outside.url, "generic").replace('mode = "post"', 'mode = "pre"'), **HERE)
    assert external.ask_due(after) == 1
    now = stands(after, comment)
    assert (now.status, now.revision) == (Status.PENDING, after.rules.revision)
    assert "pre-moderation" in {each.code for each in now.findings}


def test_a_comment_is_held_until_the_answer_and_then_published_where_the_site_publishes(
    own: Runtime, outside: Outside
) -> None:
    says(outside, "ham")
    comment = send(own, site="open")
    assert outside.came == [], "nobody's request waits for it"
    assert (stands(own, comment).status, told(own, comment).code) == (Status.PENDING, "external-check-waiting")
    assert external.ask_due(own) == 1
    assert external.ask_due(own) == 0
    now = stands(own, comment)
    assert (now.status, now.version, now.verdict, now.decided_by) == (Status.APPROVED, 2, Decision.APPROVE, None)
    finding = told(own, comment)
    assert (finding.code, finding.data["answer"], finding.data["tries"]) == ("external-check-ham", "ham", 1)
    assert finding.data["revision"] == own.rules.revision
    assert letters(own) == [("approved", 2)]
    (entry,) = rows(own, journal.c.after, journal.c.target == comment, journal.c.action == "checked")
    assert entry == "approved"
    with own.store.reading() as tx:
        counted = queries.tab_counts(tx, ["open"])
    assert (counted[Status.APPROVED], counted[Status.PENDING]) == (1, 0)
    assert (
        rows(own, comment_rules.c.rule, comment_rules.c.comment_id == comment, comment_rules.c.rule == EXTERNAL) == []
    )


def test_each_site_that_waits_is_told_with_what_waits_longest_there(own: Runtime) -> None:
    ids = [send(own, number, site=site) for number, site in enumerate(["open", "demo", "open", "strict"])]
    with own.store.writing() as tx:
        tx.execute(sa.update(table).where(table.c.comment_id == ids[3]).values(due_at=None))
    with own.store.reading() as tx:
        due = {row.comment_id: row.due_at for row in tx.execute(sa.select(table))}
        assert external_checks.sites(tx) == {"demo": due[ids[1]], "open": due[ids[0]]}


def test_where_moderators_look_first_a_good_answer_leaves_it_waiting(own: Runtime, outside: Outside) -> None:
    says(outside, "ham")
    comment = send(own)
    external.ask_due(own)
    now = stands(own, comment)
    assert (now.status, now.version, told(own, comment).code) == (Status.PENDING, 1, "external-check-ham")
    assert letters(own) == []
    assert rule(own, comment, 1, Decision.APPROVE).result == "decided", "who had it on the screen still may"


@pytest.mark.parametrize(
    ("wish", "status"), [("spam", Status.SPAM), ("hold", Status.PENDING), ("tag", Status.APPROVED)]
)
def test_spam_goes_where_the_site_says(make_runtime: Make, outside: Outside, wish: str, status: Status) -> None:
    rt = make_runtime(rules(outside.url, "generic", f'spam = "{wish}"'), **HERE)
    says(outside, "spam", "sells pills")
    comment = send(rt, site="open")
    external.ask_due(rt)
    assert stands(rt, comment).status is status
    assert told(rt, comment).data["because"] == "sells pills"


def test_it_may_ask_that_somebody_looks(own: Runtime, outside: Outside) -> None:
    says(outside, "hold", "write to canary.body.q9z4mw7t@said.canary-example.org")
    comment = send(own, site="open")
    external.ask_due(own)
    assert (stands(own, comment).status, told(own, comment).code) == (Status.PENDING, "external-check-hold")
    assert found(repr(told(own, comment)).encode(), BODY_CANARY) is None


def test_other_findings_stay_and_the_gravest_decides(own: Runtime, outside: Outside) -> None:
    says(outside, "ham")
    comment = send(own, site="open", body="SHOUTING AT EVERYBODY IN THIS TOWN ALL DAY LONG")
    external.ask_due(own)
    now = stands(own, comment)
    assert now.status is Status.PENDING
    assert "shouting" in [each.code for each in now.findings]


def test_what_our_own_rules_refuse_is_told_to_nobody(make_runtime: Make, outside: Outside) -> None:
    refuse = '[[rules]]\nid = "no-pills"\nwhen = \'comment.body.contains("pills")\'\nthen = "reject"\n'
    rt = make_runtime(rules(outside.url, "generic") + refuse, **HERE)
    comment = send(rt, site="open", body="Buy pills")
    assert external.ask_due(rt) == 0
    assert (stands(rt, comment).status, told(rt, comment).code) == (Status.REJECTED, "passed")
    assert outside.came == []


def test_a_check_of_ones_own_is_signed_and_told_this(own: Runtime, outside: Outside) -> None:
    says(outside, "ham")
    comment = send(own, site="open", body=TEXT)
    external.ask_due(own)
    (came,) = outside.came
    asked = json.loads(came.body)
    assert (asked["type"], asked["data"]["id"], asked["data"]["body"]) == ("comment.check", comment, TEXT)
    assert set(asked["data"]) == {
        "id", "version", "site", "article", "author", "is_reply", "language", "body",
    }  # fmt: skip
    assert set(asked["data"]["author"]) == {"name", "url", "verified"}, "no network address"
    ((_, _, (shown,)),) = [each for each in external.shown(own) if each[0] == "open"]
    signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
    mac = hmac.new(b64decode(shown.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert came.headers["webhook-signature"] == f"v1,{b64encode(mac).decode()}"


def test_akismet_is_asked_in_its_own_protocol(akismet: Runtime, outside: Outside) -> None:
    outside.body = b"false"
    comment = send(akismet, site="open", body=TEXT)
    external.ask_due(akismet)
    (came,) = outside.came
    assert came.path == "/1.1/comment-check"
    told_it = came.form
    assert told_it["api_key"] == "0123456789ab"
    assert (told_it["comment_content"], told_it["comment_type"]) == (TEXT, "comment")
    assert told_it["user_ip"] == "127.0.0.1", "the protocol wants one; ours is nobody's"
    assert told_it["blog"] == "http://127.0.0.1:8080"
    assert "comment_author_email" not in told_it
    assert stands(akismet, comment).status is Status.APPROVED


def test_what_akismet_would_throw_away_goes_where_the_site_says(make_runtime: Make, outside: Outside) -> None:
    rt = make_runtime(rules(outside.url, "akismet", 'blatant = "reject"'), akismet_keys="open=abc", **HERE)
    outside.body, outside.headers = b"true", {"X-akismet-pro-tip": "discard"}
    comment = send(rt, site="open")
    external.ask_due(rt)
    finding = told(rt, comment)
    assert (stands(rt, comment).status, finding.code) == (Status.REJECTED, "external-check-blatant")
    assert finding.data["answer"] == "true, discard"
    assert outside.came[0].form["api_key"] == "abc"


def test_who_is_not_sure_yet_is_asked_again_when_they_wish(akismet: Runtime, outside: Outside, clock: Clock) -> None:
    outside.body, outside.headers = b"false", {"X-akismet-recheck-after": "120"}
    comment = send(akismet, site="open")
    external.ask_due(akismet)
    assert stands(akismet, comment).status is Status.PENDING
    clock.advance(seconds=110)
    assert external.ask_due(akismet) == 0
    outside.headers = {}
    clock.advance(seconds=11)
    assert external.ask_due(akismet) == 1
    assert stands(akismet, comment).status is Status.APPROVED


@pytest.mark.parametrize("kind", ["akismet", "generic"])
@pytest.mark.parametrize("send_address", [False, True])
def test_no_e_mail_address_is_ever_told(
    make_runtime: Make, outside: Outside, clock: Clock, kind: str, send_address: bool
) -> None:
    more = f"send_address = {str(send_address).lower()}\n[sites.open.receipt]\nedit_minutes = 100"
    rt = make_runtime(rules(outside.url, kind, more), akismet_keys="abc", **HERE)
    typed = f"Write to {CANARY}, mailto:{CANARY} or {BODY_CANARY}, http://a.example/?to={CANARY.replace('@', '%40')}"
    outside.body = b"false" if kind == "akismet" else b'{"verdict": "ham"}'
    address = "203.0.113.77"
    url = f"https://a.example/?m={BODY_CANARY}"
    comment = send(rt, site="open", body=typed, author_name=BODY_CANARY, author_url=url, email=CANARY, address=address)
    outside.status = 500
    external.ask_due(rt)
    outside.status = 200
    clock.advance(seconds=12)
    external.ask_due(rt)
    receipt = receipts.give(rt, comment)
    own_comment.edit(rt, receipt, stands(rt, comment).version, typed + " Again.", address, "r")
    external.ask_due(rt)
    rule(rt, comment, stands(rt, comment).version, Decision.SPAM)
    clock.advance(seconds=200)
    external.ask_due(rt)
    assert len(outside.came) == (4 if kind == "akismet" else 3)
    assert found(outside.everything(), CANARY) is None
    assert found(outside.everything(), BODY_CANARY) is None
    sent = [each for each in outside.came if address.encode() in each.body]
    assert len(sent) == (3 if send_address else 0), "of corrections it is not told either"
    assert rows(rt, table.c.address) == [None], "and kept no longer than it is needed"


OVER = threading.Event()
"""Nobody waits for those who hang or drip until then."""


def hang(it: BaseHTTPRequestHandler) -> None:
    OVER.wait(60)


def drip(it: BaseHTTPRequestHandler) -> None:
    it.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not OVER.wait(0.05):
        it.wfile.write(b"X-Drop: 1\r\n")


def huge(it: BaseHTTPRequestHandler) -> None:
    it.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + b'{"verdict": "ham", "because": "' + b"x" * 5_000_000)


def nonsense(it: BaseHTTPRequestHandler) -> None:
    it.wfile.write(b"\x00\xff what?\r\n\r\n")


WRONG: dict[str, dict[str, Any]] = {
    "hang": {"instead": hang},
    "drip": {"instead": drip},
    "huge": {"instead": huge},
    "nonsense": {"instead": nonsense},
    "500": {"status": 500, "body": b'{"verdict": "ham"}'},
    "redirect": {"status": 302, "headers": {"Location": "/elsewhere"}},
    "no content": {"status": 204},
    "empty": {"body": b""},
    "not for akismet": {"body": b"maybe"},
}


@pytest.mark.parametrize("kind", ["akismet", "generic"])
@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_goes_wrong_holds_and_is_asked_again(
    make_runtime: Make, outside: Outside, clock: Clock, kind: str, wrong: str
) -> None:
    rt = make_runtime(rules(outside.url, kind, seconds=1), akismet_keys="abc", **HERE)
    for name, value in WRONG[wrong].items():
        setattr(outside, name, value)
    comment = send(rt, site="open")
    OVER.clear()
    began = time.monotonic()
    with capture_logs() as logged:
        assert external.ask_due(rt) == 1
    assert time.monotonic() - began < 30, "its second is over"
    OVER.set()
    assert [each["event"] for each in logged] == ["external-check-failed"]
    assert (stands(rt, comment).status, told(rt, comment).code) == (Status.PENDING, "external-check-waiting")
    assert external.ask_due(rt) == 0
    outside.status, outside.instead, outside.headers = 200, None, {}
    outside.body = b"false" if kind == "akismet" else b'{"verdict": "ham"}'
    clock.advance(seconds=12)
    patient = make_runtime(rules(outside.url, kind), akismet_keys="abc", **HERE)
    assert external.ask_due(patient) == 1
    assert stands(rt, comment).status is Status.APPROVED
    assert told(rt, comment).data["tries"] == 2


def test_nobody_there_and_in_the_end_people_decide(make_runtime: Make, clock: Clock) -> None:
    rt = make_runtime(rules(f"http://127.0.0.1:{free_port()}/", "generic"), **HERE)
    comment = send(rt, site="open")
    for pause in (0, *(each.total_seconds() for each in external.PAUSES)):
        clock.advance(seconds=pause * 0.99 - 1)
        assert pause == 0 or external.ask_due(rt) == 0
        clock.advance(seconds=pause * 0.12 + 2)
        assert external.ask_due(rt) == 1
    finding = told(rt, comment)
    assert (finding.code, finding.data["tries"]) == ("external-check-unanswered", len(external.PAUSES) + 1)
    assert stands(rt, comment).status is Status.PENDING
    clock.advance(days=2)
    assert external.ask_due(rt) == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"null", b"[]", b'"ham"', b"true", b"{}", b'{"verdict": null}', b'{"verdict": "HAM"}',
        b'{"verdict": ["ham"]}', b'{"verdict": "approve"}', b'{"verdict": "ham", "verdict": "spam"}',
        b'{"verdict": "ham", "because": 1}', b'{"verdict": "ham", "because": null}', b'{"verdict": "ham", "more": 1}',
        b'{"verdict": "ham", "because": "' + b"x" * 201 + b'"}', b'{"verdict": "ham", "because": "a\\u0000b"}',
        b'{"verdict": "ham", "because": "a\\u202eb"}', b'{"verdict": "ham"} {}', b'{"verdict": NaN}', b"[" * 4000,
        b'\xff{"verdict": "ham"}', b'{"verdict": {}}',
    ],
)  # fmt: skip
def test_an_answer_is_read_to_the_letter(answer: bytes) -> None:
    with pytest.raises(DeliveryError, match="no-answer"):
        generic_check.read(answer)


def test_what_people_decided_meanwhile_stands(own: Runtime, outside: Outside) -> None:
    says(outside, "spam")
    comment = send(own, site="open")
    outside.meanwhile = lambda: rule(own, comment, 1, Decision.APPROVE)
    external.ask_due(own)
    now = stands(own, comment)
    assert (now.status, now.version, now.decided_by) == (Status.APPROVED, 2, "Ana")
    assert told(own, comment).code == "external-check-spam", "the card tells it all the same"


def test_people_and_answers_at_the_same_moment_decide_each_comment_once(make_runtime: Make, outside: Outside) -> None:
    says(outside, "ham")
    desk, worker = (make_runtime(rules(outside.url, "generic"), **HERE) for _ in range(2))
    sent = [send(desk, number, site="open") for number in range(16)]
    begin = threading.Barrier(2)

    def decide() -> list[str]:
        begin.wait(20)
        return [rule(desk, comment, 1, Decision.REJECT).result for comment in reversed(sent)]

    def ask() -> int:
        begin.wait(20)
        return external.ask_due(worker)

    with ThreadPoolExecutor(2) as pool:
        decided, asked = pool.submit(decide), pool.submit(ask)
        assert asked.result() == 16
    first = dict(zip(reversed(sent), decided.result(), strict=True))
    for comment in sent:
        now, who = stands(desk, comment), "Ana" if first[comment] == "decided" else None
        assert (now.version, now.decided_by) == (2, who)
        assert now.status is (Status.REJECTED if who else Status.APPROVED)
        assert told(desk, comment).code == "external-check-ham"
    with desk.store.reading() as tx:
        counted = queries.tab_counts(tx, ["open"])
    assert counted[Status.PENDING] == 0
    assert counted[Status.REJECTED] == list(first.values()).count("decided")
    assert len(letters(desk)) == 16


def test_what_people_took_back_into_their_hands_is_not_published(own: Runtime, outside: Outside) -> None:
    says(outside, "ham")
    comment = send(own, site="open")
    rule(own, comment, 1, Decision.APPROVE)
    rule(own, comment, 2, Decision.UNDO)
    external.ask_due(own)
    now = stands(own, comment)
    assert (now.status, now.version) == (Status.PENDING, 3)


def test_a_text_written_anew_is_asked_about_anew_and_never_published_by_it(own: Runtime, outside: Outside) -> None:
    says(outside, "spam")
    comment = send(own, site="open")
    receipt = receipts.give(own, comment)
    outside.meanwhile = lambda: own_comment.edit(own, receipt, 1, TEXT, "203.0.113.7", "r")
    external.ask_due(own)
    assert (stands(own, comment).status, told(own, comment).code) == (Status.PENDING, "external-check-waiting")
    outside.meanwhile = lambda: None
    says(outside, "ham")
    assert external.ask_due(own) == 1
    assert json.loads(outside.came[-1].body)["data"]["body"] == TEXT
    assert (stands(own, comment).status, told(own, comment).code) == (Status.PENDING, "external-check-ham")


def test_who_asks_what_is_kept_is_told_whom_it_was_told(own: Runtime, outside: Outside) -> None:
    says(outside, "ham")
    send(own, site="open", email=CANARY)
    (told_to,) = [each["told_to"] for each in privacy.export(own, COMMAND_LINE, CANARY, "asked")["comments"]]
    assert told_to == ["127.0.0.1"]


def test_an_address_that_nobody_asks_about_any_more_is_forgotten(
    make_runtime: Make, outside: Outside, clock: Clock
) -> None:
    rt = make_runtime(rules(outside.url, "generic", "send_address = true"), **HERE)
    send(rt, site="open")
    (sealed,) = rows(rt, table.c.address)
    assert sealed
    assert "203.0.113" not in sealed
    clock.advance(days=31)
    retention.tidy(rt)
    assert rows(rt, table.c.address) == [None]


def test_an_address_that_waits_goes_over_to_a_new_key(make_runtime: Make, outside: Outside) -> None:
    rt = make_runtime(rules(outside.url, "generic", "send_address = true"), **HERE)
    send(rt, site="open", email=None, address="203.0.113.77")
    keys.rotate(rt, COMMAND_LINE, "email-enc", pause=lambda _: None)
    with pytest.raises(KeysInvalid, match="rows of external_checks"):
        keys.retire(rt, COMMAND_LINE, "email-enc")
    assert sum(batch.written for batch in keys.reencrypt(rt, COMMAND_LINE, "email-enc")) == 1
    assert keys.retire(rt, COMMAND_LINE, "email-enc")
    says(outside, "ham")
    assert external.ask_due(rt) == 1
    assert b"203.0.113.77" in outside.came[0].body


def test_who_is_gone_meanwhile_is_forgotten(own: Runtime, outside: Outside) -> None:
    says(outside, "ham")
    send(own, site="open", email=CANARY)
    outside.meanwhile = lambda: privacy.erase(own, COMMAND_LINE, CANARY, "asked")
    assert external.ask_due(own) == 1
    assert rows(own, table.c.comment_id) == []
    assert sum(rows(own, counters.c["count"], counters.c.site == "open")) == 0


KILLED = """
import json, os, signal, sys
from datetime import datetime
from moderation.actions import external
from moderation.edges import external_checks
from moderation.runtime import Runtime
from moderation.environment import Environment
settle = external_checks.settle
def die(*given):
    settle(*given)
    os.kill(os.getpid(), signal.SIGKILL)
external_checks.settle = die
told = json.loads(sys.argv[1])
at = datetime.fromisoformat(told.pop("now"))
external.ask_due(Runtime(Environment(**told), now=lambda: at))
"""
"""A process that asks, writes the answer down, and is killed before it commits."""


def test_who_is_killed_between_answer_and_writing_leaves_it_to_be_asked_again(
    own: Runtime, outside: Outside, clock: Clock
) -> None:
    says(outside, "ham")
    comment = send(own, site="open")
    env = own.env
    given: dict[str, Any] = {"state": str(env.state), "database_url": env.database_url, "redis_url": env.redis_url}
    given |= {"now": own.now().isoformat()} | HERE
    killed = subprocess.run([sys.executable, "-c", KILLED, json.dumps(given)], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(outside.came) == 1
    assert (stands(own, comment).status, letters(own)) == (Status.PENDING, [])
    assert external.ask_due(own) == 0, "somebody may still be at it"
    clock.advance(seconds=external.CLAIM.total_seconds() + 1)
    assert external.ask_due(own) == 1
    assert (stands(own, comment).status, letters(own)) == (Status.APPROVED, [("approved", 2)])
    assert len({each.headers["webhook-id"] for each in outside.came}) == 1, "of both"


def test_an_answer_that_comes_after_its_claim_ended_changes_nothing(
    own: Runtime, outside: Outside, clock: Clock
) -> None:
    says(outside, "ham")
    comment = send(own, site="open")
    with own.store.writing() as tx:
        until = own.now() + external.CLAIM
        claimed = external_checks.claim(tx, own.vault, comment, own.now(), until)
    assert claimed
    clock.advance(seconds=61)
    says(outside, "hold")
    assert external.ask_due(own) == 1
    with own.store.writing() as tx:
        assert external_checks.stands(tx, claimed) is None
    assert told(own, comment).code == "external-check-hold"


def test_several_processes_ask_about_each_once(make_runtime: Make, outside: Outside) -> None:
    says(outside, "ham")
    runtimes = [make_runtime(rules(outside.url, "generic"), **HERE) for _ in range(3)]
    for number in range(12):
        send(runtimes[0], number, site="open")
    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(external.ask_due, runtimes)) == 12
    assert len({each.headers["webhook-id"] for each in outside.came}) == len(outside.came) == 12
    assert len(letters(runtimes[0])) == 12


def test_where_it_is_turned_off_again_nobody_waits_for_it(make_runtime: Make, outside: Outside) -> None:
    before = make_runtime(rules(outside.url, "generic"), **HERE)
    comment = send(before, site="open")
    outside.status = 500
    external.ask_due(before)
    after = make_runtime(**HERE)
    external.ask_due(after)
    assert len(outside.came) == 1, "not even those that were to be asked again later"
    assert (stands(after, comment).status, told(after, comment).code) == (Status.APPROVED, "passed")


@pytest.mark.parametrize(
    ("said", "decision", "told_it"),
    [
        (b"false", Decision.SPAM, "/1.1/submit-spam"),
        (b"true", Decision.APPROVE, "/1.1/submit-ham"),
        (b"true", Decision.REJECT, None),
        (b"false", Decision.REJECT, None),
    ],
)
def test_akismet_is_told_after_the_grace_time_where_moderators_think_otherwise(
    akismet: Runtime, outside: Outside, clock: Clock, said: bytes, decision: Decision, told_it: str | None
) -> None:
    outside.body = said
    comment = send(akismet)
    external.ask_due(akismet)
    version = stands(akismet, comment).version
    rule(akismet, comment, version, decision)
    assert external.ask_due(akismet) == 0, "it may still be undone"
    rule(akismet, comment, version + 1, Decision.UNDO)
    rule(akismet, comment, version + 2, decision)
    clock.advance(seconds=121)
    outside.body = b"Thanks for making the web a better place."
    external.ask_due(akismet)
    assert [each.path for each in outside.came[1:]] == ([told_it] if told_it else [])
    clock.advance(days=1)
    assert external.ask_due(akismet) == 0
    assert len(rows(akismet, journal.c.seq, journal.c.action == "corrected")) == (1 if told_it else 0)


def test_what_is_undone_in_time_is_never_told(akismet: Runtime, outside: Outside, clock: Clock) -> None:
    outside.body = b"false"
    comment = send(akismet)
    external.ask_due(akismet)
    rule(akismet, comment, 1, Decision.SPAM)
    rule(akismet, comment, 2, Decision.UNDO)
    clock.advance(days=1)
    external.ask_due(akismet)
    assert len(outside.came) == 1


def test_a_decision_before_the_answer_is_told_as_well(akismet: Runtime, outside: Outside, clock: Clock) -> None:
    outside.body = b"false"
    comment = send(akismet)
    rule(akismet, comment, 1, Decision.SPAM)
    external.ask_due(akismet)
    clock.advance(seconds=121)
    external.ask_due(akismet)
    assert [each.path for each in outside.came] == ["/1.1/comment-check", "/1.1/submit-spam"]


def test_judged_again_it_comes_to_the_same(own: Runtime, outside: Outside) -> None:
    says(outside, "spam", "sells pills")
    comment = send(own, site="open", body=TEXT)
    external.ask_due(own)
    now = stands(own, comment)
    (facts,) = rows(own, sa.table("comments", sa.column("facts", sa.JSON)).c.facts)  # type: ignore[arg-type]
    case = recall(
        facts, site="open", body=now.body, author_name=now.author_name, author_url=now.author_url,
        verified=now.verified, is_reply=False, at=now.created_at,
    )  # fmt: skip
    again = judge(case, own.rules.sites["open"])
    assert (again.decision, again.findings) == (Decision.SPAM, now.findings)


def test_doctor_says_whether_akismet_knows_us(make_runtime: Make, outside: Outside) -> None:
    rt = make_runtime(rules(outside.url, "akismet"), akismet_keys="open=abc, def", **HERE)

    def found_by_doctor(env: Environment) -> examination.Found:
        return next(each for each in examination.whole(env, "http://127.0.0.1:1") if each.part == "checks outside")

    outside.body = b"valid"
    assert found_by_doctor(rt.env).ok
    assert {each.form["key"] for each in outside.came} == {"abc", "def"}
    outside.body = b"invalid"
    assert "demo: Akismet does not know its key" in found_by_doctor(rt.env).sentence
    keyless = rt.env.model_copy(update={"akismet_keys": SecretStr("")})
    assert "no-key" in found_by_doctor(keyless).sentence
    assert "abc" not in repr(rt.env)
