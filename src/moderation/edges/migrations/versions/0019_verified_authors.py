"""Who has proved to which site who they are, and which comments are theirs"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authors",
        sa.Column("id", sa.LargeBinary(length=17), nullable=False),
        sa.Column("site", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=5), nullable=False),
        sa.Column("key", sa.LargeBinary(length=17), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authors")),
        sa.UniqueConstraint("site", "kind", "key", name=op.f("uq_authors_site_kind_key")),
    )
    op.create_index("ix_authors_proved_at", "authors", ["proved_at"])
    op.add_column("comments", sa.Column("author_id", sa.LargeBinary(length=17)))
    op.create_index(
        "ix_comments_author_id",
        "comments",
        ["author_id", "id"],
        sqlite_where=sa.text("author_id IS NOT NULL"),
        postgresql_where=sa.text("author_id IS NOT NULL"),
    )
