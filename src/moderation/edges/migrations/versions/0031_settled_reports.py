"""Reports that were decided about, by age"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    settled = sa.text("settled IS NOT NULL")
    op.create_index("ix_reports_settled", "reports", ["at"], sqlite_where=settled, postgresql_where=settled)
