"""Alembic's entry point: `migrate` hands over the connection, and its transaction holds all migrations together.

A new migration: write `versions/rNNNN_what_it_does.py`, with `downgrade`, and change `tables.py` with it; tests compare
the two, and what `downgrade` leaves with the earlier version.
"""

from alembic import context

from gateway.journal.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
