"""Alembic's entry: `edges/migrate` hands it a connection. All revisions are one transaction: a process that is killed
half way leaves the schema as it was.
"""

from alembic import context

from moderation.edges.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
)
with context.begin_transaction():
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none by itself (`store.make_engine`)
    context.run_migrations()
