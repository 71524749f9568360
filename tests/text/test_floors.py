"""The figures do not fall: on rows of our own always, and on the corpora where MODERATION_CORPORA is set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moderation.evaluation.measure import Share, shares
from moderation.evaluation.rows import (
    CLEAN,
    CONTEXT,
    FOREIGN,
    FOREIGN_CLEAN,
    HIDDEN,
    HUMANS,
    PLAIN,
    TRICKY,
    own_rows,
    rows_of,
)
from moderation.text import Filter

OWN = {PLAIN: 1.0, HIDDEN: 0.98, HUMANS: 0.94}, {TRICKY: 0.003, CLEAN: 0.0}
CORPORA = (
    {PLAIN: 0.92, HIDDEN: 0.98, HUMANS: 0.88, FOREIGN: 0.97},
    {TRICKY: 0.003, CONTEXT: 0.06, CLEAN: 0.0015, FOREIGN_CLEAN: 0.005},
)
LEAST_OF_A_FAMILY = 0.8  # of the corpora's; test_families holds ours to more


@pytest.fixture(scope="module", params=["own", "corpora"])
def measured(request: pytest.FixtureRequest) -> tuple[dict[tuple[str, str], Share], dict[str, float], dict[str, float]]:
    corpora = os.environ.get("MODERATION_CORPORA")
    if request.param == "corpora" and corpora:
        return shares(Filter().flagged, rows_of(Path(corpora) / "filter")), *CORPORA
    return shares(Filter().flagged, own_rows()), *OWN


def test_what_is_to_be_found_is_found(
    measured: tuple[dict[tuple[str, str], Share], dict[str, float], dict[str, float]],
) -> None:
    found, floors, _ = measured
    assert {name: found[name, ""].rate for name, floor in floors.items() if found[name, ""].rate < floor} == {}


def test_what_is_innocent_is_left_alone(
    measured: tuple[dict[tuple[str, str], Share], dict[str, float], dict[str, float]],
) -> None:
    found, _, ceilings = measured
    assert {name: found[name, ""].rate for name, most in ceilings.items() if found[name, ""].rate > most} == {}


def test_no_family_of_disguise_goes_through(
    measured: tuple[dict[tuple[str, str], Share], dict[str, float], dict[str, float]],
) -> None:
    found = measured[0]
    low = {part: share.rate for (name, part), share in found.items() if name == HIDDEN and part}
    assert {part: rate for part, rate in low.items() if rate < LEAST_OF_A_FAMILY and part != "no_vowels"} == {}
