"""The reader's pages as they are sent: the thread page and its form, the demo article, the widget's script, and the
tree the widget builds a comment from."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from html import escape, unescape
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from tests.service import CANARY, Service, running_service

from moderation.text.markup import render
from moderation.web.nodes import DEEPEST, ELEMENTS, nodes, rows

TYPED = "kept@typed-example.org"
"""An address that may come back: a refused form shows it to the one who typed it, and to nobody else."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("pages") / "state") as running:
        yield running


def post_form(service: Service, site: str = "demo", **fields: str) -> requests.Response:
    return service.session.post(f"{service.base}/v1/{site}/comments", data=fields, allow_redirects=False, timeout=15)


def good_form(**over: str) -> dict[str, str]:
    return {
        "article": "by-form",
        "parent": "",
        "body": "A thought.",
        "author": "Ana",
        "email": TYPED,
        "url": "",
    } | over


def test_an_article_without_comments_invites_the_first(service: Service) -> None:
    page = service.get("/t/demo?article=nothing-yet")
    assert page.status_code == 200
    assert "Be the first to comment" in page.text
    assert "Leave a comment" in page.text
    assert "Leave a Reply" not in page.text
    assert "Your email address will not be published." in page.text


def test_the_form_asks_in_the_usual_order(service: Service) -> None:
    page = service.get("/t/demo?article=nothing-yet").text
    labels = re.findall(r"<label for=\"(\w+)\">", page)
    assert labels == ["body", "author", "email", "url", "remember"]
    assert re.search(r'<input id="email"[^>]*autocomplete="email" required', page)
    assert 'autocomplete="name"' in page


def test_where_the_address_is_optional_the_form_does_not_require_it(service: Service) -> None:
    page = service.get("/t/open?article=nothing-yet").text
    assert not re.search(r'<input id="email"[^>]*required', page)


def test_a_closed_site_shows_no_form(service: Service) -> None:
    page = service.get("/t/shut?article=anything").text
    assert "Comments are closed" in page
    assert "<form" not in page


def test_a_published_comment_is_read_there(service: Service) -> None:
    comment = service.post("open", article="read-me", author={"name": "Ben <b>", "url": "https://ben.example"}).json()
    answer = service.post("open", article="read-me", author={"name": "Cleo"}, parent=comment["id"]).json()
    page = service.get("/t/open?article=read-me").text
    assert "2 comments" in page
    assert f'id="comment-{comment["id"]}"' in page
    assert page.index(comment["id"]) < page.index(answer["id"])
    assert '<a href="https://ben.example" rel="nofollow ugc noopener">Ben &lt;b&gt;</a>' in page


def test_who_has_posted_sees_it_at_once_whichever_worker_shows_the_page(service: Service) -> None:
    url = f"{service.base}/t/open?article=at-once"
    for number in range(20):
        requests.get(url, timeout=15)  # each on a connection of its own, so that every worker has read the thread
        service.post("open", article="at-once", body=f"Word number {number}.")
        assert f"Word number {number}." in requests.get(url, timeout=15).text


def test_a_waiting_comment_is_not_there(service: Service) -> None:
    sent = post_form(service, **good_form(article="waiting", email=CANARY, body="Nobody may read this yet."))
    assert sent.status_code == 303
    page = service.session.get(service.base + sent.headers["Location"], timeout=15)
    assert "Your comment is awaiting moderation." in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "Nobody may read this yet." not in page.text
    assert "Be the first to comment" not in page.text, "who has sent one is not invited to be the first"


def test_a_reply_names_whom_it_answers(service: Service) -> None:
    comment = service.post("open", article="replies", author={"name": "Ben"}).json()
    page = service.get(f"/t/open?article=replies&reply={comment['id']}").text
    title = re.sub(r"<[^>]+>", "", page[page.index('id="title"') :].split("</h3>")[0])
    assert "Leave a Reply to Ben" in title
    assert "Cancel reply" in title
    assert f'name="parent" value="{comment["id"]}"' in page


@pytest.mark.parametrize("reply", ["0" * 16, "nonsense", "' or 1=1", ""])
def test_a_reply_to_nothing_public_is_a_plain_form(service: Service, reply: str) -> None:
    page = service.get("/t/open", params={"article": "replies", "reply": reply})
    assert page.status_code == 200
    assert 'name="parent"' not in page.text


def test_a_waiting_comment_cannot_be_found_by_its_id(service: Service) -> None:
    waiting = service.post("demo", article="secret", author={"name": "Hidden Person", "email": CANARY}).json()
    page = service.get(f"/t/demo?article=secret&reply={waiting['id']}").text
    assert "Hidden Person" not in page
    assert waiting["id"] not in page


