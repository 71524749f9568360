"""One real service for all tests at the doors. It is searched for addresses when it stops (`tests/service.py`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.service import Service, running_service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("doors") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def script(service: Service) -> dict[str, str]:
    """Headers of a token that may do everything a script may."""
    return service.token("queue:read", "decisions:write", "articles:write", "bans:write")
