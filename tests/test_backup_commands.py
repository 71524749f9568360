"""`moderation backup` and `restore`: a copy of a service at work comes back whole, or not at all and in words."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.service import CANARY, Service, running_service, start


def refused(service: Service, *words: str) -> str:
    """What the command says when it fails."""
    with pytest.raises(AssertionError) as failure:
        service.command(*words)
    return str(failure.value)


def test_a_backup_of_a_busy_service_comes_back_with_every_comment_before_it(tmp_path: Path) -> None:
    accepted: list[str] = []
    stop = threading.Event()
    with running_service(tmp_path / "state") as service:

        def post() -> None:
            while not stop.is_set():
                answer = service.post("open", article="a")
                if answer.status_code == 201:
                    accepted.append(answer.json()["id"])

        poster = threading.Thread(target=post)
        poster.start()
        try:
            while len(accepted) < 20:
                stop.wait(0.05)
            before = list(accepted)
            service.command("backup", str(tmp_path / "copy"))
        finally:
            stop.set()
            poster.join()
        assert "is running" in refused(service, "restore", str(tmp_path / "copy"))
        service.stop()
        (service.state / "moderation.toml").write_text("[sites.other]\n", "utf-8")
        told = service.command("restore", str(tmp_path / "copy"))
        assert "moderation.db.before-" in told
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "copy").iterdir()} == {0o600}
        assert {path.stat().st_mode & 0o777 for path in service.state.glob("*.before-*")} == {0o600}
        again = start(service.state, int(service.base.rpartition(":")[2]))
        try:
            again.wait_ready()
            thread = again.get("/v1/open/comments?article=a").json()
            assert set(before) <= {comment["id"] for comment in thread["comments"]} <= set(accepted)
            assert "as they were written" in again.command("audit", "verify")
        finally:
            again.stop()


def test_who_was_forgotten_after_the_backup_is_forgotten_again(tmp_path: Path) -> None:
    with running_service(tmp_path / "state") as service:
        service.post("open", article="a")
        service.command("backup", str(tmp_path / "copy"))
        assert "Erased again: 0 comments." in service.command("privacy", "reapply")
        service.command("privacy", "erase", "--email", CANARY, "--yes")
        service.stop()
        told = service.command("restore", str(tmp_path / "copy"))
        assert "Erased again: 1 comment." in told
        assert "stay in what was kept. Delete it" in told
        assert "Nothing is kept" in service.command("privacy", "erase", "--email", CANARY)
        (kept,) = service.state.glob("moderation.db.before-*")
        told = service.command("privacy", "erase", "--email", CANARY, "--yes")
        assert f"Not reached: {kept}, which a restore kept." in told


def test_a_backup_that_is_not_whole_changes_nothing_and_says_why(tmp_path: Path) -> None:
    with running_service(tmp_path / "state") as service:
        service.post("open", article="a")
        good = tmp_path / "good"
        service.command("backup", str(good))
        assert "is there already" in refused(service, "backup", str(good))
        service.stop()
        before = (service.state / "moderation.db").read_bytes()
        for name, spoil, why in (
            ("empty", lambda path: shutil.rmtree(path), "is not a backup"),
            ("cut", lambda path: (path / "moderation.db").write_bytes(b"SQLite format 3\0"), "not the file that was"),
            ("rules", lambda path: (path / "moderation.toml").write_text("x"), "not the file that was"),
            ("newer", lambda path: _schema(path, "9999"), "which this version does not know"),
        ):
            bad = tmp_path / name
            shutil.copytree(good, bad)
            spoil(bad)
            assert why in refused(service, "restore", str(bad))
        assert (service.state / "moderation.db").read_bytes() == before
        (service.state / "keys.json").rename(tmp_path / "keys.json")
        assert "Without the keys" in refused(service, "restore", str(good))
        (tmp_path / "keys.json").rename(service.state / "keys.json")


def _schema(folder: Path, revision: str) -> None:
    manifest = folder / "manifest.json"
    text = manifest.read_text("utf-8")
    manifest.write_text(text.replace('"schema": "', f'"schema": "{revision}'), "utf-8")


def test_another_store_is_left_to_its_own_tools(tmp_path: Path) -> None:
    env = os.environ | {"MODERATION_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run(
        [sys.executable, "-m", "moderation", "backup", str(tmp_path / "copy"), "--state", str(tmp_path)],
        env=env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pg_dump" in done.stderr
