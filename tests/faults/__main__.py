"""`./run faults`: the long runs of the fault table, each in a line with its bound. Exits with 1 where one fails."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import click
from tests.faults import reloads, slow_clients
from tests.faults.config import RULES
from tests.faults.ground import standing
from tests.faults.runs import HEADS, run
from tests.faults.table import ELSEWHERE, FAULTS

ROOT = Path(__file__).parents[2]
THROUGH_NGINX: dict[str, Callable[[Path], tuple[str, bool]]] = {"F17": slow_clients.told, "RELOAD": reloads.told}


@click.command()
@click.option("--seed", type=int, default=20261128, show_default=True, help="Which faults strike when.")
@click.option("--only", multiple=True, help="This fault alone, such as F3; may be repeated.")
@click.option("--store", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--runs", type=int, help="So many runs of each. [the table's]")
@click.option("--accepted", type=int, default=20_000, show_default=True, help="Comments that KILLS has to take in.")
@click.option("--evidence", type=click.Path(path_type=Path), help="Write what is printed to this file, too.")
def main(seed: int, only: tuple[str, ...], store: str, runs: int | None, accepted: int, evidence: Path | None) -> None:
    """Strike a service under load with every fault of the table, and hold the client's ledger against its store."""
    known = {fault.code for fault in FAULTS} | THROUGH_NGINX.keys()
    if strange := set(only) - known:
        raise click.UsageError(f"Not in the table: {', '.join(sorted(strange))}. There are {', '.join(sorted(known))}.")
    told = StringIO()
    failed = 0
    with redirect_stdout(Both(sys.stdout, told)):
        print(_head())
        print(HEADS)
        with tempfile.TemporaryDirectory(prefix="faults-") as name:
            for fault in FAULTS:
                if store not in fault.stores or (only and fault.code not in only):
                    continue
                folder = Path(name) / fault.code
                folder.mkdir()
                with standing(folder, store, seed, RULES) as ground:
                    ground.is_long = True
                    goal = accepted if fault.code == "KILLS" else 0
                    result = run(ground, fault, runs or fault.long, goal)
                print(result.line, flush=True)
                for failure in result.failures:
                    print(f"       {failure}", flush=True)
                failed += bool(result.failures)
            for code, told_of in THROUGH_NGINX.items() if store == "sqlite" else ():
                if not only or code in only:
                    line, is_good = told_of(Path(name))
                    print(line, flush=True)
                    failed += not is_good
        for code, where in ELSEWHERE.items():
            if not only:
                print(f"{code:<6} {where}")
        print(f"{failed} failed. Load average at the end: {_load()}")
    if evidence:
        evidence.parent.mkdir(parents=True, exist_ok=True)
        evidence.write_text(f"$ {_command()}\n{told.getvalue()}", "utf-8")
    sys.exit(1 if failed else 0)


class Both(StringIO):
    """Writes to two places."""

    def __init__(self, *files: object) -> None:
        super().__init__()
        self._files = files

    def write(self, text: str) -> int:
        for file in self._files:
            file.write(text)  # type: ignore[attr-defined]
            file.flush()  # type: ignore[attr-defined]
        return len(text)


def _head() -> str:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return (
        f"commit {commit.stdout.strip()}, {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, "
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load average at the start: {_load()}"
    )


def _load() -> str:
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


def _command() -> str:
    """The command as somebody else would give it: where its output went is nobody's concern."""
    words = sys.argv[1:]
    if "--evidence" in words:
        at = words.index("--evidence")
        del words[at : at + 2]
    return " ".join(["./run faults", *(each for each in words if not each.startswith("--evidence="))])


if __name__ == "__main__":
    main()
