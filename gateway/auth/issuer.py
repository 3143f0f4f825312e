"""The issuer that development has of its own, so that access control is never switched off.

Its key lies in the data directory: the server that verifies and the command that mints agree without a setting. It
opens on a developer's own machine only.
"""

import os
import stat
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import Final, Self

from joserfc import jwt
from joserfc.jwk import OKPKey

from gateway.auth.keys import FixedKeys, KeySet
from gateway.auth.principal import EVERYTHING, Scope
from gateway.settings import Settings, SettingsError
from gateway.wording.commands import CommandWording
from gateway.wording.language import known
from gateway.wording.settings import Mistake, reason


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """The secret in this file, made if there is none. Raises SettingsError when others can read it, or none."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            # Written aside and linked into place: no process reads half of it, and of several processes one wins.
            with NamedTemporaryFile(dir=path.parent, prefix=path.name) as aside:  # of mode 600
                aside.write(make())
                aside.flush()
                os.fsync(aside.fileno())
                with suppress(FileExistsError):
                    os.link(aside.name, path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SettingsError(Mistake.OPEN_SECRET("GATEWAY_DATA_DIR", file=path.name))
        return path.read_bytes()
    except OSError as error:
        mistake = Mistake.NOT_KEPT("GATEWAY_DATA_DIR", file=path.name, reason=reason(error))
        raise SettingsError(mistake) from error


ISSUER = "urn:wanjia-gateway:development"
AUDIENCE = "wanjia-gateway"
DEMO_AUDIENCE = "wanjia-gateway-demo"
"""The demo takes tokens of `gateway token`, too; those that it gives every caller are for itself alone."""

_ALGORITHM: Final = "Ed25519"


class DevelopmentIssuer:
    """Mints tokens, and gives the keys that verify them. `clock` is in Unix seconds."""

    audiences: tuple[str, ...] = (AUDIENCE, DEMO_AUDIENCE)

    def __init__(self, key: OKPKey, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    @classmethod
    def open(cls, settings: Settings, clock: Callable[[], float] = time.time) -> Self:
        """The issuer of this data directory. Raises SettingsError in production and where others can connect."""
        require_development(settings)
        secret = read_or_create(key_path(settings), lambda: OKPKey.generate_key(_ALGORITHM).as_pem(private=True))
        try:
            return cls(OKPKey.import_key(secret), clock)
        except ValueError as error:
            raise SettingsError(Mistake.BROKEN_KEY("GATEWAY_DATA_DIR", file="issuer.pem")) from error

    def public_keys(self) -> FixedKeys:
        return FixedKeys(KeySet([OKPKey.import_key(self._key.as_pem(private=False))]))

    def mint(self, scopes: Collection[str], communities: Collection[str], subject: str, ttl: int) -> str:
        """A token for `ttl` seconds. `*` among scopes or communities means all of them.

        Raises ValueError that names what is wrong: an unknown scope, an empty subject, a ttl below 1.
        """
        unknown = sorted(set(scopes) - set(Scope) - {EVERYTHING})
        if unknown:
            raise ValueError(CommandWording.UNKNOWN_SCOPE(scope=unknown[0], scopes=", ".join(Scope)))
        if not 1 <= len(subject) <= 255:
            raise ValueError(known("the subject has 1 to 255 characters"))
        if ttl < 1:
            raise ValueError(known("the ttl is at least 1 second"))
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": self.audiences,
            "sub": subject,
            "iat": now,
            "exp": now + ttl,
            "jti": token_hex(16),
            "scope": " ".join(Scope if EVERYTHING in scopes else scopes),
            "communities": list(dict.fromkeys(communities)),
        }
        return jwt.encode({"alg": _ALGORITHM, "typ": "at+jwt"}, claims, self._key, algorithms=[_ALGORITHM])


class DemoIssuer(DevelopmentIssuer):
    audiences = (DEMO_AUDIENCE,)


def require_development(settings: Settings) -> None:
    """Raises SettingsError in production, where others can connect, and where another issuer is set."""
    if settings.is_production:
        raise SettingsError(Mistake.NO_ISSUER("GATEWAY_AUTH_ISSUER"))
    if settings.auth_issuer:
        raise SettingsError(Mistake.ISSUER_IS_SET("GATEWAY_AUTH_ISSUER"))
    if not is_loopback(settings.host):
        raise SettingsError(Mistake.LOCAL_ISSUER("GATEWAY_HOST"))


def key_path(settings: Settings) -> Path:
    return settings.data_dir / "issuer.pem"


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to this host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
