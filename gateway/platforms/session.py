"""The token of one platform: got once for all calls, renewed in time, replaced when it dies early (quirks 40 to 43)."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from gateway.errors import PlatformAuthError, PlatformBusyError, PlatformError, ProtocolError
from gateway.futures import join
from gateway.ops.logs import Clock

EARLY_SHARE = 0.1
MOST_EARLY = 60.0
"""A token is renewed when a tenth of its life is left, but at most so many seconds before its end."""

NO_FIELDS: Mapping[str, str] = MappingProxyType({})

REFUSAL_SECONDS = 5.0
"""So long a refusal stands without asking again: fifty calls with wrong credentials are one login, not fifty."""


class Credential:
    """What calls carry to be let in: the value of `Authorization`, or `fields` beside their arguments.

    `header` is the whole line of the header, if there is one. `secrets` are the parts that nobody is shown.
    """

    __slots__ = ("fields", "header", "secrets")

    def __init__(self, authorization: str = "", fields: Mapping[str, str] = NO_FIELDS) -> None:
        self.header = f"Authorization: {authorization}\r\n".encode("ascii") if authorization else b""
        self.fields = fields
        self.secrets = [*authorization.split(" ")[1:], *fields.values()]


NO_CREDENTIAL = Credential()


class Token(NamedTuple):
    """What a login gave: the credential, and its lifetime in seconds from now."""

    credential: Credential
    lifetime: float


class Session:
    """Holds the one token; all that need another wait for the same login.

    `login` gets a token, or raises PlatformAuthError when the platform refuses the credentials, another PlatformError
    when it cannot be asked. A caller that is cancelled while waiting leaves the login to the others. A `fixed` token,
    of the settings or of another caller, is never replaced.
    """

    def __init__(
        self, login: Callable[[], Awaitable[Token]], clock: Clock = time.monotonic, fixed: Credential | None = None
    ) -> None:
        self._login = login
        self._clock = clock
        self._credential = self._irreplaceable = fixed
        self._renew_at = self._irreplaceable_until = 0.0 if fixed is None else inf
        self._logging_in: asyncio.Task[Credential] | None = None
        self._refusal: PlatformAuthError | None = None
        self._refused_until = 0.0
        self.is_shut_out = False
        """Whether the platform answered a login with something else than a token, and none with one since."""

    def current(self) -> Credential | None:
        """The credential, if there is one that is not due for renewal."""
        return self._credential if self._clock() < self._renew_at else None

    async def credential(self) -> Credential:
        """The credential, from a login if need be. Raises PlatformError, of which nothing was sent."""
        current = self.current()
        if current is not None:
            return current
        if self._refusal is not None and self._clock() < self._refused_until:
            raise self._refusal.with_traceback(None)
        if self._logging_in is None or self._logging_in.done():
            self._logging_in = asyncio.create_task(self._renew())
        return await join(self._logging_in)

    async def replace(self, dead: Credential) -> Credential | None:
        """Another credential for one that the platform called dead; None when there is no use in trying."""
        if self._credential == dead:
            if dead == self._irreplaceable and self._clock() < self._irreplaceable_until:
                return None
            self._credential, self._renew_at = None, 0.0
        return await self.credential()

    def refused_fresh(self, credential: Credential) -> None:
        """A call that came with a fresh credential was refused once more as dead.

        It stays in use, as other endpoints may take it; but for a while it is not replaced on the word of one that
        would refuse the next as well.
        """
        self._irreplaceable = credential
        self._irreplaceable_until = self._clock() + REFUSAL_SECONDS

    async def close(self) -> None:
        """Give up a login that is under way."""
        if self._logging_in is not None:
            self._logging_in.cancel()
            with contextlib.suppress(asyncio.CancelledError, PlatformError):
                await self._logging_in

    async def _renew(self) -> Credential:
        asked_at = self._clock()
        try:
            token = await self._login()
        except PlatformError as error:
            error.sent = False  # the call that needs the token has not begun
            self.is_shut_out |= isinstance(error, PlatformAuthError | ProtocolError | PlatformBusyError)
            if isinstance(error, PlatformAuthError):
                self._refusal, self._refused_until = error, self._clock() + REFUSAL_SECONDS
            raise
        self._credential = token.credential
        self._renew_at = asked_at + token.lifetime - min(token.lifetime * EARLY_SHARE, MOST_EARLY)
        self.is_shut_out = False
        return token.credential
