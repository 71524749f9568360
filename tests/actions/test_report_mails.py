"""Who reports a comment and gives an e-mail address is told that it came, and what was decided: with a real mail
server; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from tests import smtp
from tests.actions.test_keys import reencrypt, rotate
from tests.actions.test_reports import decide, public
from tests.actions.test_review import rule, send
from tests.conftest import Clock
from tests.service import RULES
from tests.smtp import Receiver

from moderation.actions import keys, mailing, own_comment, privacy, reports, retention
from moderation.commands import COMMAND_LINE
from moderation.edges.schema import mails, report_mails
from moderation.edges.schema import reports as table
from moderation.errors import KeysInvalid
from moderation.receipts import give
from moderation.redress import redress
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Decision, Moderator, Role

READER = "neighbour@reports.example"
GRACE = 121
GERMAN = RULES.replace(
    'name = "Demo"', 'name = "Demo"\nlanguage = "de"\nredress = "Schreiben Sie an leser@demo.example."'
)


@pytest.fixture
def make(make_runtime: Callable[..., Runtime], receiver: Receiver) -> Callable[..., Runtime]:
    mail: dict[str, Any] = {"smtp_host": "127.0.0.1", "smtp_port": receiver.port, "mail_from": "news@demo.example"}
    return lambda rules=RULES: make_runtime(rules, smtp_user="comments", smtp_password=smtp.PASSWORD, **mail)


@pytest.fixture
def rt(make: Callable[..., Runtime]) -> Runtime:
    return make()


def report(rt: Runtime, comment_id: str, number: int = 1, email: str | None = READER) -> str:
    wish = reports.Wish(comment_id, "abuse", "He names my street, number 7.", f"198.51.100.{number}", email)
    return reports.report(rt, rt.rules.sites["demo"], wish, "r")


def sent(rt: Runtime, receiver: Receiver) -> list[EmailMessage]:
    mailing.send_due(rt)
    taken, receiver.taken[:] = list(receiver.taken), []
    return taken


def kept(rt: Runtime, what: Any) -> list[Any]:
    with rt.store.reading() as tx:
        return list(tx.execute(sa.select(what)).scalars())


def words(letter: EmailMessage) -> str:
    return " ".join(letter.get_content().split())


def test_the_report_is_confirmed_and_the_decision_told_with_the_ways_to_contest_it(
    rt: Runtime, receiver: Receiver, clock: Clock
) -> None:
    comment = public(rt)
    assert report(rt, comment) == "kept"
    (receipt,) = sent(rt, receiver)
    assert (receipt["To"], receipt["Subject"]) == (READER, "Demo: your report has come")
    (number,) = kept(rt, report_mails.c.id)
    assert f"/t/demo/reports/{comment}" in words(receipt)
    assert f"The number of the report is {number}." in words(receipt)
    assert decide(rt, comment, Decision.REJECT) == "decided"
    assert sent(rt, receiver) == [], "not before the time of grace is over"
    clock.advance(seconds=GRACE)
    (told,) = sent(rt, receiver)
    assert (told["To"], told["Subject"]) == (READER, "Demo: what was decided about your report")
    assert "it is no longer public" in words(told)
    usual = redress(rt.rules.sites["demo"].settings)
    assert usual.endswith("out-of-court dispute settlement, or to a court.")
    assert f"{usual} You can also write to Demo. The number of your report: {number}" in words(told)
    assert "program" not in words(told)
    for letter in (receipt, told):
        assert "street" not in words(letter), "what was typed goes to nobody's mailbox"
        assert "thought" not in words(letter), "nor the comment"
    assert retention.tidy(rt)["report-mails"] == 1
    assert (kept(rt, report_mails.c.id), len(kept(rt, table.c.id))) == ([], 1)
    assert kept(rt, mails.c.sealed) == [None, None]


def test_in_the_language_of_the_site_with_its_own_words_and_whether_a_program_decided(
    make: Callable[..., Runtime], receiver: Receiver, clock: Clock
) -> None:
    rt = make(GERMAN)
    comment = public(rt)
    report(rt, comment)
    program = Moderator(0, "cms", RIGHTS[Role.MODERATOR], None, "token")
    assert rule(rt, comment, 2, Decision.APPROVE, program).result == "decided"
    clock.advance(seconds=GRACE)
    receipt, told = sorted(sent(rt, receiver), key=lambda letter: str(letter["Subject"]))
    assert receipt["Subject"] == "Demo: Ihre Meldung ist angekommen"
    assert "Er bleibt öffentlich." in words(told)
    assert "Entschieden hat das ein Programm" in words(told)
    assert "Schreiben Sie an leser@demo.example." in words(told)
    assert f"Die Nummer Ihrer Meldung: {kept(rt, report_mails.c.id)[0]}" in words(told)
    assert "gericht" not in words(told).lower()


def test_what_is_undone_in_time_is_not_told_and_the_next_decision_is(
    rt: Runtime, receiver: Receiver, clock: Clock
) -> None:
    comment = public(rt)
    report(rt, comment)
    sent(rt, receiver)
    decide(rt, comment, Decision.REJECT)
    decide(rt, comment, Decision.UNDO)
    clock.advance(seconds=GRACE)
    assert sent(rt, receiver) == []
    retention.tidy(rt)
    decide(rt, comment, Decision.APPROVE)
    retention.tidy(rt)
    clock.advance(seconds=GRACE)
    (told,) = sent(rt, receiver)
    assert "it stays public" in words(told)


def test_each_of_several_is_told_and_who_gave_no_address_is_not(rt: Runtime, receiver: Receiver, clock: Clock) -> None:
    comment, other = public(rt, 1), public(rt, 2)
    for number, email in ((1, "a@reports.example"), (2, None), (3, "b@reports.example")):
        report(rt, comment, number, email)
    report(rt, other, 4, "c@reports.example")
    assert {letter["To"] for letter in sent(rt, receiver)} == {f"{name}@reports.example" for name in "abc"}
    decide(rt, comment, Decision.SPAM)
    clock.advance(seconds=GRACE)
    assert sorted(letter["To"] for letter in sent(rt, receiver)) == ["a@reports.example", "b@reports.example"]


@pytest.mark.parametrize("how", ["erased", "withdrawn"])
def test_who_reported_what_its_author_deletes_is_told_that_it_is_gone(
    rt: Runtime, receiver: Receiver, clock: Clock, how: str
) -> None:
    comment, other = public(rt, 1), public(rt, 2)
    report(rt, comment)
    report(rt, other, 2)
    sent(rt, receiver)
    if how == "erased":
        privacy.erase(rt, COMMAND_LINE, "reader1@example.org", "asked")
    else:
        own_comment.withdraw(rt, give(rt, comment), "r")
    assert "report-mails" not in retention.tidy(rt), "nobody told them yet"
    assert [reports.tell_of_gone(rt), reports.tell_of_gone(rt)] == [1, 0]
    assert "report-mails" not in retention.tidy(rt), "it waits to be sent"
    (told,) = sent(rt, receiver)
    assert (told["To"], told["Subject"]) == (READER, "Demo: what was decided about your report")
    assert "was deleted before it was decided about" in words(told)
    clock.advance(seconds=100)
    assert retention.tidy(rt)["report-mails"] == 1
    assert len(kept(rt, report_mails.c.id)) == 1, "the other is open"
    assert privacy.look(rt, READER) == {"demo": {"reports": 1}}


def test_nobodys_mailbox_is_filled(rt: Runtime, receiver: Receiver) -> None:
    comment, waiting = public(rt, 1), send(rt, 2)
    assert [report(rt, comment), report(rt, comment), report(rt, waiting, 2)] == ["kept", "repeated", "not-public"]
    assert len(sent(rt, receiver)) == 1
    for number in range(3, 30):
        assert report(rt, public(rt, number), number) == "kept"
    assert len(sent(rt, receiver)) == 2, "five an hour to one address, also those that were asked for in vain"
    assert len(kept(rt, report_mails.c.id)) == 3
    assert report(rt, public(rt, 40), 40, "else@reports.example") == "kept"
    assert len(sent(rt, receiver)) == 1


def test_an_address_can_be_added_while_the_report_is_open(rt: Runtime, receiver: Receiver) -> None:
    comment = public(rt)
    assert report(rt, comment, email=None) == "kept"
    assert report(rt, comment) == "repeated"
    assert len(sent(rt, receiver)) == 1


def test_without_a_mail_server_no_address_is_kept(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime()
    assert report(rt, public(rt)) == "kept"
    assert (kept(rt, report_mails.c.id), kept(rt, mails.c.id)) == ([], [])


def test_the_address_is_sealed_and_follows_the_keys(rt: Runtime, receiver: Receiver, clock: Clock) -> None:
    comment = public(rt)
    report(rt, comment)
    sent(rt, receiver)
    with rt.store.reading() as tx:
        assert READER not in str(tx.execute(sa.select(report_mails)).all())
    assert READER not in repr(reports.Wish(comment, "abuse", "", "192.0.2.1", READER))
    rotate(rt, "email-enc")
    rotate(rt, "email-index")
    with rt.store.writing() as tx:
        tx.execute(sa.text("UPDATE comments SET email_sealed = NULL, email_index = NULL"))
        tx.execute(sa.text("DELETE FROM author_records"))
    with pytest.raises(KeysInvalid, match="report_mails"):
        keys.retire(rt, COMMAND_LINE, "email-enc")
    reencrypt(rt, "email-enc")
    assert keys.retire(rt, COMMAND_LINE, "email-enc")
    assert keys.retire(rt, COMMAND_LINE, "email-index")
    decide(rt, comment, Decision.REJECT)
    clock.advance(seconds=GRACE)
    assert [letter["To"] for letter in sent(rt, receiver)] == [READER]


def test_who_reported_gets_a_copy_and_is_forgotten_while_the_report_stays(
    rt: Runtime, receiver: Receiver, clock: Clock
) -> None:
    comment = public(rt)
    report(rt, comment)
    assert privacy.look(rt, READER) == {"demo": {"reports": 1}, privacy.EVERYWHERE: {"letters": 1}}
    sent(rt, receiver)
    (one,) = privacy.export(rt, COMMAND_LINE, READER, "asked")["reports"]
    assert (one["number"], one["reason"], one["text"]) == (
        kept(rt, report_mails.c.id)[0], "abuse", "He names my street, number 7.",
    )  # fmt: skip
    privacy.erase(rt, COMMAND_LINE, READER, "asked")
    assert (kept(rt, report_mails.c.id), len(kept(rt, table.c.id))) == ([], 1)
    decide(rt, comment, Decision.REJECT)
    clock.advance(seconds=GRACE)
    assert sent(rt, receiver) == []
    assert privacy.look(rt, READER) == {}
