"""Bring a database to the shape of `tables`, by the Alembic migrations that ship inside this package."""

from collections.abc import Callable
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from gateway.errors import JournalError
from gateway.journal.database import SETTINGS, NoJournalError
from gateway.wording.faults import FaultWording

# Any fixed number: a migration of this journal asks for this lock first.
_LOCK = 0x77616E6A6961
_LONGEST_WAIT = "60s"

Prepare = Callable[[Connection], None]
"""What is done first with the connection of a database, inside a transaction. Raises JournalError where it will not do.
"""


class Migration(NamedTuple):
    """A step of the database's shape: its number, and what it adds."""

    revision: str
    title: str


def migrate(connection: Connection) -> None:
    """Run the missing migrations inside the transaction of `connection`: all of them or none.

    On PostgreSQL one gateway migrates at a time while the others wait; SQLite's file is this process's own. Raises
    JournalError when the database is newer than this program.
    """
    _lock(connection)
    try:
        command.upgrade(_config(connection), "head")
    except CommandError:
        raise _newer(connection) from None


def pending(connection: Connection) -> list[Migration]:
    """What `migrate` would run, in order. Raises JournalError when the database is newer than this program."""
    version = MigrationContext.configure(connection).get_current_revision()
    migrations = every_migration()
    known = [migration.revision for migration in migrations]
    if version is not None and version not in known:
        raise _newer(connection)
    return migrations[known.index(version) + 1 :] if version is not None else migrations


def every_migration() -> list[Migration]:
    """From an empty database on."""
    scripts = reversed([*ScriptDirectory.from_config(_config()).walk_revisions()])
    return [Migration(script.revision, " ".join(script.doc.split())) for script in scripts]


def rehearse(connection: Connection) -> None:
    """Migrate, and take all of it back: for a database without a journal, where that keeps nobody waiting."""
    migrate(connection)
    connection.rollback()


def require_migrated(connection: Connection) -> None:
    """Raises JournalError when the database holds no journal of this version: a reader alters nothing."""
    if pending(connection):
        raise NoJournalError


def _newer(connection: Connection) -> JournalError:
    return JournalError(FaultWording.JOURNAL_NEWER(setting=SETTINGS[connection.dialect.name]))


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        # A busy machine may take longer between two steps than the journal's own timeout.
        connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_LONGEST_WAIT}'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "gateway.journal:migrations")
    config.attributes["connection"] = connection
    return config
