"""The public keys that tokens are verified with, and where they come from (RFC 7517)."""

import asyncio
import re
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import ceil, inf
from pathlib import Path
from typing import Any

import httpx
import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from gateway.errors import IssuerUnavailableError
from gateway.futures import join
from gateway.ops.logs import LogThrottle
from gateway.settings import SettingsError
from gateway.wording.faults import connect_failure
from gateway.wording.requests import RequestWording
from gateway.wording.settings import THE_FILE, Mistake, reason

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures that are believed: asymmetric ones only, so that a public key is never taken for a shared secret."""

_SHORTEST_RSA_KEY = 2048  # bits
_CURVES = frozenset(("P-256", "P-384", "P-521", "Ed25519", "Ed448"))
"""Those that tokens are signed with. X25519, which is for encryption, has the same key type as Ed25519."""

_PRIVATE = re.compile(rb'-----BEGIN [A-Z ]*PRIVATE KEY-----|"d"\s*:')
"""What only a private key has, in PEM and as the member of a JSON Web Key."""

REFRESH_AFTER = 300.0  # seconds after which a key set is fetched again, in the background, by the next user
OLDEST_KEYS = 600.0
"""Seconds after which a key set is trusted only once it has been fetched again, or its issuer cannot be reached."""

GRACE = 3600.0  # seconds that the last good keys stay trusted beyond that, while the issuer returns none
_FETCH_TIMEOUT = 5.0  # seconds, for the whole answer
_LARGEST_KEY_SET = 256 * 1024  # bytes
_FETCH_INTERVAL = 10.0  # seconds between two fetches, for unknown keys
_FAILURE_HOLDS = _FETCH_INTERVAL + 2 * _FETCH_TIMEOUT  # seconds: until the next fetch has ended

log = structlog.get_logger(__name__)


_PUBLIC = frozenset(("kty", "kid", "use", "alg", "key_ops", "n", "e", "crv", "x", "y"))
"""The members of a JSON Web Key that are read."""

_UNREADABLE = JoseError, ValueError, KeyError, TypeError, AttributeError


class _JwkSet(msgspec.Struct, frozen=True):
    keys: list[Any]


class KeySet:
    """Keys that may verify signatures. Keys of other kinds, uses and strengths are left out as if not there.

    What they have verified holds until `fresh_until`, by the `clock` of their source, without asking the source.
    """

    fresh_until = inf

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = [key for key in keys if _verifies(key)]

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key_id: str | None, algorithm: str) -> Key | None:
        """The one key for this id and algorithm. A token without a key id, or a key without one, fits any."""
        fitting = [
            key for key in self._keys if (None in (key_id, key.kid) or key.kid == key_id) and _fits(key, algorithm)
        ]
        return fitting[0] if len(fitting) == 1 else None

    @classmethod
    def from_json(cls, text: bytes) -> "KeySet":
        """Read a JWK set. Entries that cannot be read are left out (RFC 7517, 5). Raises ValueError if it is no set."""
        try:
            entries = msgspec.json.decode(text, type=_JwkSet).keys
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ValueError("The answer of the issuer is not a JWK set.") from error
        keys: list[Key] = []
        for entry in entries:
            with suppress(*_UNREADABLE):  # the others are usable all the same
                public = {name: it for name, it in entry.items() if name in _PUBLIC and it is not None}
                keys.append(JWKRegistry.import_key(public))
        return cls(keys)

    @classmethod
    def from_file(cls, path: Path) -> "KeySet":
        """Read a file that holds a JWK set, or one public key or certificate in PEM.

        Raises SettingsError, for private keys as well: they make tokens, so only the issuer may have them.
        """
        try:
            text = path.read_bytes()
            if _PRIVATE.search(text):
                raise SettingsError(Mistake.PRIVATE_KEY("GATEWAY_AUTH_KEY_FILE"))
            keys = cls.from_json(text) if text.lstrip().startswith(b"{") else cls([_read_pem(text)])
        except OSError as error:
            raise SettingsError(
                Mistake.UNREADABLE("GATEWAY_AUTH_KEY_FILE", name=THE_FILE, reason=reason(error))
            ) from error
        except ValueError as error:
            raise SettingsError(Mistake.NO_KEY_FILE("GATEWAY_AUTH_KEY_FILE")) from error
        if not keys:
            raise SettingsError(Mistake.NO_KEY("GATEWAY_AUTH_KEY_FILE"))
        return keys


class FixedKeys:
    """Keys that stay as they are: of a file, or of the development issuer."""

    def __init__(self, keys: KeySet, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self.clock = clock

    async def current(self) -> KeySet:
        """The key set to verify tokens with. Raises IssuerUnavailableError while there is none to be trusted."""
        return self._keys

    async def newest(self) -> KeySet:
        """The same as it is now, for a token that names a key which the current one does not have."""
        return self._keys

    def age(self) -> float:
        """Seconds since the keys came, or since the start while none have."""
        return 0.0

    async def aclose(self) -> None:
        """Stop fetching."""


class FetchedKeys(FixedKeys):
    """Keys of an issuer's JWKS address, fetched again when a token names an unknown key and when they grow old.

    Keys older than `REFRESH_AFTER` are fetched again while callers go on with them, keys older than `OLDEST_KEYS`
    before any caller does: a withdrawn key stops by then. Only while the issuer gives none do the last good ones hold
    for `GRACE` longer. Without keys to be trusted no token is called invalid.

    One fetch at a time, shared by all who wait for it, and at most one per `_FETCH_INTERVAL`, so that a flood of
    unknown key ids costs the issuer nothing.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(KeySet(()), clock)
        self._url = url
        self._tls = ssl.create_default_context()
        self._came_at = clock()
        self._tried_at = self._failed_at = -inf
        self._answer: bytes | None = None  # the last key set as it came
        self._failure = ""  # why the last fetch brought no keys
        self._throttle = LogThrottle(clock)
        self._fetching: asyncio.Task[None] | None = None

    async def current(self) -> KeySet:
        if not self._are_younger_than(REFRESH_AFTER):
            fetching = self._refresh()
            if fetching is not None and not self._are_trusted:
                await join(fetching)
        if not self._are_trusted:
            raise self._unavailable()
        return self._keys

    async def newest(self) -> KeySet:
        if (fetching := self._refresh()) is not None:
            await join(fetching)
        if self._failure:
            raise self._unavailable()
        return self._keys

    def age(self) -> float:
        return self.clock() - self._came_at

    def _are_younger_than(self, seconds: float) -> bool:
        return len(self._keys) > 0 and self.age() < seconds

    @property
    def _are_trusted(self) -> bool:
        has_just_failed = self.clock() < self._failed_at + _FAILURE_HOLDS
        return self._are_younger_than(OLDEST_KEYS + GRACE if has_just_failed else OLDEST_KEYS)

    async def aclose(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _unavailable(self) -> IssuerUnavailableError:
        wait = self._tried_at + _FETCH_INTERVAL - self.clock()
        return IssuerUnavailableError(RequestWording.KEYS_UNKNOWN(), max(1, ceil(wait)), self._failure)

    def _refresh(self) -> "asyncio.Task[None] | None":
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        if self.clock() - self._tried_at < _FETCH_INTERVAL:
            return None
        self._tried_at = self.clock()
        self._fetching = asyncio.create_task(self._fetch(), name="fetch signing keys")
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(_FETCH_TIMEOUT):
                answer = await self._download()
            if answer != self._answer:
                keys, self._keys.fresh_until = KeySet.from_json(answer), -inf
                self._keys, self._answer = keys, answer
            if not self._keys:  # the issuer has withdrawn all
                raise ValueError("The issuer gave no key that can verify signatures.")
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            self._failure, self._failed_at = _reason(error), self.clock()
            if (left_out := self._throttle.left_out(self._failure)) is not None:
                why = {"reason": self._failure, "left_out": left_out}
                if self._are_trusted:
                    log.warning("signing keys not fetched", **why)
                else:
                    log.error("signing keys not fetched", **why)
        else:
            self._failure, self._failed_at = "", -inf
            self._came_at = self._tried_at  # their age counts from when they were asked for
            self._keys.fresh_until = self._came_at + REFRESH_AFTER

    async def _download(self) -> bytes:
        """The address's answer. Raises httpx.HTTPError, and ValueError that says so when it is not 200 or too large."""
        body = bytearray()
        client = httpx.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=_FETCH_TIMEOUT)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with client, client.stream("GET", self._url, headers=headers) as answer:
            if answer.status_code != httpx.codes.OK:
                raise ValueError(f"The issuer answered HTTP {answer.status_code} in place of its keys.")
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > _LARGEST_KEY_SET:
                    raise ValueError("The answer of the issuer is too large.")
        return bytes(body)


