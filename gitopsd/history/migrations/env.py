"""Alembic asks here how to reach the database: through the connection that `gitopsd.history.database` hands it."""

from __future__ import annotations

from alembic import context

from gitopsd.history.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by making them anew
)
with context.begin_transaction():
    context.run_migrations()
