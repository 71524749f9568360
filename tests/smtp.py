"""A mail server for tests: speaks enough SMTP over a real socket, with STARTTLS or TLS under a certificate of its own,
and keeps what it took. How it behaves can be changed while it runs.
"""

from __future__ import annotations

import base64
import email
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "the mail server's own secret 7"


@dataclass
class Receiver:
    """`answers` replaces the answer to a command by its name; `silent` says nothing at all after the greeting."""

    port: int
    certificate: Path
    answers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)


@contextmanager
def receiving(folder: Path, *, tls: bool = False) -> Iterator[Receiver]:
    """A receiver on a free port of this machine until the block ends. `tls` from the first byte, else STARTTLS."""
    context = _context(folder)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that leaves in the middle is what some tests are about."""

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            sock: socket.socket = self.request
            sock.settimeout(20)
            _Conversation(receiver, context, context.wrap_socket(sock, server_side=True) if tls else sock, tls).run()

    with Server(("127.0.0.1", 0), Talk) as server:
        receiver = Receiver(server.server_address[1], folder / "mail.pem")
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()


class _Conversation:
    def __init__(self, receiver: Receiver, context: ssl.SSLContext, sock: socket.socket, secure: bool) -> None:
        self._receiver = receiver
        self._context = context
        self._sock = sock
        self._secure = secure
        self._file = sock.makefile("rb")
        self._sender = ""
        self._recipient = ""

    def run(self) -> None:
        self._say("220 mail.test ready")
        while line := self._file.readline():
            command, _, rest = line.decode().strip().partition(" ")
            if self._receiver.silent:
                continue
            answer = self._receiver.answers.get(command.upper())
            if answer:
                self._say(answer)
            elif not self._obey(command.upper(), rest):
                return

    def _obey(self, command: str, rest: str) -> bool:
        if command == "EHLO":
            self._say("250-mail.test", *([] if self._secure else ["250-STARTTLS"]), "250-AUTH PLAIN", "250 8BITMIME")
        elif command == "STARTTLS":
            self._say("220 go on")
            self._sock = self._context.wrap_socket(self._sock, server_side=True)
            self._file, self._secure = self._sock.makefile("rb"), True
        elif command == "AUTH":
            _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
            self._receiver.signed_in.append(user)
            self._say("235 welcome" if password == PASSWORD else "535 no")
        elif command == "MAIL":
            self._sender = rest
            self._say("250 ok")
        elif command == "RCPT":
            self._recipient = rest
            self._say("250 ok")
        elif command == "DATA":
            self._say("354 go on")
            self._take()
        elif command == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("250 ok")
        return True

    def _take(self) -> None:
        lines = []
        while (line := self._file.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        self._receiver.taken.append(email.message_from_bytes(b"".join(lines), policy=default))
        self._receiver.envelopes.append((self._sender, self._recipient))
        self._receiver.secured.append(self._secure)
        self._say("250 taken")

    def _say(self, *lines: str) -> None:
        self._sock.sendall("".join(f"{line}\r\n" for line in lines).encode())


def _context(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that signs itself; whoever shall trust it names its file in SSL_CERT_FILE."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "mail.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "mail.key").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "mail.pem", folder / "mail.key")
    return context


@pytest.fixture(name="receiver")
def trusted_receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A mail server whose certificate is trusted while the test runs."""
    with receiving(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
        yield running
