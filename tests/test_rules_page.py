"""`docs/rules.md` is true: each rules file on it takes effect, and each command works, in the order of the page."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench.backtest import SPAN, fill
from click.testing import CliRunner

from moderation.cli import main
from moderation.edges import migrate
from moderation.rules_loading import load_text, refuse_failures

PAGE = (Path(__file__).parent.parent / "docs" / "rules.md").read_text("utf-8")
FILES = re.findall(r"(?s)```toml\n(.+?)```", PAGE)
COMMANDS = re.findall(r"(?m)^    moderation (.+)$", PAGE)


@pytest.mark.parametrize("text", FILES)
def test_each_file_takes_effect(text: str) -> None:
    loaded = load_text(text, "moderation.toml")
    assert refuse_failures(loaded, "moderation.toml") is loaded


def test_the_tutorial_ends_with_a_backtest() -> None:
    tutorial = [command.split()[0] for command in re.findall(r"(?m)^    moderation (.+)$", PAGE.split("\n## ")[1])]
    assert tutorial == ["check", "explain", "backtest", "backtest"]


def test_each_command_works_on_a_store_with_past_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    now, new = (
        FILES[0].replace("sites.news", "sites.desk"),
        FILES[1].replace("sites.news", "sites.desk").replace(">= 2", ">= 1"),
    )
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "moderation.toml").write_text(now, "utf-8")
    (tmp_path / "new.toml").write_text(new, "utf-8")
    database = f"sqlite:///{tmp_path / 'state' / 'moderation.db'}"
    migrate.migrate(database, tmp_path / "lock")
    fill(database, 300, load_text(now, "now").rules, now=(today := datetime.now(UTC)))
    told: dict[str, str] = {}
    for command in COMMANDS:
        done = CliRunner().invoke(main, [*shlex.split(command), "--state", "state"])
        assert done.exit_code == 0, (command, done.output)
        told.setdefault(command.split()[0], done.output)
    assert "1 rule, 2 examples" in told["check"]
    assert "fired     newcomer-links (hold, in the shadow)  author.approved 0 · comment.links 2" in told["explain"]
    assert re.search(rf"300 comments from .* to {today - SPAN / 300:%Y-%m}", told["backtest"])
    assert re.search(r"newcomer-links +0 +\d", told["backtest"])
