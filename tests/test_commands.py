"""What is the same for all commands: a folder that holds nothing is told in words and left alone, and an answer is the
command's own."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from moderation.cli import main
from moderation.edges.store import store_name
from tests.service import CANARY, PASSWORD, running_service

LOOKING = {
    "privacy erase --email -": "database",
    "privacy export --email -": "database",
    "privacy reapply": "database",
    "audit verify": "database",
    "users list": "database",
    "users link Ana": "database",
    "users change Ana --off": "database",
    "tokens create --scope queue:read": "database",
    "tokens list": "database",
    "tokens end 0123": "database",
    "hold list": "database",
    "limits show --site demo": "database",
    "webhooks show": "database",
    "keys rotate email-enc": "database",
    "keys show": "keys.json",
    "worker": "database",
    "backup copy": "database",
    "backtest new.toml": "database",
    "check": "moderation.toml",
    "doctor": "missing",
}


def ask(words: str, state: Path) -> Result:
    return CliRunner().invoke(main, [*words.split(), "--state", str(state)], input=CANARY)


@pytest.mark.parametrize("words", LOOKING)
def test_a_folder_that_holds_nothing_is_told_and_left_alone(words: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "state"
    done = ask(words, nowhere)
    assert done.exit_code == 1, done.output
    assert LOOKING[words] in done.output
    assert "Nothing is kept" not in done.output
    assert not list(tmp_path.iterdir())


def test_a_folder_without_its_keys_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "moderation.db").touch()
    done = ask("users list", tmp_path)
    assert (done.exit_code, done.output) == (
        1, f"There are no keys at {tmp_path}/keys.json. Name the service's state folder with --state.\n"
    )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["moderation.db"]


def test_the_first_admin_may_be_added_before_the_first_start(tmp_path: Path) -> None:
    added = ask("users add Ana --role admin", tmp_path / "state")
    assert (added.exit_code, "There was no service at " in added.stderr) == (0, True)
    assert "There was no service" not in ask("users add Bo", tmp_path / "state").stderr
    assert ask("users list", tmp_path / "state").output == "Ana\tadmin\tall sites\nBo\tmoderator\tall sites\n"


def test_a_store_is_named_without_its_password() -> None:
    assert store_name("sqlite:////srv/state/moderation.db") == "/srv/state/moderation.db"
    assert store_name("postgresql://desk:s3cret@db.example/comments") == "postgresql://desk:***@db.example/comments"


def test_the_last_admin_of_all_sites_is_not_switched_off_or_made_less(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def add(words: str) -> Result:
        named = ["users", "add", *words.split(), "--password-stdin", "--state", str(state)]
        return CliRunner().invoke(main, named, input=PASSWORD)

    assert add("Ada --role admin").exit_code == 0
    assert ask("users add Ida --role admin", state).exit_code == 0
    assert add("Una --role admin --site demo").exit_code == 0
    told = "name: Nobody else who can sign in is an admin of all sites. Make somebody one first.\n"
    for change in ("--off", "--role moderator"):
        done = ask(f"users change Ada {change}", state)
        assert (done.exit_code, done.output) == (1, told)
    assert ask("users change Una --off", state).exit_code == 0
    assert add("Eva --role admin").exit_code == 0
    assert ask("users change Ada --off", state).exit_code == 0
    assert ask("users change Eva --role senior", state).output == told


def test_a_token_is_listed_and_ended_from_a_shell(tmp_path: Path) -> None:
    state = tmp_path / "state"
    ask("users add Ada", state)
    token = ask("tokens create --scope queue:read --name feed --days 2", state).output
    known = token.split("_")[2]
    listed = ask("tokens list", state).output
    assert listed.startswith(f"{known}\tfeed\tqueue:read\tall sites\tuntil 20")
    assert listed.endswith("\tnever used\n")
    assert ask(f"tokens end {known}", state).output == "The token has stopped working.\n"
    assert ask("tokens list", state).output == ""
    assert ask(f"tokens end {known}", state).exit_code == 1


def test_only_scopes_that_open_something_are_given(tmp_path: Path) -> None:
    done = ask("tokens create --scope rules:write", tmp_path)
    assert done.exit_code == 2
    assert "'queue:read', 'decisions:write', 'escalations:write', 'articles:write', 'bans:write'" in done.output


def serve(state: Path, host: str, port: int) -> tuple[int, str]:
    """How a start ends that cannot be: code and sentence."""
    words = ["serve", "--state", str(state), "--host", host, "--port", str(port)]
    done = subprocess.run(
        [sys.executable, "-m", "moderation", *words], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("::1", "::1"), ("::", "0.0.0.0")],
)
def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path: Path, ours: str, theirs: str) -> None:
    state = tmp_path / "state"
    with socket.socket(socket.AF_INET6 if ":" in theirs else socket.AF_INET) as other:
        other.bind((theirs, 0))
        other.listen()
        port = other.getsockname()[1]
        code, said = serve(state, ours, port)
    assert code == 1
    told = re.fullmatch(rf"Error: Port {port} is taken\. Choose another: \./run --port (\d+)\n", said)
    assert told, said
    assert port < int(told[1]) < port + 100
    assert {path.name for path in state.iterdir()} == {"in-use.lock", "service.lock"}


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    _, said = serve(tmp_path, "192.0.2.1", 8080)
    assert said == "Error: Nothing can listen on 192.0.2.1, port 8080: Cannot assign requested address.\n"


def test_an_answer_holds_no_line_of_the_log(tmp_path: Path) -> None:
    with running_service(tmp_path / "state") as service:
        told = service.command("keys", "rotate", "email-enc")
        assert re.fullmatch(r"email-enc: key \d+ is active, key 1 still reads.", told)
