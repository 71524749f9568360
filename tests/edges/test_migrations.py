"""Each revision of the schema leads to the tables of `schema`, and keeps what was stored before it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from moderation.edges import migrate, schema, search
from moderation.edges.store import make_engine

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def upgrade(engine: sa.Engine, to: str) -> None:
    with engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrate.SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        connection.commit()


def test_each_revision_follows_the_one_before_it() -> None:
    """What is stored is told to be of now by the highest number (`migrate.known_revisions`)."""
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert walked[::-1] == migrate.known_revisions() == [f"{number:04d}" for number in range(1, len(walked) + 1)]


def old_comment(number: int, status: str, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """A row as the first version wrote it."""
    return {
        "id": f"{number:016d}", "site": "demo", "article_id": 1, "root_id": f"{number:016d}", "depth": 0,
        "status": status, "version": 1, "author_name": "Ana", "verified": False, "body": f"Words {number}",
        "html": "<p>Words</p>", "masks": [], "findings": findings, "verdict": "hold", "revision": "0" * 16,
        "created_at": AT,
    }  # fmt: skip


def found(rule: str, effect: str) -> dict[str, Any]:
    return {"rule": rule, "effect": effect, "code": "x", "field": "body", "spans": [], "data": {}}


def store_old(engine: sa.Engine, rows: list[dict[str, Any]]) -> None:
    """Write with the columns that the first version knew."""
    with engine.begin() as connection:
        article = {"id": 1, "site": "demo", "key": "first", "closed": False, "created_at": AT, "version": 0}
        connection.execute(sa.insert(schema.articles), {**article, "approved": 0, "title": "The last ferry"})
        connection.execute(sa.insert(schema.comments), rows)


def test_a_migrated_store_has_the_tables_of_the_schema(empty_url: str, tmp_path: Path) -> None:
    migrate.migrate(empty_url, tmp_path / "lock")
    engine = make_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": False, "include_object": is_compared, "include_name": is_ours}
        )
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_a_migration_that_ends_half_way_has_changed_nothing(empty_url: str, tmp_path: Path) -> None:
    engine = make_engine(empty_url)
    upgrade(engine, "0007")
    before = set(sa.inspect(engine).get_table_names())
    store_old(engine, [old_comment(number, "pending", []) for number in range(1, 20)])

    def fails(*given: Any) -> None:
        if "CREATE TABLE search_rows" in given[2]:
            raise KeyboardInterrupt

    sa.event.listen(sa.Engine, "after_cursor_execute", fails)
    try:
        with pytest.raises(KeyboardInterrupt):
            migrate.migrate(empty_url, tmp_path / "lock")
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", fails)
    assert set(sa.inspect(engine).get_table_names()) == before
    migrate.migrate(empty_url, tmp_path / "lock")
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.comments)).scalar() == 19
    engine.dispose()


def is_compared(_: Any, name: str | None, kind: str, *__: Any) -> bool:
    """Only PostgreSQL has this index; SQLite's own is not one that can be compared."""
    return (name, kind) != ("ix_search_rows_words", "index")


def is_ours(name: str | None, kind: str, _: Any) -> bool:
    """The full-text index of SQLite keeps tables of its own."""
    return kind != "table" or name in schema.metadata.tables


def test_old_comments_are_found_by_their_words(empty_url: str) -> None:
    engine = make_engine(empty_url)
    upgrade(engine, "0001")
    store_old(engine, [old_comment(number, "pending", []) for number in range(1, 700)])
    upgrade(engine, "head")
    with engine.connect() as connection:
        for words in ("words 699", "ana ferry"):
            assert f"{699:016d}" in search.held(connection, words, 1000)
    engine.dispose()


def test_rules_that_failed_on_old_comments_are_known(empty_url: str) -> None:
    engine = make_engine(empty_url)
    upgrade(engine, "0001")
    broke = found("share", "hold") | {"code": "rule-failed"}
    store_old(engine, [old_comment(1, "pending", [broke, found("links", "hold")]), old_comment(2, "pending", [broke])])
    upgrade(engine, "head")
    with engine.connect() as connection:
        rules = schema.comment_rules
        failed = connection.execute(sa.select(rules.c.comment_id, rules.c.rule).where(rules.c.failed.is_(True)))
        assert sorted((row.comment_id[-1], row.rule) for row in failed) == [("1", "share"), ("2", "share")]
    engine.dispose()


