"""The budgets of callers over all gateways of a PostgreSQL journal.

Each gateway counts by itself, so no request waits for the database. What it has counted for a caller is added to the
caller's row once it is a hundredth of the limit, and every second; what comes back is the count of all gateways. One
statement carries all callers that are due.

The table is not logged and in no migration: it holds nothing that is missed after a crash. Callers are in it as hashes.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Protocol

from sqlalchemy import Connection, text

from gateway.errors import JournalError
from gateway.journal.database import Database

INTERVAL = 1.0
"""Seconds after which the counts of the quietest caller are shared."""

PRUNED_EVERY = 600
"""Statements between two times that callers with a whole budget are forgotten."""

_LOCK = 0x77616E6A6962
_MAKE = (
    f"SELECT pg_advisory_xact_lock({_LOCK})",
    "CREATE UNLOGGED TABLE IF NOT EXISTS budgets"
    " (caller text NOT NULL, policy text NOT NULL, full_at bigint NOT NULL, PRIMARY KEY (caller, policy))",
)

_NOW = "(extract(epoch FROM now()) * 1000000000)::bigint"

# A caller who is not known has the whole budget: full_at in the past. What is given back cannot make it more.
_ADD = text(f"""
    INSERT INTO budgets AS known (caller, policy, full_at)
    SELECT caller, policy, {_NOW} + spent
    FROM unnest(CAST(:callers AS text[]), CAST(:policies AS text[]), CAST(:spent AS bigint[]))
        AS counted (caller, policy, spent)
    ORDER BY caller, policy
    ON CONFLICT (caller, policy) DO UPDATE SET full_at = greatest({_NOW}, known.full_at) + excluded.full_at - {_NOW}
    RETURNING caller, policy, greatest(0, full_at - {_NOW}) AS ahead
""")  # noqa: S608 # a constant
_PRUNE = text(f"DELETE FROM budgets WHERE full_at < {_NOW}")  # noqa: S608 # a constant


class Limiter(Protocol):
    """What counts: nanoseconds of budget by subject."""

    policy: str

    def share(self, is_due: Callable[[], object]) -> None: ...

    def take_unshared(self) -> dict[str, int]: ...

    def return_unshared(self, unshared: dict[str, int]) -> None: ...

    def adopt(self, subject: str, ahead: int) -> None: ...


class SharedBudgets:
    """Run one per gateway. `key` is the same at all of them."""

    def __init__(self, database: Database, limiters: Sequence[Limiter], key: bytes) -> None:
        self._database = database
        self._limiters = {limiter.policy: limiter for limiter in limiters}
        self._key = blake2b(key, person=b"budgets", digest_size=32).digest()
        self._due = asyncio.Event()
        self._is_made = False
        self._statements = 0
        for limiter in limiters:
            limiter.share(self._due.set)

    async def run(self) -> None:
        """Share what is counted. Without the database each gateway goes on by itself. Ends only by cancellation."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._due.wait()
            self._due.clear()
            try:
                await self.exchange()
            except JournalError:  # which is logged where it happens
                await asyncio.sleep(INTERVAL)

    async def exchange(self) -> None:
        """Add what this gateway has counted, and adopt what all have. Raises JournalError; then it is added later."""
        counted = {policy: limiter.take_unshared() for policy, limiter in self._limiters.items()}
        rows = [
            (self._hash(subject), policy, spent, subject)
            for policy, unshared in counted.items()
            for subject, spent in unshared.items()
        ]
        if not rows:
            return
        subjects = {(caller, policy): subject for caller, policy, _, subject in rows}
        values = {
            "callers": [caller for caller, _, _, _ in rows],
            "policies": [policy for _, policy, _, _ in rows],
            "spent": [spent for _, _, spent, _ in rows],
        }

        def work(connection: Connection) -> Sequence[Any]:
            if not self._is_made:
                for statement in _MAKE:
                    connection.execute(text(statement))
            if self._statements % PRUNED_EVERY == 0:
                connection.execute(_PRUNE)
            return connection.execute(_ADD, values).all()

        try:
            known = await self._database.write(work)
        except BaseException:
            for policy, unshared in counted.items():
                self._limiters[policy].return_unshared(unshared)
            raise
        self._is_made = True
        self._statements += 1
        for caller, policy, ahead in known:
            self._limiters[policy].adopt(subjects[caller, policy], ahead)

    def _hash(self, subject: str) -> str:
        return blake2b(subject.encode(errors="surrogatepass"), key=self._key, digest_size=16).hexdigest()
