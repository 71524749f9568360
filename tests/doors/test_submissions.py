"""POST /v1/{site}/comments, over HTTP, against a real service."""

from __future__ import annotations

import itertools
import json
import secrets
from typing import Any
from urllib.parse import quote

import pytest
import requests
from tests.service import BODY_CANARY, CANARY, Service, unsaid

from moderation.web.problems import FIELD_SENTENCES


def send(
    service: Service, raw: bytes, kind: str = "application/json", site: str = "demo", **headers: str
) -> requests.Response:
    url = f"{service.base}/v1/{site}/comments"
    return service.session.post(
        url, data=raw, headers={"Content-Type": kind, **headers}, timeout=15, allow_redirects=False
    )


def fields_of(answer: requests.Response) -> set[tuple[str, str]]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return {(each["pointer"], each["code"]) for each in answer.json()["errors"]}


def test_a_good_comment_is_accepted_and_waits(service: Service) -> None:
    answer = service.post()
    assert answer.status_code == 202
    assert set(answer.json()) == {"id", "status", "message", "receipt"}
    assert answer.json()["status"] == "pending"
    assert answer.json()["message"] == "Your comment is awaiting moderation."


@pytest.mark.parametrize(
    "body", ["A kind word.", "you are a nigger", "see http://bit.ly/x http://a.example http://b.example"]
)
def test_the_answer_is_the_same_whatever_the_rules_thought(service: Service, body: str) -> None:
    answer = service.post(body=f"{body} {unsaid()}")
    assert answer.status_code == 202
    assert answer.json() | {"id": "", "receipt": ""} == {
        "id": "",
        "status": "pending",
        "message": "Your comment is awaiting moderation.",
        "receipt": "",
    }


def test_a_post_moderated_site_publishes_a_good_one(service: Service) -> None:
    answer = service.post("open")
    assert answer.status_code == 201
    assert answer.json()["status"] == "approved"
    assert f"#comment-{answer.json()['id']}" in answer.headers["Location"]


BAD_FIELDS = {
    ("/article", "article-id"),
    ("/author/name", "required"),
    ("/author/email", "email"),
    ("/author/url", "url"),
    ("/body", "required"),
    ("/parent", "unknown-comment"),
}


def test_every_bad_field_is_told_at_once(service: Service) -> None:
    bad: dict[str, Any] = {
        "article": "",
        "author": {"name": " ", "email": "nobody", "url": "javascript:alert(1)"},
        "body": "\u200b",
        "parent": "x",
    }
    answer = service.post(**bad)
    assert answer.status_code == 422
    assert fields_of(answer) == BAD_FIELDS
    assert all(each["detail"] for each in answer.json()["errors"])


def test_fields_of_the_wrong_shape_hide_no_other_bad_field(service: Service) -> None:
    bad: dict[str, Any] = {
        "article": {"id": "", "number": 1},
        "author": {"name": 5, "email": "nobody", "url": "javascript:alert(1)"},
        "body": "\u200b",
        "parent": "x",
        "extra": 1,
    }
    answer = service.post(**bad)
    assert answer.status_code == 422
    misshapen = {("/extra", "unknown-field"), ("/article/number", "unknown-field"), ("/author/name", "type")}
    assert fields_of(answer) == BAD_FIELDS - {("/author/name", "required")} | misshapen


def test_who_sends_nothing_is_told_each_field_to_fill_in(service: Service) -> None:
    lacking = {
        ("/article", "required"),
        ("/author/name", "required"),
        ("/author/email", "required"),
        ("/body", "required"),
    }
    assert fields_of(send(service, b"{}")) == lacking


def test_a_form_is_told_of_a_bad_field_beside_a_lacking_one(service: Service) -> None:
    form = {"article": "a", "author.email": "nobody", "body": "No name, and half an address."}
    page = service.session.post(f"{service.base}/v1/demo/comments", data=form, timeout=15)
    assert page.status_code == 422
    assert [f'href="#{field}"' in page.text for field in ("author", "email", "body")] == [True, True, False]


def test_lengths_come_from_the_rules_and_are_told(service: Service) -> None:
    answer = service.post(body="x" * 5001)
    assert answer.json()["errors"][0]["detail"] == "Please use at most 5000 characters. This has 5001."
    assert service.post(body="y" * 5000).status_code == 202


def test_the_longest_fields_are_taken_whole(service: Service) -> None:
    answer = service.post(author={"name": "ñ" * 80, "email": CANARY, "url": "https://example.org/" + "a" * 280})
    assert answer.status_code == 202


UNPARSABLE = {
    "not-json": b"{",
    "not-utf-8": b'{"a": "\xff"}',
    "byte-order-mark": b"\xef\xbb\xbf{}",
    "too-deep": b"[" * 21 + b"]" * 21,
    "duplicate-key": b'{"body": "a", "body": "b"}',
    "not-a-number": b'{"body": NaN}',
    "nul": b'{"body": "a\\u0000"}',
    "lone-surrogate": b'{"body": "\\ud800"}',
}


