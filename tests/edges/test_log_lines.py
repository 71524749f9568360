"""Log lines on a disk that is full: nobody who asked something is failed for them, and what is lost is counted."""

from __future__ import annotations

import os
import threading
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


def test_lines_of_a_batch_are_written_at_its_end_and_those_of_others_at_once(tmp_path: Path) -> None:
    file = tmp_path / "log"
    fd = os.open(file, os.O_WRONLY | os.O_CREAT)
    lines = Lines(fd)
    with lines.together():
        lines.msg(b"first")
        assert file.read_bytes() == b""
        other = threading.Thread(target=lines.msg, args=(b"other",))
        other.start()
        other.join()
        assert file.read_bytes() == b"first\nother\n"
        lines.msg(b"last")
    assert file.read_bytes() == b"first\nother\nlast\n"
    lines.msg(b"after")
    os.close(fd)
    assert file.read_bytes() == b"first\nother\nlast\nafter\n"
