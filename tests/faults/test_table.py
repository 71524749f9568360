"""The fault table in short: faults strike once each, on SQLite and on PostgreSQL. `./run faults` does the long runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from tests.faults.config import RULES
from tests.faults.ground import Ground, standing
from tests.faults.runs import run
from tests.faults.table import BOTH, ELSEWHERE, FAULTS, Fault

SHORT = [(fault, store) for store in BOTH for fault in FAULTS if store in fault.short]


@pytest.fixture(scope="module")
def ground_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Ground]]:
    """One ground a store for all faults: each has to leave it whole."""
    with ExitStack() as stack:
        grounds: dict[str, Ground] = {}

        def on(store: str) -> Ground:
            if store not in grounds:
                folder = tmp_path_factory.mktemp(store)
                grounds[store] = stack.enter_context(standing(folder, store, 20261128, RULES))
            return grounds[store]

        yield on


@pytest.mark.parametrize(("fault", "store"), SHORT, ids=[f"{fault.code} on {store}" for fault, store in SHORT])
def test_nothing_is_lost_doubled_or_left_broken(
    ground_on: Callable[[str], Ground], fault: Fault, store: str, tell: Callable[[str], None]
) -> None:
    result = run(ground_on(store), fault, 1)
    tell(result.line)
    assert not result.failures, "\n".join(result.failures)


def test_every_row_of_the_fault_table_is_here_or_elsewhere() -> None:
    here = {fault.code for fault in FAULTS}
    assert {f"F{number}" for number in range(1, 24)} <= here | set(ELSEWHERE)
    assert not here & set(ELSEWHERE)
