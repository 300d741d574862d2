"""What Alembic runs: on the connection, and in the transaction, of whoever opens the state."""

from alembic import context

from orchestration.state.migrations import VERSION_TABLE
from orchestration.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
