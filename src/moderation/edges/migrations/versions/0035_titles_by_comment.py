"""What a comment calls its article stands with it, and is for the public once the desk has approved that comment"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who told a title was not written down before: those that wait or are public count as having told it, and titles
    in public stay there."""
    op.add_column("comments", sa.Column("article_title", sa.String(300)))
    op.add_column("articles", sa.Column("title_approved", sa.Boolean, nullable=False, server_default=sa.false()))
    articles = sa.table(
        "articles", sa.column("id"), sa.column("title"), sa.column("endorsed", sa.Boolean), sa.column("title_approved")
    )
    op.execute(
        articles.update().where(articles.c.endorsed, articles.c.title.is_not(None)).values(title_approved=sa.true())
    )
    comments = sa.table("comments", *map(sa.column, ("article_id", "status", "article_title")))
    title = sa.select(articles.c.title).where(articles.c.id == comments.c.article_id).scalar_subquery()
    op.execute(comments.update().where(comments.c.status.in_(["pending", "approved"])).values(article_title=title))
