"""Webhooks: who wants nothing more, and letters by site"""

import sqlalchemy as sa
from alembic import op

from moderation.edges.schema import Utc

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("site", sa.String(40), primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("stopped_at", Utc, nullable=False),
    )
    op.drop_index("ix_outbox_due", "outbox")
    op.create_index("ix_outbox_due", "outbox", ["site", "kind", "done_at", "due_at"])
