"""Who reported a comment that was deleted before it was decided about is told so"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The few rows that there are go over to a table made anew, since SQLite changes no foreign key."""
    rows = op.get_bind().execute(
        sa.text(
            "SELECT m.id, c.site, m.report_id, m.sealed, m.email_index, m.mail_id FROM report_mails m "
            "JOIN reports r ON r.id = m.report_id JOIN comments c ON c.id = r.comment_id"
        )
    )
    kept = [dict(row._mapping) for row in rows]
    op.drop_table("report_mails")
    table = op.create_table(
        "report_mails",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("site", sa.String(40), nullable=False),
        sa.Column(
            "report_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("reports.id", ondelete="SET NULL"),
        ),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("email_index", sa.LargeBinary(17), nullable=False),
        sa.Column("mail_id", sa.String(16)),
    )
    op.create_index("ix_report_mails_report_id", "report_mails", ["report_id"], unique=True)
    op.create_index("ix_report_mails_email_index", "report_mails", ["email_index"])
    op.bulk_insert(table, kept)
