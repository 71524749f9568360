"""Send the letters that are due by e-mail. Each is claimed before and settled after, so that a process that dies in
between sends it at most once more, and never less than once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import structlog

from moderation.edges import mail, mails, telemetry
from moderation.edges.vault import Unreadable
from moderation.errors import DeliveryError
from moderation.runtime import Runtime

CLAIM = timedelta(minutes=5)
MOST = 50
"""Letters a turn."""
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720, 1440, 1440))
"""After each attempt that failed for now. After the last, four days on, a letter is given up (RFC 5321, 4.5.4.1)."""

log = structlog.get_logger()
Result = Literal["sent", "later", "given-up"]


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
    now = rt.now()
    try:
        with rt.store.writing() as tx:
            letter = mails.claim(tx, rt.vault, mail_id, now, now + CLAIM)
    except Unreadable:
        return _settle(rt, mail_id, "unreadable", "given-up")  # its key is gone
    if letter is None:
        return None
    try:
        mail.send(server, mail.Mail(mail_id, letter.to, letter.subject, letter.text, letter.created_at))
    except DeliveryError as error:
        log.warning("mail-not-sent", kind=letter.kind, why=error.why, attempt=letter.attempts + 1)
        if error.permanent or letter.attempts >= len(PAUSES):
            return _settle(rt, mail_id, error.why, "given-up")
        with rt.store.writing() as tx:
            mails.try_again(tx, mail_id, rt.now() + PAUSES[letter.attempts])
        telemetry.mails_total.labels("later").inc()
        return "later"
    return _settle(rt, mail_id, "sent", "sent")


def _settle(rt: Runtime, mail_id: str, why: str, result: Result) -> Result:
    with rt.store.writing() as tx:
        mails.settle(tx, mail_id, why, rt.now())
    telemetry.mails_total.labels(result).inc()
    return result
