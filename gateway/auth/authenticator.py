"""From the Authorization header to the principal, quickly for a header that was seen before."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import blake2b

from cachetools import LRUCache

from gateway.auth.issuers import open_verifier
from gateway.auth.principal import Principal
from gateway.auth.refusals import InvalidTokenError, RefusalReason, Refusals
from gateway.auth.tokens import LONGEST_TOKEN, Trusted, Verifier
from gateway.errors import IssuerUnavailableError, UnauthenticatedError
from gateway.ops.tally import Tally
from gateway.settings import Settings
from gateway.wording.requests import RequestWording

_REMEMBERED = 4096  # tokens
_LONGEST_HEADER = LONGEST_TOKEN + len("Bearer ")


class Authenticator:
    """Verifies each token once and remembers it, by its hash, while it and its keys last.

    `clock` is in Unix seconds. `explains`: refused callers learn why.
    """

    def __init__(
        self,
        verifier: Verifier,
        clock: Callable[[], float] = time.time,
        *,
        explains: bool = False,
        tally: Tally | None = None,
    ) -> None:
        self.refusals = Refusals(Tally() if tally is None else tally)
        self._clock = clock
        self._explains = explains
        self._verifier = verifier
        self._remembered: LRUCache[bytes, Trusted] = LRUCache(_REMEMBERED)

    def trusts(self, trusted: Trusted) -> bool:
        """Whether it still holds without waiting for anything."""
        return self._clock() < trusted.until and trusted.source.clock() < trusted.keys.fresh_until

    def cached(self, header: str | None) -> Trusted | None:
        """What is known of a header seen before, without waiting for anything; None says nothing of its validity."""
        if header is None or len(header) > _LONGEST_HEADER:
            return None
        trusted = self._remembered.get(_digest(header))
        return trusted if trusted is not None and self.trusts(trusted) else None

    async def authenticate(self, header: str | None) -> Principal:
        """The principal of an Authorization header. Raises UnauthenticatedError, IssuerUnavailableError."""
        try:
            return (await self._trusted(header)).principal
        except InvalidTokenError as error:
            self.refusals.record(error.reason)
            if self._explains:
                raise UnauthenticatedError(RequestWording.TOKEN_REFUSED(reason=error.reason.words)) from error
            raise

    async def _trusted(self, header: str | None) -> Trusted:
        """Raises InvalidTokenError, IssuerUnavailableError."""
        if not header:
            raise InvalidTokenError(RefusalReason.MISSING)
        if len(header) > _LONGEST_HEADER:
            raise InvalidTokenError(RefusalReason.FORM)
        digest = _digest(header)
        trusted = self._remembered.get(digest)
        if trusted is None or self._clock() >= trusted.until or not await self._has_keys_of(trusted):
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise InvalidTokenError(RefusalReason.SCHEME)
            trusted = self._remembered[digest] = await self._verifier.verify(token)
        return trusted

    async def _has_keys_of(self, trusted: Trusted) -> bool:
        """Raises IssuerUnavailableError while that cannot be known."""
        return trusted.source in self._verifier.sources and trusted.keys is await trusted.source.current()

    async def ready(self) -> None:
        """Raises IssuerUnavailableError while no token of any issuer can be checked."""
        for number, source in enumerate(self._verifier.sources, 1):
            try:
                await source.current()
            except IssuerUnavailableError:
                if number == len(self._verifier.sources):
                    raise
            else:
                return

    async def ready_for_all(self) -> None:
        """Raises IssuerUnavailableError while tokens of one of the issuers cannot be checked."""
        for source in self._verifier.sources:
            await source.current()

    async def adopt(self, settings: Settings) -> Callable[[], Awaitable[None]]:
        """What makes the issuers of these settings hold from then on. Key files are read again, and keys fetched.

        Raises SettingsError as `open_verifier` does: then all stays as it is.
        """
        verifier = await asyncio.to_thread(open_verifier, settings, self._clock, self._verifier.sources)

        async def apply() -> None:
            before, self._verifier = self._verifier, verifier
            self._remembered.clear()
            for source in before.sources:
                if source not in verifier.sources:
                    source.retire()
                    await source.aclose()
            for source in verifier.sources:
                with suppress(IssuerUnavailableError):  # it logs that itself, and the last good keys hold
                    await source.newest()

        return apply

    async def aclose(self) -> None:
        """Stop fetching keys."""
        for source in self._verifier.sources:
            await source.aclose()


def open_authenticator(
    settings: Settings, clock: Callable[[], float] = time.time, tally: Tally | None = None
) -> Authenticator:
    """The authenticator the settings ask for. Raises SettingsError as `open_verifier` does."""
    return Authenticator(open_verifier(settings, clock), clock, explains=not settings.is_production, tally=tally)


def _digest(header: str) -> bytes:
    return blake2b(header.encode("utf-8", "surrogatepass"), digest_size=32).digest()
