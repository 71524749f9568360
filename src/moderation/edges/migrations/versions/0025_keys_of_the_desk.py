"""By which keys each person works at the desk"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("desk_keys", sa.JSON(), nullable=True))
