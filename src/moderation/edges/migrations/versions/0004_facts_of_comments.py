"""The facts that each comment was judged by, and the tags of articles"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("articles", sa.Column("tags", sa.JSON(), nullable=True))
    op.add_column("comments", sa.Column("facts", sa.JSON(), nullable=True))