def test_a_refused_form_keeps_what_was_typed_and_lists_all_problems(service: Service) -> None:
    typed = good_form(body="", author="Ana & <Ben>", email="not an address", url="javascript:alert(1)")
    page = post_form(service, **typed)
    assert page.status_code == 422
    assert "<title>Error: " in page.text
    text = unescape(page.text)
    for kept in ("Ana & <Ben>", "not an address", "javascript:alert(1)"):
        assert f'value="{kept}"' in text
    for field in ("body", "email", "url"):
        assert f'<a href="#{field}">' in page.text
        assert f'id="{field}-error"' in page.text
    assert re.search(r'id="email"[^>]*aria-describedby="note email-error" aria-invalid="true"', page.text)
    assert re.search(r'class="cm-errors" role="alert" tabindex="-1" autofocus', page.text)
    assert page.headers["Cache-Control"] == "no-store"


def test_a_refused_form_keeps_every_character_of_the_text(service: Service) -> None:
    body = "\nFirst line was empty.\n</textarea><script>alert(1)</script>\n  indented & “quoted”"
    page = post_form(service, **good_form(body=body.replace("\n", "\r\n"), author="")).text
    kept = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert kept is not None
    assert unescape(kept[1]).replace("\r\n", "\n") == body
    assert "<script>alert" not in page


def test_a_refused_form_keeps_the_address_for_its_sender_only(service: Service) -> None:
    page = post_form(service, **good_form(author="", parent="0123456789abcdef"))
    assert f'value="{TYPED}"' in page.text
    assert 'name="parent" value="0123456789abcdef"' in page.text
    assert 'name="article" value="by-form"' in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_wordpress_names_survive_a_refusal(service: Service) -> None:
    page = post_form(service, comment_post_ID="77", comment="Typed here.", author="", email=TYPED, comment_parent="0")
    assert page.status_code == 422
    assert 'name="article" value="77"' in page.text
    assert "Typed here.</textarea>" in page.text


def test_the_page_says_how_long_to_wait(service: Service) -> None:
    answers = [post_form(service, "strict", **good_form(body=f"Thought number {n}.")) for n in range(7)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    seconds = refused[0].headers["Retry-After"]
    assert f"wait {seconds} seconds" in refused[0].text
    assert "Thought number" in refused[0].text


def test_the_form_may_end_at_the_sites_articles(service: Service) -> None:
    """Chromium blocks a form's redirect to an origin that form-action does not name."""
    policy = service.get("/t/demo?article=a").headers["Content-Security-Policy"]
    assert f"form-action 'self' {service.base} https://news.example.org;" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy


def test_pages_hold_no_inline_script_or_style(service: Service) -> None:
    refused = post_form(service, **good_form(author="")).text
    for page in (service.get("/t/demo?article=a").text, service.get("/demo/demo/").text, refused):
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)", page)


@pytest.mark.parametrize(
    "path", ["/t/nowhere?article=a", "/demo/open/", "/demo/nowhere/", "/t/demo", "/t/demo?article=%00"]
)
def test_what_does_not_exist_is_said_so(service: Service, path: str) -> None:
    page = service.get(path, headers={"Accept": "text/html"})
    assert page.status_code in (404, 422)
    assert "text/html" in page.headers["Content-Type"]


def test_what_is_wrong_is_told_in_the_order_of_the_form(service: Service) -> None:
    page = post_form(service, **good_form(body="", author="", email="nobody@", url="no-address")).text
    told = page[page.index('role="alert"') : page.index("</ul>")]
    assert re.findall(r'href="#(\w+)"', told) == ["body", "author", "email", "url"]


def test_the_thread_of_the_demo_article_has_its_title_and_others_none(service: Service) -> None:
    assert "The last ferry will run until two</bdi></h1>" in service.get("/t/demo?article=night-ferry").text
    page = service.get("/t/demo?article=nobody-knows-it").text
    assert "Comments</bdi></h1>" in page
    assert 'class="above"' not in page


@pytest.mark.parametrize(
    ("html", "count"),
    [("", 0), ("<p>a<br>\nb</p>", 2), ("<ul><li>a</li><li>b</li></ul>", 2), (f"<p>{'a' * 700}</p>", 11),
     ("<pre><code>a\nb\nc\n</code></pre>", 3), ("<p>a</p>\n<p><em>b</em></p>", 2)],
)  # fmt: skip
def test_the_rows_of_a_text_are_guessed(html: str, count: int) -> None:
    assert rows(nodes(html)) == count


