"""To whom it is told what came of a report"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "report_mails",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("report_id", serial, sa.ForeignKey("reports.id", ondelete="CASCADE"), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("email_index", sa.LargeBinary(17), nullable=False),
        sa.Column("mail_id", sa.String(16)),
    )
    op.create_index("ix_report_mails_report_id", "report_mails", ["report_id"], unique=True)
    op.create_index("ix_report_mails_email_index", "report_mails", ["email_index"])