@pytest.mark.parametrize("code", list(UNPARSABLE))
def test_what_is_not_strict_json_is_refused_in_words(service: Service, code: str) -> None:
    answer = send(service, UNPARSABLE[code])
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:moderation:problem:unparsable"
    assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize(
    "raw", [b"[" * 30_000, b"1e999", b"-Infinity", b'"x', b"", b"nul", b"[1,]", b"{'a':1}", b"9" * 5000]
)
def test_hostile_json_is_refused_quickly(service: Service, raw: bytes) -> None:
    answers = [send(service, raw) for _ in range(3)]
    assert {answer.status_code for answer in answers} <= {400, 422}
    assert min(answer.elapsed.total_seconds() for answer in answers) < 1, "one may meet a busy machine"


def test_json_twenty_deep_is_read_and_then_refused_by_its_fields(service: Service) -> None:
    assert send(service, b"[" * 20 + b"]" * 20).status_code == 422


def test_too_large_is_too_large_however_it_is_sent(service: Service) -> None:
    assert send(service, b" " * (32 * 1024 + 12 * 5000 + 1)).status_code == 413
    chunks = itertools.repeat(b" " * 1024, 128)
    url, kind = f"{service.base}/v1/demo/comments", {"Content-Type": "application/json"}
    assert requests.post(url, data=chunks, headers=kind, timeout=15).status_code == 413  # on a connection of its own


WRITTEN = {"CJK": "\u4e2d", "beyond the first plane": "\U0001f600", "Latin": "x"}
"""A character of which a text is made: three, four and one byte."""


def long_text(letter: str, length: int) -> str:
    """New each time, and of words, so that a refusal is about nothing but its length."""
    words = f"{unsaid()} "
    return words + letter * (length - len(words))


@pytest.mark.parametrize("letter", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("site", ["demo", "novels"])
def test_a_text_that_is_allowed_is_taken_however_it_is_written(
    service: Service, letter: str, escaped: bool, site: str
) -> None:
    most = {"demo": 5000, "novels": 20_000}[site]
    comment = service.comment(body=long_text(letter, most))
    as_json = json.dumps(comment, ensure_ascii=escaped).encode()
    url, kind = f"{service.base}/v1/{site}/comments", {"Content-Type": "application/json"}
    assert service.session.post(url, data=as_json, headers=kind, timeout=15).status_code == 202
    form = {"article": "a", "author": "Ana", "email": CANARY, "body": long_text(letter, most)}
    answer = service.session.post(url, form, allow_redirects=False, timeout=15)
    assert answer.status_code == 303
    receipt = service.session.post(url, json=service.comment(), timeout=15).json()["receipt"]
    given = service.base + f"/v1/{site}/receipts/" + receipt.rpartition("/")[2]
    change = {"version": 1, "body": long_text(letter, most)}
    changed = service.session.patch(given, data=json.dumps(change, ensure_ascii=escaped), headers=kind, timeout=15)
    assert changed.status_code == 200
    again = {"version": "2", "body": long_text(letter, most)}
    assert service.session.post(f"{receipt}/edit", again, allow_redirects=False, timeout=15).status_code == 303


@pytest.mark.parametrize("letter", WRITTEN.values(), ids=WRITTEN)
def test_a_form_whose_text_is_too_long_says_so_in_characters_and_gives_it_back(service: Service, letter: str) -> None:
    text = long_text(letter, 15_000)
    form = {"article": "a", "author": "Ana", "email": CANARY, "body": text}
    answer = service.session.post(f"{service.base}/v1/demo/comments", form, timeout=15)
    assert answer.status_code == 422
    assert text in answer.text
    assert "5000" in answer.text
    assert "15000" in answer.text


def test_what_no_site_could_take_is_not_read(service: Service) -> None:
    form = {"article": "a", "author": "Ana", "email": CANARY, "body": "x" * 280_000}
    novels, demo = f"{service.base}/v1/novels/comments", f"{service.base}/v1/demo/comments"
    answer = requests.post(novels, form, timeout=15)  # each on a connection of its own: they are closed afterwards
    assert answer.status_code == 413
    assert "A comment may have at most 20000 characters." in answer.text
    answer = requests.post(demo, json={"body": "x" * 280_000}, timeout=15)
    assert answer.json()["detail"] == "A comment may have at most 5000 characters."
    report = {"reason": "abuse", "explanation": "x" * 40_000}
    assert requests.post(f"{demo}/0000000000000000/reports", json=report, timeout=15).status_code == 413


@pytest.mark.parametrize("field", ["author", "email", "url", "article", "article_title", "article_url", "form_token"])
def test_other_fields_are_no_longer_for_it(service: Service, field: str) -> None:
    form = {"article": "a", "author": "Ana", "email": CANARY, "body": "Short."} | {field: "a" * 200_000}
    answer = service.session.post(f"{service.base}/v1/demo/comments", form, allow_redirects=False, timeout=15)
    assert answer.status_code == (303 if field == "form_token" else 422)


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=B", "application/xml", "", "application/json; charset=utf-16"]
)
def test_other_content_is_not_taken(service: Service, kind: str) -> None:
    assert send(service, b"{}", kind).status_code == 415


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "zstd"])
def test_encoded_bodies_are_not_taken(service: Service, coding: str) -> None:
    assert send(service, b"\x1f\x8b", **{"Content-Encoding": coding}).status_code == 415


