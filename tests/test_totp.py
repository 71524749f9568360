"""One-time codes: the examples of RFC 6238, the skew, and what is no code at all."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from moderation import totp

SEED = base64.b32encode(b"12345678901234567890").decode()


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_the_examples_of_the_rfc_are_right(seconds: int, code: str) -> None:
    assert totp.step_of(SEED, code, at(seconds)) == seconds // 30
    assert totp.step_of(SEED, f" {code[:3]} {code[3:]} ", at(seconds)) == seconds // 30


@pytest.mark.parametrize(("late", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_early_or_late(late: int, is_taken: bool) -> None:
    assert (totp.step_of(SEED, "005924", at(1234567890 + late)) == 1234567890 // 30) is is_taken


@pytest.mark.parametrize("code", ["", "5924", "005925", "0059240", "００５９２４", "005924\0", "-05924", "five"])
def test_what_is_no_code_of_now_is_none(code: str) -> None:
    assert totp.step_of(SEED, code, at(1234567890)) is None


def test_recovery_codes_hold_128_bits_and_are_read_however_they_are_typed() -> None:
    numbers = iter(range(1, 99))
    codes = totp.recovery_codes(lambda size: bytes([next(numbers)]) * size)
    assert len(set(codes)) == 10
    for code in codes:
        plain = totp.plain(f" {code.upper()} ".replace("-", " - "))
        assert plain == code.replace("-", "")
        assert len(base64.b32decode(plain.upper() + "======")) == 16


def test_the_picture_is_an_element_without_a_style() -> None:
    svg = totp.picture(totp.address(SEED, "Ana Müller", "comments.example.org"))
    assert svg.startswith("<svg")
    assert "style" not in svg
    assert "<script" not in svg
