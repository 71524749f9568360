"""What became of submissions that came with an Idempotency-Key"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("payload", sa.LargeBinary(length=16), nullable=False),
        sa.Column("comment_id", sa.String(length=16), nullable=False),
        sa.Column("article_key", sa.String(length=500), nullable=False),
        sa.Column("article_url", sa.String(length=2000), nullable=True),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_until", "idempotency_keys", ["until"])
    op.create_index("ix_idempotency_keys_comment_id", "idempotency_keys", ["comment_id"])
