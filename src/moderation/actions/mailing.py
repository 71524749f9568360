"""Send the letters that are due by e-mail. Each is claimed before and settled after, so that a process that dies in
between sends it at most once more, and never less than once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from moderation.actions.deliveries import Kind, Result, deliver
from moderation.edges import mail, mails, telemetry
from moderation.edges.schema import Tx
from moderation.edges.vault import Unreadable
from moderation.errors import DeliveryError
from moderation.runtime import Runtime

CLAIM = timedelta(minutes=5)
MOST = 50
"""Letters a turn."""
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440, 1440))
"""After each attempt that failed for now. After the last, four days on, a letter is given up (RFC 5321, 4.5.4.1)."""
LETTER = Kind("mail-not-sent", PAUSES, telemetry.mails_total)


def send_due(rt: Runtime) -> int:
    """Send what is due, as far as somebody else does not. How many were handed over. Without a server of ours letters
    wait."""
    server = rt.mail_server
    if server is None:
        return 0
    with rt.store.reading() as tx:
        waiting = mails.due(tx, rt.now(), MOST)
    return sum(_send(rt, server, mail_id) == "sent" for mail_id in waiting)


def _send(rt: Runtime, server: mail.Server, mail_id: str) -> Result | None:
    """What became of one letter; None where somebody else has it."""

    def settle(tx: Tx, end: DeliveryError | None) -> None:
        mails.settle(tx, mail_id, end.why if end else "sent", rt.now())

    def put_off(tx: Tx, until: datetime) -> None:
        mails.try_again(tx, mail_id, until)

    now = rt.now()
    try:
        with rt.store.writing() as tx:
            letter = mails.claim(tx, rt.vault, mail_id, now, now + CLAIM)
    except Unreadable:
        with rt.store.writing() as tx:
            mails.settle(tx, mail_id, "unreadable", rt.now())  # its key is gone
        telemetry.mails_total.labels("given-up").inc()
        return "given-up"
    if letter is None:
        return None
    sent = mail.Mail(mail_id, letter.to, letter.subject, letter.text, letter.created_at)
    return deliver(rt, LETTER, letter.attempts, lambda: mail.send(server, sent), settle, put_off, kind=letter.kind)
