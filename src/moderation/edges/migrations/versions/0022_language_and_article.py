"""The language of comments, and an index of them article by article"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("comments", sa.Column("language", sa.String(length=3), nullable=True))
    op.drop_index("ix_comments_article", "comments")  # `ix_comments_thread` begins as it did
    op.create_index("ix_comments_article", "comments", ["site", "status", "article_id", "id"])
    told = sa.text("language IS NOT NULL")
    for also, columns in (("", ["id"]), ("_gravity", ["gravity", "id"])):
        op.create_index(
            f"ix_comments_language{also}",
            "comments",
            ["site", "status", "language", *columns],
            sqlite_where=told,
            postgresql_where=told,
        )
