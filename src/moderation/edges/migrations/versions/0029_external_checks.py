"""Comments that a check outside is asked about"""

import sqlalchemy as sa
from alembic import op

from moderation.edges.schema import Utc

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "external_checks",
        sa.Column("comment_id", sa.String(16), sa.ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("site", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("may_publish", sa.Boolean, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("due_at", Utc),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("said", sa.String(10)),
    )
    op.create_index(
        "ix_external_checks_due",
        "external_checks",
        ["site", "due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
