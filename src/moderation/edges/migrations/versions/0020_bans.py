"""Bans: senders whose comments are rejected or held"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bans",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=40), nullable=False),
        sa.Column("key", sa.LargeBinary(length=45), nullable=False),
        sa.Column("network", sa.String(length=45), nullable=False),
        sa.Column("whom", sa.String(length=10), nullable=False),
        sa.Column("shown", sa.String(length=60), nullable=False),
        sa.Column("effect", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("email_sealed", sa.Text(), nullable=True),
        sa.Column("comment_id", sa.String(length=16), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bans")),
        sa.UniqueConstraint("key", "site", "network", name=op.f("uq_bans_key_site_network")),
    )
    op.create_index("ix_bans_site", "bans", ["site", "id"])
    op.create_index("ix_bans_comment_id", "bans", ["comment_id"])
    op.create_index("ix_bans_until", "bans", ["until"])
