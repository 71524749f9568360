"""How the desk's pages cost with 10 thousand, 100 thousand and a million comments waiting, on SQLite and PostgreSQL.

`python -m bench.desk`: each page and a decision through the application itself, in this process. Processor time is that
of this process and of PostgreSQL's together; times by the clock are beside it. Medians over rounds.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask.testing import FlaskClient
from sqlalchemy import select, update
from tests.postgres import running_postgres
from tests.test_rights import as_person

from bench.stands import DURABILITY, POSTGRES, processor_seconds
from moderation import ids
from moderation.actions import numbers
from moderation.edges import comments, journal, vault
from moderation.edges.comments import NewComment
from moderation.edges.migrate import migrate
from moderation.edges.schema import comments as kept
from moderation.edges.search import words_of
from moderation.edges.telemetry import configure_logging
from moderation.environment import Environment
from moderation.runtime import Runtime
from moderation.values import ArticleRef, Decision, Effect, Finding, Role, Verdict
from moderation.web import cookies
from moderation.web.app import create_app

SIZES = (10_000, 100_000, 1_000_000)
BATCH = 2_000
ARTICLES = 500
DAYS = 60
RULES = '[sites.desk]\nname = "Desk"\npromise = "4 hours"\n[sites.other]\nname = "Other"\n'
RULE_IDS = ("links", "words.body", "style.shouting")
WORDS = [
    "the",
    "harbour",
    "bridge",
    "ferry",
    "council",
    "vote",
    "river",
    "budget",
    "school",
    "night",
    "wind",
    "train",
    "market",
    "tax",
    "street",
    "park",
    "water",
    "light",
    "house",
    "road",
    "boat",
    "winter",
    "summer",
    "plan",
    "cost",
    "people",
    "city",
    "mayor",
    "bus",
    "noise",
    "tree",
    "garden",
    "bench",
    "tower",
    "wall",
    "gate",
]
MIDDLING = "lighthouse"
"""A word that stands in one of a hundred comments."""
RARE = "zanzibar"
"""A word that stands in one of a thousand comments."""
SIXTY = "aurora"
"""A word that stands in 60 comments, however many there are: more than a page."""


REPORTED = 500
"""One of so many comments was reported by readers."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Milliseconds a request: of processors, and by the clock."""

    processor: float
    clock: float


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--sizes", default=",".join(map(str, SIZES)), show_default=True, help="Comments that wait, with commas.")
@click.option("--store", type=click.Choice(list(DURABILITY)), help="Only this one. [both]")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--requests", type=click.IntRange(1, 1000), default=20, show_default=True, help="Of each kind a round.")
def main(sizes: str, store: str | None, rounds: int, requests: int) -> None:
    """Print what the desk costs at each size, and by how much the largest costs more than the smallest."""
    configure_logging("error")
    for each in [store] if store else DURABILITY:
        print(f"### {DURABILITY[each]}\n", flush=True)
        found = {size: measured(each, size, rounds, requests) for size in map(int, sizes.split(","))}
        print("\n".join(table(found)), "\n", flush=True)


def table(found: dict[int, dict[str, Figure]]) -> list[str]:
    """Markdown: a row a kind of request, processor time with the clock's in brackets, and the ratio."""
    sizes = list(found)
    rows = [
        "| Milliseconds of processors (by the clock) | "
        + " | ".join(f"{size:,}" for size in sizes)
        + " | of the smallest |",
        "| --- |" + " --- |" * (len(sizes) + 1),
    ]
    for kind, smallest in found[sizes[0]].items():
        cells = [f"{found[size][kind].processor:.1f} ({found[size][kind].clock:.1f})" for size in sizes]
        ratio = found[sizes[-1]][kind].processor / smallest.processor
        rows.append(f"| {kind} | " + " | ".join(cells) + f" | **{ratio:.2f}** |")
    return rows


def measured(store: str, size: int, rounds: int, requests: int) -> dict[str, Figure]:
    """Every kind of request at one size."""
    with tempfile.TemporaryDirectory(prefix="bench-desk-") as name, _opened(store, Path(name)) as (rt, roots):
        _fill(rt, size)
        client, token = _signed_in(rt)
        return {
            kind: _median([_round(ask, roots, requests) for _ in range(rounds + 1)][1:])  # the first one warms up
            for kind, ask in _kinds(rt, client, token, size).items()
        }


@contextmanager
def _opened(store: str, folder: Path) -> Iterator[tuple[Runtime, list[int]]]:
    """A runtime over a fresh store, and the processes that work for it besides this one."""
    with running_postgres(POSTGRES) if store == "postgresql" else nullcontext() as postgres:
        (folder / "moderation.toml").write_text(RULES, "utf-8")
        env = Environment(
            state=folder,
            database_url=postgres.url(postgres.make_database()) if postgres else "",
            redis_url="redis://127.0.0.1:1/0",  # no page of the desk asks for it
            totp_required="none",
            log_level="error",
        )
        vault.ensure_keys(env.keys_path)
        migrate(env.database, folder / "migrate.lock")
        rt = Runtime(env)
        try:
            yield rt, [postgres.process()] if postgres else []
        finally:
            rt.close()


