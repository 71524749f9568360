"""Decisions about many comments at once, worked off in the background and undone as a whole"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "bulk_jobs",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("person_id", number, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("sites", sa.JSON(), nullable=True),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("undoes", sa.String(length=16), nullable=True),
        sa.Column("request_id", sa.String(length=40), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("decided", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_jobs")),
    )
    op.create_index("ix_bulk_jobs_finished_at", "bulk_jobs", ["finished_at", "id"])
    op.create_table(
        "bulk_items",
        sa.Column("job_id", sa.String(length=16), nullable=False),
        sa.Column("comment_id", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["bulk_jobs.id"], name=op.f("fk_bulk_items_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "comment_id", name=op.f("pk_bulk_items")),
    )
    op.create_index("ix_bulk_items_open", "bulk_items", ["job_id", "result", "comment_id"])
    op.create_index("ix_outbox_comment_id", "outbox", ["comment_id"])
