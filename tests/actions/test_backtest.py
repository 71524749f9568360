"""A backtest through a real store: what would have been different, by any number of processes, without writing."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from bench.backtest import BEFORE, RULES, SPAN, fill
from click.testing import CliRunner, Result
from tests.actions.test_submit import rows, submission

from moderation.actions import backtest, review
from moderation.actions.backtest import Backtest
from moderation.actions.submit import Intake
from moderation.cli import main
from moderation.commands import COMMAND_LINE
from moderation.edges import migrate
from moderation.edges.schema import comments, journal
from moderation.edges.store import Store
from moderation.rules_loading import load_text
from moderation.runtime import Runtime
from moderation.values import Decision, Ruling

NOW = """
[sites.demo]
mode = "post"
[sites.demo.limits]
address = []
pair = []
[sites.demo.duplicates]
near_count = 1000
"""
NEW = (
    NOW
    + """
[[rules]]
id = "ferry"
when = 'comment.body.contains("ferry")'
then = "reject"

[[rules]]
id = "odd"
when = 'comment.body.matches("number [13579] ")'
then = "hold"
"""
)


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """Eight comments: three about a ferry, of which a person approved one and rejected one."""
    monkeypatch.setattr(backtest, "STRETCH", 3)
    rt = make_runtime(NOW)
    intake = Intake(rt)
    ids = [
        intake.submit(submission(number, body=f"A text, number {number} of mine.")).comment_id for number in range(5)
    ]
    for number, words in enumerate(["The ferry is late.", "Sell the ferry: ana@example.org", "That ferry again."]):
        ids.append(intake.submit(submission(number, body=words)).comment_id)
    review.decide(rt, COMMAND_LINE, [Ruling(ids[5], 1, Decision.REJECT)], "r")
    review.decide(rt, COMMAND_LINE, [Ruling(ids[6], 1, Decision.REJECT)], "r")
    review.decide(rt, COMMAND_LINE, [Ruling(ids[6], 2, Decision.APPROVE)], "r")
    return rt


def run(rt: Runtime, new: str = NEW, processes: int = 1) -> Backtest:
    since = rt.now() - timedelta(days=1)
    after = load_text(new, "new").rules
    return backtest.run(rt.env.database, rt.rules, after, None, since, rt.now(), processes=processes)


def test_it_counts_what_would_have_been_different(rt: Runtime) -> None:
    done = run(rt)
    assert done.tally.counted == 8
    assert dict(done.tally.moves) == {("approve", "approve"): 3, ("approve", "hold"): 2, ("approve", "reject"): 3}
    ferry = done.tally.rules["ferry"]
    assert (ferry.before, ferry.after, ferry.agreed, ferry.contradicted) == (0, 3, 1, 1)
    assert (done.tally.approved_by_people, done.tally.wrongly_refused) == (1, [0, 1])
    assert done.false_reject_share == 1
    assert list(done.tally.held.values()) == [[0, 2]]


def test_the_most_telling_change_comes_first_and_hides_addresses(rt: Runtime) -> None:
    first, *_, last = sorted(run(rt).tally.changes, reverse=True)
    assert (first.before, first.after, first.human, first.rules) == ("approve", "reject", "approved", ("ferry",))
    assert first.excerpt == "Sell the ferry: •••••••••••••••"
    assert (last.after, last.human) == ("hold", None)
    assert [last.excerpt[start:end] for start, end in last.spans] == ["number 1 "]


def test_several_processes_count_the_same_as_one(rt: Runtime) -> None:
    one, two = run(rt), run(rt, processes=2)
    assert sorted(two.tally.changes) == sorted(one.tally.changes)
    assert (two.tally.moves, two.tally.rules, two.tally.held) == (one.tally.moves, one.tally.rules, one.tally.held)


def test_comments_judged_under_older_rules_are_judged_again_and_count_the_same(rt: Runtime) -> None:
    now = run(rt)
    with rt.store.writing() as tx:
        tx.execute(sa.update(comments).values(revision="0" * 16, findings=[], verdict="reject"))
    assert run(rt).tally == now.tally


def test_findings_of_kept_rules_are_taken_over_where_the_settings_are_the_same(rt: Runtime) -> None:
    """The rules change twice: by a rule only, then by a setting of a check as well."""
    for number, change in enumerate(
        ['[[rules]]\nid = "late"\nwhen = \'comment.body.contains("late")\'\nthen = "hold"\n', ""], 10
    ):
        text = NOW + change if change else NOW + '[sites.demo.links]\nmost = 0\nover = "spam"\n'
        rt.env.rules_path.write_text(text, "utf-8")
        assert rt.reload()
        Intake(rt).submit(submission(number, body=f"A late ferry {number}: https://one.example.org"))
    kept = run(rt).tally
    assert kept.moves["spam", "reject"] == 2, "the link of the earlier comment counts under the rules of now"
    assert "late" not in kept.rules
    with rt.store.writing() as tx:
        tx.execute(sa.update(comments).values(revision="0" * 16, findings=[]))
    assert run(rt).tally.moves == kept.moves


def test_nothing_is_written(rt: Runtime) -> None:
    before = rows(rt, comments), rows(rt, journal)
    run(rt)
    assert (rows(rt, comments), rows(rt, journal)) == before


def test_the_rules_of_now_change_nothing(rt: Runtime) -> None:
    done = run(rt, NOW)
    assert done.tally.changes == []
    assert all(before == after for before, after in done.tally.moves)


def test_comments_without_facts_and_of_other_sites_are_left_out_and_counted(rt: Runtime) -> None:
    with rt.store.writing() as tx:
        some = sa.select(comments.c.id).limit(2)
        tx.execute(sa.update(comments).where(comments.c.id.in_(some)).values(facts=None))
    assert (run(rt).tally.counted, run(rt).tally.left_out) == (6, 2)
    assert run(rt, NEW.replace("sites.demo", "sites.other")).tally.counted == 0


def test_both_stores_come_to_the_same(sqlite_url: str, postgres_url: str, tmp_path: Path) -> None:
    """The same thousand comments, a half of them under rules that are not known any more."""
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    before, after = load_text(BEFORE, "before").rules, load_text(BEFORE + RULES, "after").rules
    tallies = []
    for url in (sqlite_url, postgres_url):
        migrate.migrate(url, tmp_path / "lock")
        fill(url, 1000, before, now=now)
        store = Store(url)
        with store.writing() as tx:
            tx.execute(sa.update(comments).where(comments.c.created_at < now - SPAN / 2).values(revision="0" * 16))
        store.close()
        tally = backtest.run(url, before, after, None, now - SPAN, now, processes=2).tally
        tally.changes.sort()
        tallies.append(tally)
    assert tallies[0] == tallies[1]
    assert tallies[0].counted == 1000
    assert len(tallies[0].changes) == 20
    assert tallies[0].approved_by_people > 0
    assert {"newcomer-links", "sorry", "minutes"} <= tallies[0].rules.keys()


def command(rt: Runtime, tmp_path: Path, *words: str, new: str = NEW) -> Result:
    (tmp_path / "new.toml").write_text(new, "utf-8")
    env = {"MODERATION_DATABASE_URL": rt.env.database}
    since = (rt.now() - timedelta(days=1)).isoformat()
    asked = ["backtest", str(tmp_path / "new.toml"), "--state", str(rt.env.state), "--since", since, "--processes", "1"]
    return CliRunner().invoke(main, [*asked, *words], env=env)


def test_the_command_prints_the_report_and_keeps_its_guard(rt: Runtime, tmp_path: Path) -> None:
    done = command(rt, tmp_path, "--max-false-reject", "0.1%")
    assert done.exit_code == 3
    assert "Guard broken: 100.000% false rejects, allowed are 0.100%." in done.stderr
    assert "newly rejected or spam                   3  37.50%" in done.stdout
    assert "approve → reject, and a person approved it (ferry)" in done.stdout
    assert "10 s a decision, assumed" in done.stdout
    assert "ana@example.org" not in done.stdout
    assert command(rt, tmp_path, "--max-false-reject", "1").exit_code == 0
    unmeasured = command(rt, tmp_path, "--max-false-reject", "1", "--site", "open")
    assert (unmeasured.exit_code, "people approved none" in unmeasured.stderr) == (3, True)
    assert command(rt, tmp_path, "--max-false-reject", "much").exit_code == 2
    assert command(rt, tmp_path, "--since", "soon").exit_code == 2


def test_the_report_comes_as_json_and_as_a_page(rt: Runtime, tmp_path: Path) -> None:
    report = json.loads(command(rt, tmp_path, "--format", "json").stdout)
    assert (report["comments"], report["newly_held"], report["newly_rejected"]) == (8, 2, 3)
    assert report["rules"]["ferry"] == {"before": 0, "after": 3, "agreed": 1, "contradicted": 1}
    evil = NEW.replace('"ferry")', '"ferry")').replace('ferry"\nwhen', 'ferry"\nbecause = "<script>"\nwhen')
    page = command(rt, tmp_path, "--format", "html", new=evil).stdout
    assert page.startswith("<!doctype html>")
    assert "<mark>number 1 </mark>" in page
    assert "<script" not in page


def test_a_file_with_mistakes_is_refused_before_anything_is_read(rt: Runtime, tmp_path: Path) -> None:
    done = command(rt, tmp_path, new=NEW.replace("contains", "contians"))
    assert done.exit_code == 1
    assert "did you mean contains" in done.stderr


def test_killed_half_way_it_leaves_nothing_behind(tmp_path: Path) -> None:
    database = tmp_path / "moderation.db"
    url = f"sqlite:///{database}"
    migrate.migrate(url, tmp_path / "lock")
    fill(url, 3000, load_text("[sites.desk]\nmode = 'post'\n", "m").rules)
    (tmp_path / "moderation.toml").write_text("[sites.desk]\nmode = 'post'\n", "utf-8")
    before = hashlib.sha256(database.read_bytes()).digest()
    words = [sys.executable, "-m", "moderation", "backtest", "moderation.toml", "--state", ".", "--processes", "2"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    children: list[str] = []
    while len(children) < 2:
        assert process.poll() is None, "it ended before it was killed"
        children = listed.read_text().split()
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=10) == -signal.SIGKILL
    end = time.monotonic() + 20
    while any(
        Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes() for child in children
    ):
        assert time.monotonic() < end, "a process was left behind"
        time.sleep(0.02)
    assert hashlib.sha256(database.read_bytes()).digest() == before
    left = {path.name for path in tmp_path.iterdir()} - {"moderation.db-wal", "moderation.db-shm"}
    assert left == {"moderation.db", "moderation.db.lock", "lock", "moderation.toml"}
