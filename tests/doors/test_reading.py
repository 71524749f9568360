"""What the public reads: threads, counts, caching, and the one gate in front of all of it."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

import pytest
from tests.service import Service, wait_until


def approve(service: Service, script: dict[str, str], *ids: str, site: str = "demo") -> None:
    rulings = [{"id": each, "version": 1, "decision": "approve"} for each in ids]
    answer = service.session.post(f"{service.base}/v1/{site}/decisions", json=rulings, headers=script, timeout=15)
    assert [each["result"] for each in answer.json()] == ["decided"] * len(ids)


def thread(service: Service, article: str, site: str = "open", **query: str) -> dict[str, object]:
    words = "".join(f"&{name}={value}" for name, value in query.items())
    answer = service.get(f"/v1/{site}/comments?article={article}{words}")
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def shown(service: Service, article: str, count: int, site: str = "open", **query: str) -> list[dict[str, object]]:
    """The comments once there are `count`: other workers may look at the store half a second later."""
    wait_until(lambda: thread(service, article, site)["count"] == count)
    return thread(service, article, site, **query)["comments"]  # type: ignore[return-value]


def test_nothing_held_is_public_anywhere(service: Service, script: dict[str, str]) -> None:
    """The gate: every public route is asked; a held text, its author and its id are in none of the answers."""
    word = f"heldword{secrets.token_hex(6)}"
    held = [
        service.post(article="gate", body=f"{word} {n}", author={"name": word, "email": "a@example.org"}).json()["id"]
        for n in range(3)
    ]
    token = script["Authorization"]
    routes = [
        "/v1/demo/comments?article=gate", "/v1/demo/comments?article=gate&order=newest", "/v1/demo/counts?article=gate",
        "/t/demo?article=gate", f"/t/demo?article=gate&reply={held[0]}",
        f"/t/demo?article=gate&held={held[0]}#comment-{held[0]}",
        "/v1/demo/comments?article=gate&status=pending", "/v1/demo/comments?article=gate&include=email",
        f"/v1/demo/comments/{held[0]}", f"/comments/{held[0]}", "/v1/demo/queue", "/v1/demo/queue?status=pending",
        "/desk", "/demo/demo/", "/metrics", "/readyz", "/livez", "/openapi.json", "/docs", "/embed.js",
    ]  # fmt: skip
    for route in routes:
        answer = service.get(route, allow_redirects=False)
        told = answer.text + repr(dict(answer.headers))
        assert word not in told, route
        unasked = [each for each in held if each not in route]  # a page may repeat what it was asked for
        assert not any(each in told for each in unasked), route
    assert thread(service, "gate", "demo")["count"] == 0
    assert service.get("/v1/demo/counts?article=gate").json() == {"counts": {"gate": 0}}
    assert word not in service.log_text()
    assert word in service.queued({"Authorization": token}, held[0], status="pending")["body"]


def test_an_approved_comment_is_read_and_a_rejected_one_goes_again(service: Service, script: dict[str, str]) -> None:
    comment = service.post(
        article="round", author={"name": "Åse", "email": "ase@example.org", "url": "https://a.example"}
    ).json()["id"]
    approve(service, script, comment)
    (public,) = shown(service, "round", 1, "demo")
    assert set(public) == {"id", "parent", "depth", "author", "html", "nodes", "created_at"}
    assert public["author"] == {"name": "Åse", "url": "https://a.example"}
    assert datetime.fromisoformat(str(public["created_at"])).tzinfo
    ruling = [{"id": comment, "version": 2, "decision": "reject", "reason": "off-topic"}]
    service.session.post(f"{service.base}/v1/demo/decisions", json=ruling, headers=script, timeout=15)
    assert shown(service, "round", 0, "demo") == []


def test_replies_stand_under_what_they_answer(service: Service) -> None:
    first = service.post("open", article="tree").json()["id"]
    second = service.post("open", article="tree").json()["id"]
    answer = service.post("open", article="tree", parent=first).json()["id"]
    deeper = service.post("open", article="tree", parent=answer).json()["id"]
    order = [(each["id"], each["parent"], each["depth"]) for each in shown(service, "tree", 4)]
    assert order == [(first, None, 0), (answer, first, 1), (deeper, answer, 2), (second, None, 0)]
    newest = [each["id"] for each in shown(service, "tree", 4, order="newest")]
    assert newest == [second, first, answer, deeper]


def test_an_answer_outlives_what_it_answered(service: Service, script: dict[str, str]) -> None:
    first = service.post("open", article="orphan").json()["id"]
    answer = service.post("open", article="orphan", parent=first).json()["id"]
    shown(service, "orphan", 2)
    ruling = [{"id": first, "version": 1, "decision": "spam"}]
    service.session.post(f"{service.base}/v1/open/decisions", json=ruling, headers=script, timeout=15)
    assert [(each["id"], each["parent"], each["depth"]) for each in shown(service, "orphan", 1)] == [(answer, None, 0)]


def test_long_threads_come_in_pages_without_gap_or_repeat(service: Service) -> None:
    sent = [service.post("open", article="long").json()["id"] for _ in range(230)]
    wait_until(lambda: thread(service, "long")["count"] == 230)
    for order in ("oldest", "newest"):
        ids: list[object] = []
        cursor: object = ""
        while cursor is not None:
            page = thread(service, "long", order=order, **({"cursor": str(cursor)} if cursor else {}))
            ids += [each["id"] for each in page["comments"]]  # type: ignore[attr-defined]
            cursor = page["next"]
        assert ids == (sent if order == "oldest" else sent[::-1])


@pytest.mark.parametrize("cursor", ["x", "AAAA", "' OR 1=1", "MDAwMA", "%00", "a" * 500])
def test_a_made_up_cursor_is_told(service: Service, cursor: str) -> None:
    assert service.post("open", article="cursors").status_code == 201
    answer = service.get(f"/v1/open/comments?article=cursors&cursor={cursor}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "cursor"


def test_an_unchanged_thread_costs_no_body(service: Service) -> None:
    service.post("open", article="etag")
    wait_until(lambda: thread(service, "etag")["count"] == 1)
    first = service.get("/v1/open/comments?article=etag")
    assert first.headers["Cache-Control"] == "public, max-age=10, stale-while-revalidate=30"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    again = service.get("/v1/open/comments?article=etag", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    service.post("open", article="etag")
    wait_until(lambda: thread(service, "etag")["count"] == 2)
    changed = service.get("/v1/open/comments?article=etag", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_no_public_answer_sets_a_cookie(service: Service) -> None:
    for path in ("/v1/open/comments?article=etag", "/t/open?article=etag", "/embed.js", "/v1/open/counts?article=etag"):
        assert "Set-Cookie" not in service.get(path).headers


def test_counts_of_many_articles_come_at_once(service: Service) -> None:
    service.post("open", article="counted")
    answer = service.get("/v1/open/counts?article=counted&article=never-seen")
    assert answer.json() == {"counts": {"counted": 1, "never-seen": 0}}
    too_many = "&".join(f"article=a{number}" for number in range(101))
    assert service.get(f"/v1/open/counts?{too_many}").status_code == 422
    assert service.get("/v1/open/counts").status_code == 422


def test_a_comment_is_inert(service: Service) -> None:
    service.post(
        "open",
        article="inert",
        body="<img src=x onerror=alert(1)> **bold** [x](javascript:alert(1)) <b>",
        author={"name": "<script>alert(1)</script>", "email": "a@example.org"},
    )
    (comment,) = shown(service, "inert", 1)
    assert re.findall(r"<(\w+)", str(comment["html"])) == ["p", "strong"]
    page = service.get("/t/open?article=inert").text
    assert "<script>alert(1)" not in page
    assert "onerror=alert(1)>" not in page.replace("&lt;img src=x onerror=alert(1)&gt;", "")


@pytest.mark.parametrize(
    "path", ["/v1/demo/comments?article=x", "/t/demo?article=x", "/livez", "/nothing", "/embed.js", "/desk"]
)
def test_every_answer_carries_the_headers_of_the_house(service: Service, path: str) -> None:
    headers = service.get(path, allow_redirects=False).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=(), browsing-topics=()"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["X-Request-ID"]


def test_what_is_not_there_is_told_the_same_way(service: Service) -> None:
    for path in ("/v1/demo/comments/0000000000000000", "/v1/demo/nothing", "/nothing"):
        answer = service.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
    wrong = service.session.delete(f"{service.base}/v1/demo/comments", timeout=15)
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]
