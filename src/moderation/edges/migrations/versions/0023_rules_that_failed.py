"""On which comments a rule failed instead of telling something, also for those that are there"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STEP = 500

comments = sa.table("comments", sa.column("id", sa.String), sa.column("findings", sa.JSON))
rules = sa.table(
    "comment_rules", sa.column("comment_id", sa.String), sa.column("rule", sa.String), sa.column("failed", sa.Boolean)
)


def upgrade() -> None:
    op.add_column("comment_rules", sa.Column("failed", sa.Boolean(), server_default=sa.false(), nullable=False))
    connection = op.get_bind()
    some = (
        sa.select(comments.c.id, comments.c.findings)
        .where(sa.cast(comments.c.findings, sa.Text).contains('"rule-failed"'), comments.c.id > sa.bindparam("last"))
        .order_by(comments.c.id)
        .limit(STEP)
    )
    last = ""
    while found := connection.execute(some, {"last": last}).all():
        last = found[-1].id
        for comment_id, findings in found:
            _mark(connection, comment_id, findings)


def _mark(connection: sa.Connection, comment_id: str, findings: list[dict[str, Any]]) -> None:
    failed = [each["rule"] for each in findings if each["code"] == "rule-failed"]
    here = (rules.c.comment_id == comment_id, rules.c.rule.in_(failed))
    connection.execute(sa.update(rules).where(*here).values(failed=True))
