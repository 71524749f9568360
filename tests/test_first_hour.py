"""The first hour of a hostile reviewer, as a run of its script: every check is done, and none fails."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(600)
def test_every_check_of_the_first_hour_passes(capfd: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.first_hour"], cwd=ROOT, capture_output=True, text=True, timeout=580, check=False
    )
    with capfd.disabled():
        print("\n" + done.stdout)
    results = re.findall(r"^ ?(\d+)  .{35} +[\d.]+  (ok|open|FAIL)\b", done.stdout, re.MULTILINE)
    assert [int(number) for number, _ in results] == list(range(1, 21)), done.stdout + done.stderr
    assert {number for number, result in results if result == "open"} == set()
    assert done.returncode == 0, done.stdout
