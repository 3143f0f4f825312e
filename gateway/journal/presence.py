"""That this gateway is at work, for the others of its journal: what it holds is its own as long as it says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gateway.errors import JournalError
from gateway.journal.journal import Journal
from gateway.journal.watches import LEASE

INTERVAL = LEASE.total_seconds() / 3
PRUNED_EVERY = 120
"""Renewals between two times that old events are forgotten: ten minutes."""


@asynccontextmanager
async def present(journal: Journal) -> AsyncIterator[None]:
    """Be at work until the block ends. Raises JournalError where that cannot be said to begin with."""
    await journal.watches.join()
    renewing = asyncio.create_task(_keep_renewing(journal), name="presence")
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        with suppress(JournalError):  # then the lease ends by itself
            await journal.watches.leave()


async def _keep_renewing(journal: Journal) -> None:
    renewals = 0
    while True:
        with suppress(JournalError):  # which is logged where it happens
            if renewals % PRUNED_EVERY == 0:
                await journal.events.prune()
            await journal.watches.renew()
        renewals += 1
        await asyncio.sleep(INTERVAL)
