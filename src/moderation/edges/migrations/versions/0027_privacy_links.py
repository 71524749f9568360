"""Links by which readers get or delete their data"""

import sqlalchemy as sa
from alembic import op

from moderation.edges.schema import Utc

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "privacy_links",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("token", sa.LargeBinary(32), nullable=False),
        sa.Column("wish", sa.String(5), nullable=False),
        sa.Column("site", sa.String(40), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("email_index", sa.LargeBinary(17), nullable=False),
        sa.Column("expires_at", Utc, nullable=False),
        sa.UniqueConstraint("token", name="uq_privacy_links_token"),
    )
