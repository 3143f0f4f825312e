"""Building indexes on PostgreSQL while other gateways write.

CREATE INDEX keeps every write of its table waiting until it ends, minutes where the table is large: gateways of the
earlier version, which still serve, would refuse writes and notifications. CREATE INDEX CONCURRENTLY does not, and runs
in no transaction, so it is no part of a migration: whatever index the tables declare and the database lacks is built at
start.
"""

import asyncio
from collections.abc import Iterable

import asyncpg
import structlog
from sqlalchemy import Index
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from gateway.journal.tables import metadata

LONGEST_BUILD = 300.0
"""Seconds. A transaction that stays open, of a backup perhaps, keeps an index from being completed."""

SUPERSEDED = ("ix_operations_record",)
"""Indexes of earlier versions that no query needs any more."""

_LOCK = 0x77616E6A6962
"""Who builds holds it. Nobody waits for it: a waiting transaction would keep the index from being completed."""

_EXISTING = """
    SELECT index.relname AS name, entry.indisvalid AS is_valid
    FROM pg_index entry JOIN pg_class index ON index.oid = entry.indexrelid
    WHERE index.relnamespace = current_schema()::regnamespace
"""

log = structlog.get_logger(__name__)


async def build_missing_indexes(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Build them, unless another gateway does. What is not built is logged, and built at the next start.

    The gateway serves without them: only slower. Raises what asyncpg raises when the connection is lost.
    """
    statements = _statements(await connection.fetch(_EXISTING))
    if not statements or not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        return
    await connection.execute("SET statement_timeout = 0")
    await connection.execute("SET lock_timeout = 0")
    try:
        async with asyncio.timeout(LONGEST_BUILD):
            for statement in _statements(await connection.fetch(_EXISTING)):
                await connection.execute(statement)
    except (TimeoutError, asyncpg.PostgresError) as error:
        log.warning("indexes not built", reason=type(error).__name__)


def _statements(existing: Iterable[asyncpg.Record]) -> list[str]:
    """What has to be done; one that was broken off is left invalid, and built anew."""
    valid = {row["name"]: row["is_valid"] for row in existing}
    statements = []
    for index in _declared():
        if valid.get(str(index.name)):
            continue
        if index.name in valid:
            statements.append(f"DROP INDEX CONCURRENTLY {index.name}")
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
        create = str(CreateIndex(index).compile(dialect=dialect))
        statements.append(create.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1))
    return statements + [f"DROP INDEX CONCURRENTLY {name}" for name in SUPERSEDED if name in valid]


def _declared() -> list[Index]:
    return [index for table in metadata.sorted_tables for index in sorted(table.indexes, key=lambda it: str(it.name))]