def _fill(rt: Runtime, size: int) -> None:
    """`size` comments that wait, spread over the last days and some articles, with what is kept beside each."""
    chance = random.Random(size)
    begin, step = rt.now() - timedelta(days=DAYS), timedelta(days=DAYS - 1) / size
    with rt.store.writing() as tx:
        refs = [ArticleRef(f"article-{number}", title=f"Article {number}") for number in range(ARTICLES)]
        articles = [each.id for each in comments.make_articles(tx, "desk", refs, begin).values()]
    for at in range(0, size, BATCH):
        some = [
            _comment(chance, begin + step * number, articles[number % ARTICLES], number, _marked(number, size))
            for number in range(at, min(at + BATCH, size))
        ]
        with rt.store.writing() as tx:
            comments.store(tx, some, rt.store.shard)
            journal.write(tx, [_entry(each) for each in some])
        with rt.store.writing() as tx:
            reported = [each.id for number, each in enumerate(some, at) if number % REPORTED == 7]
            tx.execute(update(kept).where(kept.c.id.in_(reported)).values(reports=1 + at % 9))
    while numbers.count(rt):
        pass
    if not rt.store.is_sqlite:
        with rt.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")  # as autovacuum does some minutes later


def _marked(number: int, size: int) -> list[str]:
    """The words that few comments hold, spread over all."""
    every = {MIDDLING: 100, RARE: 1000, SIXTY: max(size // 60, 1)}
    return [word for word, step in every.items() if number % step == 7]


def _comment(chance: random.Random, at: datetime, article: int, number: int, marked: list[str]) -> NewComment:
    body = " ".join(chance.choices(WORDS, k=25) + marked)
    found = [Finding(rule, Effect.HOLD, "found") for rule in chance.sample(RULE_IDS, chance.randrange(3))]
    comment_id = ids.make(at, chance.randbytes(4))
    return NewComment(
        id=comment_id, site="desk", article_id=article, parent_id=None, root_id=comment_id, depth=0,
        author_name=f"Reader {number % 5000}", author_url=None, email_sealed="v1.1.x.x",
        email_index=b"\\1" + (number % 5000).to_bytes(16, "big"), email_masked="r•••@m•••.org", verified=False,
        address_hash=b"x" * 16, address_prefix="192.0.2.0/24", words=words_of(body), body=body, html=f"<p>{body}</p>",
        verdict=Verdict(Decision.HOLD, tuple(found), (), "0" * 16), facts={}, created_at=at.astimezone(UTC),
        language="de" if number % 150 == 7 else "en",
    )  # fmt: skip


def _entry(comment: NewComment) -> journal.Entry:
    told = {"site": comment.site, "target": comment.id, "after": "pending"}
    return journal.Entry(comment.created_at, "rules", "service", "received", **told)


def _signed_in(rt: Runtime) -> tuple[FlaskClient, str]:
    secret, token = as_person(rt, Role.ADMIN, None)
    app = create_app(rt)
    client = app.test_client()
    with app.app_context():
        client.set_cookie(cookies.SESSION.name, secret)
    return client, token


def _kinds(rt: Runtime, client: FlaskClient, token: str, size: int) -> dict[str, Callable[[], None]]:
    """What is asked, by name."""

    def page(query: str) -> Callable[[], None]:
        def ask() -> None:
            with client.get(f"/desk/{query}", headers={"Accept": "text/html"}) as answer:
                assert answer.status_code == 200, answer.status_code

        return ask

    with rt.store.reading() as tx:
        waiting = iter(_some_ids(tx, size))

    def decide() -> None:
        fields = {"id": next(waiting), "version": "1", "decision": "approve", "csrf_token": token}
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}
        with client.post("/desk/decisions", data=fields, headers=headers) as answer:
            assert answer.status_code == 200, answer.get_data(as_text=True)

    return {
        "Queue page, oldest first": page("?site=desk"),
        "Queue page, most severe first": page("?site=desk&sort=gravest"),
        "Queue page, most reported first": page("?site=desk&sort=reported"),
        "Queue page, article by article": page("?site=desk&sort=article"),
        "Queue page, by rule": page("?site=desk&rule=links"),
        "Queue page, by a rare language": page("?site=desk&language=de"),
        "Queue page, the same, most severe first": page("?site=desk&language=en&sort=gravest"),
        "Search, a word in 60 comments": page(f"?q={SIXTY}"),
        "Search, a word in one of 1,000": page(f"?q={RARE}"),
        "Search, a word in one of 100": page(f"?q={MIDDLING}"),
        "Search, a word in every other": page("?q=harbour"),
        "Search, the same, most severe first": page("?q=harbour&sort=gravest"),
        "Counts": page("live"),
        "A decision": decide,
        "Numbers, 30 days": page("numbers?days=30"),
    }


def _some_ids(tx: Any, size: int) -> list[str]:
    """Comments from all over the queue, to be decided."""
    found = tx.execute(select(kept.c.id).order_by(kept.c.id).limit(min(size, 20_000))).scalars().all()
    return random.Random(size).sample(list(found), min(len(found), 5_000))


def _round(ask: Callable[[], None], roots: list[int], requests: int) -> Figure:
    others, own, clock = processor_seconds(roots), time.process_time(), time.perf_counter()
    for _ in range(requests):
        ask()
    spent = time.process_time() - own + processor_seconds(roots) - others
    return Figure(spent / requests * 1000, (time.perf_counter() - clock) / requests * 1000)


def _median(found: list[Figure]) -> Figure:
    return Figure(statistics.median(each.processor for each in found), statistics.median(each.clock for each in found))


if __name__ == "__main__":
    main(prog_name="python -m bench.desk")
