"""What anybody told of an article is for the public once the desk has approved a comment under it"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Articles with public comments keep title and address in public; who told them was not written down before."""
    for name in ("title_told", "url_told", "endorsed"):
        op.add_column("articles", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
    articles = sa.table("articles", sa.column("approved", sa.Integer), sa.column("endorsed", sa.Boolean))
    op.execute(articles.update().where(articles.c.approved > 0).values(endorsed=sa.true()))