def test_old_comments_are_graded_and_found_by_rule(empty_url: str) -> None:
    engine = make_engine(empty_url)
    upgrade(engine, "0001")
    store_old(
        engine,
        [
            old_comment(1, "pending", [found("links", "hold"), found("contacts", "tag"), found("mode", "pass")]),
            old_comment(2, "spam", [found("links", "spam"), found("links", "spam")]),
            old_comment(3, "approved", [found("mode", "approve"), found("links", "pass")]),
            *(old_comment(number, "pending", [found("style.shouting", "hold")]) for number in range(4, 1204)),
        ],
    )
    upgrade(engine, "head")
    with engine.connect() as connection:
        comments, rules = schema.comments, schema.comment_rules
        graded = dict(connection.execute(sa.select(comments.c.id, comments.c.gravity)).all())
        assert [graded[f"{number:016d}"] for number in (1, 2, 3, 4, 1203)] == [22, 32, 0, 21, 21]
        told = connection.execute(sa.select(rules).where(rules.c.comment_id <= f"{3:016d}").order_by(rules.c.rule))
        assert [(row.comment_id[-1], row.rule, row.status, row.gravity) for row in told] == [
            ("1", "contacts", "pending", 22),
            ("1", "links", "pending", 22),
            ("2", "links", "spam", 32),
        ]
        assert connection.execute(sa.select(sa.func.count()).select_from(rules)).scalar() == 1203
    engine.dispose()


def test_titles_in_public_stay_and_those_that_wait_name_their_article(empty_url: str) -> None:
    engine = make_engine(empty_url)
    upgrade(engine, "0034")
    old = ("waiting", "public")
    with engine.begin() as connection:
        for number, key in enumerate(old, 1):
            connection.exec_driver_sql(
                "INSERT INTO articles (id, site, key, title, closed, created_at, version, approved, endorsed) VALUES "
                f"({number}, 'demo', '{key}', 'Called {key}', false, '2026-11-24 12:00:00', 0, 0, {key == 'public'})"
            )
        rows = [old_comment(1, "pending", []), old_comment(2, "approved", []), old_comment(3, "rejected", [])]
        for row, article in zip(rows, (1, 2, 2), strict=True):
            connection.execute(sa.insert(schema.comments), row | {"article_id": article})
    upgrade(engine, "head")
    with engine.connect() as connection:
        articles = connection.execute(sa.select(schema.articles.c.key, schema.articles.c.title_approved)).all()
        called = connection.execute(sa.select(schema.comments.c.article_title).order_by(schema.comments.c.id)).scalars()
        assert dict(map(tuple, articles)) == {"waiting": False, "public": True}
        assert list(called) == ["Called waiting", "Called public", None]


def test_readers_who_wait_for_an_answer_to_a_report_are_kept(empty_url: str) -> None:
    engine = make_engine(empty_url)
    upgrade(engine, "0001")
    store_old(engine, [old_comment(1, "approved", [])])
    upgrade(engine, "0032")
    with engine.begin() as connection:
        report = {"comment_id": f"{1:016d}", "reporter": b"r" * 16, "reason": "abuse", "at": AT}
        report_id = connection.execute(sa.insert(schema.reports).returning(schema.reports.c.id), report).scalar()
        row = {"id": "n" * 16, "report_id": report_id, "sealed": "v1.1.x", "email_index": b"i" * 17}
        connection.execute(sa.insert(schema.report_mails), row)
    upgrade(engine, "head")
    with engine.begin() as connection:
        (kept,) = connection.execute(sa.select(schema.report_mails)).all()
        assert dict(kept._mapping) == row | {"site": "demo", "mail_id": None}
        connection.execute(sa.delete(schema.reports))
        assert connection.execute(sa.select(schema.report_mails.c.report_id)).scalar_one() is None
    engine.dispose()
