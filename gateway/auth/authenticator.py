"""Bearer tokens: header, signature and claims, believed in that order (RFC 7519, RFC 8725, RFC 9068)."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgspec
import structlog
from cachetools import LRUCache
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.util import urlsafe_b64decode

from gateway.auth.issuer import AUDIENCE, ISSUER, DevelopmentIssuer, is_loopback
from gateway.auth.keys import ALGORITHMS, FetchedKeys, FixedKeys, KeySet
from gateway.auth.principal import EVERYTHING, Principal, Scope
from gateway.errors import UnauthenticatedError
from gateway.ops.logs import LogThrottle
from gateway.ops.metrics import Metrics
from gateway.settings import Settings, SettingsError, can_be_called, split_words
from gateway.wording.requests import RequestWording, TokenWording
from gateway.wording.settings import Mistake

log = structlog.get_logger(__name__)

REFUSAL = RequestWording.TOKEN_NEEDED()
"""What every refused caller gets in production: which check failed would help only those who try."""


class InvalidTokenError(UnauthenticatedError):
    """A token that is not believed, or none. The message says nothing of the reason: the check that failed."""

    def __init__(self, reason: TokenWording) -> None:
        super().__init__(REFUSAL)
        self.reason = reason


_REMEMBERED = 4096  # tokens
LONGEST_TOKEN = 8192  # characters
_LONGEST_HEADER = LONGEST_TOKEN + len("Bearer ")
LONGEST_SUBJECT = 255  # characters
LEEWAY = 30.0  # seconds that clocks may differ by

_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_UNTRUSTED_HEADERS = frozenset({"jwk", "jku", "x5c", "x5u", "crit", "b64", "cty", "zip"})
"""Keys that a token brings along, and extensions that change what is signed: never needed here."""

_KNOWN_SCOPES = frozenset(Scope)

_Words = str | list[str] | None


class _Header(msgspec.Struct, frozen=True):
    alg: str
    typ: str | None = None
    kid: str | None = None


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str | list[str]
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_SUBJECT)]
    exp: float
    nbf: float | None = None
    iat: float | None = None
    jti: str | None = None  # asked for nothing but to be text, as RFC 7519 has it


class _Signatures(jws.JWSRegistry):
    """The algorithms of `ALGORITHMS`, EdDSA under both of its names (RFC 9864 renames it; issuers use the old one)."""

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise ValueError("algorithm")
        return self.algorithms[name]


_SIGNATURES = _Signatures(algorithms=ALGORITHMS, strict_check_header=False)


class Trusted(msgspec.Struct, frozen=True, gc=False):
    """Whom a token speaks for, until when in Unix seconds, and by which keys: it is trusted no longer than they are."""

    principal: Principal
    until: float
    keys: KeySet


@dataclass(eq=False)
class Authenticator:
    """Verifies each token of one issuer for one audience once, and remembers it, by its hash, while it and its keys
    last.

    Refused tokens are counted by reason, and one of each reason a minute is logged: nothing of the token. `clock` is in
    Unix seconds. `explains`: refused callers learn why.

    Issuers differ in the claims that hold `scopes` and `communities`: see `find_claim`. `needs_typ`: without a `typ` in
    its header a token is refused, as it may be of another kind.
    """

    issuer: str
    audience: str
    keys: FixedKeys
    clock: Callable[[], float] = time.time
    _: KW_ONLY
    scopes: Sequence[str] = ("scope", "scopes", "scp")
    communities: Sequence[str] = ("community", "communities")
    needs_typ: bool = True
    explains: bool = False
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        counter = self.metrics.refused_tokens
        self._refused = {reason: counter.labels(reason.name.lower()) for reason in TokenWording}
        self._throttle = LogThrottle()
        self._remembered: LRUCache[bytes, Trusted] = LRUCache(_REMEMBERED)
        self.metrics.watch(self.metrics.keys_age, self.keys.age)

    def trusts(self, trusted: Trusted) -> bool:
        """Whether what a token said still holds, as far as that can be known without waiting."""
        return self.clock() < trusted.until and self.keys.clock() < trusted.keys.fresh_until

    async def authenticate(self, header: str | None) -> Trusted:
        """Whom an Authorization header speaks for. Raises UnauthenticatedError, IssuerUnavailableError."""
        try:
            if not header:
                raise InvalidTokenError(TokenWording.MISSING)
            if len(header) > _LONGEST_HEADER:
                raise InvalidTokenError(TokenWording.FORM)
            digest = blake2b(header.encode("utf-8", "surrogatepass"), digest_size=32).digest()
            trusted = self._remembered.get(digest)
            if trusted is None or self.clock() >= trusted.until or trusted.keys is not await self.keys.current():
                scheme, _, token = header.partition(" ")
                if scheme.lower() != "bearer":
                    raise InvalidTokenError(TokenWording.SCHEME)
                trusted = self._remembered[digest] = await self.verify(token)
            return trusted
        except InvalidTokenError as error:
            name, because = error.reason.name.lower(), error.reason()
            self._refused[error.reason].inc()
            if (left_out := self._throttle.left_out(name)) is not None:
                log.warning("token refused", reason=name, because=because, left_out=left_out)
            if self.explains:
                raise UnauthenticatedError(RequestWording.TOKEN_REFUSED(reason=because)) from error
            raise

    async def aclose(self) -> None:
        await self.keys.aclose()

    async def verify(self, token: str) -> Trusted:
        """Whom the token speaks for. Raises InvalidTokenError; IssuerUnavailableError while there are no keys."""
        header = _read_header(token, self.needs_typ)
        keys = await self.keys.current()
        key = keys.find(header.kid, header.alg)
        if key is None:
            keys = await self.keys.newest()
            key = keys.find(header.kid, header.alg)
        if key is None:
            raise InvalidTokenError(TokenWording.KEY)
        claims, named = _read_claims(token, key, (*self.scopes, *self.communities))
        now = self.clock()
        if claims.iss != self.issuer:
            raise InvalidTokenError(TokenWording.ISS)
        if self.audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
            raise InvalidTokenError(TokenWording.AUD)
        if claims.exp <= now - LEEWAY:
            raise InvalidTokenError(TokenWording.EXP)
        if max(claims.nbf or 0.0, claims.iat or 0.0) > now + LEEWAY:
            raise InvalidTokenError(TokenWording.NBF)
        codes = tuple(dict.fromkeys(words(*map(named.get, self.communities))))
        scopes = _KNOWN_SCOPES.intersection(words(*map(named.get, self.scopes)))
        if EVERYTHING in codes:
            principal = Principal(claims.sub, scopes, None, claims.exp)
        else:
            principal = Principal(claims.sub, scopes, frozenset(codes), claims.exp, codes)
        return Trusted(principal, claims.exp + LEEWAY, keys)


def open_authenticator(
    settings: Settings, clock: Callable[[], float] = time.time, metrics: Metrics | None = None, audience: str = AUDIENCE
) -> Authenticator:
    """Of the settings' issuer, else of the development issuer for that audience.

    Raises SettingsError when keys cannot be used, and where there is no development issuer.
    """
    use = partial(Authenticator, clock=clock, explains=not settings.is_production, metrics=metrics or Metrics())
    if not settings.auth_issuer:
        return use(ISSUER, audience, DevelopmentIssuer.open(settings, clock).public_keys())
    return use(
        settings.auth_issuer,
        settings.auth_audience,
        _open_keys(settings),
        scopes=settings.auth_scope_claims,
        communities=settings.auth_community_claims,
        needs_typ=settings.auth_require_typ,
    )


def _open_keys(settings: Settings) -> FixedKeys:
    if settings.auth_key_file:
        return FixedKeys(KeySet.from_file(Path(settings.auth_key_file)))
    with suppress(httpx.InvalidURL):
        address = httpx.URL(settings.auth_jwks_url)
        if can_be_called(address) and (address.scheme == "https" or is_loopback(address.host)):
            return FetchedKeys(settings.auth_jwks_url)
    raise SettingsError(Mistake.NO_JWKS_URL("GATEWAY_AUTH_JWKS_URL"))


def _read_header(token: str, needs_typ: bool) -> _Header:
    """The header, before anything in it is believed. Raises InvalidTokenError."""
    if len(token) > LONGEST_TOKEN or token.count(".") != 2:
        raise InvalidTokenError(TokenWording.FORM)
    try:
        members = msgspec.json.decode(urlsafe_b64decode(token.partition(".")[0].encode("ascii")), type=dict[str, Any])
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise InvalidTokenError(TokenWording.FORM) from error
    try:
        header = msgspec.convert(members, _Header)
    except msgspec.ValidationError as error:
        raise InvalidTokenError(TokenWording.HEADER) from error
    if not _UNTRUSTED_HEADERS.isdisjoint(members) or (header.typ is None and needs_typ):
        raise InvalidTokenError(TokenWording.HEADER)
    if header.alg not in ALGORITHMS:
        raise InvalidTokenError(TokenWording.ALG)
    if header.typ is not None and header.typ.lower() not in _TYPES:
        raise InvalidTokenError(TokenWording.TYP)
    return header


def _read_claims(token: str, key: Key, names: Iterable[str]) -> tuple[_Claims, dict[str, _Words]]:
    """The claims, if this key has signed them, and those of these names. Raises InvalidTokenError."""
    try:
        payload = jws.deserialize_compact(token, key, registry=_SIGNATURES).payload
    except (JoseError, ValueError) as error:
        raise InvalidTokenError(TokenWording.SIGNATURE) from error
    try:
        claims = msgspec.json.decode(payload or b"", type=dict[str, Any])
        found = {name: msgspec.convert(find_claim(claims, name), _Words) for name in names}
        return msgspec.convert(claims, _Claims), found
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidTokenError(TokenWording.CLAIMS) from error


def find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of this name, else what the name leads to as a path: `realm_access.roles`. None without one."""
    value: Any = claims
    for step in [name] if name in claims else name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def words(*claims: _Words) -> Iterator[str]:
    """The words of texts, which have blanks or commas between them, and of lists of words."""
    for claim in claims:
        yield from split_words(claim) if isinstance(claim, str) else claim or ()
