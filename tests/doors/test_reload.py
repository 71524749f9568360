"""The rules file changes under load: a good one is soon everywhere, a bad one never takes effect."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from tests.service import RULES, Service, free_port, running_service, start, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("reload") / "state", workers=2) as running:
        yield running


@pytest.fixture
def rules(service: Service) -> Iterator[Path]:
    """The service's rules file, put back after the test."""
    path = service.state / "moderation.toml"
    good, before = path.read_text("utf-8"), revisions(service)
    yield path
    path.write_text(good, "utf-8")
    wait_until(lambda: states(service) == {"ok"} and revisions(service) == before)


def told(service: Service, what: str) -> set[str]:
    """What both workers say: who has more connections than the other takes no new one, so all are kept meanwhile."""
    with ExitStack() as kept:
        sessions = [kept.enter_context(requests.Session()) for _ in range(24)]
        return {session.get(f"{service.base}/readyz", timeout=20).json()[what] for session in sessions}


def states(service: Service) -> set[str]:
    return told(service, "rules")


def revisions(service: Service) -> set[str]:
    return told(service, "revision")


def test_a_good_change_reaches_every_worker(service: Service, rules: Path) -> None:
    (before,) = revisions(service)
    rules.write_text(rules.read_text("utf-8") + '\n[sites.fresh]\nemail = "optional"\n', "utf-8")
    begun = time.monotonic()
    wait_until(lambda: revisions(service).isdisjoint({before}) and len(revisions(service)) == 1)
    print(f"every worker has it after {time.monotonic() - begun:.1f} s")  # promised are 2 s
    assert service.post("fresh", author={"name": "Ana"}).status_code == 202


def test_a_comment_alone_makes_no_new_revision(service: Service, rules: Path) -> None:
    before = revisions(service)
    rules.write_text("# a comment\n" + rules.read_text("utf-8"), "utf-8")
    wait_until(lambda: False in [line.get("changed") for line in service.log_lines()])
    assert revisions(service) == before


BROKEN = {
    "syntax": "x = [",
    "unknown key": "[sites.demo]\nmod = 'pre'\n",
    "wrong type": "[sites.demo]\ndepth = 'five'\n",
    "two problems": "[sites.demo]\ndepth = 99\nmode = 'never'\n",
    "empty": "",
    "binary": "\x00\x01",
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_wrong_file_changes_nothing_and_everyone_says_so(service: Service, rules: Path, name: str) -> None:
    before = revisions(service)
    rules.write_text(BROKEN[name], "utf-8")
    wait_until(lambda: states(service) == {"degraded"})
    assert service.post().status_code == 202
    assert revisions(service) == before
    assert "moderation_rules_ok 0.0" in requests.get(f"{service.base}/metrics", timeout=20).text
    refused = [line for line in service.log_lines() if line["event"] == "rules-refused"]
    assert refused[-1]["problems"][0].startswith("moderation.toml:")


@pytest.mark.parametrize("what", ["deleted", "directory", "loop"])
def test_a_file_that_is_gone_changes_nothing(service: Service, rules: Path, what: str) -> None:
    good = rules.read_text("utf-8")
    rules.unlink()
    if what == "directory":
        rules.mkdir()
    elif what == "loop":
        rules.symlink_to(rules)
    try:
        wait_until(lambda: states(service) == {"degraded"})
        assert service.post().status_code == 202
    finally:
        if what == "directory":
            rules.rmdir()
        elif what == "loop":
            rules.unlink()
        rules.write_text(good, "utf-8")


def test_no_request_is_lost_while_the_file_changes_again_and_again(service: Service, rules: Path) -> None:
    answers: Counter[int] = Counter()
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            answers[service.post().status_code] += 1

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    good = rules.read_text("utf-8")
    for number in range(60):
        rules.write_text(good + f"\n[sites.s{number}]\n" if number % 2 else "x = [", "utf-8")
        stop.wait(0.05)
    stop.set()
    for sender in senders:
        sender.join()
    assert set(answers) == {202}


def test_a_restart_with_a_wrong_file_keeps_the_last_good_rules(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_service(state) as first:
        (revision,) = revisions(first)
        port = int(first.base.rpartition(":")[2])
        first.stop()
        (state / "moderation.toml").write_text("x = [", "utf-8")
        again = start(state, port)
        try:
            again.wait_ready()
            assert revisions(again) == {revision}
            assert states(again) == {"degraded"}
            assert again.post().status_code == 202
        finally:
            again.stop()


def test_a_first_start_with_a_wrong_file_says_what_is_wrong_and_ends(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    rules = RULES.replace("{base}", "http://a.example")
    (state / "moderation.toml").write_text(f"{rules}\nnonsense = 1\n[x]\ny = 1\n", "utf-8")
    service = start(state, free_port())
    assert service.process.wait(timeout=30) == 1
    assert "moderation.toml:" in service.log_text()
    assert "there is no such setting" in service.log_text()
