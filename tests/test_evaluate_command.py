"""The command `moderation evaluate`: a table of figures, ours and better-profanity's."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from moderation.cli import main
from moderation.evaluation.measure import Share, sample, shares, start
from moderation.evaluation.report import OURS
from moderation.evaluation.rows import CLEAN, HIDDEN, PLAIN, Row, rows_of


def test_it_prints_every_measure_of_our_own_rows_beside_better_profanity() -> None:
    result = CliRunner().invoke(main, ["evaluate", "--peer-rows", "1"])
    assert result.exit_code == 0, result.output
    lines = [line.split("|") for line in result.output.splitlines() if line.startswith("| ")]
    table = {cells[1].strip(" *·"): [cell.strip() for cell in cells[2:5]] for cells in lines}
    assert table["plain words found"][1] == "100.0 %"
    assert table["upside_down"] == ["24", "100.0 %", "0.00 % (1)"]
    assert {"start-up, s of processor time", "memory of the process, MB"} <= set(table)


def test_it_reads_evaluation_sets(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "text": "f.u.c.k", "label": 1, "kind": "punct_sep", "family": "punct_sep", "seed": "fuck"},
        {"id": "2", "text": "fuck", "label": 1, "kind": "control_plain", "seed": "fuck"},
    ]
    (tmp_path / "profane_evasion.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    (tmp_path / "comments_clean.jsonl").write_text(json.dumps({"id": "3", "text": "Hi.", "label": 0}) + "\n", "utf-8")
    (tmp_path / "learn_x.jsonl").write_text(json.dumps({"id": "4", "text": "Hi.", "label": 0}) + "\n", "utf-8")
    assert rows_of(tmp_path) == [Row("Hi.", False, CLEAN), Row("f.u.c.k", True, HIDDEN, "punct_sep")]
    result = CliRunner().invoke(main, ["evaluate", "--data", str(tmp_path)])
    assert "| · punct_sep | 1 | 100.0 % |" in result.output


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "docs/filter.md" in result.output


def test_shares_count_each_part_and_the_whole() -> None:
    rows = [Row("a", True, PLAIN, "x"), Row("b", True, PLAIN, "x"), Row("a", True, PLAIN, "y"), Row("a", False, CLEAN)]
    counted = shares(lambda text: text == "a", rows)
    assert counted == {
        (PLAIN, ""): Share(2, 3),
        (PLAIN, "x"): Share(1, 2),
        (PLAIN, "y"): Share(1, 1),
        (CLEAN, ""): Share(1, 1),
    }
    assert [row.text for row in sample(rows, 1)] == ["a", "a", "a"]


def test_a_fresh_process_starts_soon_and_stays_small() -> None:
    cost = start(OURS)
    assert 0.05 < cost.seconds < 1.5  # of the processor, on whatever machine
    assert 10 < cost.megabytes < 60
