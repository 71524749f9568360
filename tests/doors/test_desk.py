"""The desk as it is sent, without a browser: who may see what, what a card says, what becomes of a decision."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

import pytest
import requests
from tests.service import BODY_CANARY, PASSWORD, RULES, Service, running_service, unsaid, wait_until

from moderation.judge.pipeline import CHECKS

MANY_LINKS = "http://a.example http://b.example http://c.example"


class Visitor:
    """A moderator at the desk without JavaScript: reads pages, presses buttons."""

    def __init__(self, service: Service, name: str) -> None:
        self.service = service
        self.session = requests.Session()
        self.session.hooks = service.session.hooks
        self.session.headers["Accept"] = "text/html"
        signed = self.post("/desk/sign-in", {"name": name, "password": PASSWORD})
        assert signed.status_code == 303, signed.text

    def get(self, path: str = "/desk", **asked: str) -> str:
        answer = self.session.get(self.service.base + path, params=asked, timeout=15)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> requests.Response:
        """As a browser that does not send Sec-Fetch-Site."""
        sent = {"Origin": self.service.base} | dict(headers or {})
        return self.session.post(
            self.service.base + path, data=dict(fields), headers=sent, allow_redirects=False, timeout=15
        )

    def pages(self, **asked: str) -> Iterator[str]:
        """The queue, page by page."""
        page = self.get(**asked)
        yield page
        while following := re.search(r'<a class="button" href="([^"]+)" rel="next"', page):
            page = self.get(unescape(following[1]))
            yield page

    def card(self, comment_id: str, **asked: str) -> str:
        """The card's markup, on whatever page it is. Fails when it is on none."""
        card = re.compile(rf'<article class="card" id="c-{comment_id}".*?</article>', re.DOTALL)
        found = next(filter(None, map(card.search, self.pages(**asked))), None)
        assert found, "the card is not there"
        return found[0]

    def fields(self, card: str) -> dict[str, str]:
        """The hidden fields of a form."""
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', card)
        return {name: unescape(value) for name, value in found}

    def decide(self, card: str, decision: str, **more: str) -> requests.Response:
        return self.post("/desk/decisions", self.fields(card) | {"decision": decision} | more)

    def decide_by_script(self, card: str, decision: str, **more: str) -> requests.Response:
        fields = self.fields(card) | {"decision": decision} | more
        headers = {"Accept": "application/json", "X-CSRF-Token": fields["csrf_token"]}
        return self.post("/desk/decisions", fields, headers)

    def follow(self, answer: requests.Response) -> str:
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["Location"])


