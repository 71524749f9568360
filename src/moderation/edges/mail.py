"""Sends one letter by SMTP (RFC 5321), with TLS and within a fixed time. Which letters wait is `mails`."""

from __future__ import annotations

import smtplib
import ssl
import time
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from moderation.errors import DeliveryError

SECONDS = 10.0
"""How long one step of the conversation may take."""
WHOLE = 40.0
"""How long it may take as a whole: a server that answers drop by drop is left."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where letters are handed over. `security` is `starttls`, `tls` from the first byte, or `none`; certificates are
    always checked. No sign-in where `user` is empty."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    sender: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One letter to one address, in plain text. `key` names it for good, so that a second sending can be known."""

    key: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    at: datetime


def send(server: Server, mail: Mail) -> None:
    """Hand the letter over; when this returns, the server has taken it. Raises DeliveryError, which tells neither the
    address nor what the server said."""
    try:
        message = _message(server, mail)
    except (ValueError, IndexError, UnicodeError):
        raise DeliveryError("address", permanent=True) from None
    end = time.monotonic() + WHOLE
    try:
        with _connected(server) as smtp:
            _step(smtp, end)
            if server.security == "starttls":
                smtp.starttls(context=ssl.create_default_context())
                _step(smtp, end)
            if server.user:
                smtp.login(server.user, server.password)
                _step(smtp, end)
            smtp.send_message(message, server.sender, [mail.to])
    except smtplib.SMTPAuthenticationError:
        raise DeliveryError("sign-in", permanent=False) from None  # an admin mends it, and the letter can wait
    except smtplib.SMTPRecipientsRefused as refused:
        raise DeliveryError(
            "recipient", permanent=all(code >= 500 for code, _ in refused.recipients.values())
        ) from None
    except smtplib.SMTPResponseException as refused:
        raise DeliveryError(f"answer-{refused.smtp_code}", permanent=refused.smtp_code >= 500) from None
    except smtplib.SMTPNotSupportedError:
        raise DeliveryError("not-supported", permanent=False) from None
    except ssl.SSLError:
        raise DeliveryError("certificate", permanent=False) from None
    except (OSError, smtplib.SMTPException, ValueError):
        raise DeliveryError("connection", permanent=False) from None


def _connected(server: Server) -> smtplib.SMTP:
    if server.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=SECONDS, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=SECONDS)


def _step(smtp: smtplib.SMTP, end: float) -> None:
    """The rest of the time is what the next step may take at most. Raises TimeoutError when there is none left."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if smtp.sock is not None:
        smtp.sock.settimeout(min(SECONDS, left))


def _message(server: Server, mail: Mail) -> EmailMessage:
    """Says that no person wrote it (RFC 3834), so that no absence is answered. Raises ValueError for what would break
    out of a header."""
    message = EmailMessage()
    message["From"] = server.sender
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.key}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
