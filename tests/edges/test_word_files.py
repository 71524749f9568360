"""Word lists in files beside the rules file: read, refused with line and column, watched, kept with the revision."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.judge.cases import case

from moderation.actions import rules
from moderation.commands import COMMAND_LINE
from moderation.edges import backups, migrate, revisions, rules_file
from moderation.edges.rules_bundle import bundle, unbundle, whole
from moderation.edges.rules_file import Watch
from moderation.errors import RulesInvalid
from moderation.judge.again import checked, outcome, same_checks
from moderation.judge.pipeline import judge
from moderation.judge.reading import Reading
from moderation.rules_loading import Loaded, load, load_text
from moderation.runtime import Runtime
from moderation.values import Decision

RULES = """[sites.news]
mode = "post"
[sites.news.words]
lists = ["shops.txt", "more/names.txt"]
"""
SHOPS = "@language en\n[profanity mild word effect=spam]\ncasino bonus\n[allow]\nCasino Bonus Street\n"
NAMES = "[insult severe inflect]\nquarkhead\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "more").mkdir()
    (tmp_path / "shops.txt").write_text(SHOPS, "utf-8")
    (tmp_path / "more" / "names.txt").write_text(NAMES, "utf-8")
    (tmp_path / "moderation.toml").write_text(RULES, "utf-8")
    return tmp_path / "moderation.toml"


def decision(loaded: Loaded, body: str) -> Decision:
    return judge(case(body=body), loaded.rules.sites["news"]).decision


def test_words_of_files_count_with_their_grade_or_their_own_effect(file: Path) -> None:
    loaded = load(file)
    assert decision(loaded, "Take this casino bonus now.") is Decision.SPAM
    assert decision(loaded, "We met in Casino Bonus Street.") is Decision.APPROVE
    assert decision(loaded, "What a quarkhead.") is Decision.REJECT
    assert decision(loaded, "What a bullshit.") is Decision.HOLD


def problems(file: Path) -> list[tuple[int, str]]:
    with pytest.raises(RulesInvalid) as refused:
        load(file)
    return [(each.line, each.allowed) for each in refused.value.problems]


def test_a_mistake_in_a_file_is_told_with_its_line(file: Path) -> None:
    (file.parent / "shops.txt").write_text("[profanity mild word effect=burn]\nx\n[nonsense]\n", "utf-8")
    told = problems(file)
    assert [line for line, _ in told] == [4] * 4
    assert told[0][1].startswith("line 1, column 22 of the list: unknown flag 'effect=burn'")
    assert told[1][1] == "line 2, column 1 of the list: a term stands before any valid [section]"


@pytest.mark.parametrize("what", ["missing", "folder", "binary", "huge"])
def test_a_file_that_cannot_be_read_is_told_at_the_key_that_names_it(file: Path, what: str) -> None:
    listed = file.parent / "shops.txt"
    listed.unlink()
    if what == "folder":
        listed.mkdir()
    elif what == "binary":
        listed.write_bytes(b"\xff\xfe")
    elif what == "huge":
        listed.write_bytes(b"#" * (rules_file.MOST_BYTES + 1))
    ((line, allowed),) = problems(file)
    assert line == 4
    assert allowed.startswith("the word list must be readable: ")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", ".hidden", "a//b", "", "x" * 101, "a\\b"])
def test_no_name_leads_out_of_the_folder(file: Path, name: str) -> None:
    file.write_text(RULES.replace("shops.txt", name.replace("\\", "\\\\")), "utf-8")
    ((_, allowed),) = problems(file)
    assert "the name of a file beside the rules file" in allowed


def test_a_change_of_a_list_is_seen_and_so_is_its_coming_and_going(file: Path) -> None:
    watch = Watch(file)
    assert watch.changed()
    assert watch.changed() is False
    shops = file.parent / "shops.txt"
    shops.write_text(SHOPS + "# more\n", "utf-8")
    assert watch.changed()
    shops.unlink()
    assert watch.changed()
    assert watch.changed() is False
    shops.write_text(SHOPS, "utf-8")
    assert watch.changed()
    file.write_text(RULES.replace("shops.txt", "others.txt"), "utf-8")
    assert watch.changed()
    (file.parent / "others.txt").write_text("", "utf-8")
    assert watch.changed()
    os.utime(shops, (1, 1))
    assert watch.changed() is False, "it is named no more"


def test_another_list_is_another_revision_and_other_findings(file: Path) -> None:
    before = load(file)
    (file.parent / "shops.txt").write_text(SHOPS.replace("casino", "lottery"), "utf-8")
    after = load(file)
    assert before.rules.revision != after.rules.revision
    one, other = before.rules.sites["news"], after.rules.sites["news"]
    reading = Reading(case(body="A casino bonus."))
    again = outcome(reading, other, checked(reading, other, checked(reading, one), same_checks(one, other)))
    assert again.decision is judge(case(body="A casino bonus."), other).decision is Decision.APPROVE


def test_rules_and_lists_travel_as_one_text(file: Path) -> None:
    loaded = load(file)
    whole = loaded.source.whole
    assert unbundle(whole) == (RULES, {"shops.txt": SHOPS, "more/names.txt": NAMES})
    again = load_text(whole, "kept")
    assert again.rules.revision == loaded.rules.revision
    assert decision(again, "What a quarkhead.") is Decision.REJECT
    odd = {"a": "", "b": "\n\n#% word list c\n", "d": "#%| x"}
    assert unbundle(bundle("x = 1\n", odd)) == ("x = 1\n", odd)


def test_a_broken_list_keeps_the_rules_and_rolling_back_brings_the_list_back(
    make_runtime: Callable[..., Runtime], tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "shops.txt").write_text(SHOPS, "utf-8")
    rt = make_runtime(RULES.replace(', "more/names.txt"', ""))
    first = rt.rules.revision
    (folder / "shops.txt").write_text("[nonsense]\n", "utf-8")
    assert rt.reload() is False
    assert rt.rules_problems is not None
    assert rt.rules.revision == first
    (folder / "shops.txt").write_text(SHOPS.replace("casino", "lottery"), "utf-8")
    assert rt.reload()
    assert rt.rules.revision != first
    with rt.store.reading() as tx:
        before, after = (revisions.find(tx, each) for each in (first, rt.rules.revision))
    assert before is not None
    assert after is not None
    assert "+#%|lottery bonus" in rules.difference(before.source, after.source)
    rules.roll_back(rt, COMMAND_LINE, first, "r")
    assert rt.rules.revision == first
    assert (folder / "shops.txt").read_text("utf-8") == SHOPS


def test_a_draft_writes_no_list_that_the_rules_do_not_name(
    make_runtime: Callable[..., Runtime], tmp_path: Path
) -> None:
    rt = make_runtime("[sites.news]\n")
    mark = rules.on_disk(rt).mark
    rules.activate(rt, COMMAND_LINE, bundle("[sites.news]\ndepth = 3\n", {"../evil.txt": "x"}), mark, "r")
    assert not (tmp_path / "evil.txt").exists()
    assert rt.env.rules_path.read_text("utf-8") == "[sites.news]\ndepth = 3\n"


def test_a_backup_holds_the_lists_and_puts_them_back(file: Path, tmp_path: Path) -> None:
    database = tmp_path / "moderation.db"
    migrate.migrate(f"sqlite:///{database}", tmp_path / "lock")
    at = datetime(2026, 11, 25, tzinfo=UTC)
    backups.make(database, file, tmp_path / "backup", at)
    backups.check(tmp_path / "backup")
    elsewhere = tmp_path / "elsewhere"
    backups.put_back(tmp_path / "backup", elsewhere / "moderation.db", elsewhere / "moderation.toml", at)
    assert (elsewhere / "moderation.toml").read_text("utf-8") == RULES
    assert load(elsewhere / "moderation.toml").rules.revision == load(file).rules.revision


def test_a_backup_of_rules_whose_list_is_gone_keeps_them_as_they_are(file: Path) -> None:
    (file.parent / "shops.txt").unlink()
    assert whole(file) == RULES.encode()
    file.write_bytes(b"\xff")
    assert whole(file) == b"\xff"
