"""The queue's filters, sorts and kept views as they stand in addresses, without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from tests.doors.test_desk import MANY_LINKS, Visitor, held, words
from tests.service import RULES, Service, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    rules = RULES.replace('name = "Demo"', 'name = "Demo"\ntell_language = true')
    with running_service(tmp_path_factory.mktemp("filters") / "state", rules=rules) as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        running.person("Lena", "moderator", "listed")
        yield running


@pytest.fixture(scope="module")
def ana(service: Service) -> Visitor:
    return Visitor(service, "Ana")


@pytest.fixture(scope="module")
def omar(service: Service) -> Visitor:
    return Visitor(service, "Omar")


@pytest.fixture(scope="module")
def sent(service: Service) -> dict[str, str]:
    """One of each, by name."""

    def send(name: str, body: str, **more: Any) -> str:
        author = {"name": name, "email": f"{name.lower()}@visitor.example.net"}
        return held(service, author=author, body=body, **more)

    return {
        "plain": send("Pia", "A calm word."),
        "links": send("Lou", f"Look: {MANY_LINKS}"),
        "ferry": send("Pia", "About the ferry.", article={"id": "ferry", "title": "The <last> ferry"}),
    }


def shown(page: str) -> list[str]:
    return re.findall(r'<article class="card" id="c-(\w+)"', page)


def chips(page: str) -> str:
    found = re.search(r'<ul class="chips".*?</ul>', page, re.DOTALL)
    return words(found[0]) if found else ""


def test_by_rule_by_article_by_author_and_by_age(ana: Visitor, sent: dict[str, str]) -> None:
    by_rule = ana.get(rule="links")
    assert shown(by_rule) == [sent["links"]]
    assert "Because of: Links ×" in chips(by_rule)

    card = ana.card(sent["ferry"])
    link = re.search(r'<a class="only" href="([^"]+)"', card)
    assert link
    by_article = ana.get(unescape(link[1]))
    assert shown(by_article) == [sent["ferry"]]
    assert "Article: The <last> ferry ×" in chips(by_article)

    link = re.search(r'href="([^"]+)">All their comments', card)
    assert link
    by_author = ana.get(unescape(link[1]))
    assert shown(by_author) == [sent["ferry"], sent["plain"]]
    assert "Author: Pia ×" in chips(by_author)

    assert set(shown(ana.get(age="last-hour"))) == set(sent.values())
    none = ana.get(age="over-hour")
    assert shown(none) == []
    assert "Nothing here matches." in words(none)
    assert shown(ana.get(rule="links", article="99999")) == []


def test_by_language_which_the_card_tells_where_it_is_foreign(service: Service, ana: Visitor) -> None:
    german = held(service, site="demo", body="Das ist doch alles nur Geschwätz, sagt mein Nachbar.")
    page = ana.get(language="de")
    assert shown(page) == [german]
    assert "Language: German ×" in chips(page)
    assert '<option value="de" selected>German</option>' in page
    assert "in German" in words(ana.card(german))
    assert 'lang="de"' in ana.card(german)
    ana.decide(ana.card(german), "spam")
    assert shown(ana.get(language="de")) == []


def test_what_one_has_decided_oneself(service: Service, ana: Visitor, omar: Visitor) -> None:
    mine, theirs = held(service, body="Ana takes this one."), held(service, body="Omar takes that one.")
    for visitor, comment in ((ana, mine), (omar, theirs)):
        assert visitor.decide(visitor.card(comment), "approve").status_code == 303
    page = ana.get(status="all", by="me", site="demo")
    assert mine in shown(page)
    assert theirs not in shown(page)
    assert "Decided by: you ×" in chips(page)
    assert shown(ana.get(status="approved", by="me")) == [mine]
    assert shown(omar.get(status="approved", by="me", sort="article")) == [theirs]


def test_sorts_by_age_and_gravity(ana: Visitor, sent: dict[str, str]) -> None:
    oldest = shown(ana.get())
    assert oldest == sorted(sent.values())
    assert shown(ana.get(sort="newest")) == oldest[::-1]
    assert shown(ana.get(sort="gravest"))[0] == sent["links"]
    by_article = shown(ana.get(sort="article"))
    assert by_article[-1] == sent["ferry"]
    assert sorted(by_article) == oldest
    assert "Article by article ×" in chips(ana.get(sort="article"))
    assert "Most severe first ×" in chips(ana.get(sort="gravest"))
    assert chips(ana.get(sort="oldest")) == "", "what holds anyway is no filter"


@pytest.mark.parametrize(
    "query", ["rule=%00", "article=x", "article=-1", "author=x", "age=ever", "sort=best", "language=xx", "by=Omar"]
)
def test_what_is_unknown_in_an_address_asks_for_nothing(ana: Visitor, sent: dict[str, str], query: str) -> None:
    assert set(shown(ana.get(f"/desk/?{query}"))) == set(sent.values())


def test_nobody_is_shown_an_author_or_an_article_of_another_site(service: Service, sent: dict[str, str]) -> None:
    lena = Visitor(service, "Lena")
    answer = lena.session.get(f"{service.base}/desk/?author={sent['ferry']}", timeout=15)
    assert answer.status_code == 404
    for number in range(1, 4):
        page = lena.get(article=str(number), status="all")
        assert shown(page) == []
        assert "ferry" not in page


def test_a_decision_leads_back_to_the_same_filters(service: Service, ana: Visitor, sent: dict[str, str]) -> None:
    more = held(service, body=f"More {MANY_LINKS}")
    card = ana.card(more, rule="links", sort="newest")
    page = ana.follow(ana.decide(card, "spam"))
    assert shown(page) == [sent["links"]]
    assert "Marked as spam by you" in words(page)


def test_a_kept_view_is_its_owners_alone(service: Service, ana: Visitor, omar: Visitor) -> None:
    form = ana.fields(ana.get(rule="links", site="demo", sort="gravest"))
    assert ana.post("/desk/views", form | {"name": " Links,  <urgent> "}).status_code == 303
    page = ana.get()
    kept = re.search(r'<ul class="kept".*?</ul>', page, re.DOTALL)
    assert kept
    assert words(kept[0]) == "Links, <urgent> ×"
    link = re.search(r'<a href="(/desk/[^"]+)"', kept[0])
    assert link
    assert unescape(link[1]) == "/desk/?status=pending&site=demo&rule=links&sort=gravest"
    assert 'class="kept"' not in omar.get()
    number = re.search(r'name="kept" value="(\d+)"', kept[0])
    assert number
    token = omar.fields(omar.get())["csrf_token"]
    for wrong in (number[1], "x", "9" * 30, ""):
        assert omar.post("/desk/views/drop", {"csrf_token": token, "kept": wrong}).status_code == 404
    token = ana.fields(page)["csrf_token"]
    assert ana.post("/desk/views/drop", {"csrf_token": token, "kept": number[1]}).status_code == 303
    assert 'class="kept"' not in ana.get()


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\x1bb"])
def test_a_view_needs_a_fair_name(ana: Visitor, name: str) -> None:
    form = ana.fields(ana.get())
    assert ana.post("/desk/views", form | {"name": name}).status_code == 422


def test_a_view_of_the_same_name_takes_the_others_place_and_thirty_are_enough(service: Service) -> None:
    service.person("Kim")
    kim = Visitor(service, "Kim")
    token = kim.fields(kim.get())["csrf_token"]
    for rule in ("links", "contacts"):
        answer = kim.post("/desk/views", {"csrf_token": token, "name": "One", "view": f"rule={rule}"})
        assert answer.status_code == 303
    page = kim.get()
    assert "rule=contacts" in page
    assert "?status=pending&amp;rule=links" not in page
    for number in range(40):
        answer = kim.post("/desk/views", {"csrf_token": token, "name": f"View {number}", "view": ""})
    assert answer.status_code == 422


# ---- search ----


def look_for(visitor: Visitor, asked: str, **view: str) -> str:
    """The page that a search leads to; its address must not hold an e-mail address."""
    form = visitor.fields(visitor.get(**view)) | {"words": asked}
    answer = visitor.post("/desk/search", form)
    assert "@" not in answer.headers["Location"]
    assert "%40" not in answer.headers["Location"]
    return visitor.follow(answer)


def test_words_are_searched_within_the_filters(ana: Visitor, sent: dict[str, str]) -> None:
    page = look_for(ana, "  FERRY ")
    assert shown(page) == [sent["ferry"]]
    assert "Words: FERRY ×" in chips(page)
    assert shown(look_for(ana, "look", rule="links")) == [sent["links"]]
    assert shown(look_for(ana, "ferry", rule="links")) == []
    assert set(sent.values()) <= set(shown(look_for(ana, "")))


def test_only_who_may_finds_by_a_whole_address(service: Service, ana: Visitor, sent: dict[str, str]) -> None:
    refused = look_for(ana, "pia@visitor.example.net")
    assert "Your role does not search by e-mail address." in words(refused)
    assert "Author:" not in chips(refused)
    service.person("Boss", "admin")
    boss = Visitor(service, "Boss")
    page = look_for(boss, "all by Pia@visitor.EXAMPLE.net")
    assert shown(page) == [sent["ferry"], sent["plain"]]
    assert "pia@" not in page.lower()
    for nobody in ("nobody@visitor.example.net", "not an@address"):
        assert "Nothing here was sent with that e-mail address." in words(look_for(boss, nobody))
