"""`docs/security.md` and `docs/evidence` name only tests that exist; each row of level 2 and promise is told once."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
EVIDENCE = (ROOT / "docs" / "evidence" / "README.md").read_text("utf-8")
ROWS = {  # how many requirements of levels 1 and 2 the sections of ASVS 5.0.0 have; they come first in each
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1, "3.2": 2, "3.3": 4,
    "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5,
    "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4,
    "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4,
    "17.3": 2,
}  # fmt: skip


def test_every_named_test_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE + EVIDENCE)
    assert len(named) > 100
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or (name and f"def {name}(" not in (ROOT / path).read_text("utf-8"))
    ]
    assert not missing


def test_every_promise_and_every_file_of_the_evidence_is_told() -> None:
    assert re.findall(r"^\| (\d+)\. ", EVIDENCE, re.MULTILINE) == [str(number) for number in range(1, 16)]
    files = {path.name for path in (ROOT / "docs" / "evidence").glob("*.txt")}
    assert set(re.findall(r"\b([\w-]+\.txt)", EVIDENCE)) == files


def test_every_row_is_told_once() -> None:
    told: list[str] = []
    for cell in re.findall(r"^\| ([\d.,– ]+) \|", PAGE, re.MULTILINE):
        for part in cell.split(", "):
            first, _, last = part.partition("–")
            section, _, number = first.rpartition(".")
            until = int(last.rpartition(".")[2]) if last else int(number)
            told += [f"{section}.{each}" for each in range(int(number), until + 1)]
    assert len(told) == len(set(told)), "a row is there twice"
    assert set(told) == {f"{section}.{number}" for section, most in ROWS.items() for number in range(1, most + 1)}
    assert len(told) == 253


def test_every_row_has_its_answer() -> None:
    rows = re.findall(r"^\| [\d.,– ]+ \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert len(rows) > 100
    assert not [row for row in rows if not row.startswith(("test", "page", "not applicable", "open"))]
