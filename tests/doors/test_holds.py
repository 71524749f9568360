"""Legal holds as they are placed and lifted: on the desk's page, and from a shell."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from tests.doors.test_desk import Visitor, offered, words
from tests.doors.test_own import send
from tests.service import Service

FILE = "file 4711 of the police"


@pytest.fixture(scope="module")
def iris(service: Service) -> Visitor:
    service.person("Iris", "admin")
    return Visitor(service, "Iris")


def reasons(page: str) -> dict[str, str]:
    """What stands in the fields for a reason, by the fields' ids."""
    return dict(re.findall(r'<input id="(reason|lift-\w+)" name="reason" value="([^"]*)"', page))


def test_a_hold_is_placed_and_lifted_on_its_page_and_a_refused_reason_stays(service: Service, iris: Visitor) -> None:
    comment = str(service.post().json()["id"])
    path = f"/desk/holds/{comment}"
    assert path in iris.card(comment, sort="newest")
    token = {"csrf_token": iris.fields(iris.get(path))["csrf_token"]}
    short = iris.post(path, token | {"reason": "hm"})
    assert (short.status_code, reasons(short.text)) == (422, {"reason": "hm"})
    placed = iris.follow(iris.post(path, token | {"reason": FILE}))
    assert "The hold is in force." in placed
    assert FILE in words(iris.card(comment, sort="newest"))
    hold = iris.fields(placed)["hold"]
    refused = iris.post(f"{path}/lift", token | {"hold": hold, "reason": "over"})
    assert (refused.status_code, reasons(refused.text)) == (422, {f"lift-{hold}": "over", "reason": ""})
    assert "at least 8 characters" in refused.text
    lifted = iris.follow(iris.post(f"{path}/lift", token | {"hold": hold, "reason": "the file is closed"}))
    assert "The hold is lifted." in lifted
    assert reasons(lifted) == {"reason": ""}


def test_what_its_author_took_back_is_not_offered_for_approval_and_refused_in_words(
    service: Service, iris: Visitor
) -> None:
    sent = service.post().json()
    comment = str(sent["id"])
    service.command("hold", "place", comment, "--reason", FILE)
    before = iris.card(comment, sort="newest")
    taken_back = send(service, "POST", "/r/" + sent["receipt"].rpartition("/")[2] + "/withdraw")
    assert taken_back.status_code in (200, 303), taken_back.text
    card = iris.card(comment, status="rejected", sort="newest")
    assert "Its author wants it deleted." in words(card)
    assert not {"approve", "undo"} & set(offered(card))
    answer = iris.decide_by_script(card, "approve")
    assert (answer.status_code, answer.json()["result"]) == (409, "withheld")
    assert "a legal hold keeps it" in answer.json()["sentence"]
    assert iris.decide_by_script(before, "approve").json()["result"] == "conflict"
    assert "a legal hold keeps it" in words(iris.follow(iris.decide(card, "approve")))


def test_a_hold_from_a_shell(service: Service) -> None:
    comment = str(service.post().json()["id"])
    assert "unfolds its checks, under which the number stands" in " ".join(
        service.command("hold", "place", "--help").split()
    )
    service.person("Nora")
    checks = re.search(
        r'<details class="because">.*?</details>', Visitor(service, "Nora").card(comment, sort="newest"), re.DOTALL
    )
    assert checks
    assert words(checks[0]).endswith(f"Number {comment}.")
    placed = service.command("hold", "place", comment, "--author", "--reason", FILE)
    found = re.fullmatch(r"Hold (\w{16}) is in force: (\d+) comments?\.", placed)
    assert found, placed
    (line,) = [each for each in service.command("hold", "list").splitlines() if found[1] in each]
    assert f"the author of comment {comment}, {found[2]} kept" in line
    assert line.endswith(f"by command line: {FILE}")
    assert _refused(service, "lift", found[1], "--reason", "over") == (
        2, "The reason must be one line of 8 to 200 characters, without an e-mail address."
    )  # fmt: skip
    assert service.command("hold", "lift", found[1], "--reason", "the file is closed") == (
        "Lifted. Erased with it: 0 comments."
    )
    assert _refused(service, "lift", found[1], "--reason", "the file is closed") == (
        1, "There is no hold of this number."
    )  # fmt: skip
    assert _refused(service, "place", "0" * 16, "--reason", FILE) == (1, "There is no comment of this number.")


def _refused(service: Service, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "moderation", "hold", *words, "--state", str(service.state)],
        capture_output=True, text=True, env=service.env, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr.strip()
