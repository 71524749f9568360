"""An index of the comments whose network address is still there, so that forgetting them reads nothing else"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    still = sa.text("address_hash IS NOT NULL")
    op.create_index("ix_comments_addressed", "comments", ["id"], sqlite_where=still, postgresql_where=still)