def _reason(error: httpx.HTTPError | TimeoutError | ValueError) -> str:
    """Why there are no keys, in words that name no host."""
    match error:
        case httpx.ConnectTimeout():
            return "No connection to the issuer was made in time."
        case httpx.TimeoutException() | TimeoutError():
            return "The issuer did not answer in time."
        case httpx.ConnectError():
            return connect_failure(_find_os_error(error))
        case httpx.RemoteProtocolError():
            return "The answer of the issuer was cut off, or is no HTTP/1.1."
        case httpx.HTTPError():
            return "The connection to the issuer broke before its answer was complete."
        case _:
            return str(error)


def _read_pem(text: bytes) -> Key:
    for kind in (RSAKey, ECKey, OKPKey):
        with suppress(*_UNREADABLE):
            key: Key = kind.import_key(text)
            key.as_dict()  # only now is its curve looked up, which JOSE may have no name for
            return key
    raise ValueError("not a public key")


def _verifies(key: Key) -> bool:
    operations: Any = key.get("key_ops")
    if key.get("use") not in (None, "sig") or (operations is not None and "verify" not in operations):
        return False
    if isinstance(key, RSAKey):
        return key.public_key.key_size >= _SHORTEST_RSA_KEY
    return isinstance(key, ECKey | OKPKey) and key.curve_name in _CURVES


def _fits(key: Key, algorithm: str) -> bool:
    with suppress(JoseError):
        JWSRegistry.algorithms[algorithm].check_key(key)
        return True
    return False


def _find_os_error(error: BaseException) -> OSError:
    """The operating system's error at the bottom of httpx's; of several addresses, that of the first."""
    cause = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
    below = cause.__cause__ or cause.__context__
    found = OSError() if below is None else _find_os_error(below)
    return cause if found.errno is None and isinstance(cause, OSError) else found