def words(markup: str) -> str:
    """What is read, without tags, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", markup)).split())


def offered(card: str) -> list[str]:
    """The buttons that are shown."""
    return re.findall(r'<button name="decision" value="(\w+)" class="act \w+"(?! hidden)', card)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("desk") / "state") as running:
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


def held(service: Service, site: str = "demo", **over: Any) -> str:
    answer = service.post(site, **over)
    assert answer.status_code in (201, 202), answer.text
    return str(answer.json()["id"])


# ---- who may look ----


def test_a_stranger_is_sent_to_the_sign_in_and_back(service: Service) -> None:
    answer = service.get("/desk/?status=spam", allow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/desk/sign-in?next=/desk/%3Fstatus%3Dspam"
    assert "Sign in" in service.get(answer.headers["Location"]).text


def test_a_moderator_of_one_site_sees_and_decides_nothing_of_another(service: Service, ana: Visitor) -> None:
    comment = held(service, body="Only for the demo site's people.")
    lena = Visitor(service, "Lena")
    assert comment not in lena.get(status="all")
    assert 'id="site"' not in lena.get()
    refused = lena.session.get(f"{service.base}/desk/?site=demo", timeout=15)
    assert refused.status_code == 404
    fields = ana.fields(ana.card(comment)) | {"csrf_token": lena.fields(lena.get())["csrf_token"]}
    told = lena.follow(lena.post("/desk/decisions", fields | {"decision": "approve"}))
    assert "This comment is not there any more." in told
    assert "Only for the demo" not in told
    assert offered(ana.card(comment)) == ["approve", "reject", "spam", "escalate"]


def test_a_card_says_when_somebody_else_has_told_the_title(service: Service, ana: Visitor) -> None:
    called = {"id": "titled", "title": "What the first one called it"}
    first, silent, other = (
        held(service, article=article) for article in (called, "titled", called | {"title": "What it is called"})
    )
    assert "somebody else" not in ana.card(first)
    assert "(somebody else called it so)" in words(ana.card(silent))
    assert "approving this comment makes it “\N{FIRST STRONG ISOLATE}What it is called" in words(ana.card(other))
    ana.decide(ana.card(other), "approve")
    for comment in (first, silent):
        assert "What it is called" in ana.card(comment)
        assert "somebody else" not in ana.card(comment), "it is for everybody now"


def test_the_pages_headers_are_strict_and_nothing_is_inline(ana: Visitor) -> None:
    page = ana.session.get(f"{ana.service.base}/desk", timeout=15)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Frame-Options"] == "DENY"
    for text in (page.text, requests.get(f"{ana.service.base}/desk/sign-in", timeout=15).text):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", text)
        assert text.startswith("<!doctype html>")


# ---- what a card says ----


def test_a_card_says_who_what_where_when_and_why(service: Service, ana: Visitor) -> None:
    comment = held(
        service,
        article={"id": "ferry", "title": "The last ferry"},
        author={"name": "Bea", "email": "bea@visitor.example.net", "url": "https://www.bea.example/about"},
        body=f"See {MANY_LINKS}",
    )
    card = ana.card(comment)
    said = words(card)
    assert "Bea" in said
    assert "b•••@v•••.net" in said
    link = '<a href="https://www.bea.example/about" rel="noopener noreferrer nofollow" target="_blank">'
    assert f"{link}<bdi>bea.example</bdi>" in card
    assert "Nothing decided yet" in said
    assert "The last ferry" in said
    assert "just now" in said
    assert re.search(r'<time datetime="\d{4}-\d\d-\d\dT[\d:]+\+00:00"', card)
    assert "3 links, more than 2." in said
    assert re.search(r"Judged under the rules of revision [0-9a-f]{12,16}\.", said)
    assert len(re.findall(r"<li class=", card)) == len(CHECKS), "every check says something"
    assert re.search(r"<code>links</code> count 3 · most 2 · .*hosts a\.example, b\.example, c\.example", card)
    assert card.count("<mark") == 3


def test_the_card_shows_what_the_public_sees_and_the_text_as_sent_what_it_does_not(
    service: Service, ana: Visitor
) -> None:
    comment = held(service, body=f"*Write* to {BODY_CANARY} please, or to [me](https://evil.example/me).")
    card = ana.card(comment)
    assert BODY_CANARY not in card
    assert "<em>Write</em> to" in card
    assert "[e-mail address, hidden from the public: [e-mail hidden]]" in words(card)
    assert "Underlined with dots: what stands for words that the public does not see." in words(card)
    assert re.search(r'<span class="link" title="https://evil.example/me">me</span>.*\(<bdi>evil.example</bdi>\)', card)
    assert 'href="https://evil.example' not in card, "a link on the desk leads nowhere"
    sent = ana.get(f"/desk/comments/{comment}/as-sent")
    assert f"[e-mail address, hidden from the public: {BODY_CANARY}]" in words(sent)
    assert "*Write* to" in words(sent)


def test_a_reply_shows_what_it_answers(service: Service, ana: Visitor) -> None:
    parent = held(service, "open", article="talk", body="The first word here.", author={"name": "Uma"})
    body = f"Answer with {MANY_LINKS}"
    reply = held(service, "open", article="talk", body=body, parent=parent)
    said = words(ana.card(reply))
    assert "In reply to Uma" in said
    assert "The first word here." in said
    ana.decide(ana.card(parent, status="approved"), "reject")
    assert "In reply to Uma (now rejected)" in words(ana.card(reply))


def test_readers_text_stays_text_and_isolated(service: Service, ana: Visitor) -> None:
    body = "</div><script>alert(1)</script> fu\u200bn \u202egnp.exe"
    comment = held(service, author={"name": "<b>Bo</b>", "email": "bo@bo.example.net"}, body=body)
    card = ana.card(comment)
    assert "<script>" not in card
    assert "&lt;/div&gt;&lt;script&gt;" in card
    assert "<bdi>&lt;b&gt;Bo&lt;/b&gt;</bdi>" in card
    assert "2 characters in it cannot be seen." in words(card)
    assert '<p dir="auto">&lt;/div&gt;' in card, "what turns the text round ends with its paragraph"


# ---- deciding ----


def test_a_decision_is_told_and_can_be_undone(service: Service, ana: Visitor) -> None:
    comment = held(service, body="Good enough to be read.")
    page = ana.follow(ana.decide(ana.card(comment), "approve"))
    notice = re.search(r'<section class="notice".*?</section>', page, re.DOTALL)
    assert notice
    assert re.match(r"Approved by you, \d\d:\d\d: Ana Good enough to be read. Undo", words(notice[0]))
    assert f'id="c-{comment}"' not in page
    assert "Good enough" in service.get("/v1/demo/comments?article=first-article").text
    decided = ana.card(comment, status="approved")
    assert re.search(r"Approved by you, \d\d:\d\d", words(decided))
    assert offered(decided) == ["reject", "spam", "undo"]

    undone = ana.follow(ana.decide(notice[0], "undo"))
    assert "Pending: Ana" in words(undone)
    assert offered(ana.card(comment)) == ["approve", "reject", "spam", "escalate"]


def test_the_form_comes_back_to_the_same_tab_and_site(service: Service, ana: Visitor) -> None:
    comment = held(service)
    ana.decide(ana.card(comment), "spam")
    answer = ana.decide(ana.card(comment, status="all", site="demo"), "approve")
    assert answer.headers["Location"].startswith("/desk/?status=all&site=demo&told=")


def test_the_second_of_two_learns_who_was_first(service: Service, ana: Visitor, omar: Visitor) -> None:
    comment = held(service, body="Both look at this.")
    seen = omar.card(comment)
    ana.decide(ana.card(comment), "reject", reason="abuse")
    page = omar.follow(omar.decide(seen, "approve"))
    card = omar.card(comment, status="rejected")
    assert re.search(r"Already rejected by Ana, \d\d:\d\d\. Nothing was changed\.", words(page))
    assert page.count('<article class="card" id="c-' + comment) == 1
    assert offered(card) == ["approve", "spam", "undo"]


def test_the_script_is_told_how_the_card_stands(service: Service, ana: Visitor, omar: Visitor) -> None:
    comment = held(service)
    seen = omar.card(comment)
    answer = ana.decide_by_script(ana.card(comment), "spam")
    assert answer.status_code == 200
    told = answer.json()
    assert told["result"] == "decided"
    assert told["status"] == "spam"
    assert told["moves"] == ["approve", "reject", "undo"]
    assert told["sentence"] == "Marked as spam."
    assert re.fullmatch(r"Marked as spam by you, \d\d:\d\d", told["standing"])
    assert told["counts"]["all"] == sum(told["counts"][tab] for tab in ("pending", "approved", "rejected", "spam"))

    late = omar.decide_by_script(seen, "approve")
    assert late.status_code == 409
    assert re.fullmatch(r"Already marked as spam by Ana, \d\d:\d\d\. Nothing was changed\.", late.json()["sentence"])
    assert late.json()["version"] == told["version"]

    twice = ana.decide_by_script(ana.card(comment, status="spam"), "spam")
    assert (twice.status_code, twice.json()["result"]) == (409, "illegal")
    gone = ana.decide_by_script(seen, "approve", id="0" * 16, csrf_token=ana.fields(ana.get())["csrf_token"])
    assert (gone.status_code, gone.json()["result"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({"Sec-Fetch-Site": "same-site"}, {}),
        ({"Origin": "https://evil.example"}, {}),
        ({"Origin": "null"}, {}),
        ({}, {"csrf_token": ""}),
        ({}, {"csrf_token": "a.b"}),
    ],
)
def test_a_forged_decision_changes_nothing(
    service: Service, ana: Visitor, headers: dict[str, str], fields: dict[str, str]
) -> None:
    comment = held(service)
    card = ana.card(comment)
    answer = ana.post("/desk/decisions", ana.fields(card) | {"decision": "approve"} | fields, headers)
    assert answer.status_code == 403
    assert offered(ana.card(comment)) == ["approve", "reject", "spam", "escalate"]


def test_another_sessions_token_is_refused(service: Service, ana: Visitor, omar: Visitor) -> None:
    comment = held(service)
    stolen = omar.fields(omar.card(comment))["csrf_token"]
    assert ana.decide(ana.card(comment), "approve", csrf_token=stolen).status_code == 403


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"id": "x' OR 1=1"}, 404),
        ({"id": "\0" * 16}, 404),
        ({"version": "one"}, 422),
        ({"version": "0"}, 422),
        ({"version": "9" * 30}, 422),
        ({"version": "٣"}, 422),
        ({"decision": "delete"}, 422),
        ({"decision": ""}, 422),
        ({"view": "site=nowhere"}, 404),
    ],
)
def test_a_malformed_decision_is_refused(service: Service, ana: Visitor, fields: dict[str, str], status: int) -> None:
    comment = held(service)
    answer = ana.post("/desk/decisions", ana.fields(ana.card(comment)) | {"decision": "approve"} | fields)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "query",
    ["told=x&result=decided.1", "told=0000000000000000&result=conflict.0", "result=%00", "status=nonsense", "told=%00"],
)
def test_an_address_that_was_tampered_with_shows_the_queue(ana: Visitor, query: str) -> None:
    assert "notice" not in ana.get(f"/desk/?{query}")


def test_a_cursor_that_is_not_ours_is_refused(ana: Visitor) -> None:
    assert ana.session.get(f"{ana.service.base}/desk/?cursor=abc", timeout=15).status_code == 422


def test_looking_changes_nothing(service: Service, ana: Visitor) -> None:
    comment = held(service)
    answer = ana.session.get(f"{service.base}/desk/decisions?id={comment}&decision=approve", timeout=15)
    assert answer.status_code == 405
    assert offered(ana.card(comment)) == ["approve", "reject", "spam", "escalate"]


# ---- tabs and pages ----


def test_what_the_rules_published_can_be_held(service: Service, ana: Visitor) -> None:
    comment = held(service, "open")
    card = ana.card(comment, status="approved", site="open")
    assert "Approved by the rules" in words(card)
    assert "This site publishes first and looks later." in words(card)
    assert offered(card) == ["reject", "spam", "hold"]
    ana.decide(card, "hold")
    assert ana.card(comment, site="open")


def test_pages_show_each_comment_once(service: Service, ana: Visitor) -> None:
    sent = [held(service, article="many") for _ in range(60)]
    seen: list[str] = []
    for page in ana.pages(status="pending", site="demo"):
        seen += re.findall(r'<article class="card" id="c-(\w+)"', page)
    assert len(seen) == len(set(seen))
    assert set(sent) <= set(seen)
    assert seen == sorted(seen), "the longest waiting first"


def test_the_tabs_count(service: Service, ana: Visitor) -> None:
    def counts() -> dict[str, int]:
        found = re.findall(r'data-count="(\w+)">(\d+)<', ana.get(site="demo"))
        return {tab: int(number) for tab, number in found}

    before = counts()
    comment = held(service)
    ana.decide(ana.card(comment, status="all", site="demo"), "spam")
    assert counts() == before | {"spam": before["spam"] + 1, "all": before["all"] + 1}
    assert ana.session.get(f"{service.base}/desk/live?site=demo", timeout=15).json()["counts"] == counts()


# ---- banners ----


def test_a_broken_rules_file_is_told_with_all_its_problems_until_it_is_mended(service: Service, ana: Visitor) -> None:
    path = service.state / "moderation.toml"
    good = path.read_text("utf-8")
    path.write_text(good.replace('mode = "post"', 'mode = "loud"').replace("closed = true", "closed = 3"), "utf-8")
    try:
        wait_until(lambda: "The rules file has 2 problems." in ana.get())
        said = words(ana.get())
        assert "sites.open.mode" in said
        assert "sites.shut.closed" in said
        service.person("Ruth", "admin")
        told = words(Visitor(service, "Ruth").get("/desk/rules"))
        assert "Rules The rules file has 2 problems. The rules from before stay in force." in told
    finally:
        path.write_text(good, "utf-8")
    wait_until(lambda: "The rules file has" not in ana.get())


def test_a_desk_that_never_got_a_comment_leads_to_the_demo_article(tmp_path: Any) -> None:
    with running_service(tmp_path / "state") as fresh:
        fresh.person("Ana")
        ana = Visitor(fresh, "Ana")
        assert '<a href="/demo/demo/">the demo article</a>' in ana.get()
        held(fresh, "demo", body="The first one.")
        assert "the demo article" not in ana.get(status="spam")
        assert "No spam." in words(ana.get(status="spam"))


def test_a_lost_redis_is_told(tmp_path: Any) -> None:
    with running_service(tmp_path / "state", env={"MODERATION_REDIS_URL": "redis://127.0.0.1:1/0"}) as lonely:
        lonely.person("Ana")
        ana = Visitor(lonely, "Ana")
        comment = held(lonely, "open", body="A word while Redis is away.")
        wait_until(lambda: "Redis does not answer." in ana.get())
        assert "Redis did not answer, so the rate limits were not sure." in words(ana.card(comment))


def test_a_site_that_left_the_rules_keeps_its_comments(tmp_path: Any) -> None:
    with running_service(tmp_path / "state") as changing:
        changing.person("Ana")
        ana = Visitor(changing, "Ana")
        comment = held(changing, "open", body="From a site that closes.")
        path = changing.state / "moderation.toml"
        rules = RULES.replace("{base}", changing.base)
        path.write_text(re.sub(r"\[sites.open\](.|\n)*?(?=\[sites)", "", rules), "utf-8")
        wait_until(lambda: ">Open</option>" not in ana.get())
        assert "From a site that closes." in words(ana.card(comment, status="all"))


def test_a_click_about_a_text_that_was_written_anew_is_told_so(service: Service, ana: Visitor) -> None:
    sent = service.post(body=f"As it was at first. {unsaid()}").json()
    before = ana.card(sent["id"])
    service.rewrite("demo", sent["receipt"], "Quite another text, which nobody has read so far.")
    told = ana.decide_by_script(before, "approve")
    assert told.status_code == 409
    assert told.json()["sentence"] == "Its author has written it anew meanwhile. Nothing was changed."
    page = ana.follow(ana.decide(before, "approve"))
    assert "Its author has written it anew meanwhile. Nothing was changed." in page
    assert "Quite another text" in page
    ana.decide(ana.card(sent["id"]), "spam")
    told = ana.decide_by_script(before, "approve")
    assert "written it anew meanwhile. Already marked as spam by you" in told.json()["sentence"]
