"""The first hour, as an operator's bad day: checks 7 to 9, 11, 15 and 20."""

from __future__ import annotations

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import redis
import requests
from tests.faults.ledger import Ledger, load
from tests.hour.reviewer import SECURE, Hour, Line, frozen, processes
from tests.service import CANARY, Service, free_port, start, wait_until
from tests.test_proxy import DEPLOY, ask, nginx, nginx_file, running, slow_clients

from moderation.edges import redis_server

ROOT = Path(__file__).parents[2]


def killed_processes_lose_nothing(hour: Hour) -> str:
    """7: kill -9 of workers under load, and of the whole service where it is ours to start again."""
    service = hour.service
    with load(service) as ledger:
        for _ in range(3):
            _more(ledger, 40)
            _, workers = processes(service.state)
            os.kill(random.choice(workers), signal.SIGKILL)
            wait_until(lambda: _is_ready(hour))
        if hour.is_ours:
            _more(ledger, 40)
            service.process.kill()
            service.process.wait()
            hour.restart()
        _more(ledger, 40)
    unknown = ledger.check_against(f"sqlite:///{service.state / 'moderation.db'}")
    killed = "3 workers and the service" if hour.is_ours else "3 workers"
    return f"{killed} killed: {len(ledger.accepted)} accepted = stored; {unknown} stored without an answer"


def _more(ledger: Ledger, more: int) -> None:
    goal = len(ledger.accepted) + more
    wait_until(lambda: len(ledger.accepted) >= goal, lambda: f"not accepted: {ledger.answers}")


def _is_ready(hour: Hour) -> bool:
    try:
        return bool(hour.ready())
    except requests.RequestException:
        return False


def redis_away_stops_nothing(hour: Hour) -> str:
    """8: the embedded Redis killed, then frozen."""
    service = hour.service
    pid = _redis_pid(service)
    os.kill(pid, signal.SIGKILL)
    times = [_timed(hour) for _ in range(20)]
    wait_until(lambda: hour.ready()["limits"] == "ok" and _redis_pid(service) != pid)
    with frozen(_redis_pid(service)):
        times += [_timed(hour) for _ in range(60)]
        wait_until(lambda: hour.ready()["limits"] == "degraded", lambda: "it does not tell")
        line, address = Line(hour.port, "127.0.6.1"), []
        for _ in range(30):
            address.append(line.post("/v1/try/comments", service.comment()).status)
        line.close()
    assert 429 in address, "without Redis nothing is limited"
    assert 202 in address, "without Redis nothing is taken in"
    wait_until(lambda: hour.ready()["limits"] == "ok", lambda: "it does not heal")
    worst = max(times)
    assert worst < 5, f"a comment waited {worst:.2f} s for Redis"
    beyond = sum(each > 0.15 for each in times)
    return f"{len(times)} posts 202, worst {worst * 1000:.0f} ms ({beyond} over the 150 aimed at); limits bite; heals"


def _redis_pid(service: Service) -> int:
    try:
        client = redis.Redis.from_url(redis_server.socket_url(service.state), socket_timeout=2)
        return int(client.info("server")["process_id"])
    except redis.RedisError:
        return 0


def _timed(hour: Hour) -> float:
    line = Line(hour.port)
    told = line.post("/v1/demo/comments", hour.service.comment())
    line.close()
    assert told.status == 202, f"{told.status}: {told.body[:200]!r}"
    return told.seconds


def a_broken_rules_file_changes_nothing(hour: Hour) -> str:
    """9: what is no TOML, a pattern that hangs other engines, no file at all."""
    service = hour.service
    revision = hour.ready()["revision"]
    with hour.other_rules("x = [\n"):
        wait_until(lambda: _is_refused(hour), lambda: "nobody tells of the broken file")
        assert service.post().status_code == 202
        assert hour.ready()["revision"] == revision
        desk = hour.browser("Reviewer").get("/desk/")
        assert "moderation.toml:" in desk, "the desk does not show where the mistake is"
        if hour.is_ours:
            lines = [line for line in service.log_text().splitlines() if '"rules-refused"' in line]
            assert re.search(r"moderation\.toml:\d+", lines[-1]), "the log names no line"
    pattern = '\n[[rules]]\nid = "evil"\nwhen = \'comment.body.matches(r"(a+)+$")\'\nthen = "hold"\nbecause = "x"\n'
    with hour.other_rules(hour.rules + pattern):
        refused = "the pattern is refused; it is to be run in linear time"
        wait_until(lambda: hour.ready()["revision"] != revision, lambda: refused)
        begun = time.perf_counter()
        assert service.post(body="a" * 4000 + "!").status_code == 202
        took = time.perf_counter() - begun
        assert took < 5, f"(a+)+$ took {took:.1f} s"
    with hour.other_rules(None):
        wait_until(lambda: _is_refused(hour), lambda: "nobody tells of the missing file")
        assert service.post().status_code == 202
    told = "old rules live; line in log, metric 0 and banner"
    return f"{told}; (a+)+$ on 4,000 letters: {took * 1000:.0f} ms; no file: old rules live"


