"""What anybody tells of an article at its first comment is for moderators, until they or the content system stand for
it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from tests.service import Service

WORDS = "Slander in a headline"
TOLD = "What the content system says"


def article(service: Service, key: str) -> dict[str, Any]:
    return {"id": key, "title": WORDS, "url": f"{service.base}/t/demo?article={key}&told=slander"}


def everywhere(service: Service, site: str, key: str) -> dict[str, str]:
    """Every page and answer for the public that tells of an article."""
    paths = (
        f"/v1/{site}/comments?article={key}",
        f"/v1/{site}/comments?article={key}&order=newest",
        f"/v1/{site}/counts?article={key}",
        f"/t/{site}?article={key}",
    )
    return {path: service.get(path).text for path in paths}


def holds(pages: dict[str, str], words: str) -> list[str]:
    return [path for path, text in pages.items() if words in text]


def decide(service: Service, script: dict[str, str], site: str, comment: str, decision: str) -> None:
    ruling = {"id": comment, "version": service.queued(script, comment, site)["version"], "decision": decision}
    url = f"{service.base}/v1/{site}/decisions"
    answer = service.session.post(url, json=[ruling], headers=script, timeout=15)
    assert answer.json()[0]["result"] == "decided", answer.text


def tell(service: Service, script: dict[str, str], site: str, **told: str) -> requests.Response:
    return service.session.post(f"{service.base}/v1/{site}/articles", json=told, headers=script, timeout=15)


@pytest.fixture(scope="module")
def script(service: Service) -> dict[str, str]:
    return service.token("queue:read", "decisions:write", "articles:write")


@pytest.mark.parametrize("site", ["demo", "open"])
def test_what_a_first_comment_tells_of_its_article_is_not_public(service: Service, site: str) -> None:
    key = f"fresh-{site}"
    sent = service.post(site, article=article(service, key))
    assert WORDS not in service.get(sent.json()["receipt"].removeprefix(service.base)).text
    pages = everywhere(service, site, key)
    assert holds(pages, WORDS) == holds(pages, "told=slander") == []
    told = service.get(f"/v1/{site}/comments?article={key}").json()["article"]
    assert (told["title"], told["url"]) == (None, None)


def test_it_is_public_once_a_comment_was_approved_at_the_desk_and_no_longer(
    service: Service, script: dict[str, str]
) -> None:
    comment = service.post(article=article(service, "titles-ferry")).json()["id"]
    assert service.queued(script, comment)["article"]["title"] == WORDS, "moderators see it"
    shown = []
    for decision in ("approve", "reject", "undo", "undo"):
        decide(service, script, "demo", comment, decision)
        page = service.get("/t/demo?article=titles-ferry").text
        shown.append((WORDS in page, "told=slander" in page))
    assert shown == [(True, True), (False, False), (True, True), (False, False)]


def title(service: Service, key: str, site: str = "demo") -> str | None:
    """On the thread page, which is never older than now."""
    found = re.search(r'<h1 id="headline"><bdi>(.*?)</bdi>', service.get(f"/t/{site}?article={key}").text)
    assert found
    return None if found[1] == "Comments" else found[1]


def sent(service: Service, key: str, called: str | None, site: str = "demo") -> str:
    told = {"id": key} | ({"title": called} if called else {})
    return str(service.post(site, article=told).json()["id"])


@pytest.mark.parametrize("site", ["demo", "open"])
def test_only_what_an_approved_comment_calls_it_is_public(service: Service, script: dict[str, str], site: str) -> None:
    key = f"titles-mallory-{site}"
    evil, silent, honest = (sent(service, key, called, site) for called in (WORDS, None, "An honest title"))
    decisions = ("approve",) if site == "demo" else ("reject", "approve")
    for decision in decisions:
        decide(service, script, site, silent, decision)
    assert title(service, key, site) is None
    for decision in decisions:
        decide(service, script, site, honest, decision)
    assert title(service, key, site) == "An honest title"
    for decision in decisions:
        decide(service, script, site, evil, decision)
    assert title(service, key, site) == "An honest title", "the first one decides"
    found = service.get(f"/v1/{site}/queue?status=approved&q=honest", headers=script).json()["items"]
    assert {each["id"] for each in found} >= {evil, silent, honest}, "all are found by the title that it has now"
    decide(service, script, site, honest, "reject")
    assert title(service, key, site) is None, "though others are public"


def test_an_article_without_a_title_takes_the_next(service: Service, script: dict[str, str]) -> None:
    first, second = sent(service, "titles-late", None), sent(service, "titles-late", "Told at last")
    assert service.queued(script, first)["article"]["title"] == "Told at last"
    decide(service, script, "demo", first, "approve")
    assert title(service, "titles-late") is None
    decide(service, script, "demo", second, "approve")
    assert title(service, "titles-late") == "Told at last"


def test_who_takes_a_comment_back_takes_its_title_back(service: Service, script: dict[str, str]) -> None:
    answer = service.post(article={"id": "titles-back", "title": WORDS}).json()
    other = sent(service, "titles-back", None)
    for comment in (answer["id"], other):
        decide(service, script, "demo", comment, "approve")
    assert title(service, "titles-back") == WORDS
    service.session.delete(f"{service.base}/v1/demo/receipts/{answer['receipt'].rpartition('/')[2]}", timeout=15)
    assert title(service, "titles-back") is None


def test_the_content_system_is_believed_whatever_was_told_before(service: Service, script: dict[str, str]) -> None:
    service.post(article=article(service, "titles-told"))
    assert tell(service, script, "demo", article="titles-told", title=TOLD).status_code == 200
    pages = everywhere(service, "demo", "titles-told")
    assert (len(holds(pages, TOLD)), holds(pages, WORDS), holds(pages, "told=slander")) == (3, [], [])
    url = f"{service.base}/ferry"
    tell(service, script, "demo", article="titles-told", url=url)
    assert f'href="{url}"' in service.get("/t/demo?article=titles-told").text


def test_who_closes_an_article_says_nothing_about_its_title(service: Service, script: dict[str, str]) -> None:
    service.post(article=article(service, "titles-closing"))
    url = f"{service.base}/v1/demo/articles"
    service.session.post(url, json={"article": "titles-closing", "closed": True}, headers=script, timeout=15)
    pages = everywhere(service, "demo", "titles-closing")
    assert holds(pages, WORDS) == []
    assert service.get("/v1/demo/comments?article=titles-closing").json()["article"]["closed"] == "hand"


def test_an_address_that_is_the_key_is_no_news(service: Service) -> None:
    url = f"{service.base}/named-by-its-address"
    service.post(article=url)
    assert service.get("/v1/demo/comments", params={"article": url}).json()["article"]["url"] == url
