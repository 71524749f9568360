"""The plan of the house holds: who imports whom, and that every error has a status and every code a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from moderation import errors
from moderation.errors import ModerationError
from moderation.web import problems

ROOT = Path(__file__).parent.parent


def test_no_import_runs_up_or_round() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    assert tool.exists(), "lint-imports is missing: install the project with its extra `test` (./run test does)"
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _all_errors(kind: type[ModerationError] = ModerationError) -> list[type[ModerationError]]:
    return [each for child in kind.__subclasses__() for each in (child, *_all_errors(child))]


@pytest.mark.parametrize("kind", _all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind: type[ModerationError]) -> None:
    assert kind in problems.STATUSES


def test_nothing_is_opened_at_import() -> None:
    """Importing every module makes no file, no connection and no thread."""
    code = (
        "import threading, socket, pkgutil, importlib, moderation\n"
        "def refuse(*a, **k): raise SystemExit('a connection at import')\n"
        "socket.socket.connect = refuse\n"
        "for m in pkgutil.walk_packages(moderation.__path__, 'moderation.'):\n"
        "    if 'migrations' not in m.name and not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_error_names_what_went_wrong() -> None:
    assert all(kind.__doc__ for kind in _all_errors()), "an error without a docstring"
    assert errors.__doc__
