"""Letters by e-mail: in the transaction of what they tell, sealed while they wait, sent once, tried again, given up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from structlog.testing import capture_logs
from tests import smtp
from tests.conftest import Clock
from tests.smtp import Receiver, receiving

from moderation.actions import mailing, privacy, retention
from moderation.commands import COMMAND_LINE
from moderation.edges import mail, mails
from moderation.edges.mail import Mail, Server
from moderation.edges.schema import mails as table
from moderation.environment import Environment
from moderation.errors import DeliveryError
from moderation.runtime import Runtime

TO = "reader@letters.example"
FROM = "comments@news.example"


@pytest.fixture
def sender(make_runtime: Callable[..., Runtime], receiver: Receiver) -> Runtime:
    settings: dict[str, Any] = {"smtp_host": "127.0.0.1", "smtp_port": receiver.port, "mail_from": FROM}
    return make_runtime(smtp_user="comments", smtp_password=smtp.PASSWORD, **settings)


def post(rt: Runtime, subject: str = "Please confirm", text: str = "Grüße\n.\nhttps://news.example/x") -> str:
    mail_id = rt.new_id()
    with rt.store.writing() as tx:
        mails.post(tx, rt.vault, mail_id, "test", TO, subject, text, rt.now())
    return mail_id


def row(rt: Runtime, mail_id: str) -> Any:
    with rt.store.reading() as tx:
        return tx.execute(sa.select(table).where(table.c.id == mail_id)).one()


def test_a_letter_is_sent_once_over_tls_and_says_what_it_is(sender: Runtime, receiver: Receiver) -> None:
    mail_id = post(sender)
    assert mailing.send_due(sender) == 1
    assert mailing.send_due(sender) == 0
    (message,) = receiver.taken
    assert (message["To"], message["From"], message["Subject"]) == (TO, FROM, "Please confirm")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{mail_id}@news.example>"
    assert message.get_content().splitlines() == ["Grüße", ".", "https://news.example/x"]
    assert receiver.secured == [True]
    assert receiver.signed_in == ["comments"]
    assert TO in receiver.envelopes[0][1]
    done = row(sender, mail_id)
    assert (done.result, done.sealed, done.email_index) == ("sent", None, None)


def test_what_is_rolled_back_is_never_sent(sender: Runtime, receiver: Receiver) -> None:
    def half() -> None:
        with sender.store.writing() as tx:
            mails.post(tx, sender.vault, sender.new_id(), "test", TO, "No", "No", sender.now())
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert mailing.send_due(sender) == 0
    assert receiver.taken == []


def test_address_and_text_stand_nowhere_while_a_letter_waits(sender: Runtime) -> None:
    waiting = row(sender, post(sender))
    assert TO not in repr(waiting)
    assert "news.example" not in repr(waiting)
    assert "Please" not in repr(waiting)


def test_it_is_tried_again_ever_later_and_then_given_up(sender: Runtime, receiver: Receiver, clock: Clock) -> None:
    receiver.answers["RCPT"] = "451 not now"
    mail_id = post(sender)
    with capture_logs() as logged:
        for pause in (None, *mailing.PAUSES):
            if pause is not None:
                clock.advance(seconds=pause.total_seconds() * 0.99 - 1)
                before = row(sender, mail_id).attempts
                assert mailing.send_due(sender) == 0
                assert row(sender, mail_id).attempts == before
                clock.advance(seconds=pause.total_seconds() * 0.12 + 2)
            mailing.send_due(sender)
            assert pause is None or row(sender, mail_id).attempts == before + 1
    assert [each["attempt"] for each in logged] == list(range(1, len(mailing.PAUSES) + 2))
    assert row(sender, mail_id).result == "recipient"
    assert row(sender, mail_id).sealed is None
    assert TO not in repr(logged)
    receiver.answers.clear()
    clock.advance(days=2)
    assert mailing.send_due(sender) == 0


def test_it_goes_once_the_server_is_back(sender: Runtime, receiver: Receiver, clock: Clock) -> None:
    receiver.answers["EHLO"] = receiver.answers["HELO"] = "421 going down"
    post(sender)
    assert mailing.send_due(sender) == 0
    receiver.answers.clear()
    clock.advance(minutes=2)
    assert mailing.send_due(sender) == 1
    assert len(receiver.taken) == 1


def test_an_address_that_is_refused_for_good_is_not_tried_again(
    sender: Runtime, receiver: Receiver, clock: Clock
) -> None:
    receiver.answers["RCPT"] = "550 nobody here"
    mail_id = post(sender)
    assert mailing.send_due(sender) == 0
    assert row(sender, mail_id).result == "recipient"


def test_of_eight_that_send_at_once_one_does(sender: Runtime, receiver: Receiver) -> None:
    for number in range(5):
        post(sender, f"Letter {number}")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: mailing.send_due(sender), range(8))) == 5
    assert sorted(str(message["Subject"]) for message in receiver.taken) == [f"Letter {number}" for number in range(5)]


def test_a_letter_whose_sender_died_is_sent_by_another(sender: Runtime, receiver: Receiver, clock: Clock) -> None:
    mail_id = post(sender)
    with sender.store.writing() as tx:
        assert mails.claim(tx, sender.vault, mail_id, sender.now(), sender.now() + mailing.CLAIM)
    assert mailing.send_due(sender) == 0
    clock.advance(minutes=6)
    assert mailing.send_due(sender) == 1


def test_without_a_server_letters_wait(rt: Runtime) -> None:
    mail_id = post(rt)
    assert mailing.send_due(rt) == 0
    assert row(rt, mail_id).done_at is None


def test_who_is_forgotten_gets_no_letter_any_more(sender: Runtime, receiver: Receiver) -> None:
    post(sender)
    assert privacy.export(sender, COMMAND_LINE, TO, "asked")["letters"][0]["kind"] == "test"
    assert privacy.look(sender, TO) == {privacy.EVERYWHERE: {"letters": 1}}
    privacy.erase(sender, COMMAND_LINE, TO, "asked")
    assert privacy.look(sender, TO) == {}
    assert mailing.send_due(sender) == 0
    assert receiver.taken == []


def test_done_letters_go_after_a_week_and_waiting_ones_stay(sender: Runtime, clock: Clock) -> None:
    post(sender)
    mailing.send_due(sender)
    clock.advance(days=8)
    waiting = post(sender)
    assert retention.tidy(sender)["mails"] == 1
    assert row(sender, waiting).sealed


def letter(subject: str = "x", to: str = TO) -> Mail:
    return Mail("0123456789abcdef", to, subject, "text", datetime(2026, 11, 28, tzinfo=UTC))


def server(receiver: Receiver, **over: Any) -> Server:
    given: dict[str, Any] = {"host": "127.0.0.1", "port": receiver.port, "security": "starttls", "sender": FROM}
    return Server(**(given | {"user": "", "password": ""} | over))


def test_tls_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(tmp_path, tls=True) as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(receiver.certificate))
        mail.send(server(receiver, security="tls"), letter())
        assert receiver.secured == [True]


def why(server: Server, sent: Mail | None = None) -> tuple[str, bool]:
    with pytest.raises(DeliveryError) as refused:
        mail.send(server, sent or letter())
    assert TO not in repr(refused.value)
    return refused.value.why, refused.value.permanent


def test_a_certificate_that_nobody_vouches_for_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    assert why(server(receiver)) == ("certificate", False)
    assert receiver.taken == []


def test_a_server_without_tls_gets_neither_password_nor_letter(receiver: Receiver) -> None:
    receiver.answers["EHLO"] = "250 mail.test"
    assert why(server(receiver, user="comments", password=smtp.PASSWORD)) == ("not-supported", False)
    assert receiver.signed_in == []
    assert receiver.taken == []


def test_a_wrong_password_can_be_mended(receiver: Receiver) -> None:
    assert why(server(receiver, user="comments", password="wrong")) == ("sign-in", False)


def test_a_server_that_says_nothing_is_left(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "SECONDS", 0.2)
    receiver.silent = True
    assert why(server(receiver)) == ("connection", False)


def test_a_port_where_nobody_listens(receiver: Receiver) -> None:
    assert why(server(receiver, port=1)) == ("connection", False)


@pytest.mark.parametrize("to", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "nobody", "", "a b@c"])
def test_an_address_that_would_be_more_than_one_is_refused_for_good(receiver: Receiver, to: str) -> None:
    assert why(server(receiver), letter(to=to)) == ("address", True)
    assert receiver.taken == []


def test_a_subject_cannot_break_out_of_its_header(receiver: Receiver, sender: Runtime) -> None:
    post(sender, "One\r\nBcc: other@letters.example\n\nBody")
    assert mailing.send_due(sender) == 1
    (message,) = receiver.taken
    assert message["Bcc"] is None
    assert message["Subject"] == "One Bcc: other@letters.example Body"
    assert why(server(receiver), letter("One\r\nBcc: x@y.example")) == ("address", True)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"smtp_host": "mail.example"}, "MODERATION_MAIL_FROM"),
        ({"smtp_host": "mail.example", "mail_from": "two words"}, "MODERATION_MAIL_FROM"),
        (
            {"smtp_host": "mail.example", "mail_from": FROM, "smtp_user": "x", "smtp_security": "none"},
            "MODERATION_SMTP_SECURITY",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Environment(**given)  # type: ignore[arg-type]


def test_the_password_is_shown_nowhere(sender: Runtime) -> None:
    assert smtp.PASSWORD not in repr(sender.env)
    assert smtp.PASSWORD not in repr(sender.mail_server)
