"""What the desk knows of one comment, without a browser: as it was sent, its thread, its author, its history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
import requests
import sqlalchemy as sa
from flask import Flask
from tests.actions.test_review import send
from tests.doors.test_desk import MANY_LINKS, Visitor, held, words
from tests.service import BODY_CANARY, Service, running_service, wait_until
from tests.test_rights import as_person

from moderation.runtime import Runtime
from moderation.values import Role
from moderation.web.app import create_app


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("details") / "state") as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        running.person("Lena", "moderator", "listed")
        yield running


@pytest.fixture(scope="module")
def ana(service: Service) -> Visitor:
    return Visitor(service, "Ana")


def part(visitor: Visitor, comment_id: str, name: str) -> str:
    """The section's markup, from its own page."""
    page = visitor.get(f"/desk/comments/{comment_id}/{name}")
    found = re.search(rf'<section class="part" id="{name}".*?</section>', page, re.DOTALL)
    assert found
    return found[0]


def status(visitor: Visitor, path: str) -> int:
    return visitor.session.get(visitor.service.base + path, timeout=15).status_code


def test_a_card_leads_to_each_part_and_the_page_holds_them_all(service: Service, ana: Visitor) -> None:
    comment = held(service)
    ways = re.findall(r'href="(/desk/comments/[^"]+)" data-part="([\w-]+)"', ana.card(comment))
    assert len(ways) >= 4
    page = ana.get(f"/desk/comments/{comment}")
    for path, name in ways:
        assert f'<section class="part" id="{name}"' in page
        assert part(ana, comment, name)
        assert path == f"/desk/comments/{comment}/{name}"
    assert f'id="c-{comment}"' in page


def test_what_is_not_there_or_of_another_site_is_not_found(service: Service, ana: Visitor) -> None:
    comment, lena = held(service), Visitor(service, "Lena")
    assert status(ana, f"/desk/comments/{comment}/secrets") == 404
    assert status(ana, "/desk/comments/0000000000000000") == 404
    assert status(ana, "/desk/comments/x%00") == 404
    assert status(lena, f"/desk/comments/{comment}") == 404
    assert status(lena, f"/desk/comments/{comment}/history") == 404


def test_every_character_that_shows_nothing_is_marked_as_it_was_sent(service: Service, ana: Visitor) -> None:
    body = "fu\u200bn \u202egnp.exe\u202c 👩\u200d🚀 a\u00a0b\tc\nnext \U000e0041 end\u2800 of it"
    section = part(ana, held(service, body=body), "as-sent")
    said = words(section)
    for name in (
        "zero width space", "right-to-left override", "pop directional formatting", "zero width joiner",
        "no-break space", "tab", "line end", "tag latin capital letter a", "braille pattern blank",
    ):  # fmt: skip
        assert f"[{name}]" in said, name
    assert "\u202e" not in section, "a mark stands for it, so that it cannot turn the page round"


def test_links_are_shown_with_the_host_they_lead_to(service: Service, ana: Visitor) -> None:
    body = "See https://\u0430pple.com/x and [paypal.com](https://evil.example/login) here."
    said = words(part(ana, held(service, body=body), "as-sent"))
    assert "xn--pple-43d.com, which looks like \u0430pple.com (cyrillic small letter a)" in said
    assert "evil.example, though the link shows paypal.com" in said


def test_what_rules_matched_is_marked_in_the_text_as_it_was_sent(service: Service, ana: Visitor) -> None:
    shown = part(ana, held(service, body="Really *good* <b>x</b>, +44 20 7946 0018"), "as-sent")
    assert "Really *good* &lt;b&gt;x&lt;/b&gt;" in shown
    assert "[phone number, hidden from the public: +44 20 7946 0018" in words(shown)


def test_the_thread_shows_what_is_answered_and_the_answers(service: Service, ana: Visitor) -> None:
    first = held(
        service, "open", article={"id": "talk", "title": "The talk"}, body="First word.", author={"name": "Uma"}
    )
    under = {"article": "talk", "parent": first}
    second = held(service, "open", body="Second word.", author={"name": "Bo"}, **under)
    held(service, "open", body="Another to the first.", author={"name": "Cy"}, **under)
    third = held(service, "open", article="talk", parent=second, body=f"Third {MANY_LINKS}", author={"name": "Di"})
    said = words(part(ana, second, "thread"))
    assert "Under The talk." in said
    assert re.search(r"What it answers Uma, \d\d:\d\d Approved First word\. 1 other answer to the same comment\.", said)
    assert re.search(r"1 answer to it Di, \d\d:\d\d Pending Third http", said)
    said = words(part(ana, third, "thread"))
    assert said.index("First word.") < said.index("Second word."), "from the beginning of the branch"
    assert "No other answers to the same comment. Nobody has answered it." in said
    assert "It answers no other comment." in words(part(ana, first, "thread"))
    assert '>Thread <span class="many">2</span>' in ana.card(second, status="approved")


