"""The journal as a chain

Rows get an HMAC, one row of `journal_head` says where the chain begins and ends, and triggers refuse to change or
delete a row of it. Retention moves the beginning first; what is before it may be deleted. A later revision that makes
the table anew (SQLite's way of altering it) has to make the triggers anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQLITE = (
    """
    CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
    """,
    """
    CREATE TRIGGER journal_stays BEFORE DELETE ON journal
    WHEN OLD.seq >= (SELECT coalesce(min(first), 0) FROM journal_head)
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
    """,
    """
    CREATE TRIGGER journal_head_stays BEFORE DELETE ON journal_head
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'journal' AND TG_LEVEL = 'ROW' THEN
        IF OLD.seq < (SELECT coalesce(min(first), 0) FROM journal_head) THEN RETURN OLD; END IF;
      END IF;
      RAISE EXCEPTION 'the journal is append-only';
    END $$
    """,
    "CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal "
    "FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()",
    "CREATE TRIGGER journal_stays BEFORE DELETE ON journal FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()",
    "CREATE TRIGGER journal_never_empties BEFORE TRUNCATE ON journal "
    "FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()",
    "CREATE TRIGGER journal_head_stays BEFORE DELETE ON journal_head "
    "FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()",
    "CREATE TRIGGER journal_head_never_empties BEFORE TRUNCATE ON journal_head "
    "FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()",
)


def upgrade() -> None:
    op.add_column("journal", sa.Column("mac", sa.LargeBinary(length=33), nullable=True))
    op.create_table(
        "journal_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("anchor", sa.LargeBinary(length=33), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=33), nullable=False),
        sa.Column("seal", sa.LargeBinary(length=33), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_head")),
    )
    connection = op.get_bind()
    last = connection.execute(sa.text("SELECT coalesce(max(seq), 0) FROM journal")).scalar()
    connection.execute(
        sa.text("INSERT INTO journal_head VALUES (1, :first, :empty, :last, :empty, :empty)"),
        {"first": (last or 0) + 1, "last": last, "empty": b""},
    )
    for statement in POSTGRESQL if connection.dialect.name == "postgresql" else SQLITE:
        op.execute(statement)
