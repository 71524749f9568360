"""The full-text index of comments, filled for those that are there"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from moderation.text.search import words

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STEP = 500

comments = sa.table(
    "comments",
    sa.column("id", sa.String),
    sa.column("article_id", sa.BigInteger),
    sa.column("author_name", sa.String),
    sa.column("body", sa.Text),
)
articles = sa.table("articles", sa.column("id", sa.BigInteger), sa.column("title", sa.String))

INDEX = (
    "CREATE VIRTUAL TABLE search_words USING fts5("
    "words, content='search_rows', content_rowid='n', tokenize=\"unicode61 remove_diacritics 0\")",
    "CREATE TRIGGER search_rows_added AFTER INSERT ON search_rows BEGIN "
    "INSERT INTO search_words(rowid, words) VALUES (new.n, new.words); END",
    "CREATE TRIGGER search_rows_gone AFTER DELETE ON search_rows BEGIN "
    "INSERT INTO search_words(search_words, rowid, words) VALUES ('delete', old.n, old.words); END",
    "CREATE TRIGGER search_rows_changed AFTER UPDATE ON search_rows BEGIN "
    "INSERT INTO search_words(search_words, rowid, words) VALUES ('delete', old.n, old.words); "
    "INSERT INTO search_words(rowid, words) VALUES (new.n, new.words); END",
)
ERASES = "INSERT INTO search_words(search_words, rank) VALUES ('secure-delete', 1)"


def upgrade() -> None:
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    rows = op.create_table(
        "search_rows",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("comment_id", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text() if is_sqlite else postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_search_rows_comment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_search_rows")),
        sa.UniqueConstraint("comment_id", name=op.f("uq_search_rows_comment_id")),
    )
    if is_sqlite:
        for statement in INDEX:
            op.execute(sa.text(statement.replace(":", r"\:")))
        version = str(connection.execute(sa.text("SELECT sqlite_version()")).scalar())
        if tuple(map(int, version.split("."))) >= (
            3,
            42,
        ):  # what is deleted leaves the index at once, not with a later merge
            op.execute(ERASES)
    _fill(connection, rows, is_sqlite)
    if not is_sqlite:
        op.create_index("ix_search_rows_words", "search_rows", ["words"], postgresql_using="gin")


def _fill(connection: sa.Connection, rows: sa.Table, is_sqlite: bool) -> None:
    last = ""
    page = (
        sa.select(comments.c.id, comments.c.author_name, comments.c.body, articles.c.title)
        .join(articles, articles.c.id == comments.c.article_id)
        .where(comments.c.id > sa.bindparam("last"))
        .order_by(comments.c.id)
        .limit(STEP)
    )
    vector = sa.bindparam("words") if is_sqlite else sa.cast(sa.bindparam("words", type_=sa.Text), postgresql.TSVECTOR)
    write = sa.insert(rows).values(comment_id=sa.bindparam("comment_id"), words=vector)
    while found := connection.execute(page, {"last": last}).all():
        last = found[-1].id
        told = [(row.id, [*words(row.author_name), *words(row.title or ""), *words(row.body)]) for row in found]
        connection.execute(
            write,
            [
                {
                    "comment_id": comment_id,
                    "words": " ".join(said)
                    if is_sqlite
                    else " ".join(f"'{word}':{at}" for at, word in enumerate(said, 1)),
                }
                for comment_id, said in told
            ],
        )
