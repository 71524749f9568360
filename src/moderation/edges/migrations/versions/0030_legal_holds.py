"""Legal holds, and the comments that they keep"""

import sqlalchemy as sa
from alembic import op

from moderation.edges.schema import Utc

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("site", sa.String(40), nullable=False),
        sa.Column("comment_id", sa.String(16), nullable=False),
        sa.Column("whole_author", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("placed_by", sa.String(80), nullable=False),
        sa.Column("placed_at", Utc, nullable=False),
    )
    op.create_table(
        "held_comments",
        sa.Column("comment_id", sa.String(16), nullable=False),
        sa.Column("hold_id", sa.String(16), nullable=False),
        sa.Column("erase_asked_at", Utc),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name=op.f("fk_held_comments_comment_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.id"], name=op.f("fk_held_comments_hold_id")),
        sa.PrimaryKeyConstraint("comment_id", "hold_id", name=op.f("pk_held_comments")),
    )
    op.create_index("ix_held_comments_hold_id", "held_comments", ["hold_id"])
