"""F15: what can become of a rules file under a service at work. None of it takes effect, and nobody is refused for it.

`RULES` begins with an example of a site that its last line brings, so that no beginning of the file is a good file.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import requests
from tests.faults.ground import Ground
from tests.service import RULES as PLAIN
from tests.service import wait_until

RULES = f'[[examples]]\ntext = "Good morning."\nthen = "clean"\nsite = "last"\n{PLAIN}\n[sites.last]'
WAYS = ("cut", "cut", "cut", "in pieces", "gone", "a folder", "a loop", "huge", "often")


def the_rules_file_is_spoilt(ground: Ground) -> None:
    """One of `WAYS`; afterwards the good file is back."""
    path = ground.service.state / "moderation.toml"
    good, before = path.read_bytes(), _told(ground)["revision"]
    way = ground.rng.choice(WAYS)
    try:
        _spoil(ground, path, good, way)
        ends = time.monotonic() + 0.8  # every worker looks twice a second
        while time.monotonic() < ends:
            ground.accepted(2)
        assert _told(ground)["revision"] == before, f"{way}: other rules took effect"
    finally:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        path.write_bytes(good)
    wait_until(lambda: _told(ground)["rules"] == "ok", lambda: f"{way}: the good file is not taken up")
    assert _told(ground)["revision"] == before


def _spoil(ground: Ground, path: Path, good: bytes, way: str) -> None:
    if way == "cut":
        path.write_bytes(good[: ground.rng.randrange(len(good) - 1)])
        ground.counts["spoilt files"] += 1
    elif way == "in pieces":
        path.write_bytes(b"")
        with path.open("ab", buffering=0) as file:
            for start in range(0, len(good) - 100, 100):
                file.write(good[start : start + 100])
                ground.counts["spoilt files"] += 1
                ground.pause(0, 0.05)
    elif way == "often":
        for _ in range(100):
            path.write_bytes(good[: ground.rng.randrange(len(good) - 1)])
            ground.counts["spoilt files"] += 1
            ground.pause(0, 0.02)
    else:
        path.unlink()
        ground.counts["spoilt files"] += 1
        if way == "a folder":
            path.mkdir()
        elif way == "a loop":
            path.symlink_to(path)
        elif way == "huge":
            path.write_bytes(b"# filler\n" * (10 * 2**20 // 9))


def _told(ground: Ground) -> dict[str, str]:
    told: dict[str, str] = requests.get(f"{ground.service.base}/readyz", timeout=20).json()
    return told
