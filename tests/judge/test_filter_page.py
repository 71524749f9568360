"""The example in docs/filter.md does what the page says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.judge import cases
from tests.judge.cases import case

from moderation.judge.pipeline import judge
from moderation.values import Finding

PAGE = Path(__file__).parents[2] / "docs" / "filter.md"


def found(body: str) -> Finding:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    findings = judge(case(body=body), cases.site(example)).findings
    return next(each for each in findings if each.rule == "words.body")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("What a numpty!", "strong-word"),
        ("What n u m p t y!", "strong-word"),
        ("I saw the Muppet Show.", "passed"),
        ("That is crap.", "strong-word"),
        ("Bloody hell, no.", "mild-word"),
        ("Buy crypto pump now", "strong-word"),
        ("Judge Cockburn spoke.", "passed"),
        ("You are a retard.", "severe-word"),
    ],
)
def test_the_example_does_what_it_says(body: str, code: str) -> None:
    assert found(body).code == code
