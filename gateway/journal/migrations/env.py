"""Alembic's entry point: `migrate` hands over the connection, and its transaction holds all migrations together.

The first migration makes what `tables.py` declares, which may change until a version is released. After that, write its
tables down in it, and `versions/rNNNN_what_it_does.py` for each change: a test compares the result with `tables.py`.
"""

from alembic import context

from gateway.journal.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
