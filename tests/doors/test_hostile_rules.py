"""Hostile rules files, and patterns in every setting that takes words or patterns: our own, and those of a corpus.

A file takes effect only when it is valid as a whole; whatever it is, the service goes on with the rules it has. All of
them go through the reload that the service uses; some of our own also through a running service under load.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.doors.hostile import rows
from tests.doors.hostile.runs import Run
from tests.judge.cases import case
from tests.service import RULES, Service, running_service, wait_until

from moderation.edges import rules_file, vault
from moderation.edges.migrate import migrate
from moderation.environment import Environment
from moderation.errors import RulesInvalid, RulesProblem
from moderation.judge.pipeline import judge
from moderation.runtime import Runtime

GOOD = RULES.replace("{base}", "http://127.0.0.1:8080")
LONGEST_LOAD = 2.0
LONGEST_JUDGING = 0.25
"""Seconds of processor time for any text of 5,000 bytes under all patterns that were taken at once, on a busy machine.
A pattern that goes back over the text takes many times as long by itself."""

PLACES: dict[str, Callable[[Sequence[str]], str]] = {
    "words to deny": lambda patterns: f"[sites.demo.words]\ndeny = {json.dumps(patterns)}\n",
    "words to allow": lambda patterns: f"[sites.demo.words]\nallow = {json.dumps(patterns)}\n",
    "a list of words": lambda patterns: (
        "[sites.demo.words]\nown = " + json.dumps("[insult strong inflect]\n" + "\n".join(patterns)) + "\n"
    ),
    "new grades": lambda patterns: (
        "[sites.demo.words.regrade]\n" + "\n".join(f"{json.dumps(each)} = 'mild'" for each in patterns) + "\n"
    ),
    "domains": lambda patterns: f"[sites.demo.links]\ndeny = {json.dumps(patterns)}\n",
    "conditions of rules": lambda patterns: "".join(
        f"[[rules]]\nid = 'r{number}'\nthen = 'hold'\nbecause = 'x'\nwhen = {json.dumps(_condition(each))}\n"
        for number, each in enumerate(patterns)
    ),
}
"""Every setting that takes words or patterns, holding some."""

TEXTS = ["a" * 5000, "ab" * 2500, "a1 " * 1666, "x" * 4999 + "!", "=" * 5000, "aA" * 2499 + "\n!"]


@pytest.fixture
def rt(tmp_path: Path, redis_url: str) -> Iterator[Runtime]:
    """A runtime that reads `tmp_path / "moderation.toml"`."""
    (tmp_path / "moderation.toml").write_text(GOOD, "utf-8")
    env = Environment(state=tmp_path, redis_url=redis_url, workers=1)
    vault.ensure_keys(env.keys_path)
    migrate(env.database, tmp_path / "migrate.lock")
    opened = Runtime(env)
    yield opened
    opened.close()


def test_a_hostile_file_never_takes_effect_unless_it_is_valid(rt: Runtime, tell: Callable[[str], None]) -> None:
    run = Run()
    for row in (*rows.own("config_toml"), *rows.corpus("config_toml")):
        run.inputs += 1
        for text in (row.raw, GOOD.encode() + b"\n" + row.raw):
            before = rt.rules
            took_effect, seconds = _load(rt, text)
            run.requests += 1
            run.statuses[200 if took_effect else 422] += 1
            if took_effect:
                assert text is not row.raw or row.expect != "config_rejected_old_kept", row.id
                assert rt.rules_problems is None
            else:
                assert rt.rules is before, row.id
                assert rt.rules_problems is not None
                assert all(
                    each.sentence("moderation.toml").startswith("moderation.toml")
                    for each in rt.rules_problems.problems
                )
            assert seconds < LONGEST_LOAD, row.id
    tell(f"config_toml: {run.summary()}")
    assert _load(rt, GOOD.encode() + b"\n# good again\n")[0]


@pytest.mark.parametrize("place", list(PLACES))
def test_a_hostile_pattern_is_refused_or_quick_on_every_text(
    rt: Runtime, place: str, tell: Callable[[str], None]
) -> None:
    patterns, taken = (*rows.own("regex_rule"), *rows.corpus("regex_rule")), []
    run = Run(inputs=len(patterns))
    for row in patterns:
        begun = time.thread_time()
        is_valid = _is_valid(_file(place, [row.text]))
        assert time.thread_time() - begun < LONGEST_LOAD, row.id
        run.requests += 1
        run.statuses[200 if is_valid else 422] += 1
        taken += [row.text] if is_valid else []
    tell(f"regex_rule in {place}: {run.summary()}")
    if not taken:
        return
    distinct = list({pattern.casefold(): pattern for pattern in taken}.values())
    took_effect, _ = _load(rt, _file(place, distinct).encode())
    assert took_effect, rt.rules_problems
    for text in TEXTS:
        assert any(_seconds_to_judge(rt, text) < LONGEST_JUDGING for _ in range(5)), text[:10]


def _condition(pattern: str) -> str:
    return f"comment.body.matches({json.dumps(pattern)})"


def _file(place: str, patterns: Sequence[str]) -> str:
    return f"{GOOD}\n{PLACES[place](patterns)}"


def _is_valid(text: str) -> bool:
    """What `moderation check` says. A refusal names a line."""
    problems: Sequence[RulesProblem] = ()
    try:
        rules_file.check_text(text, "moderation.toml")
    except RulesInvalid as refused:
        problems = refused.problems
    assert all(each.line for each in problems)
    return not problems


def _load(rt: Runtime, text: bytes) -> tuple[bool, float]:
    """Write `text` as the rules file and read it: whether it took effect, and the processor time of that."""
    rt.env.rules_path.write_bytes(text)
    begun = time.thread_time()
    took_effect = rt.reload()
    return took_effect, time.thread_time() - begun


def _seconds_to_judge(rt: Runtime, text: str) -> float:
    begun = time.thread_time()
    judge(case(body=text), rt.rules.sites["demo"])
    return time.thread_time() - begun


def test_a_running_service_goes_on_under_hostile_files(tmp_path: Path) -> None:
    """One file in five of ours, one after another, while comments come in: each is refused, and not one is lost."""
    answers: Counter[int] = Counter()
    stop = threading.Event()
    with running_service(tmp_path / "state") as service:

        def send() -> None:
            while not stop.is_set():
                answers[service.post().status_code] += 1

        senders = [threading.Thread(target=send) for _ in range(2)]
        for sender in senders:
            sender.start()
        (service.state / "moderation.toml").rename(service.state / "good.toml")
        before = service.get("/readyz").json()["revision"]
        for row in rows.own("config_toml")[::5]:
            refusals = _refusals(service)
            (service.state / "moderation.toml").write_bytes(row.raw)
            wait_until(lambda refusals=refusals: _refusals(service) > refusals)
            told = service.get("/readyz").json()
            assert (told["rules"], told["revision"]) == ("degraded", before)
        stop.set()
        for sender in senders:
            sender.join()
        (service.state / "good.toml").rename(service.state / "moderation.toml")
        wait_until(lambda: service.get("/readyz").json()["rules"] == "ok")
    assert set(answers) == {202}


def _refusals(service: Service) -> int:
    return sum(line["event"] == "rules-refused" for line in service.log_lines())
