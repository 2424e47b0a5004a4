"""Runs the migrations over the connection that storage.database hands in."""

from alembic import context

from storage.tables import Table

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    transactional_ddl=True,  # we begin and commit ourselves, on SQLite too
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