def test_the_author_is_shown_by_the_last_five_comments(service: Service, ana: Visitor) -> None:
    author = {"name": "Eve", "email": "eve@visitor.example.net"}
    sent = [held(service, author=author, body=f"Word number {n} of Eve.") for n in range(7)]
    ana.decide(ana.card(sent[5]), "spam")
    section = part(ana, sent[6], "author")
    said = words(section)
    assert "0 approved, 0 rejected, 1 spam, 6 waiting." in said
    assert [n for n in range(7) if f"Word number {n} of Eve." in said] == [1, 2, 3, 4, 5]
    assert said.index("Word number 5") < said.index("Word number 4")
    assert re.search(r"Spam Word number 5", said)
    assert all(each in ana.get(status="all", author=sent[6]) for each in sent)
    assert f'href="/desk/?status=all&amp;author={sent[6]}"' in section


def test_the_history_says_who_did_what_when_and_why(service: Service, ana: Visitor) -> None:
    omar = Visitor(service, "Omar")
    comment = held(service)
    ana.decide(ana.card(comment), "reject", reason="off-topic")
    omar.decide(omar.card(comment, status="rejected"), "undo")
    omar.decide(omar.card(comment), "approve")
    lines = re.findall(r"<li>(.*?)</li>", part(omar, comment, "history"), re.DOTALL)
    said = [re.sub(r"^\d\d:\d\d ", "", words(line)) for line in lines]
    assert said == [
        "You approved it",
        "You took the last decision back: it is pending again",
        "Ana rejected it: Off topic",
        "The rules held it for a moderator",
    ]


# ---- notes ----


def test_a_note_stands_on_the_card_for_everybody_and_its_writer_takes_it_away(service: Service, ana: Visitor) -> None:
    omar, comment = Visitor(service, "Omar"), held(service)
    form = ana.fields(part(ana, comment, "notes"))
    told = ana.follow(ana.post(f"/desk/comments/{comment}/notes", form | {"text": "Ask <the> editor."}))
    assert "Noted." in words(told)
    assert re.search(r"Note by Ana, \d\d:\d\d: Ask <the> editor\.", words(omar.card(comment)))
    assert re.search(r"Note by You, \d\d:\d\d: Ask <the> editor\.", words(ana.card(comment)))
    assert '>Notes <span class="many">1</span>' in omar.card(comment)
    assert "Ana wrote a note" in words(part(omar, comment, "history"))
    assert "Take away" not in words(part(omar, comment, "notes"))

    section = part(ana, comment, "notes")
    number = re.search(r'name="note" value="(\d+)"', section)
    assert number
    path = f"/desk/comments/{comment}/notes/drop"
    theirs = omar.fields(part(omar, comment, "notes")) | {"note": number[1]}
    assert omar.post(path, theirs).status_code == 404
    assert "The note is gone." in words(ana.follow(ana.post(path, form | {"note": number[1]})))
    assert "Ask <the> editor." not in words(omar.card(comment))


def test_a_refused_note_says_why_and_keeps_what_was_typed(service: Service, ana: Visitor) -> None:
    comment = held(service)
    form = ana.fields(part(ana, comment, "notes")) | {"text": f"His address is {BODY_CANARY}"}
    answer = ana.post(f"/desk/comments/{comment}/notes", form | {"text": "x" * 1001})
    assert answer.status_code == 422
    assert "Please use at most 1000 characters. This has 1001." in words(answer.text)
    assert "x" * 1001 + "</textarea>" in answer.text
    script = {"Accept": "application/json", "X-CSRF-Token": form["csrf_token"]}
    refused = ana.post(f"/desk/comments/{comment}/notes", form, script)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "note-address")


# ---- near copies ----


def test_a_card_leads_to_those_like_it_which_are_decided_together(service: Service, ana: Visitor) -> None:
    text = "My aunt makes a lot of money from home with one simple trick, so write to {} now"
    sent = [
        held(service, body=text.format(name), author={"name": name, "email": f"{name.lower()}@mail.example.net"})
        for name in ("Maria", "Peter", "Ingrid")
    ]
    other = held(service)
    link = re.search(r'<p class="alike"><a href="([^"]+)"[^>]*>2 like this in the last hour', ana.card(sent[0]))
    assert link
    page = ana.get(unescape(link[1]))
    assert re.findall(r'<article class="card" id="c-(\w+)"', page) == sent[::-1]
    assert "Much like: My aunt makes a lot of money" in words(page)
    assert 'class="alike"' not in ana.card(other)
    bulk = re.search(r'href="(/desk/bulk\?[^"]+)"', page)
    assert bulk
    asked = ana.get(unescape(bulk[1]))
    assert "3 comments match" in words(asked)
    newest = re.search(r'name="newest" value="(\w+)"', asked)
    assert newest
    told = ana.follow(ana.post("/desk/bulk", ana.fields(asked) | {"newest": newest[1], "decision": "spam"}))
    assert "3 comments marked as spam." in words(told)
    assert all(each in ana.get(status="spam") for each in sent)
    assert status(Visitor(service, "Lena"), f"/desk/?like={sent[0]}") == 404
    assert status(ana, "/desk/?like=0000000000000000") == 404


