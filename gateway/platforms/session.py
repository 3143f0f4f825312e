"""The token of one platform: got once for all calls, renewed in time, replaced when it dies early (quirks 40 to 43)."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import cached_property
from math import inf
from typing import NamedTuple, TypeAlias
from urllib.parse import urlencode

import msgspec

from gateway.errors import PlatformAuthError, PlatformBusyError, PlatformError, ProtocolError
from gateway.futures import join
from gateway.ops.logs import Clock

EARLY_SHARE = 0.1
MOST_EARLY = 60.0
"""A token is renewed when a tenth of its life is left, but at most so many seconds before its end."""

REFUSAL_SECONDS = 5.0
"""So long a refusal stands without asking again: fifty calls with wrong credentials are one login, not fifty."""


class Credential(msgspec.Struct, frozen=True, dict=True):
    """What calls carry to be let in: the value of `Authorization`, or `fields` beside their arguments."""

    authorization: str = ""
    fields: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Credential()"

    @cached_property
    def header(self) -> bytes:
        """The whole line of the header, if there is one."""
        return f"Authorization: {self.authorization}\r\n".encode("ascii") if self.authorization else b""

    @cached_property
    def form(self) -> str:
        """The fields as they stand in a form: quoted once, not for each call."""
        return urlencode(self.fields)

    @cached_property
    def secrets(self) -> list[str]:
        """The parts that nobody is shown."""
        return [*self.authorization.split(" ")[1:], *self.fields.values()]


NO_CREDENTIAL = Credential()


class Token(NamedTuple):
    """What a login gave: the credential, its lifetime in seconds, and when that began, in Unix seconds."""

    credential: Credential
    lifetime: float
    given_at: float = 0.0

    @property
    def renewed_in(self) -> float:
        """Seconds from now."""
        return self.given_at + self.lifetime - min(self.lifetime * EARLY_SHARE, MOST_EARLY) - time.time()


Share: TypeAlias = Callable[[Callable[[bytes], Token | None], Callable[[], Awaitable[Token]]], Awaitable[Token]]
"""Gives the token of all gateways, from a login where there is none that can be used."""


class Session:
    """Holds the one token; all that need another wait for the same login.

    `login` gets a token, or raises PlatformAuthError when the platform refuses the credentials, another PlatformError
    when it cannot be asked. A caller that is cancelled while waiting leaves the login to the others. A `fixed` token,
    of the settings or of another caller, is never replaced. With a `share`, all gateways have one token.
    """

    share: Share | None = None

    def __init__(
        self, login: Callable[[], Awaitable[Token]], clock: Clock = time.monotonic, fixed: Credential | None = None
    ) -> None:
        self._login = login
        self._clock = clock
        self._credential = self._irreplaceable = fixed
        self._renew_at = self._irreplaceable_until = 0.0 if fixed is None else inf
        self._given_at = 0.0
        self._dead: Credential | None = None
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
            self._dead, self._credential, self._renew_at = dead, None, 0.0
        return await self.credential()

    def is_fresh(self, credential: Credential) -> bool:
        """Whether a login has just given it: the next one would be refused as well."""
        return credential == self._credential and time.time() < self._given_at + REFUSAL_SECONDS

    def refused_fresh(self, credential: Credential) -> None:
        """A fresh credential was refused again: it stays in use, as others may take it, and for a while unreplaced."""
        self._irreplaceable = credential
        self._irreplaceable_until = self._clock() + REFUSAL_SECONDS

    async def close(self) -> None:
        """Give up a login that is under way."""
        if self._logging_in is not None:
            self._logging_in.cancel()
            with contextlib.suppress(asyncio.CancelledError, PlatformError):
                await self._logging_in

    async def _renew(self) -> Credential:
        token = await (self._log_in() if self.share is None else self.share(self._read, self._log_in))
        self._credential, self._given_at = token.credential, token.given_at
        self._renew_at = self._clock() + token.renewed_in
        self.is_shut_out = False
        return token.credential

    def _read(self, text: bytes) -> Token | None:
        token = msgspec.json.decode(text, type=Token)
        return token if token.renewed_in > 0 and token.credential != self._dead else None

    async def _log_in(self) -> Token:
        given_at = time.time()
        try:
            return (await self._login())._replace(given_at=given_at)
        except PlatformError as error:
            error.sent = False  # the call that needs the token has not begun
            self.is_shut_out |= isinstance(error, PlatformAuthError | ProtocolError | PlatformBusyError)
            if isinstance(error, PlatformAuthError):
                self._refusal, self._refused_until = error, self._clock() + REFUSAL_SECONDS
            raise
