"""Values that only the type checker locks (`moderation.frozen`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mypy import api

from moderation.frozen import value


@value
class Pair:
    left: int
    right: str = "r"


def test_a_value_is_what_it_holds() -> None:
    assert Pair(1) == Pair(1, "r")
    assert {Pair(1), Pair(1, "r"), replace(Pair(2), left=1)} == {Pair(1)}
    assert repr(Pair(1)) == "Pair(left=1, right='r')"
    with pytest.raises(AttributeError):
        Pair(1).other = 2  # type: ignore[attr-defined]


def test_making_one_goes_round_no_lock() -> None:
    assert Pair.__setattr__ is object.__setattr__


def test_the_type_checker_keeps_the_lock(tmp_path: Path) -> None:
    tried = tmp_path / "tried.py"
    made = "from moderation.frozen import value\n@value\nclass Pair:\n    left: int\n"
    tried.write_text(made + "Pair(1).left = 2\n", "utf-8")
    told, _, _ = api.run(["--strict", "--cache-dir", str(tmp_path / "cache"), str(tried)])
    assert "is read-only" in told, told
