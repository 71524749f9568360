"""Proof of work: a challenge that costs a browser about a second and us nothing, in ALTCHA's format (version 1), so
that its widget understands it as well. The number looked for is the one for which SHA-256 of the salt and it is the
challenge. That each is used once is seen to by Redis, with the limits (`actions.submit`).

The salt ends with `&`, and only one spelling of it is taken: else digits could move between its time and the number.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from moderation.rates import Bucket, Window
from moderation.runtime import Runtime
from moderation.settings import Form

ALGORITHM = "SHA-256"
LONGEST = 1500
"""Characters of a solution that are looked at. Ours have about 400."""
_SALT = re.compile(r"[0-9a-f]{24}\?expires=([0-9]{10})&site=([a-z0-9-]{1,40})&")
_SLACK = 60  # seconds for which a solution is remembered beyond its time: clocks of several machines differ a little


@dataclass(frozen=True, slots=True)
class Solution:
    """What came as a solution: `none`, `good`, `wrong` or `late`. `challenge` names a good one."""

    found: str
    challenge: str = ""


NONE = Solution("none")
WRONG = Solution("wrong")
LATE = Solution("late")


def give(rt: Runtime, site: str, settings: Form) -> dict[str, str | int]:
    """A challenge that nobody else is given."""
    until = rt.now() + timedelta(minutes=settings.proof_minutes)
    salt = f"{rt.random(12).hex()}?expires={int(until.timestamp())}&site={site}&"
    number = int.from_bytes(rt.random(8)) % (settings.proof_numbers + 1)
    challenge = _challenge(salt, number)
    return {
        "algorithm": ALGORITHM,
        "challenge": challenge,
        "maxnumber": settings.proof_numbers,
        "salt": salt,
        "signature": rt.vault.sign("session-csrf", "challenge", site, challenge),
    }


def read(rt: Runtime, sent: str | None, site: str, settings: Form) -> Solution:
    """What to think of a solution that came with a comment to `site`. Nothing is asked for where it is off."""
    if not sent or settings.proof == "off":
        return NONE
    told = _told(sent)
    salt, number, challenge = told.get("salt"), told.get("number"), told.get("challenge")
    parts = _SALT.fullmatch(salt) if isinstance(salt, str) else None
    if parts is None or type(number) is not int or number < 0 or told.get("algorithm") != ALGORITHM:
        return WRONG
    if parts[2] != site or challenge != _challenge(parts[0], number):
        return WRONG
    if not rt.vault.check(str(told.get("signature")), "session-csrf", "challenge", site, challenge):
        return WRONG
    return LATE if int(parts[1]) <= rt.now().timestamp() else Solution("good", challenge)


def bucket(solution: Solution, settings: Form) -> Bucket:
    """What a good solution is used up by. Soft: one that was used before is a finding, and refuses nobody."""
    window = Window("solution", 1, settings.proof_minutes * 60 + _SLACK, 1)
    return Bucket("solution", solution.challenge[:32], window, visible=False, soft=True)


def _challenge(salt: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{number}".encode()).hexdigest()


def _told(sent: str) -> dict[str, Any]:
    """The JSON object in Base64 that a solution is sent as. Empty for anything else."""
    try:
        told = orjson.loads(b64decode(sent[: LONGEST + 1], validate=True)) if len(sent) <= LONGEST else None
    except (binascii.Error, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
