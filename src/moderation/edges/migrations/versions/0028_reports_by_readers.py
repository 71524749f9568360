"""Reports by readers, and the order of comments by them"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("comment_id", sa.String(length=16), nullable=False),
        sa.Column("reporter", sa.LargeBinary(length=16), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_reports_comment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("comment_id", "reporter", name=op.f("uq_reports_comment_id_reporter")),
    )
    remembered = sa.text("reporter IS NOT NULL")
    op.create_index("ix_reports_remembered", "reports", ["id"], sqlite_where=remembered, postgresql_where=remembered)
    op.add_column("comments", sa.Column("reports", sa.SmallInteger(), nullable=False, server_default="0"))
    some = sa.text("reports > 0")
    op.create_index(
        "ix_comments_reports",
        "comments",
        ["site", "status", "reports", "id"],
        sqlite_where=some,
        postgresql_where=some,
    )
