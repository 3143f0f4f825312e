"""The authenticator: token cache, withdrawn keys, and the issuer that the settings select."""

from contextlib import aclosing

import pytest
from callers import AUDIENCE, ISSUER, NOW, claims, jwks, sign
from msgspec.structs import replace
from standing_clock import Clock

from gateway.auth.authenticator import LEEWAY, Authenticator, open_authenticator
from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.keys import OLDEST_KEYS, REFRESH_AFTER, FetchedKeys, FixedKeys
from gateway.errors import UnauthenticatedError
from gateway.settings import Settings, SettingsError


class CountingAuthenticator(Authenticator):
    """Counts how often a token is verified."""

    verified = 0

    async def verify(self, token):
        self.verified += 1
        return await super().verify(token)


@pytest.fixture
def authenticator(signers, clock):
    return CountingAuthenticator(ISSUER, AUDIENCE, FixedKeys(signers.public()), clock)


@pytest.fixture
def header(signers):
    return "Bearer " + sign(signers.ed, claims(), "EdDSA")


async def test_token_is_verified_once_and_remembered_until_expiry(authenticator, signers, clock):
    header = "bEARER " + sign(signers.ed, claims(exp=NOW + 60), "EdDSA")
    first = await authenticator.authenticate(header)
    assert await authenticator.authenticate(header) is first
    assert authenticator.verified == 1

    clock.now = NOW + 60 + LEEWAY

    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(header)


class TestFetchedKeys:
    """Remembered tokens fall with the key that signed them."""

    @pytest.fixture
    def monotonic(self):
        return Clock(1000.0)

    @pytest.fixture
    async def authenticator(self, key_server, signers, clock, monotonic):
        key_server.body = jwks(signers.ed, signers.rsa)
        keys = FetchedKeys(key_server.url, monotonic)
        yield CountingAuthenticator(ISSUER, AUDIENCE, keys, clock)
        await keys.aclose()

    async def test_fresh_keys_verify_remembered_token_without_fetch(self, authenticator, key_server, header, monotonic):
        trusted = await authenticator.authenticate(header)
        monotonic.now += REFRESH_AFTER - 1

        assert authenticator.trusts(trusted)
        assert key_server.asked == 1

    async def test_unchanged_key_verifies_remembered_tokens(self, authenticator, key_server, header, monotonic):
        first = await authenticator.authenticate(header)
        for _ in range(5):
            monotonic.now += OLDEST_KEYS
            assert not authenticator.trusts(first)
            assert await authenticator.authenticate(header) is first
            assert authenticator.trusts(first)

        assert (authenticator.verified, key_server.asked) == (1, 6)


async def test_refused_token_is_not_remembered(authenticator, signers):
    header = "Bearer " + sign(signers.stranger, claims(), "EdDSA")

    for _ in range(2):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(header)
    assert authenticator.verified == 2


async def test_changed_header_is_not_found_in_the_cache(authenticator, header):
    await authenticator.authenticate(header)

    for changed in (header[:-1], header + "A", header.lower()):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(changed)


@pytest.mark.parametrize("setting", ["auth_jwks_url", "auth_key_file"])
async def test_settings_of_the_issuer_open_authenticator(key_server, signers, clock, tmp_path, setting):
    key_server.body = jwks(signers.rsa)
    file = tmp_path / "public.pem"
    file.write_bytes(signers.rsa.as_pem(private=False))
    source = {"auth_jwks_url": key_server.url, "auth_key_file": str(file)}[setting]
    settings = Settings(data_dir=tmp_path, auth_issuer=ISSUER, auth_audience=AUDIENCE, **{setting: source})
    development = DevelopmentIssuer.open(Settings(data_dir=tmp_path), clock).mint(["*"], ["*"], "dev", 60)

    async with aclosing(open_authenticator(settings, clock)) as authenticator:
        trusted = await authenticator.authenticate("Bearer " + sign(signers.rsa, claims(), "RS256"))
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(f"Bearer {development}")

    assert trusted.principal.subject == "lin"


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