def test_the_same_again_is_a_duplicate(service: Service) -> None:
    comment = service.comment()
    url = f"{service.base}/v1/demo/comments"
    assert service.session.post(url, json=comment, timeout=15).status_code == 202
    again = service.session.post(url, json=comment, timeout=15)
    assert again.status_code == 409
    assert "it looks as though you already said that" in again.json()["title"]


def test_an_unknown_site_is_not_found(service: Service) -> None:
    assert service.post("nowhere").status_code == 404


def test_a_closed_site_and_a_closed_article_say_so(service: Service, script: dict[str, str]) -> None:
    assert service.post("shut").status_code == 403
    told = service.session.post(
        f"{service.base}/v1/demo/articles", json={"article": "over", "closed": True}, headers=script, timeout=15
    )
    assert told.json()["closed"] is True
    refused = service.post(article="over")
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:moderation:problem:closed"
    assert service.get("/v1/demo/comments?article=over").json()["article"]["closed"] == "hand"


def test_a_reply_to_what_is_not_public_is_refused(service: Service) -> None:
    held = service.post().json()["id"]
    assert service.post(parent=held).status_code == 403
    assert service.post(parent="0" * 16).status_code == 403


def test_too_fast_tells_the_wait_in_headers_and_words(service: Service) -> None:
    answers = [service.post("strict") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    left = [answer.headers["RateLimit"] for answer in answers[:5]]
    assert [part.split(";")[1] for part in left] == [f"r={number}" for number in (4, 3, 2, 1, 0)]
    refused = answers[5]
    assert refused.headers["RateLimit-Policy"] == '"address";q=5;w=300'
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert refused.json()["violated-policies"] == ["address"]
    again = service.post("strict")
    assert int(again.headers["Retry-After"]) <= int(refused.headers["Retry-After"]), "a refused try lengthens nothing"


def test_wordpress_names_are_understood_in_a_form(service: Service, script: dict[str, str]) -> None:
    form = {
        "comment_post_ID": "17",
        "author": "Åsa",
        "email": CANARY,
        "url": "www.example.org",
        "comment": f"By its old names {unsaid()}",
        "comment_parent": "0",
        "submit": "Post Comment",
    }
    answer = service.session.post(f"{service.base}/v1/demo/comments", data=form, allow_redirects=False, timeout=15)
    assert answer.status_code == 303
    found = service.queued(script, form["comment"])
    assert (found["article"]["key"], found["author"]["name"]) == ("17", "Åsa")
    assert found["author"]["url"] == "https://www.example.org"


def test_wordpress_names_are_understood_in_json(service: Service) -> None:
    value = {
        "comment_post_ID": 17,
        "author": "Ana",
        "email": CANARY,
        "comment": f"Hi {unsaid()}",
        "comment_parent": 0,
    }
    assert send(service, json.dumps(value).encode()).status_code == 202


def test_a_field_under_two_names_is_a_problem_not_a_guess(service: Service) -> None:
    answer = service.post(comment="another text")
    assert fields_of(answer) == {("/body", "twice")}


def test_a_form_of_an_article_with_an_address_goes_back_to_it(service: Service) -> None:
    form = {
        "article": "https://news.example.org/story?id=1#top",
        "author": "Ana",
        "email": CANARY,
        "body": f"Back to the story {unsaid()}",
    }
    answer = service.session.post(f"{service.base}/v1/demo/comments", data=form, allow_redirects=False, timeout=15)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("https://news.example.org/story?id=1#comment-")


@pytest.mark.parametrize(
    "article",
    [
        "https://evil.example/x",
        "https://news.example.org.evil.example/",
        "//news.example.org/",
        "https://news.example.org@evil.example/",
    ],
)
def test_an_article_on_another_origin_is_refused(service: Service, article: str) -> None:
    assert service.post(article={"url": article}).status_code == 422


def test_a_refused_form_is_a_page_that_keeps_what_was_typed(service: Service) -> None:
    form = {"article": "kept", "author": "Zoë", "email": "not an address", "body": "The text I typed for an hour."}
    answer = send(
        service,
        "&".join(f"{k}={quote(v)}" for k, v in form.items()).encode(),
        "application/x-www-form-urlencoded",
    )
    assert answer.status_code == 422
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "The text I typed for an hour." in answer.text
    assert "Zoë" in answer.text


def test_cors_is_for_listed_origins_only(service: Service) -> None:
    url = f"{service.base}/v1/demo/comments"
    allowed = service.session.options(url, headers={"Origin": "https://news.example.org"}, timeout=15)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://news.example.org"
    assert allowed.headers["Access-Control-Allow-Headers"] == "authorization, content-type, idempotency-key"
    posted = service.session.post(
        url, json=service.comment(), headers={"Origin": "https://news.example.org"}, timeout=15
    )
    assert posted.status_code == 202
    assert "RateLimit" in posted.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in posted.headers
    for origin in (
        "https://evil.example",
        "null",
        "https://news.example.org.evil.example",
        "http://news.example.org",
        "https://NEWS.example.org:444",
    ):
        for answer in (
            service.session.options(url, headers={"Origin": origin}, timeout=15),
            service.session.post(url, json=service.comment(), headers={"Origin": origin}, timeout=15),
        ):
            assert answer.status_code == 403
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_cross_origin_script_may_not_avoid_the_preflight_with_a_form(service: Service) -> None:
    """Plain form posts come from our own pages and the site's listed ones; from anywhere else they are refused."""
    form = "article=x&author=A&email=a%40example.org&body=b"
    refused = send(service, form.encode(), "application/x-www-form-urlencoded", Origin="https://evil.example")
    assert refused.status_code == 403


def test_an_address_in_the_text_is_masked_for_the_public(service: Service, script: dict[str, str]) -> None:
    posted = service.post("open", article="masked", body=f"Write to {BODY_CANARY} {unsaid()}").json()
    public = service.get("/v1/open/comments?article=masked").text
    page = service.get("/t/open?article=masked").text
    assert posted["id"] in public
    assert BODY_CANARY not in public + page
    item = service.queued(script, posted["id"], "open")
    assert BODY_CANARY in item["body"]
    assert BODY_CANARY not in item["html"]
    assert item["masked"][0][2] == "email"


def test_every_field_code_has_a_sentence() -> None:
    import re
    from pathlib import Path

    import moderation.web.wire as wire

    used = set(re.findall(r'FieldProblem\([^,]+, "([a-z-]+)"', Path(wire.__file__).read_text("utf-8"))) | set(
        wire._CODES.values()
    )
    assert used <= set(FIELD_SENTENCES)


def test_one_log_line_a_request_without_personal_data(service: Service) -> None:
    answer = service.post(author={"name": "Name In No Log", "email": CANARY})
    [line] = service.lines_of(answer)
    assert line["route"] == "/v1/<site_id>/comments"
    assert line["status"] == 202
    assert "Name In No Log" not in service.log_text()
    assert "127.0.0.1" not in json.dumps(line)


def test_a_repeat_under_the_same_idempotency_key_gets_the_same_answer(service: Service) -> None:
    raw = json.dumps(service.comment()).encode()
    key = f'"{secrets.token_hex(8)}"'
    first, again = (send(service, raw, **{"Idempotency-Key": key}) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    bare = send(service, raw, **{"Idempotency-Key": key.strip('"')})
    assert bare.json() == first.json(), "quotes belong to the header, not to the key"
    other = send(service, json.dumps(service.comment()).encode(), **{"Idempotency-Key": key})
    assert (other.status_code, other.json()["type"]) == (422, "urn:moderation:problem:key-reused")


@pytest.mark.parametrize("key", ["", '""', "a b", "\u00e9", "k" * 201, "\x01"])
def test_an_idempotency_key_that_is_none_is_refused(service: Service, key: str) -> None:
    raw = json.dumps(service.comment()).encode()
    answer = send(service, raw, **{"Idempotency-Key": key.encode("utf-8")})  # type: ignore[arg-type]  # bytes as they are
    assert answer.status_code == 400
    assert send(service, raw).status_code == 202, "the refused one left nothing behind"


def test_a_form_and_json_share_a_key_only_for_the_same_comment(service: Service) -> None:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    comment = service.comment()
    form = {"article": comment["article"], "author": "Ana", "email": CANARY, "body": comment["body"]}
    url = f"{service.base}/v1/demo/comments"
    posted = service.session.post(url, data=form, headers=key, timeout=15, allow_redirects=False)
    again = send(service, json.dumps(comment).encode(), **key)
    assert posted.status_code == 303
    assert posted.headers["Location"].endswith(f"#comment-{again.json()['id']}")