# ---- removing words ----


def removal(visitor: Visitor, comment_id: str, **over: str) -> requests.Response:
    fields = visitor.fields(part(visitor, comment_id, "redact")) | {"words": "John Doe", "reason": "a private person"}
    return visitor.post(f"/desk/comments/{comment_id}/redactions", fields | over)


def test_words_that_are_typed_are_removed_for_the_public_and_put_back(service: Service, ana: Visitor) -> None:
    comment = held(service, article="named", body="Ask John Doe about it.")
    ana.decide(ana.card(comment), "approve")
    told = ana.follow(removal(ana, comment))
    assert "Taken out of what the public sees." in words(told)
    public = "/v1/demo/comments?article=named"
    wait_until(lambda: "Ask [removed] about it." in service.get(public).text)
    assert "John Doe" not in service.get(public).text + service.get("/t/demo?article=named").text
    card = ana.card(comment, status="approved")
    assert 'Ask <span class="stand-in" title="the public sees this instead">[removed]</span> about it.' in card
    section = part(ana, comment, "redact")
    assert re.search(r"Taken out John Doe You, \d\d:\d\d: a private person Put back John Doe", words(section))
    assert "You took words out of what the public sees: a private person" in words(part(ana, comment, "history"))
    assert comment in ana.get("/desk/?status=all&q=Doe"), "at the desk it is found by what was sent"

    form = re.search(r"<form[^>]*/redactions/undo.*?</form>", section, re.DOTALL)
    assert form
    told = ana.follow(ana.post(f"/desk/comments/{comment}/redactions/undo", ana.fields(form[0])))
    assert "Put back: the public sees it again." in words(told)
    wait_until(lambda: "Ask John Doe about it." in service.get(public).text)


def test_a_refused_removal_says_why_and_keeps_what_was_typed(service: Service, ana: Visitor) -> None:
    comment = held(service, body="Ask John Doe about it.")
    answer = removal(ana, comment, words="Jane Doe", reason="no")
    assert answer.status_code == 422
    assert "Words: These words do not stand in the text exactly like this." in words(answer.text)
    assert "Why: " in words(answer.text)
    assert ">Jane Doe</textarea>" in answer.text
    assert 'name="reason" value="no"' in answer.text
    assert removal(ana, comment, version="x").status_code == 422


def test_a_stale_removal_is_told_what_is_so_now(service: Service, ana: Visitor) -> None:
    comment = held(service, body="John Doe knows more about it.")
    seen = ana.fields(part(ana, comment, "redact"))
    omar = Visitor(service, "Omar")
    omar.decide(omar.card(comment), "approve")
    answer = removal(ana, comment, version=seen["version"])
    assert answer.status_code == 409
    assert re.search(r"Already approved by Omar, \d\d:\d\d\. Nothing was changed\.", words(answer.text))
    script = {"Accept": "application/json", "X-CSRF-Token": seen["csrf_token"]}
    fields = seen | {"words": "John Doe", "reason": "a private person"}
    by_script = ana.post(f"/desk/comments/{comment}/redactions", fields, script)
    assert (by_script.status_code, by_script.json()["version"]) == (409, 2)
    assert "Already approved by Omar" in by_script.json()["sentence"]


def queries_of(app: Flask, rt: Runtime, cookie: str) -> int:
    """How many statements the queue's page takes."""
    client, asked = app.test_client(), []
    client.set_cookie("mod-8080", cookie)
    listener = lambda *args: asked.append(args[2])  # noqa: E731
    sa.event.listen(rt.store.engine, "before_cursor_execute", listener)
    answer = client.get("/desk/")
    sa.event.remove(rt.store.engine, "before_cursor_execute", listener)
    assert answer.status_code == 200
    return len(asked)


def test_a_page_of_fifty_cards_takes_as_many_queries_as_one_of_two(rt: Runtime) -> None:
    app = create_app(rt)
    cookie, _ = as_person(rt, Role.MODERATOR, None)
    for number in range(2):
        send(rt, number)
    few = queries_of(app, rt, cookie)
    for number in range(2, 50):
        send(rt, number)
    assert queries_of(app, rt, cookie) == few
