"""The migrate command: what the journal's database lacks of this version's shape, and to bring it there."""

import sys

from gateway.journal.journal import open_journal, pending_migrations
from gateway.journal.migrate import Migration
from gateway.settings import Settings


async def migrate(settings: Settings, *, check: bool, new_id_key: bool = False) -> int:
    """Make the journal, or bring it to this version. With `check` nothing is changed: 1 where something is pending.
    With `new_id_key` gateways may start with another one.

    Raises JournalError when it cannot be used, is newer than this version, or (SQLite) used by a gateway that runs.
    """
    pending = await pending_migrations(settings)
    if check:
        _print("pending", pending)
        return 1 if pending else 0
    async with open_journal(settings) as journal:
        if new_id_key:
            await journal.forget_key()
            sys.stdout.write("the journal takes the id key of the next gateway that starts\n")
    _print("done", pending)
    return 0


def _print(what: str, migrations: list[Migration]) -> None:
    for migration in migrations:
        sys.stdout.write(f"{what}: {migration.revision} {migration.title}\n")
    if not migrations:
        sys.stdout.write("the journal is of this version\n")
