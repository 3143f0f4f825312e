"""The issuers that the settings name: one by variables, or several by a file (`GATEWAY_AUTH_ISSUERS`)."""

import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import httpx
import msgspec

from gateway.addresses import can_be_called
from gateway.auth.issuer import AUDIENCE, ISSUER, DevelopmentIssuer, is_loopback
from gateway.auth.keys import FetchedKeys, FixedKeys, KeySet, KeySource
from gateway.auth.tokens import COMMUNITY_CLAIMS, SCOPE_CLAIMS, Dialect, SeveralIssuers, TokenVerifier, Verifier
from gateway.settings import Mistakes, Settings, SettingsError

VARIABLE = "GATEWAY_AUTH_ISSUERS"

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Names = Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1)]


class _Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the file. `name` distinguishes its callers from those of the others."""

    issuer: _Text
    audience: _Text
    name: Annotated[str, msgspec.Meta(pattern="^([a-z0-9][a-z0-9-]{0,31})?$")] = ""
    jwks_url: str = ""
    jwks_grace: Annotated[float, msgspec.Meta(ge=0, le=2_000_000)] = 3600.0
    key_file: str = ""
    scope_claims: _Names = SCOPE_CLAIMS
    community_claims: _Names = COMMUNITY_CLAIMS
    require_typ: bool = True


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    issuer: Annotated[list[_Issuer], msgspec.Meta(min_length=1)]


def open_verifier(
    settings: Settings, clock: Callable[[], float] = time.time, known: Sequence[KeySource] = ()
) -> Verifier:
    """What verifies the tokens of the settings' issuers, else of the development issuer.

    `known` are sources of keys that are open: those that the settings still name go on being used. Raises
    SettingsError when keys cannot be used, and where there is no development issuer.
    """
    if settings.auth_issuers:
        return _several(settings, clock, known)
    if not settings.auth_issuer:
        return TokenVerifier(ISSUER, AUDIENCE, DevelopmentIssuer.open(settings, clock).public_keys(), clock)
    if settings.auth_key_file:
        keys: KeySource = FixedKeys(KeySet.from_file(Path(settings.auth_key_file)))
    else:
        keys = _fetched(settings.auth_jwks_url, settings.auth_jwks_grace, "GATEWAY_AUTH_JWKS_URL", known)
    dialect = Dialect(settings.scope_claims, settings.community_claims, settings.auth_require_typ)
    return TokenVerifier(settings.auth_issuer, settings.auth_audience, keys, clock, dialect)


def _several(settings: Settings, clock: Callable[[], float], known: Sequence[KeySource]) -> SeveralIssuers:
    mistakes = Mistakes()
    verifiers = {}
    for number, issuer in enumerate(_read_file(Path(settings.auth_issuers)), 1):
        with mistakes.collect():
            keys = _keys(issuer, f"{VARIABLE}: issuer {number}", known)
            prefix = f"{issuer.name}:" if issuer.name else ""
            dialect = Dialect(issuer.scope_claims, issuer.community_claims, issuer.require_typ, prefix)
            verifiers[issuer.issuer] = TokenVerifier(issuer.issuer, issuer.audience, keys, clock, dialect)
    mistakes.check()
    return SeveralIssuers(verifiers)


def _keys(issuer: _Issuer, where: str, known: Sequence[KeySource]) -> KeySource:
    if bool(issuer.jwks_url) == bool(issuer.key_file):
        raise SettingsError(f"{where}: exactly one of jwks_url and key_file is needed")
    if issuer.key_file:
        return FixedKeys(KeySet.from_file(Path(issuer.key_file), f"{where}: key_file"))
    return _fetched(issuer.jwks_url, issuer.jwks_grace, f"{where}: jwks_url", known)


def _fetched(url: str, grace: float, where: str, known: Sequence[KeySource]) -> FetchedKeys:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if not can_be_called(address) or not (address.scheme == "https" or is_loopback(address.host)):
        raise SettingsError(f"{where}: needs an https address, or an http one on this machine")
    same = (source for source in known if isinstance(source, FetchedKeys) and source.is_of(url, grace))
    return next(same, None) or FetchedKeys(url, grace)


def _read_file(path: Path) -> list[_Issuer]:
    """The issuers of the file, which differ in name and `issuer`. Raises SettingsError with every mistake."""
    try:
        issuers = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8-sig")), _File).issuer
    except OSError as error:
        raise SettingsError(f"{VARIABLE}: the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{VARIABLE}: the file must be UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{VARIABLE}: the file is no TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{VARIABLE}: {error}") from None
    if mistakes := [*_repeated(issuers)]:
        raise SettingsError(*mistakes)
    return issuers


def _repeated(issuers: Sequence[_Issuer]) -> Iterator[str]:
    for number, issuer in enumerate(issuers, 1):
        before = issuers[: number - 1]
        if any(other.issuer == issuer.issuer for other in before):
            yield f"{VARIABLE}: issuer {number}: repeats an issuer"
        if any(other.name == issuer.name for other in before):
            problem = "repeats a name" if issuer.name else "needs a name; one issuer alone may go without"
            yield f"{VARIABLE}: issuer {number}: {problem}"
