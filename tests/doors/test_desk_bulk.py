"""Many comments decided at once at the desk, without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from tests.doors.test_desk import MANY_LINKS, Visitor, held, words
from tests.service import Service, running_service, unsaid, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("bulk") / "state", workers=2) as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        running.person("Ada", "auditor")
        yield running


@pytest.fixture(scope="module")
def ana(service: Service) -> Visitor:
    return Visitor(service, "Ana")


def notice(page: str) -> str:
    found = re.search(r'<section class="notice"[^>]*data-job.*?</section>', page, re.DOTALL)
    assert found, "no word of the job"
    return found[0]


def send(visitor: Visitor, path: str, fields: list[tuple[str, str]]) -> requests.Response:
    sent = {"Origin": visitor.service.base}
    address = visitor.service.base + path
    return visitor.session.post(address, data=fields, headers=sent, allow_redirects=False, timeout=15)


def start(visitor: Visitor, decision: str, picks: list[str], **more: str) -> requests.Response:
    form = visitor.fields(visitor.get()) | {"decision": decision} | more
    return send(visitor, "/desk/bulk", [*form.items(), *(("pick", each) for each in picks)])


def test_what_is_ticked_is_decided_and_undone_together(service: Service, ana: Visitor) -> None:
    ids = [held(service) for _ in range(3)]
    page = ana.follow(start(ana, "approve", [f"{each}:1" for each in ids[:2]]))
    assert "2 comments approved." in words(notice(page))
    assert ids[0] not in page
    assert ids[2] in page
    form = ana.fields(notice(page)) | dict(re.findall(r'name="(job)" value="(\w+)"', notice(page)))
    undone = ana.follow(ana.post("/desk/bulk/undo", form))
    assert "2 comments undone." in words(notice(undone))
    assert "Undo all of it" in notice(undone)
    assert "hidden" in notice(undone), "an undo is not undone"
    assert ids[0] in undone
    assert ana.post("/desk/bulk/undo", form).status_code == 422
    omar = Visitor(service, "Omar")
    assert omar.post("/desk/bulk/undo", form | {"csrf_token": omar.fields(omar.get())["csrf_token"]}).status_code == 404
    assert omar.session.get(f"{service.base}/desk/bulk/{form['job']}", timeout=15).status_code == 404
    assert "data-job" not in omar.get(job=form["job"])


def test_a_stale_one_stays_as_it_is_and_is_counted(service: Service, ana: Visitor) -> None:
    comment = held(service)
    ana.decide(ana.card(comment), "spam")
    page = ana.follow(start(ana, "approve", [f"{comment}:1"]))
    assert "0 comments approved. 1 stayed as it is" in words(notice(page))


def test_all_that_match_are_worked_off_in_the_background(service: Service, ana: Visitor) -> None:
    sent = [held(service, "open", body=f"{MANY_LINKS} {number}") for number in range(130)]
    held(service, body="Has no links")
    page = ana.get("/desk/bulk", rule="links", site="open")
    assert "130 comments match" in words(page)
    assert "In the tab “Pending”" in words(page)
    late = held(service, "open", body=f"{MANY_LINKS} late")
    answer = send(ana, "/desk/bulk", [*ana.fields(page).items(), ("decision", "reject"), ("reason", "advertising")])
    assert answer.status_code == 303
    job = answer.headers["Location"].rpartition("job=")[2]

    def told() -> dict[str, Any]:
        answer = ana.session.get(f"{service.base}/desk/bulk/{job}", timeout=15)
        return dict(answer.json())

    wait_until(lambda: told()["finished"], told)
    assert told()["sentence"] == "130 comments rejected."
    left = re.findall(r'<article class="card" id="c-(\w+)"', ana.get(site="open", rule="links"))
    assert left == [late]
    rejected = ana.card(sent[-1], status="rejected", site="open")
    assert "Advertising" in words(re.sub("<select.*?</select>", "", rejected, flags=re.DOTALL))


def test_all_that_match_leaves_what_was_written_anew_since_it_was_counted(service: Service, ana: Visitor) -> None:
    sent = [service.post("novels", body=f"{MANY_LINKS} {number} {unsaid()}").json() for number in range(3)]
    page = ana.get("/desk/bulk", site="novels")
    assert "3 comments match" in words(page)
    service.rewrite("novels", sent[1]["receipt"], f"Written anew: {MANY_LINKS} {unsaid()}")
    shown = ana.fields(ana.card(sent[2]["id"], site="novels"))
    ana.decide(ana.card(sent[2]["id"], site="novels"), "spam")
    ana.post("/desk/decisions", shown | {"version": "2", "decision": "undo"})
    answer = send(ana, "/desk/bulk", [*ana.fields(page).items(), ("decision", "approve")])
    told = words(notice(ana.follow(answer)))
    assert "1 comment approved. 2 stayed as they are: somebody had decided, their authors had written them anew" in told
    assert sent[1]["id"] in ana.get(site="novels")
    form = ana.fields(page) | {"seq": "x", "decision": "approve"}
    assert ana.post("/desk/bulk", form).status_code == 422


@pytest.mark.parametrize(
    ("decision", "picks"),
    [("delete", []), ("undo", []), ("approve", ["x"]), ("approve", ["0" * 16]), ("approve", ["0" * 16 + ":x"])],
)
def test_a_malformed_wish_is_refused(ana: Visitor, decision: str, picks: list[str]) -> None:
    assert start(ana, decision, picks).status_code == 422
    assert start(ana, "approve", ["0" * 16 + ":1"] * 201).status_code == 422


def test_who_only_reads_is_offered_none_of_it(service: Service) -> None:
    ada = Visitor(service, "Ada")
    held(service)
    page = ada.get()
    assert 'name="pick"' not in page
    assert 'id="bulk"' not in page
    assert ada.session.get(f"{service.base}/desk/bulk", timeout=15).status_code == 403
