#!/usr/bin/env python3
"""The first hour of a hostile reviewer: twenty checks, each really done, told as a table. Exits with 1 when one fails.

    ./run first-hour                             starts a service of its own, in a folder that is gone afterwards
    ./run first-hour --only 3 --only 17          these alone
    ./run first-hour --base URL --state DIR      against a service that runs already, on SQLite and the embedded Redis

A running service is treated badly: workers and Redis are killed, people, tokens and comments are made, the rules file
is replaced and put back. Never name one that matters. It must run with MODERATION_TRUSTED_PROXIES=127.0.0.2/32 and
MODERATION_TOTP_REQUIRED=none, and its state folder must be ours to read.

Times are told beside what is aimed at; a check fails over them only where no busy machine explains it (5 s).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if find_spec("moderation") is None or find_spec("playwright") is None:  # typed without the environment of ./run
    os.execv(ROOT / "run", ["run", "first-hour", *sys.argv[1:]])
sys.path.insert(0, str(ROOT))

import click  # noqa: E402 - only now it is sure to be there

from tests.hour import moderators, operators, readers  # noqa: E402
from tests.hour.reviewer import HOUR_RULES, SETTINGS, Hour, Missing  # noqa: E402
from tests.service import Service, running_service, wait_until  # noqa: E402

CHECKS: Sequence[tuple[int, str, Callable[[Hour], str]]] = (
    (1, "HTML in every field", readers.html_in_every_field),
    (2, "what waits is not public", readers.nothing_pending_is_public),
    (3, "200 spoofed addresses", readers.spoofed_addresses_change_nothing),
    (4, "1,000 IPv6 of one /64", readers.one_network_is_one_client),
    (5, "known and unknown e-mail", readers.known_and_unknown_look_alike),
    (6, "two tabs, 20 scripts, one comment", moderators.only_one_decides),
    (7, "kill -9 during posts", operators.killed_processes_lose_nothing),
    (8, "Redis killed, then frozen", operators.redis_away_stops_nothing),
    (9, "a broken rules file", operators.a_broken_rules_file_changes_nothing),
    (10, "bodies to choke on", readers.bad_bodies_are_refused),
    (11, "200 slow clients through nginx", operators.slow_clients_stop_nobody),
    (12, "cross-site forms, GETs that change", moderators.other_sites_cause_nothing),
    (13, "an old cookie", moderators.an_old_cookie_opens_nothing),
    (14, "guessing passwords and codes", moderators.guessing_locks_nobody_out),
    (15, "webhooks to addresses inside", operators.webhooks_reach_nothing_inside),
    (16, "an e-mail address left anywhere", readers.no_address_is_left_anywhere),
    (17, "the same Idempotency-Key again", readers.sending_again_stores_once),
    (18, "an edited record", moderators.a_changed_record_shows),
    (19, "headers by eye", readers.headers_by_eye),
    (20, "the docs, word by word", operators.the_docs_work_word_by_word),
)


@click.command()
@click.option("--base", help="Address of a running service.")
@click.option("--state", type=click.Path(path_type=Path, exists=True), help="Its state folder.")
@click.option("--only", type=click.IntRange(1, len(CHECKS)), multiple=True, help="This check alone; may be repeated.")
def main(base: str | None, state: Path | None, only: tuple[int, ...]) -> None:
    """The first hour of a hostile reviewer, in a minute. Exits with 1 when a check fails."""
    if (base is None) != (state is None):
        raise click.UsageError("--base and --state go together.")
    failed = 0
    with (
        tempfile.TemporaryDirectory(prefix="first-hour-") as name,
        ExitStack() as stack,
        _hour(base, state, Path(name), stack) as hour,
    ):
        print(f" #  {'check':<35} {'s':>5}  result  what was seen")
        for number, what, check in CHECKS:
            if only and number not in only:
                continue
            begun = time.monotonic()
            result, seen = _done(check, hour)
            failed += result == "FAIL"
            print(f"{number:>2}  {what:<35} {time.monotonic() - begun:>5.1f}  {result:<6}  {seen}", flush=True)
    print(f"{failed} failed.")
    sys.exit(1 if failed else 0)


def _done(check: Callable[[Hour], str], hour: Hour) -> tuple[str, str]:
    """`ok`, `open` (what it is about does not exist yet) or `FAIL`, and what was seen."""
    try:
        return "ok", check(hour)
    except Missing as missing:
        return "open", str(missing)
    except AssertionError as failure:
        return "FAIL", str(failure)
    except Exception as error:  # noqa: BLE001 - a check that breaks is a check that failed; the others go on
        return "FAIL", f"{type(error).__name__}: {error}"


@contextmanager
def _hour(base: str | None, state: Path | None, folder: Path, stack: ExitStack) -> Iterator[Hour]:
    if base is None or state is None:
        with running_service(folder / "state", rules=HOUR_RULES, workers=2, env=SETTINGS) as service:
            yield Hour(service, folder, True, (service.state / "moderation.toml").read_text("utf-8"), stack)
        return
    path = state / "moderation.toml"
    before = path.read_text("utf-8")
    nothing = subprocess.Popen(["true"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_")}
    service = Service(base.rstrip("/"), state, nothing, environment)
    rules = HOUR_RULES.replace("{base}", service.base)
    try:
        path.write_text(rules, "utf-8")
        wait_until(lambda: service.get("/v1/try/counts?article=a").status_code == 200)
        yield Hour(service, folder, False, rules, stack)
    finally:
        path.write_text(before, "utf-8")


if __name__ == "__main__":
    main()