def _is_refused(hour: Hour) -> bool:
    metrics = hour.service.get("/metrics").text
    return hour.ready()["rules"] == "degraded" and bool(re.search(r"^moderation_rules_ok(\{.*\})? 0\.0", metrics, re.M))


def slow_clients_stop_nobody(hour: Hour) -> str:
    """11: 200 connections that dribble their headers, through nginx as shipped."""
    folder = hour.folder / "nginx"
    folder.mkdir()
    port = free_port()
    upstream = folder / "upstream.conf"
    upstream.write_text((DEPLOY / "nginx-upstream.conf").read_text().replace(":8080", f":{hour.port}"))
    with (
        running([nginx(), "-e", "stderr", "-c", str(nginx_file(folder, port, upstream))], port, folder),
        slow_clients(port, [b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "] * 200),
    ):
        begun, times = time.monotonic(), []
        while time.monotonic() < begun + 3:
            answer = ask(port, "GET", "/v1/demo/comments?article=first-article")
            assert answer.status == 200, f"{answer.status} while others are slow"
            times.append(answer.seconds)
    worst = max(times)
    assert worst < 5, f"a reader waited {worst:.2f} s"
    return f"{len(times)} readers answered, 0 failed, worst {worst * 1000:.0f} ms (aim 100)"


def webhooks_reach_nothing_inside(hour: Hour) -> str:
    """15: addresses inside, as webhooks: each is refused with its line. Names are looked up when they are asked, which
    tests/edges/test_outside.py has."""
    urls = ["https://169.254.169.254/", "https://[::ffff:10.0.0.1]/", "https://2130706433/", "http://hook.example.org/"]
    rules = hour.folder / "inside.toml"
    rules.write_text("".join(f'[sites.s{at}.webhook]\nurl = "{url}"\n' for at, url in enumerate(urls)), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "moderation", "check", str(rules)],
        capture_output=True, text=True, env=hour.service.env, timeout=60, check=False,
    )  # fmt: skip
    told = [line for at in range(len(urls)) for line in done.stderr.splitlines() if f":{2 * at + 2}:1: " in line]
    assert done.returncode == 1, done.stdout
    assert len(told) == len(urls), done.stderr
    return f"{len(urls)} of {len(urls)} refused with their line: metadata, mapped IPv6, decimal, no TLS"


def the_docs_work_word_by_word(hour: Hour) -> str:
    """20: backup, restore, upgrade, rotation of a key and erasure as docs/operations.md has them, on a clean state
    folder."""
    begun = time.monotonic()
    commands = re.findall(r"^moderation [^#\n]+", (ROOT / "docs" / "operations.md").read_text("utf-8"), re.MULTILINE)
    service, backups = hour.clean, hour.folder / "backups"
    backups.mkdir()

    def typed(word: str, *more: str) -> str:
        """The command of the page that begins with `word`, as it stands there but for the backup's place."""
        line = next(each for each in commands if each.startswith(f"moderation {word}"))
        words = shlex.split(line.replace("/backups/", f"{backups}/"))[1:]
        return service.command(*words, *more, stdin=f"{CANARY}\n" if "-" in words else "")

    assert service.post("open", article="clean").status_code == 201
    typed("backup")
    assert service.post("open", article="clean").status_code == 201
    service.stop()
    typed("restore")
    port = int(service.base.rpartition(":")[2])
    service.process = start(service.state, port, workers=2, env=SECURE).process  # the upgrade: stop, start
    service.wait_ready()
    assert service.get("/v1/open/counts?article=clean").json()["counts"] == {"clean": 1}, "not as it was backed up"
    failed = _reload_under_load(service)
    assert not failed, f"{failed} requests were dropped by kill -HUP"
    for step in ("rotate", "reencrypt", "retire"):  # the running service must take the new key up by itself
        told = typed(f"keys {step}")
        if step == "rotate":
            assert service.post("open", article="rotated").status_code == 201
    assert "retired" in told, told
    assert "0 cannot be read" in service.command("keys", "reencrypt", "email-enc")
    assert "email-enc" in typed("keys show")
    assert service.post("open", article="rotated").status_code == 201
    assert CANARY in typed("privacy export")
    assert "Nothing was erased" in typed("privacy erase")
    assert "Erased: 3 comments." in typed("privacy erase", "--yes")
    assert "FAIL" not in service.command("doctor")
    done = "backup, restore, HUP under load, keys rotate, reencrypt, retire, erase"
    return f"{done}: as written; doctor green; {time.monotonic() - begun:.0f} s"


def _reload_under_load(service: Service) -> int:
    """kill -HUP while readers read: how many were not answered."""
    failed, answered, stop = [], [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                answered.append(requests.get(f"{service.base}/v1/open/comments?article=clean", timeout=20).status_code)
            except requests.RequestException as error:
                failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        wait_until(lambda: len(answered) > 20)
        _, before = processes(service.state)
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not set(before) & set(processes(service.state)[1]))
        goal = len(answered) + 20
        wait_until(lambda: len(answered) > goal)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    return len(failed) + sum(status != 200 for status in answered)
