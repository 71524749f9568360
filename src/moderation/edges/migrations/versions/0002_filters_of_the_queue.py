"""Filters and sorts of the queue: gravity, and which rules told something; filled for the comments that are there"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WEIGHT = {"tag": 1, "hold": 2, "spam": 3, "reject": 4}
STEP = 500

comments = sa.table(
    "comments",
    sa.column("id", sa.String),
    sa.column("site", sa.String),
    sa.column("status", sa.String),
    sa.column("findings", sa.JSON),
    sa.column("gravity", sa.SmallInteger),
)


def upgrade() -> None:
    op.add_column("comments", sa.Column("gravity", sa.SmallInteger(), nullable=False, server_default="0"))
    rules = op.create_table(
        "comment_rules",
        sa.Column("comment_id", sa.String(length=16), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("site", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("gravity", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_comment_rules_comment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("comment_id", "rule", name=op.f("pk_comment_rules")),
    )
    _fill(op.get_bind(), rules)
    op.create_index("ix_comments_gravity", "comments", ["site", "status", "gravity", "id"])
    op.create_index("ix_comments_article", "comments", ["article_id", "status", "id"])
    op.create_index("ix_comment_rules_queue", "comment_rules", ["site", "rule", "status", "comment_id"])
    op.create_index("ix_comment_rules_gravity", "comment_rules", ["site", "rule", "status", "gravity", "comment_id"])


def _fill(connection: sa.Connection, rules: sa.Table) -> None:
    last = ""
    page = (
        sa.select(comments.c.id, comments.c.site, comments.c.status, comments.c.findings)
        .where(comments.c.id > sa.bindparam("last"))
        .order_by(comments.c.id)
        .limit(STEP)
    )
    grade = sa.update(comments).where(comments.c.id == sa.bindparam("at")).values(gravity=sa.bindparam("grave"))
    while rows := connection.execute(page, {"last": last}).all():
        last = rows[-1].id
        graded = [(row, _telling(row.findings)) for row in rows]
        told = [(row, found, _gravity(found)) for row, found in graded if found]
        if not told:
            continue
        connection.execute(grade, [{"at": row.id, "grave": grave} for row, _, grave in told])
        connection.execute(
            sa.insert(rules),
            [
                {"comment_id": row.id, "rule": rule, "site": row.site, "status": row.status, "gravity": grave}
                for row, found, grave in told
                for rule in sorted({each["rule"] for each in found})
            ],
        )


def _telling(findings: list[dict[str, str]]) -> list[dict[str, str]]:
    return [each for each in findings if each["effect"] in WEIGHT and each["rule"] != "mode"]


def _gravity(found: list[dict[str, str]]) -> int:
    return max(WEIGHT[each["effect"]] for each in found) * 10 + min(len(found), 9)
