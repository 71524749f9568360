"""The plan of the house holds: who imports whom, and that every error has a status and every code a sentence."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
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


def test_the_service_imports_only_what_it_is_installed_with() -> None:
    """Tests run with more packages than the service has, so a missing dependency shows here or at its owner's."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = declared["optional-dependencies"]
    wanted = [*declared["dependencies"], *extras["embedded"], *extras["postgres"]]
    allowed = {re.split(r"[^a-z0-9-]", each)[0] for each in wanted} | {"moderation"} | BROUGHT_ALONG
    owners = packages_distributions()
    strange = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "src").rglob("*.py")
        for name in _imported(path)
        if name not in sys.stdlib_module_names and not {_plain(owner) for owner in owners.get(name, [name])} & allowed
    }
    assert not strange


BROUGHT_ALONG = {"werkzeug", "markupsafe"}
"""Parts of Flask that its documentation tells to import by their own names."""


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        node.module.partition(".")[0]
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }


def _plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
