"""Bring a database to the shape of `tables`, by the Alembic migrations that ship inside this package."""

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, inspect, text

from gateway.errors import JournalError

# Any fixed number: whoever migrates this journal asks for this lock first.
_LOCK = 0x77616E6A6961
_LONGEST_WAIT = "60s"
_VERSION_TABLE = "alembic_version"


def no_journal() -> JournalError:
    """The error of whoever wants only a journal that there is."""
    return JournalError("There is no journal where GATEWAY_DATABASE_URL or else GATEWAY_DATA_DIR says.")


def migrate(connection: Connection, *, make: bool = True) -> None:
    """Run the missing migrations inside the transaction of `connection`: all of them or none.

    On PostgreSQL one gateway migrates at a time while the others wait; SQLite's file is this process's own. Raises
    JournalError when the database is newer than this program, and when it holds no journal and is to `make` none.
    """
    if not make and not inspect(connection).has_table(_VERSION_TABLE):
        raise no_journal()
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = Config()
    config.set_main_option("script_location", "gateway.journal:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise JournalError("The journal's database was written by a newer version of the gateway.") from None
