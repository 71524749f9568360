"""The benchmark runs and prints what it promises. What the figures are is not tested: this machine is busy."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_the_benchmark_prints_ratios_processor_time_and_latency_without_an_error(store: str) -> None:
    words = ["all", "--rounds", "1", "--seconds", "2", "--store", store]
    done = subprocess.run([ROOT / "bench" / "run", *words], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split("|")[1].strip(): line for line in done.stdout.splitlines() if line.count("|") > 5}
    for name in ("Submissions", "Reads of 100 comments", "The same with its ETag (304)"):
        assert re.search(r"\*\*\d+\.\d\d\*\* \|.*\| 0 \|$", rows[name]), done.stdout
    for name in ("Submissions at half load", "Reads of 100 comments at half load"):
        assert re.search(r"\| \d+\.\d \| \*\*\d+\.\d\*\* \|.*\| 0 \|$", rows[name]), done.stdout
    assert re.search(r"commit \w+", done.stdout)
