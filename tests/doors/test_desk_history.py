"""Earlier texts of a comment on the desk: each version with its time, and word by word what is different."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doors.test_desk import Visitor, held, words
from tests.doors.test_desk_details import part
from tests.service import CANARY, Service

from moderation.web.differences import MOST, Stretch, difference


@pytest.fixture(scope="module")
def ana(service: Service) -> Visitor:
    service.person("Hana")
    return Visitor(service, "Hana")


texts = st.text(st.sampled_from("ab c.\n"), max_size=40)


@given(texts, texts)
def test_both_versions_are_in_the_difference(old: str, new: str) -> None:
    found = difference(old, new)
    assert "".join(each.text for each in found if each.kind != "new") == old
    assert "".join(each.text for each in found if each.kind != "gone") == new
    assert all(one.kind != other.kind for one, other in pairwise(found))


def test_what_stayed_is_told_as_such() -> None:
    assert difference("The old ferry runs late.", "The new ferry runs, late.") == [
        Stretch("same", "The "),
        Stretch("gone", "old"),
        Stretch("new", "new"),
        Stretch("same", " ferry runs"),
        Stretch("new", ","),
        Stretch("same", " late."),
    ]


def test_of_long_versions_that_differ_everywhere_the_whole_is_told() -> None:
    many = int(MOST**0.5) + 1
    old, new = (" ".join(f"{letter}{number}" for number in range(many)) for letter in "ab")
    assert [each.kind for each in difference(f"Same {old}.", f"Same {new}.")] == ["same", "gone", "new", "same"]


def test_the_history_shows_every_version(service: Service, ana: Visitor) -> None:
    answer = service.post(article="anew", body="The old ferry runs late.").json()
    for version, body in ((1, "The new ferry runs late."), (2, "The new ferry runs on\u200b time <b>.")):
        path = f"/v1/demo/receipts/{answer['receipt'].rpartition('/')[2]}"
        change = {"version": version, "body": body}
        assert service.session.patch(service.base + path, json=change, timeout=15).status_code == 200
    assert "written anew 2 times" in words(ana.card(answer["id"], sort="newest"))
    shown = part(ana, answer["id"], "history")
    assert shown.count("Written anew") == 2
    assert "The [taken out: old][new: new] ferry runs late." in words(shown)
    assert "[zero width space]" in words(shown)
    assert "<b>" not in shown
    assert part(ana, held(service), "history").count("Written anew") == 0


def test_what_the_mode_of_a_site_published_is_told_in_words(service: Service, ana: Visitor) -> None:
    answer = service.post("open", article="at-once")
    assert answer.status_code == 201
    told = words(part(ana, answer.json()["id"], "history"))
    assert "The rules published it: The mode of the site" in told


def test_the_record_tells_what_came_of_it_without_a_before_that_was_not(service: Service) -> None:
    service.person("Rita", "auditor")
    service.post(article="forgotten")
    service.command("privacy", "erase", "--email", CANARY, "--yes")
    rows = words(Visitor(service, "Rita").get("/desk/audit?action=privacy-erase"))
    assert re.search(r"privacy-erase: \d+ comments?\b", rows)
    assert "→" not in rows


def test_the_record_leads_to_the_comments_that_are_there(service: Service, ana: Visitor) -> None:

    service.person("Rosa", "auditor")
    comment = held(service)
    ana.decide(ana.card(comment), "spam")
    link = f'<a href="/desk/comments/{comment}">{comment}</a>'
    assert link in Visitor(service, "Rosa").get(f"/desk/audit?target={comment}")
