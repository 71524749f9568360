"""/livez, /readyz, /metrics, and what `moderation` says on the command line."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.service import PASSWORD, Service, free_port, running_service, start

from moderation.edges import rules_file


def run(service: Service, *words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """`moderation WORDS` with the service's environment and `more` of it."""
    command = [sys.executable, "-m", "moderation", *words]
    env = service.env | more
    return subprocess.run(command, input=stdin, capture_output=True, text=True, env=env, timeout=60, check=False)


def test_the_probes_answer(service: Service) -> None:
    assert service.get("/livez").json()["status"] == "ok"
    ready = service.get("/readyz").json()
    assert {ready["status"], ready["store"], ready["limits"], ready["rules"]} == {"ok"}


def test_the_metrics_count_what_happened(service: Service) -> None:
    def value(name: str) -> float:
        found = re.search(rf"^{re.escape(name)} ([\d.e+]+)$", service.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    held = 'moderation_submissions_total{result="held",site="demo"}'
    pending = 'moderation_pending_comments{site="demo"}'
    before = value(held), value(pending)
    service.post()
    assert (value(held), value(pending)) == (before[0] + 1, before[1] + 1)
    assert value("moderation_rules_ok") == 1
    assert value("moderation_limits_ok") == 1


def test_a_refused_submission_is_counted_under_the_word_that_its_sender_is_told(service: Service) -> None:
    answers = [service.post(body="") for _ in range(2)] + [
        service.post(body="Once would have been enough.") for _ in range(2)
    ]
    told = {answer.json()["type"].rpartition(":")[2] for answer in answers if answer.status_code >= 400}
    assert told == {"invalid", "duplicate"}
    counted = set(re.findall(r'submissions_total{result="([^"]+)",site="demo"}', service.get("/metrics").text))
    assert told | {"held"} <= counted
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", word) for word in counted)


def test_the_first_lines_name_the_addresses_and_a_link(service: Service) -> None:
    told = (service.state / "stdout.log").read_text("utf-8")
    for path in ("/demo/demo/", "/desk", "/docs", "/desk/set-password?token="):
        assert service.base + path in told


def test_check_prints_every_problem_with_its_place(service: Service, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[sites.demo]\nmode = "always"\ndepth = 0\n\n[sites.demo.linkz]\n', "utf-8")
    done = run(service, "check", str(wrong))
    assert done.returncode == 1
    places = [line.split(": ")[0] for line in done.stderr.splitlines()]
    assert places == ["wrong.toml:2:1", "wrong.toml:3:1", "wrong.toml:5:1"]
    assert "did you mean links" in done.stderr
    wrong.write_text(rules_file.default_text(), "utf-8")
    assert run(service, "check", str(wrong)).returncode == 0


def test_people_are_added_with_a_password_or_a_link(service: Service) -> None:
    done = run(service, "users", "add", "Uma", "--password-stdin", "--state", str(service.state), stdin=PASSWORD + "\n")
    assert done.returncode == 0
    assert "Uma can sign in" in done.stdout
    linked = run(service, "users", "add", "Vic", "--role", "admin", "--state", str(service.state))
    assert "/desk/set-password?token=" in linked.stdout
    again = run(service, "users", "add", "Vic", "--state", str(service.state))
    assert again.returncode == 1
    assert "already" in again.stderr
    short = run(service, "users", "add", "Wim", "--password-stdin", "--state", str(service.state), stdin="short\n")
    assert "at least 12 characters" in short.stderr


def test_who_forgot_the_password_gets_a_new_link_from_the_shell(service: Service) -> None:
    service.person("Gus")
    link = service.command("users", "link", "gus")
    assert link.startswith(f"{service.base}/desk/set-password?token=")
    assert "Gus" in service.session.get(link, timeout=15).text
    newer = service.command("users", "link", "Gus")
    assert service.session.get(link, timeout=15).status_code == 404, "the older link has stopped working"
    assert service.session.get(newer, timeout=15).status_code == 200
    service.command("users", "change", "Gus", "--off")
    off = run(service, "users", "link", "Gus", "--state", str(service.state))
    assert "/desk/set-password?token=" in off.stdout
    assert off.stderr.endswith("is switched off, and the link does not work before: moderation users change Gus --on\n")
    service.command("users", "change", "Gus", "--on")
    assert service.session.get(off.stdout.strip(), timeout=15).status_code == 200
    nobody = run(service, "users", "link", "Nobody", "--state", str(service.state))
    assert nobody.returncode == 1
    assert "nobody of that name" in nobody.stderr


def test_roles_change_and_people_are_switched_off_and_on_from_the_shell(service: Service) -> None:
    service.person("Ida")
    told = service.command("users", "change", "Ida", "--role", "auditor", "--off")
    assert told == "Ida is now auditor and is switched off. Signed out everywhere."
    assert "Ida\tauditor\tall sites\tdisabled" in service.command("users", "list").splitlines()
    service.command("users", "change", "Ida", "--on")
    assert "Ida\tauditor\tall sites" in service.command("users", "list").splitlines()
    empty = run(service, "users", "change", "Ida", "--state", str(service.state))
    assert empty.returncode == 2
    assert "--off" in empty.stderr


def test_the_record_is_verified_from_the_shell_and_the_first_broken_row_is_named(
    service: Service, tmp_path: Path
) -> None:
    state = ("--state", str(tmp_path / "state"))
    assert "There is no database at" in run(service, "audit", "verify", *state).stderr
    for number in range(6):
        assert run(service, "users", "add", f"Person {number}", *state).returncode == 0
    good = run(service, "audit", "verify", *state)
    assert good.returncode == 0
    assert good.stdout.startswith("Rows 1 to 12 are as they were written.\nCheckpoint 12:")
    checkpoint = good.stdout.split()[-1]
    assert run(service, "audit", "verify", "--checkpoint", checkpoint, *state).returncode == 0
    assert run(service, "audit", "verify", "--checkpoint", "twelve", *state).returncode == 2

    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "moderation.db")) as database:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute("UPDATE journal SET actor = 'Nobody' WHERE seq = 5")
        database.execute("DROP TRIGGER journal_never_changes")
        database.execute("UPDATE journal SET actor = 'Nobody' WHERE seq = 5")
        database.commit()
    bad = run(service, "audit", "verify", *state)
    assert bad.returncode == 1
    assert bad.stdout == "Rows 1 to 4 are as they were written.\n"
    assert bad.stderr == "Row 5 is not what was written there.\n"
    told = run(service, "doctor", "--url", service.base, *state)
    assert "FAIL  record: row 5 is not as it was written." in told.stdout


