"""From the Authorization header to the principal, quickly for a header that was seen before."""

import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import httpx
from cachetools import LRUCache

from gateway.addresses import can_be_called
from gateway.auth.issuer import AUDIENCE, ISSUER, DevelopmentIssuer, is_loopback
from gateway.auth.keys import FetchedKeys, FixedKeys, KeySet, KeySource
from gateway.auth.principal import Principal
from gateway.auth.refusals import InvalidTokenError, RefusalReason, Refusals
from gateway.auth.tokens import LONGEST_TOKEN, Dialect, TokenVerifier, Trusted
from gateway.errors import UnauthenticatedError
from gateway.ops.metrics import Metrics
from gateway.settings import Settings, SettingsError
from gateway.wording.requests import RequestWording

_REMEMBERED = 4096  # tokens
_LONGEST_HEADER = LONGEST_TOKEN + len("Bearer ")


class Authenticator:
    """Verifies each token once and remembers it, by its hash, while it and its keys last.

    `clock` is in Unix seconds. `explains`: refused callers learn why.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        clock: Callable[[], float] = time.time,
        *,
        explains: bool = False,
        metrics: Metrics | None = None,
    ) -> None:
        metrics = Metrics() if metrics is None else metrics
        self.refusals = Refusals(metrics)
        metrics.watch(metrics.keys_age, verifier.keys.age)
        self._clock = clock
        self._explains = explains
        self._verifier = verifier
        self._remembered: LRUCache[bytes, Trusted] = LRUCache(_REMEMBERED)

    def trusts(self, trusted: Trusted) -> bool:
        """Whether it still holds without waiting for anything."""
        return self._clock() < trusted.until and self._verifier.keys.clock() < trusted.keys.fresh_until

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
        if trusted is None or self._clock() >= trusted.until or trusted.keys is not await self._verifier.keys.current():
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                raise InvalidTokenError(RefusalReason.SCHEME)
            trusted = self._remembered[digest] = await self._verifier.verify(token)
        return trusted

    async def ready(self) -> None:
        """Raises IssuerUnavailableError while no token can be checked."""
        await self._verifier.keys.current()

    async def aclose(self) -> None:
        """Stop fetching keys."""
        await self._verifier.keys.aclose()


def open_authenticator(
    settings: Settings, clock: Callable[[], float] = time.time, metrics: Metrics | None = None, audience: str = AUDIENCE
) -> Authenticator:
    """Of the settings' issuer, else of the development issuer for that audience.

    Raises SettingsError when keys cannot be used, and where there is no development issuer.
    """
    verifier = _open_verifier(settings, clock, audience)
    return Authenticator(verifier, clock, explains=not settings.is_production, metrics=metrics)


def _open_verifier(settings: Settings, clock: Callable[[], float], audience: str) -> TokenVerifier:
    if not settings.auth_issuer:
        return TokenVerifier(ISSUER, audience, DevelopmentIssuer.open(settings, clock).public_keys(), clock)
    if settings.auth_key_file:
        keys: KeySource = FixedKeys(KeySet.from_file(Path(settings.auth_key_file)))
    else:
        keys = _fetched(settings.auth_jwks_url)
    dialect = Dialect(settings.auth_scope_claims, settings.auth_community_claims, settings.auth_require_typ)
    return TokenVerifier(settings.auth_issuer, settings.auth_audience, keys, clock, dialect)


def _fetched(url: str) -> FetchedKeys:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if not can_be_called(address) or not (address.scheme == "https" or is_loopback(address.host)):
        raise SettingsError("GATEWAY_AUTH_JWKS_URL: needs an https address, or an http one on this machine")
    return FetchedKeys(url)


def _digest(header: str) -> bytes:
    return blake2b(header.encode("utf-8", "surrogatepass"), digest_size=32).digest()
