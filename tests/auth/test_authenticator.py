"""The authenticator: its token cache, and the addresses of keys that it takes."""

from unittest.mock import AsyncMock

import pytest
from callers import AUDIENCE, ISSUER, NOW, claims, jwks, sign
from msgspec.structs import replace
from standing_clock import Clock

from gateway.auth.authenticator import LEEWAY, Authenticator, open_authenticator
from gateway.auth.keys import OLDEST_KEYS, REFRESH_AFTER, FetchedKeys
from gateway.errors import UnauthenticatedError
from gateway.settings import Settings, SettingsError


async def test_token_is_verified_once_until_it_expires(key_server, signers, clock, monkeypatch):
    """As long as its key is published; a header that differs in a letter is another one."""
    key_server.body = jwks(signers.ed)
    monotonic = Clock()
    authenticator = Authenticator(ISSUER, AUDIENCE, FetchedKeys(key_server.url, monotonic), clock)
    verify = AsyncMock(wraps=authenticator.verify)
    monkeypatch.setattr(authenticator, "verify", verify)
    header = "bEARER " + sign(signers.ed, claims(exp=NOW + 60), "EdDSA")
    first = await authenticator.authenticate(header)
    for _ in range(2):
        assert authenticator.trusts(first)
        monotonic.now += REFRESH_AFTER
        assert not authenticator.trusts(first)
        monotonic.now += OLDEST_KEYS - REFRESH_AFTER
        assert await authenticator.authenticate(header) is first
    assert (verify.await_count, key_server.asked) == (1, 3)

    for changed in (header[:-1], header + "A", header.lower()):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(changed)
    clock.now = NOW + 60 + LEEWAY
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(header)


UNSAFE = ["http://login.example/jwks", "file:///etc/jwks", "ftp://127.0.0.1/jwks", "https://", "https://a:b/",
          "https://a:65536", "https://a..b/", "ftp://localhost"]  # fmt: skip


async def test_keys_come_by_https_or_from_this_machine():
    settings = Settings(auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_jwks_url="https://login.example/jwks")
    await open_authenticator(settings).aclose()
    for url in UNSAFE:
        with pytest.raises(SettingsError, match="GATEWAY_AUTH_JWKS_URL"):
            open_authenticator(replace(settings, auth_jwks_url=url))


def test_production_without_an_issuer_is_refused():
    with pytest.raises(SettingsError, match="GATEWAY_ENV"):
        open_authenticator(Settings(env="production"))