def test_a_second_service_of_a_state_folder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_service(state) as first:
        told = (state / "address").read_text("utf-8")
        second = start(state, free_port())
        assert second.process.wait(timeout=40) == 1
        said = (state / "stderr.log").read_text("utf-8")
        assert f"runs already, at {first.base}. End it first" in said
        assert (state / "address").read_text("utf-8") == told
        assert first.get("/readyz").json()["status"] == "ok"
        first.process.kill()
        first.process.wait()
        first.process = start(state, int(first.base.rpartition(":")[2])).process
        first.wait_ready()


def test_doctor_knows_where_the_service_of_its_state_folder_listens(service: Service) -> None:
    found = run(service, "doctor", "--state", str(service.state))
    assert found.returncode == 0, found.stdout
    alive = run(
        service, "doctor", "--live", "--state", str(service.state), MODERATION_BASE_URL="https://desk.example.org"
    )
    assert alive.stdout == f"ok    service: {service.base} answers 200.\n"
    elsewhere = run(service, "doctor", "--live", "--state", str(service.state), "--port", "1")
    assert "nothing answers at http://127.0.0.1:1." in elsewhere.stdout


def test_doctor_is_content_with_a_good_service_and_says_what_is_missing(service: Service, tmp_path: Path) -> None:
    good = run(service, "doctor", "--url", service.base, "--state", str(service.state))
    assert good.returncode == 0, good.stdout
    assert "FAIL" not in good.stdout
    bad = run(service, "doctor", "--url", "http://127.0.0.1:1", "--state", str(tmp_path / "nowhere"))
    assert bad.returncode == 1
    assert "FAIL" in bad.stdout
    assert run(service, "doctor", "--live", "--url", service.base).returncode == 0


def test_a_wrong_setting_in_the_environment_is_told_in_words(service: Service, tmp_path: Path) -> None:
    wrong = {"MODERATION_PORT": "no", "MODERATION_TRUSTED_PROXIES": "0.0.0.0/0"}
    done = run(service, "serve", "--state", str(tmp_path), **wrong)
    assert done.returncode == 2
    assert "MODERATION_PORT" in done.stderr
    assert "MODERATION_TRUSTED_PROXIES" in done.stderr


def test_a_setting_can_come_from_a_file(service: Service, tmp_path: Path) -> None:
    (tmp_path / "state-name").write_text(f"{service.state}\n", "utf-8")
    done = run(service, "users", "list", MODERATION_STATE_FILE=str(tmp_path / "state-name"))
    assert done.returncode == 0, done.stderr
    assert "admin" in done.stdout


@pytest.mark.parametrize("command", ["", "serve", "users add", "tokens create", "doctor"])
def test_help_is_worth_reading(service: Service, command: str) -> None:
    done = run(service, *command.split(), "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 8


def test_a_key_file_that_others_can_read_stops_the_start(tmp_path: Path, service: Service) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes((service.state / "keys.json").read_bytes())
    keys.chmod(0o644)
    done = run(service, "serve", "--state", str(tmp_path / "s"), MODERATION_KEYS=str(keys))
    assert done.returncode == 1
    assert "chmod 600" in done.stderr
