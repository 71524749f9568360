"""Receipts over HTTP: the page and what the widget asks, and that no text is ever shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from tests.service import RULES, Service, running_service, unsaid

from moderation.web.shapes import OwnOut

SECRET = "Held back, and never to be read at any address"


def receipt(service: Service, **over: Any) -> str:
    answer = service.post(body=f"{SECRET}, as {unsaid()} knows.", **over)
    assert answer.status_code == 202
    link = answer.json()["receipt"]
    assert link.startswith(f"{service.base}/r/")
    return str(link.rpartition("/")[2])


def send(service: Service, method: str, path: str, **options: Any) -> Any:
    return service.session.request(method, service.base + path, timeout=15, allow_redirects=False, **options)


def fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(version)" value="(\d+)"', page))


def test_the_page_shows_how_it_stands_and_no_text(service: Service) -> None:
    page = service.get(f"/r/{receipt(service, article='own-1')}")
    assert "awaiting moderation" in page.text
    assert SECRET not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert '<meta name="robots" content="noindex, nofollow">' in page.text


def test_without_javascript_it_is_written_anew_and_taken_back(service: Service) -> None:
    own = receipt(service, article="own-2")
    typed = fields(service.get(f"/r/{own}").text)
    wrong = send(service, "POST", f"/r/{own}/edit", data=typed | {"body": "  "})
    assert (wrong.status_code, "Please fill this in." in wrong.text) == (422, True)
    done = send(service, "POST", f"/r/{own}/edit", data=typed | {"body": "Written anew."})
    assert done.status_code == 303
    shown = service.get(done.headers["Location"])
    assert "new text was taken in" in shown.text
    assert "Written anew." not in shown.text
    again = send(service, "POST", f"/r/{own}/edit", data=typed | {"body": "From an older page."})
    assert again.status_code == 409
    assert "From an older page." in again.text  # what was typed is kept
    assert fields(again.text) == {"version": "2"}
    gone = send(service, "POST", f"/r/{own}/withdraw")
    assert (gone.status_code, "taken your comment back" in gone.text) == (200, True)
    assert service.get(f"/r/{own}", headers={"Accept": "text/html"}).status_code == 404


def test_a_get_changes_nothing(service: Service) -> None:
    own = receipt(service, article="own-3")
    assert service.get(f"/r/{own}/withdraw").status_code == 405
    assert service.get(f"/r/{own}/edit").status_code == 405
    assert service.get(f"/v1/demo/receipts/{own}").json()["status"] == "pending"


def test_a_script_of_a_listed_origin_does_the_same(service: Service) -> None:
    own, listed = receipt(service, article="own-4"), {"Origin": "https://news.example.org"}
    path = f"/v1/demo/receipts/{own}"
    asked = send(service, "OPTIONS", path, headers=listed)
    assert asked.status_code == 204
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    stands = send(service, "GET", path, headers=listed)
    assert stands.headers["Access-Control-Allow-Origin"] == listed["Origin"]
    assert SECRET not in stands.text
    change = {"version": stands.json()["version"], "body": "Written anew by a script."}
    changed = send(service, "PATCH", path, headers=listed, json=change)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert send(service, "PATCH", path, headers=listed, json=change).status_code == 409
    assert send(service, "DELETE", path, headers=listed).status_code == 204
    assert send(service, "DELETE", path, headers=listed).status_code == 404


@pytest.mark.parametrize(
    ("method", "more"),
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("OPTIONS", ""), ("POST", "/appeal"), ("OPTIONS", "/appeal")],
)
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_other_origins_are_refused(service: Service, method: str, more: str, origin: str) -> None:
    own = receipt(service, article="own-5")
    path, body = f"/v1/demo/receipts/{own}", {"version": 1, "body": "Not from there."}
    answer = send(service, method, path + more, headers={"Origin": origin}, json=body)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert service.get(path).json()["version"] == 1


@pytest.mark.parametrize(
    "body",
    [{}, [], 7, {"version": 1}, {"body": "x"}, {"version": "1", "body": "x"}, {"version": 0, "body": "x"},
     {"version": 2**40, "body": "x"}, {"version": 1, "body": ""}, {"version": 1, "body": "x" * 5001},
     {"version": 1, "body": "x", "status": "approved"}, {"version": True, "body": "x"}],
)  # fmt: skip
def test_a_misshapen_change_is_told(service: Service, body: Any) -> None:
    path = f"/v1/demo/receipts/{receipt(service, article='own-6')}"
    assert send(service, "PATCH", path, json=body).status_code == 422
    assert service.get(path).json()["version"] == 1


def test_a_form_leads_to_a_page_with_the_receipt_for_its_sender_alone(service: Service) -> None:
    from tests.doors.test_forms import send as post
    from tests.doors.test_forms import typed

    answer = post(service, typed(service.get("/t/demo?article=forms").text))
    where, cookie = answer.headers["Location"], answer.headers["Set-Cookie"]
    name = f"sent-{service.base.rpartition(':')[2]}"
    assert re.match(rf"{name}=\S+; Expires=[^;]+; Max-Age=600; HttpOnly; Path=/t/demo; SameSite=Lax$", cookie)
    kept = {"Cookie": cookie.partition(";")[0]}
    receipt = kept["Cookie"].removeprefix(f"{name}=")
    page = requests.get(service.base + where, timeout=15, headers=kept)
    assert page.headers["Cache-Control"] == "no-store"
    assert f'href="{service.base}/r/{receipt}"' in page.text
    assert "awaiting moderation" in service.get(f"/r/{receipt}").text
    for others in ({}, {"Cookie": f"{name}="}, {"Cookie": f"{name}={receipt[:-1]}"}, {"Cookie": f"{name}=0{receipt}"}):
        shown = requests.get(service.base + where, timeout=15, headers=others)
        assert "awaiting moderation" not in shown.text.lower()
        assert "A comment that waits appears once a moderator has approved it." in shown.text, "cookies may be off"
        assert "/r/" not in shown.text
        assert f'<link rel="canonical" href="{service.base}/t/demo?article=forms">' in shown.text
    another = re.sub(r"held=\w+", "held=" + "0" * 16, where)
    assert receipt not in where + requests.get(service.base + another, timeout=15, headers=kept).text
    script = service.token("queue:read", "decisions:write")
    for version, decision, said in ((1, "approve", "is published"), (2, "reject", "was not published")):
        decide(service, script, receipt[:16], version, decision)
        now = requests.get(service.base + where, timeout=15, headers=kept).text
        assert f"Your comment {said}." in now
        assert "awaiting moderation" not in now.lower()
        assert f'href="{service.base}/r/{receipt}"' in now
    send(service, "POST", f"/r/{receipt}/withdraw")
    assert "/r/" not in requests.get(service.base + where, timeout=15, headers=kept).text


def decide(
    service: Service, script: dict[str, str], comment: str, version: int, decision: str, site: str = "demo", **more: str
) -> None:
    rulings = [{"id": comment, "version": version, "decision": decision, **more}]
    answer = send(service, "POST", f"/v1/{site}/decisions", json=rulings, headers=script)
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    rules = RULES + '[sites.german]\nlanguage = "de"\n[sites.german.receipt]\ntell_reasons = true\n'
    with running_service(tmp_path_factory.mktemp("german") / "state", rules=rules) as running:
        yield running


def test_everything_is_said_in_the_language_of_the_site(german: Service) -> None:
    service = german
    own, script = receipt(service, site="german"), service.token("queue:read", "decisions:write")
    path = f"/v1/german/receipts/{own}"
    assert service.get(path).json()["message"] == "Ihr Kommentar wartet auf die Moderation."
    decide(service, script, own[:16], 1, "reject", "german", reason="abuse")
    assert service.get(path).json()["reason"] == "Beschimpfung oder Beleidigung"
    for asked in ("en", "de"):
        page = service.get(f"/r/{own}", headers={"Accept-Language": asked}).text
        assert "Grund: Beschimpfung oder Beleidigung." in page
    report = {"reason": "abuse"}
    thanks = send(service, "POST", f"/v1/german/comments/{own[:16]}/reports", json=report).json()["message"]
    assert thanks == "Danke. Die Moderation sieht es sich an."


def test_an_author_with_an_older_version_is_not_told_of_somebody_else(service: Service) -> None:
    own = receipt(service, article="own-outdated")
    send(service, "PATCH", f"/v1/demo/receipts/{own}", json={"version": 1, "body": "Written anew."})
    late = send(service, "PATCH", f"/v1/demo/receipts/{own}", json={"version": 1, "body": "From another tab."}).json()
    assert (late["type"], late["version"]) == ("urn:moderation:problem:conflict", 2)
    assert late["title"] == "Your comment has changed since this page showed it"
    page = send(service, "POST", f"/r/{own}/edit", data={"version": "1", "body": "From another tab."})
    assert (page.status_code, "has changed since this page" in page.text) == (409, True)


def test_a_second_look_is_asked_for_by_a_form_and_answered_there(service: Service) -> None:
    script = service.token("queue:read", "decisions:write")
    own = receipt(service, article="own-appeal")
    assert send(service, "POST", f"/r/{own}/appeal", data={"version": "1", "words": "Please."}).status_code == 403
    decide(service, script, own[:16], 1, "reject")
    page = service.get(f"/r/{own}").text
    assert "Ask for a second look" in page
    typed = fields(page)
    for words, said in ((" ", "Please fill this in."), ("x" * 501, "500")):
        wrong = send(service, "POST", f"/r/{own}/appeal", data=typed | {"words": words})
        assert (wrong.status_code, said in wrong.text, 'href="#words"' in wrong.text) == (422, True, True)
    late = send(service, "POST", f"/r/{own}/appeal", data={"version": "1", "words": "From an older page."})
    assert (late.status_code, "From an older page." in late.text) == (409, True)
    done = send(service, "POST", f"/r/{own}/appeal", data=typed | {"words": "It was a quotation."})
    assert done.status_code == 303
    page = service.get(done.headers["Location"]).text
    assert "You have asked for a second look." in page
    assert "A moderator will look at your comment once more." in page
    assert "It was a quotation." not in page
    item = service.queued(script, own[:16], status="pending")
    (found,) = [each for each in item["explanation"]["findings"] if each["rule"] == "appeal"]
    assert found["data"]["words"] == "It was a quotation."
    assert send(service, "POST", f"/r/{own}/appeal", data={"version": "3", "words": "Again."}).status_code == 403
    decide(service, script, own[:16], 3, "reject")
    page = service.get(f"/r/{own}").text
    assert "it stays unpublished" in page
    assert "out-of-court dispute settlement" in page
    assert "/appeal" not in page


def test_a_script_of_a_listed_origin_asks_for_a_second_look(service: Service) -> None:
    script, listed = service.token("queue:read", "decisions:write"), {"Origin": "https://news.example.org"}
    own = receipt(service, article="own-appeal-2")
    path = f"/v1/demo/receipts/{own}"

    def ask(body: Any, where: str = path) -> Any:
        return send(service, "POST", f"{where}/appeal", headers=listed, json=body)

    asked = send(service, "OPTIONS", f"{path}/appeal", headers=listed)
    assert (asked.status_code, "POST" in asked.headers["Access-Control-Allow-Methods"]) == (204, True)
    early = ask({"version": 1, "words": "Please."})
    assert (early.status_code, early.json()["type"]) == (403, "urn:moderation:problem:settled")
    assert early.json()["detail"].startswith("A second look can be asked for once")
    decide(service, script, own[:16], 1, "reject")
    stands = OwnOut.model_validate_json(service.get(path).content)
    assert (stands.status, stands.can_appeal, stands.redress) == ("rejected", True, None)
    for wrong in ({}, {"version": 2}, {"version": "2", "words": "x"}, {"version": 2, "words": " "},
                  {"version": 2, "words": "x" * 501}, {"version": 2, "words": "x", "body": "y"}):  # fmt: skip
        refused = ask(wrong)
        assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")
        assert refused.json()["errors"]
    form = send(service, "POST", f"{path}/appeal", data={"version": "2", "words": "By a form."})
    assert form.status_code == 415
    assert ask({"version": 1, "words": "Too late."}).status_code == 409
    assert ask({"version": 2, "words": "Of another site."}, path.replace("demo", "open")).status_code == 404
    done = ask({"version": 2, "words": "It was a quotation."})
    assert (done.status_code, done.headers["Access-Control-Allow-Origin"]) == (200, listed["Origin"])
    assert done.headers["Cache-Control"] == "no-store"
    told = OwnOut.model_validate_json(done.content)
    assert (told.status, told.version, told.can_appeal) == ("pending", 3, False)
    assert told.message.startswith("A moderator will look at your comment once more.")
    (found,) = [
        each for each in service.queued(script, own[:16])["explanation"]["findings"] if each["rule"] == "appeal"
    ]
    assert found["data"]["words"] == "It was a quotation."
    assert ask({"version": 3, "words": "Again."}).status_code == 403
    decide(service, script, own[:16], 3, "reject")
    told = OwnOut.model_validate_json(service.get(path).content)
    assert told.message == "A moderator has looked at your comment once more: it stays unpublished."
    assert "out-of-court dispute settlement" in str(told.redress)