def test_an_error_page_leads_back(service: Service) -> None:
    def page(path: str, before: str = "") -> str:
        return service.get(path, headers={"Accept": "text/html", "Referer": before}).text

    before = f"{service.base}/t/demo?article=a&cursor=b"
    assert '<a href="/">To the front page</a>' in page("/nowhere")
    assert '<a href="/desk/">To the desk</a>' in page("/desk/nowhere")
    assert f'<a href="{escape(before)}">Back to the page before</a>' in page("/nowhere", before)
    for strange in ("https://evil.example/", f"{service.base}.evil.example/", f"{service.base}/nowhere"):
        assert '<a href="/">To the front page</a>' in page("/nowhere", strange)
    assert "<p>There is no such page.</p>" in page("/nowhere")


def test_the_demo_article_has_one_tag_and_a_way_without_it(service: Service) -> None:
    page = service.get("/demo/demo/").text
    assert page.count("<script") == 1
    assert re.search(r'<noscript><p><a href="/t/demo\?article=[\w-]+">', page)


def test_the_widget_is_small_and_cached(service: Service) -> None:
    script = service.get("/embed.js")
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert script.headers["Cache-Control"] == "public, max-age=300"
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = service.get("/embed.js", headers={"If-None-Match": script.headers["ETag"]})
    assert again.status_code == 304
    assert len(gzip.compress(script.content)) < 15 * 1024
    print(f"embed.js: {len(script.content)} bytes, {len(gzip.compress(script.content))} compressed")


@pytest.mark.parametrize(
    "sink",
    [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "@@STYLE@@",
        "DOMParser",
        ".style.",
    ],
)
def test_the_widget_uses_no_sink(service: Service, sink: str) -> None:
    assert sink not in service.get("/embed.js").text


@pytest.mark.parametrize(
    ("html", "tree"),
    [
        ("", []),
        ("<p>One &amp; two</p>\n<p>three</p>\n", [["p", ["One & two"]], ["p", ["three"]]]),
        ("<p>a<br>b<br/>c</p>", [["p", ["a", ["br", []], "b", ["br", []], "c"]]]),
        ("<p><em>a <strong>b</strong></em></p>", [["p", [["em", ["a ", ["strong", ["b"]]]]]]]),
        (
            '<p><a href="https://a.example/?b=1&amp;c" rel="nofollow">x</a></p>',
            [["p", [["a", ["x"], {"href": "https://a.example/?b=1&c"}]]]],
        ),
        (
            '<ol start="3" dir="auto">\n<li>a</li>\n<li><s>b</s></li>\n</ol>\n',
            [["ol", [["li", ["a"]], ["li", [["s", ["b"]]]]], {"start": "3"}]],
        ),
        ('<ol start="x"><li>a</li></ol>', [["ol", [["li", ["a"]]]]]),
        ('<a href="javascript:alert(1)">x</a>', ["x"]),
        ('<a href="//a.example">x</a><a href="http://[">y</a><a>z</a>', ["xyz"]),
        ('<p onclick="x">a<img src=x onerror=alert(1)>b</p>', [["p", ["ab"]]]),
        ("<p>a</em></p></p><p>b", [["p", ["a"]], ["p", ["b"]]]),
        ("<pre><code>a\n  b\n</code></pre>", [["pre", [["code", ["a\n  b\n"]]]]]),
        ("a < b <!-- c --> &lt;d&gt;", ["a < b  <d>"]),
    ],
)
def test_html_becomes_a_tree(html: str, tree: list[Any]) -> None:
    assert nodes(html) == tree


def test_nothing_of_a_rendered_comment_is_lost() -> None:
    tree = nodes(render("**a** *b* `c`\nd https://e.example\n\n> f\n\n- g\n\n2. h\n\n```\ni\n```"))
    found = set()
    text = ""
    waiting: list[Any] = list(reversed(tree))
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            text += node
        else:
            found.add(node[0])
            waiting.extend(reversed(node[1]))
    assert found == ELEMENTS - {"s"}
    assert "".join(text.split()) == "abcdhttps://e.examplefghi"


def test_the_widget_knows_the_same_elements(service: Service) -> None:
    script = service.get("/embed.js").text
    lists = re.findall(r"(?:BLOCKS|ELEMENTS) = new Set\(\[(.*?)\]\)", script)
    assert set(re.findall(r'"(\w+)"', "".join(lists))) == ELEMENTS


def test_deep_nesting_is_cut_and_its_text_stays() -> None:
    tree: Any = nodes("<blockquote>" * 5000 + "deep" + "</blockquote>" * 5000)
    for _ in range(DEEPEST):
        assert tree[0][0] == "blockquote"
        tree = tree[0][1]
    assert tree == ["deep"]


@given(st.text(alphabet="<>/=\"'&;!-# abpeims\n", max_size=200))
def test_any_text_becomes_only_listed_elements(html: str) -> None:
    waiting = nodes(html)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, str):
            assert node[0] in ELEMENTS
            waiting.extend(node[1])
