"""One bearer token: its header, its signature, its claims, believed in that order (RFC 7519, RFC 8725, RFC 9068)."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.util import urlsafe_b64decode

from gateway.auth.keys import ALGORITHMS, KeySet, KeySource
from gateway.auth.principal import Principal, Scope
from gateway.auth.refusals import InvalidTokenError, RefusalReason

LONGEST_TOKEN = 8192  # characters
LONGEST_SUBJECT = 255  # characters
LEEWAY = 30.0  # seconds that clocks may differ by

EVERYTHING = "*"
"""As a community: all of them. Only the development issuer takes it for scopes, and writes them out."""

SCOPE_CLAIMS = ("scope", "scopes", "scp")
COMMUNITY_CLAIMS = ("community", "communities")

_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_UNTRUSTED_HEADERS = frozenset({"jwk", "jku", "x5c", "x5u", "crit", "b64", "cty", "zip"})
"""Keys that a token brings along, and extensions that change what is signed: never needed here."""

_SEPARATORS = re.compile(r"[\s,]+")
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


class Dialect(msgspec.Struct, frozen=True):
    """What tokens of the issuer are like, where issuers differ.

    `scopes` and `communities` name the claims that hold them: see `find_claim`. `needs_typ`: without a `typ` in its
    header a token is refused, as it may be of another kind.
    """

    scopes: Sequence[str] = SCOPE_CLAIMS
    communities: Sequence[str] = COMMUNITY_CLAIMS
    needs_typ: bool = True


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


class TokenVerifier:
    """Verifies tokens of one issuer for one audience. `clock` gives Unix seconds."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        keys: KeySource,
        clock: Callable[[], float] = time.time,
        dialect: Dialect = Dialect(),  # noqa: B008 # it is frozen
    ) -> None:
        self.keys = keys
        self._dialect = dialect
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    async def verify(self, token: str) -> Trusted:
        """Whom the token speaks for. Raises InvalidTokenError; IssuerUnavailableError while there are no keys."""
        header = _read_header(token, self._dialect.needs_typ)
        keys = await self.keys.current()
        key = keys.find(header.kid, header.alg)
        if key is None:
            keys = await self.keys.newest()
            key = keys.find(header.kid, header.alg)
        if key is None:
            raise InvalidTokenError(RefusalReason.KEY)
        claims, named = _read_claims(token, key, self._dialect)
        self._check(claims)
        codes = tuple(dict.fromkeys(words(*map(named.get, self._dialect.communities))))
        sees_all = EVERYTHING in codes
        principal = Principal(
            subject=claims.sub,
            scopes=_KNOWN_SCOPES.intersection(words(*map(named.get, self._dialect.scopes))),
            communities=None if sees_all else frozenset(codes),
            expires_at=claims.exp,
            codes=None if sees_all else codes,
        )
        return Trusted(principal, claims.exp + LEEWAY, keys)

    def _check(self, claims: _Claims) -> None:
        """Raises InvalidTokenError."""
        now = self._clock()
        if claims.iss != self._issuer:
            raise InvalidTokenError(RefusalReason.ISS)
        if self._audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
            raise InvalidTokenError(RefusalReason.AUD)
        if claims.exp <= now - LEEWAY:
            raise InvalidTokenError(RefusalReason.EXP)
        if max(claims.nbf or 0.0, claims.iat or 0.0) > now + LEEWAY:
            raise InvalidTokenError(RefusalReason.NBF)


def _read_header(token: str, needs_typ: bool) -> _Header:
    """The header, before anything in it is believed. Raises InvalidTokenError."""
    if len(token) > LONGEST_TOKEN or token.count(".") != 2:
        raise InvalidTokenError(RefusalReason.FORM)
    try:
        members = msgspec.json.decode(urlsafe_b64decode(token.partition(".")[0].encode("ascii")), type=dict[str, Any])
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise InvalidTokenError(RefusalReason.FORM) from error
    if not _UNTRUSTED_HEADERS.isdisjoint(members):
        raise InvalidTokenError(RefusalReason.HEADER)
    try:
        header = msgspec.convert(members, _Header)
    except msgspec.ValidationError as error:
        raise InvalidTokenError(RefusalReason.HEADER) from error
    if header.typ is None and needs_typ:
        raise InvalidTokenError(RefusalReason.HEADER)
    if header.alg not in ALGORITHMS:
        raise InvalidTokenError(RefusalReason.ALG)
    if header.typ is not None and header.typ.lower() not in _TYPES:
        raise InvalidTokenError(RefusalReason.TYP)
    return header


def _read_claims(token: str, key: Key, dialect: Dialect) -> tuple[_Claims, dict[str, _Words]]:
    """The claims, if this key has signed them, and those that the dialect names. Raises InvalidTokenError."""
    try:
        payload = jws.deserialize_compact(token, key, registry=_SIGNATURES).payload
    except (JoseError, ValueError) as error:
        raise InvalidTokenError(RefusalReason.SIGNATURE) from error
    try:
        claims = msgspec.json.decode(payload or b"", type=dict[str, Any])
        names = (*dialect.scopes, *dialect.communities)
        found = {name: msgspec.convert(find_claim(claims, name), _Words) for name in names}
        return msgspec.convert(claims, _Claims), found
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidTokenError(RefusalReason.CLAIMS) from error


def find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of this name, else what the name leads to as a path: `realm_access.roles`. None without one."""
    value: Any = claims
    for step in [name] if name in claims else name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def words(*claims: _Words) -> Iterator[str]:
    """The words of texts, which have blanks or commas between them, and of lists of words."""
    for claim in claims:
        if isinstance(claim, str):
            yield from filter(None, _SEPARATORS.split(claim))
        elif claim is not None:
            yield from claim
