"""Which comments are alike: the keys that near copies share"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "likenesses",
        sa.Column("comment_id", sa.String(length=16), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_likenesses_comment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("comment_id", "key", name=op.f("pk_likenesses")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_likenesses_key", "likenesses", ["key", "comment_id"])
