"""Log lines on a disk that is full: nobody who asked something is failed for them, and what is lost is counted."""

from __future__ import annotations

import os
from pathlib import Path

from moderation.edges import telemetry
from moderation.edges.telemetry import Lines


def lost() -> float:
    (family,) = telemetry.log_lines_lost.collect()
    return next(sample.value for sample in family.samples if sample.name.endswith("_total"))


def test_a_line_that_finds_no_room_is_lost_and_counted(tmp_path: Path) -> None:
    before = lost()
    full = os.open("/dev/full", os.O_WRONLY)
    lines = Lines(full)
    lines.msg(b"nowhere")
    lines.msg(b"to be kept")
    assert lost() == before + 2
    os.dup2(os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT), full)
    lines.msg(b"there is room again")
    lines.msg(b"and more")
    os.close(full)
    assert (tmp_path / "log").read_bytes() == b"\nthere is room again\nand more\n"
    assert lost() == before + 2
