"""kill -HUP under load: no request is dropped, and nothing that belongs to the first process goes with a worker."""

from __future__ import annotations

from pathlib import Path

from tests.faults import reloads


def test_a_reload_drops_no_request_and_takes_nothing_away(tmp_path: Path) -> None:
    line, is_good = reloads.told(tmp_path, times=2)
    print(line)
    assert is_good
