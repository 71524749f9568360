"""The plan of the house holds: who imports whom, that every error has a status and every code a sentence, that what is
public says what it is, and that what a page of the documentation names is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
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
    wanted = [*declared["dependencies"], *extras["embedded"], *extras["language"], *extras["oidc"], *extras["postgres"]]
    allowed = {re.split(r"[^a-z0-9-]", each)[0] for each in wanted} | {"moderation"} | BROUGHT_ALONG
    owners = packages_distributions()
    strange = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "src").rglob("*.py")
        for name in _imported(path)
        if name not in sys.stdlib_module_names and not {_plain(owner) for owner in owners.get(name, [name])} & allowed
    }
    assert not strange


SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "bench").glob("*.md")]


def test_every_code_of_a_refusal_has_a_sentence() -> None:
    told = {
        "FieldProblem": problems.FIELD_SENTENCES,
        **dict.fromkeys(("Unparsable", "UnsupportedContent", "NotFound", "OriginRefused"), problems.DETAILS),
        "Unavailable": problems.DETAILS,
    }
    codes = [
        (call, str(argument.value))
        for path in SOURCES
        for call, at in _calls(path, dict.fromkeys(told, 0) | {"FieldProblem": 1, "Unavailable": 1})
        for argument in ast.walk(at)
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    assert len(codes) > 40
    assert not [(call, code) for call, code in codes if code not in told[call]]


def _calls(path: Path, wanted: dict[str, int]) -> Iterator[tuple[str, ast.expr]]:
    """Each call of a name in `wanted` in this file, with its argument at the place that stands there."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in wanted and len(node.args) > wanted[name]:
                yield name, node.args[wanted[name]]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_what_is_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    public = [
        node
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and node.name != "upgrade"
    ]
    bare = [node.name for node in public if not ast.get_docstring(node)]
    assert not bare
    assert ast.get_docstring(tree) or (path.name == "__init__.py" and not tree.body)


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    folders = [ROOT / name for name in ("src", "tests", "bench", "deploy", "docs")]
    texts = [path for folder in folders for path in folder.rglob("*") if path.suffix in TEXTS]
    assert len(texts) > 150
    assert not [path for path in texts if later.search(path.read_text("utf-8"))]


TEXTS = {".py", ".js", ".css", ".html", ".md", ".toml", ".lua", ".yaml", ".conf", ".service"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_page_that_a_file_names_is_there() -> None:
    """`docs/x.md` is named by help texts, example files and other pages."""
    package = ROOT / "src" / "moderation"
    files = [*PAGES, ROOT / "run", *(ROOT / "deploy").glob("*"), package / "cli.py", package / "default_rules.toml"]
    named = {name for path in files for name in re.findall(r"\bdocs/[a-z-]+\.md\b", path.read_text("utf-8"))}
    assert len(named) > 4
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
    assert not [page.name for page in pages if str(page.relative_to(ROOT)) not in readme]


BROUGHT_ALONG = {"hiredis", "werkzeug", "markupsafe"}
"""What dependencies bring along and tell to use: parts of Flask, and what `redis[hiredis]` asks for."""


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


def test_the_page_for_operators_tells_of_every_metric() -> None:
    named = set(re.findall(r"`(moderation_[a-z_]+)`", (ROOT / "docs" / "operations.md").read_text("utf-8")))
    source = (ROOT / "src" / "moderation" / "edges" / "telemetry.py").read_text("utf-8")
    assert named == set(re.findall(r'"(moderation_[a-z_]+)"', source))
