"""The fuse of a site: over it everything is held and nobody refused, the desk and a metric tell, and it heals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.actions.test_submit import codes, rows, submission
from tests.conftest import PATIENCE
from tests.edges.test_limits import SECOND, ServerTime
from tests.test_rights import as_person

from moderation.actions import limits
from moderation.actions.limits import Busy
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges.limits import Limits
from moderation.edges.schema import comments
from moderation.judge.cases import recall
from moderation.runtime import Runtime
from moderation.values import Role, Submission
from moderation.web.app import create_app

WAVE = """
[sites.wave]
mode = "post"
email = "optional"
[sites.wave.limits]
fuse = ["5/minute"]
address = []
[sites.calm]
mode = "post"
email = "optional"
"""


class Wave:
    """Comments to the site `wave`, each from somebody else, at times of the test."""

    def __init__(self, rt: Runtime) -> None:
        self.at = ServerTime()
        rt.limits.close()
        rt.limits = Limits(rt.env.redis_url, workers=1, server_time=self.at, timeout=PATIENCE)
        self.rt, self._intake, self._number = rt, Intake(rt), 0

    def send(self, count: int, site: str = "wave") -> list[bool]:
        """Which of so many were published at once."""
        return [self._intake.submit(self._next(site)).published for _ in range(count)]

    def _next(self, site: str) -> Submission:
        self._number += 1
        address = f"203.0.113.{self._number % 250}"
        return submission(self._number, site=site, email=None, address=address, body=f"Words {self._number}.")

    @property
    def blown(self) -> list[str]:
        return limits.blown_fuses(self.rt, ["wave", "calm", "gone"])


@pytest.fixture
def wave(make_runtime: Callable[..., Runtime]) -> Wave:
    return Wave(make_runtime(WAVE))


def test_over_its_fuse_a_site_holds_everything_and_refuses_nobody(wave: Wave) -> None:
    assert wave.send(5) == [True] * 5
    assert wave.blown == ["wave"]
    assert wave.send(20) == [False] * 20
    assert wave.send(1, "calm") == [True]
    found = [row for row in rows(wave.rt, comments) if row.status == "pending"]
    assert len(found) == 20
    assert {codes(row)["limits"] for row in found} == {"site-fuse"}


def test_a_fuse_stays_blown_through_a_wave_and_heals_when_a_window_was_quiet(wave: Wave) -> None:
    wave.send(5)
    for _ in range(60):
        wave.at.now += 10 * SECOND
        assert wave.send(2) == [False, False], "twelve a minute, where five are borne"
    wave.at.now += 60 * SECOND
    assert wave.blown == ["wave"], "ten were on top of what it bears at most; five have come off"
    wave.at.now += 12 * SECOND
    assert wave.blown == []
    assert wave.send(1) == [True]


def test_what_was_held_by_the_fuse_is_judged_the_same_again(wave: Wave) -> None:
    wave.send(6)
    held = next(row for row in rows(wave.rt, comments) if row.status == "pending")
    case = recall(
        held.facts, site="wave", body=held.body, author_name="Ana", author_url=None, verified=False, is_reply=False,
        at=held.created_at,
    )  # fmt: skip
    assert case.limited.fuse_blown


def test_clearing_the_site_mends_its_fuse(wave: Wave) -> None:
    wave.send(9)
    assert limits.clear(wave.rt, COMMAND_LINE, Busy("wave"), None) == 2
    assert wave.blown == []


def test_while_redis_is_away_no_fuse_is_said_to_be_blown(wave: Wave) -> None:
    wave.send(9)
    wave.rt.limits.close()
    wave.rt.limits = Limits("redis://127.0.0.1:1", workers=1)
    assert wave.blown == []


def test_the_desk_and_a_metric_tell_of_a_blown_fuse_until_it_is_whole(wave: Wave) -> None:
    client = create_app(wave.rt).test_client()
    client.set_cookie("mod-8080", as_person(wave.rt, Role.MODERATOR, None)[0])
    told = "wave: more comes than the fuse bears."
    for blown in (False, True, False):
        assert (told in client.get("/desk/").text) == blown
        assert f'moderation_fuse_blown{{site="wave"}} {float(blown)}' in client.get("/metrics").text
        assert 'moderation_fuse_blown{site="calm"} 0.0' in client.get("/metrics").text
        wave.send(0 if blown else 9)
        wave.at.now += 120 * SECOND if blown else 0


def test_who_has_no_right_to_the_site_is_not_told(wave: Wave) -> None:
    wave.send(9)
    client = create_app(wave.rt).test_client()
    client.set_cookie("mod-8080", as_person(wave.rt, Role.MODERATOR, ("calm",))[0])
    assert "fuse" not in client.get("/desk/").text
