"""The tokens of the platforms, which all gateways of a PostgreSQL journal share: one login serves them all."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import TypeAlias, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, select, update

from gateway.errors import JournalError
from gateway.journal.database import Database, ValueT, Work, insert_new
from gateway.journal.tables import platform_tokens

PATIENCE = 1.0  # seconds that a login waits for the journal: without it, a gateway logs in by itself
PAUSE = 0.1  # seconds between two looks for the token of another gateway's login
NONCE_BYTES = 12

TokenT = TypeVar("TokenT")
Read: TypeAlias = Callable[[bytes], TokenT | None]


class SharedToken:
    """The token of one account. Its row is named and sealed (AES-GCM) by keys that derive from the id key and the
    account, so gateways of another key or account have another row.

    The gateway that logs in has a claim for so long, not a lock: one that is slow, or dead, keeps no other waiting.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime], key: bytes, account: bytes, claimed_for: timedelta
    ) -> None:
        derived = HKDF(SHA256(), 64, None, b"platform token " + account).derive(key)
        self._is_own, self._cipher = platform_tokens.c.id == derived[:32].hex(), AESGCM(derived[32:])
        self._row = {"id": derived[:32].hex()}
        self._database = database
        self._clock = clock
        self._claimed_for = claimed_for

    async def get(self, read: Read[TokenT], log_in: Callable[[], Awaitable[TokenT]]) -> TokenT:
        """The token: shared, or of a login, also where the journal fails. Raises what `log_in` does."""
        claim = None
        with suppress(JournalError, TimeoutError):
            while claim is None:
                token, claim = await self._write(lambda connection: self._look(connection, read))
                if token is not None:
                    return token
                if claim is None:
                    await asyncio.sleep(PAUSE)
        new = {}
        try:
            token, nonce = await log_in(), token_bytes(NONCE_BYTES)
            new["sealed"] = nonce + self._cipher.encrypt(nonce, msgspec.json.encode(token), None)
        finally:
            if claim is not None:
                claimed = update(platform_tokens).where(self._is_own, platform_tokens.c.claimed_until == claim)
                with suppress(JournalError, TimeoutError):
                    await self._write(lambda connection: connection.execute(claimed.values(claimed_until=None, **new)))
        return token

    def _look(self, connection: Connection, read: Read[TokenT]) -> tuple[TokenT | None, datetime | None]:
        """The token, or this gateway's claim; neither while another gateway has one."""
        connection.execute(insert_new(platform_tokens), self._row)
        row = connection.execute(select(platform_tokens).where(self._is_own).with_for_update()).one()
        sealed = row.sealed or b""
        with suppress(InvalidTag, ValueError):  # of another key, or another version
            token = read(self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None))
            if token is not None:
                return token, None
        claim = (now := self._clock()) + self._claimed_for
        if row.claimed_until is not None and now < row.claimed_until <= claim:  # later: by a clock that is ahead
            return None, None
        connection.execute(update(platform_tokens).where(self._is_own).values(claimed_until=claim))
        return None, claim

    async def _write(self, work: Work[ValueT]) -> ValueT:
        async with asyncio.timeout(PATIENCE):
            return await self._database.write(work)
