"""`moderation privacy` as an owner types it, on the service's own state folder."""

from __future__ import annotations

import json
from pathlib import Path

from tests.service import CANARY, running_service


def test_a_reader_is_exported_then_forgotten_while_the_service_runs(tmp_path: Path) -> None:
    with running_service(tmp_path / "state") as service:
        service.post("open", article="a")
        service.post("demo", article="a", author={"name": "Other", "email": "other@example.org"})
        exported = service.command("privacy", "export", "--email", "-", stdin=CANARY + "\n")
        (comment,) = json.loads(exported)["comments"]
        assert (comment["site"], comment["status"]) == ("open", "approved")
        told = service.command("privacy", "erase", "--email", CANARY.upper())
        assert told.splitlines() == ["open: 1 approved", "Nothing was erased. Add --yes to do it."]
        assert service.get("/v1/open/comments?article=a").json()["count"] == 1
        assert service.command("privacy", "erase", "--email", CANARY, "--yes").endswith("Erased: 1 comment.")
        assert "Nothing is kept" in service.command("privacy", "erase", "--email", CANARY)
        assert service.get("/v1/open/comments?article=a").json()["count"] == 0
        assert service.get("/v1/demo/counts?article=a").json() == {"counts": {"a": 0}}
        told = service.command("privacy", "erase", "--site", "demo", "--login", "-", stdin="subscriber-4711\n")
        assert told == f"Nothing is kept about this reader in {service.state}/moderation.db."


def test_no_file_or_log_line_keeps_a_word_of_an_answered_comment(tmp_path: Path) -> None:
    with running_service(tmp_path / "state") as service:
        sent = service.post("open", article="a", body="Zanzibarquux said it first.").json()
        service.post("open", article="a", parent=sent["id"], author={"name": "Other", "email": "other@example.org"})
        service.command("privacy", "erase", "--email", CANARY, "--yes")
        (kept, answer) = service.get("/v1/open/comments?article=a").json()["comments"]
        assert (kept["id"], answer["parent"]) == (sent["id"], sent["id"])
    files = {path.name: path.read_bytes().lower() for path in service.state.rglob("*") if path.is_file()}
    assert not [name for name, data in files.items() if b"zanzibarquux" in data]
