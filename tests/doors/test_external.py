"""A check outside, asked by the running service: its workers ask, its desk tells why, and a check of one's own can tell
by the docs' few lines that it is asked by us."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.outside import Outside
from tests.outside import outside as outside
from tests.service import RULES, Service, running_service, wait_until

API = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def service(tmp_path: Path, outside: Outside) -> Iterator[Service]:
    rules = RULES + f'\n[defaults.external]\nkind = "generic"\nurl = "{outside.url}/check"\nseconds = 10\n'
    env = {"MODERATION_INSIDE_NETWORKS": "127.0.0.0/8"}
    with running_service(tmp_path / "state", rules=rules, env=env) as running:
        yield running


def test_the_service_asks_and_tells(service: Service, outside: Outside) -> None:
    outside.body = b'{"verdict": "spam", "because": "sells pills"}'
    answer = service.post("open")
    assert answer.status_code == 202, "not 201: it waits, though the site publishes first"
    script = service.token("queue:read")

    def told(status: str) -> list[dict[str, Any]]:
        items = service.queue(script, "open", status)
        return [each for item in items for each in item["explanation"]["findings"] if each["rule"] == "external.check"]

    wait_until(lambda: told("spam"))
    ((effect, because),) = [(each["effect"], each["data"]["because"]) for each in told("spam")]
    assert (effect, because) == ("spam", "sells pills")
    outside.body = b'{"verdict": "ham"}'
    body = service.comment()
    assert service.session.post(f"{service.base}/v1/open/comments", json=body, timeout=15).status_code == 202
    wait_until(lambda: told("approved"))
    assert _checks_by_the_docs(service, outside)
    wait_until(lambda: 'moderation_external_checks_total{result="sent"} 2.0' in service.get("/metrics").text)


def _checks_by_the_docs(service: Service, outside: Outside) -> bool:
    """Whether the function on the page takes what came for ours, and a changed body not."""
    shown = service.command("webhooks", "show")
    (secret,) = re.findall(r"^open: .*\n.*\n  secret:  (whsec_\S+)", shown, re.MULTILINE)
    (code,) = re.findall(r"```python\n(import base64, hashlib, hmac\n.*?)```", API.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    came = outside.came[-1]
    assert json.loads(came.body)["data"]["site"] == "open"
    is_ours = names["is_ours"]
    return is_ours(secret, came.headers, came.body) and not is_ours(secret, came.headers, came.body + b" ")
