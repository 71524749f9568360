"""An index of comments by who decided about them"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    decided = sa.text("decided_by IS NOT NULL")
    op.create_index(
        "ix_comments_decided_by",
        "comments",
        ["site", "status", "decided_by", "id"],
        sqlite_where=decided,
        postgresql_where=decided,
    )
