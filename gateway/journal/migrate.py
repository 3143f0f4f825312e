"""Bring a database to the shape of `tables`, by the Alembic migrations that ship inside this package."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from gateway.errors import JournalError
from gateway.journal.database import SETTINGS

# Any fixed number: whoever migrates this journal asks for this lock first.
_LOCK = 0x77616E6A6961
_LONGEST_WAIT = "60s"


def no_journal() -> JournalError:
    """The error of whoever wants only a journal that there is."""
    return JournalError("There is no journal where GATEWAY_DATABASE_URL or else GATEWAY_DATA_DIR says.")


def migrate(connection: Connection) -> None:
    """Run the missing migrations inside the transaction of `connection`: all of them or none.

    On PostgreSQL one gateway migrates at a time while the others wait; SQLite's file is this process's own. Raises
    JournalError when the database is newer than this program.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise JournalError(
            f"{_setting(connection)}: the journal was written by a newer version of the gateway."
        ) from None


def require_migrated(connection: Connection) -> None:
    """Raises JournalError when the database holds no journal, or one that a gateway of another version wrote: whoever
    only reads alters nothing that such a gateway may be using.
    """
    version = MigrationContext.configure(connection).get_current_revision()
    if version is None:
        raise no_journal()
    if version != ScriptDirectory.from_config(_config()).get_current_head():
        raise JournalError(f"{_setting(connection)}: the journal was written by another version of the gateway.")


def _setting(connection: Connection) -> str:
    return SETTINGS[connection.dialect.name]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "gateway.journal:migrations")
    return config
