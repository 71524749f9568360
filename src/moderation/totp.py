"""One-time codes of the second step (RFC 6238: SHA-1, six digits, 30 seconds), and recovery codes. Pure: what is stored
of them is `edges/factors`, when they are asked for is `actions/second_step`."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from datetime import datetime

import pyotp
import segno

STEP = 30
SKEW = 1
"""Steps that a phone's clock may be early or late."""

RECOVERY_CODES = 10


def step_of(seed: str, code: str, now: datetime) -> int | None:
    """The time step that `code` belongs to, or None. Each step may be used once, which is the caller's to keep."""
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit()):
        return None
    totp = pyotp.TOTP(seed, interval=STEP)
    current = int(now.timestamp()) // STEP
    steps = range(current - SKEW, current + SKEW + 1)
    right = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), digits)]
    return right[-1] if right else None


def seed_of(secret: bytes) -> str:
    """160 bits as an app reads them."""
    return base64.b32encode(secret[:20]).decode()


def address(seed: str, name: str, host: str) -> str:
    """What an authenticator app reads from the picture: `otpauth://totp/…`."""
    return pyotp.TOTP(seed, interval=STEP).provisioning_uri(name=name, issuer_name=f"Comment desk {host}")


def picture(text: str) -> str:
    """A QR code as an SVG element, dark on nothing, without a style of its own."""
    return segno.make(text, error="m", micro=False).svg_inline(border=4, omitsize=True, svgclass="qr", lineclass=None)


def recovery_codes(random: Callable[[int], bytes]) -> list[str]:
    """Fresh ones of 128 bits, as people copy them: `abcde-fghij-…`."""
    texts = [base64.b32encode(random(16)).decode().rstrip("=").lower() for _ in range(RECOVERY_CODES)]
    return ["-".join([text[:5], text[5:10], text[10:15], text[15:20], text[20:]]) for text in texts]


def plain(code: str) -> str:
    """A recovery code however it was typed."""
    return "".join(letter for letter in code.lower() if letter.isascii() and letter.isalnum())
