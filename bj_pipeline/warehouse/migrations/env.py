"""How Alembic runs the revisions: on the connection that it is handed, inside its transaction."""

from alembic import context

from bj_pipeline.warehouse.migrate import VERSION_TABLE

_given = context.config.attributes
context.configure(
    connection=_given["connection"],
    target_metadata=_given["metadata"],
    version_table=VERSION_TABLE,
    # SQLite changes a column only by copying its table; a batch does so there, and only there.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
