"""The authenticator: token cache, withdrawn keys, and the issuer that the settings select."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from callers import AUDIENCE, ISSUER, NOW, KeyServer, Signers, claims, jwks, sign
from standing_clock import Clock

from gateway.auth.authenticator import Authenticator, open_authenticator
from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.keys import OLDEST_KEYS, REFRESH_AFTER, FetchedKeys, FixedKeys
from gateway.auth.tokens import LEEWAY, TokenVerifier, Trusted
from gateway.errors import UnauthenticatedError
from gateway.settings import Settings, SettingsError


class CountingVerifier(TokenVerifier):
    """Counts how often a token is verified."""

    verified = 0

    async def verify(self, token: str) -> Trusted:
        self.verified += 1
        return await super().verify(token)


@pytest.fixture
def verifier(signers: Signers, clock: Clock) -> CountingVerifier:
    return CountingVerifier(ISSUER, AUDIENCE, FixedKeys(signers.public()), clock)


@pytest.fixture
def authenticator(verifier: CountingVerifier, clock: Clock) -> Authenticator:
    return Authenticator(verifier, clock)


@pytest.fixture
def header(signers: Signers) -> str:
    return "Bearer " + sign(signers.ed, claims(), "EdDSA")


async def test_token_is_verified_once_and_remembered(
    authenticator: Authenticator, verifier: CountingVerifier, header: str
) -> None:
    assert authenticator.cached(header) is None

    first = await authenticator.authenticate(header)

    assert authenticator.cached(header).principal is first
    assert await authenticator.authenticate(header) is first
    assert verifier.verified == 1


async def test_remembered_token_is_forgotten_at_expiry(
    authenticator: Authenticator, signers: Signers, clock: Clock
) -> None:
    header = "Bearer " + sign(signers.ed, claims(exp=NOW + 60), "EdDSA")
    await authenticator.authenticate(header)

    clock.now = NOW + 60 + LEEWAY

    assert authenticator.cached(header) is None
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(header)


class TestFetchedKeys:
    """Remembered tokens fall with the key that signed them."""

    @pytest.fixture
    def monotonic(self) -> Clock:
        return Clock(1000.0)

    @pytest.fixture
    async def verifier(
        self, key_server: KeyServer, signers: Signers, clock: Clock, monotonic: Clock
    ) -> AsyncIterator[CountingVerifier]:
        key_server.body = jwks(signers.ed, signers.rsa)
        keys = FetchedKeys(key_server.url, monotonic)
        yield CountingVerifier(ISSUER, AUDIENCE, keys, clock)
        await keys.aclose()

    async def test_fresh_keys_verify_remembered_token_without_fetch(
        self, authenticator: Authenticator, key_server: KeyServer, header: str, monotonic: Clock
    ) -> None:
        await authenticator.authenticate(header)
        monotonic.now += REFRESH_AFTER - 1

        assert authenticator.cached(header) is not None
        assert key_server.asked == 1

    async def test_unchanged_key_verifies_remembered_tokens(
        self,
        authenticator: Authenticator,
        verifier: CountingVerifier,
        key_server: KeyServer,
        signers: Signers,
        header: str,
        monotonic: Clock,
    ) -> None:
        first = await authenticator.authenticate(header)
        key_server.body = jwks(signers.rsa, signers.ed)  # in another order
        for _ in range(5):
            monotonic.now += OLDEST_KEYS
            assert authenticator.cached(header) is None
            assert await authenticator.authenticate(header) is first
            assert authenticator.cached(header).principal is first

        assert (verifier.verified, key_server.asked) == (1, 6)


async def test_refused_token_is_not_remembered(authenticator: Authenticator, signers: Signers) -> None:
    header = "Bearer " + sign(signers.stranger, claims(), "EdDSA")

    for _ in range(2):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(header)
        assert authenticator.cached(header) is None


async def test_changed_header_is_not_found_in_the_cache(authenticator: Authenticator, header: str) -> None:
    await authenticator.authenticate(header)

    for changed in (header[:-1], header + "A", header.replace("Bearer", "bearer"), header.lower()):
        assert authenticator.cached(changed) is None


async def test_bearer_scheme_is_case_insensitive(authenticator: Authenticator, header: str) -> None:
    assert (await authenticator.authenticate(header.replace("Bearer", "bEARER"))).subject == "lin"


async def test_principals_with_equal_rights_share_a_view(authenticator: Authenticator, signers: Signers) -> None:
    async def view(**changes: object) -> object:
        return (await authenticator.authenticate("Bearer " + sign(signers.ed, claims(**changes), "EdDSA"))).view

    same = await view()

    assert await view(sub="wang", scope="order:read order:create") is same
    assert await view(scope="order:read pii:read") is not same
    assert await view(communities=["00001"]) is not same
    assert await view(communities="*") is not same


async def test_issuer_and_key_set_settings_open_authenticator(
    key_server: KeyServer, signers: Signers, clock: Clock, tmp_path: Path
) -> None:
    key_server.body = jwks(signers.rsa)
    settings = Settings(
        env="production", data_dir=tmp_path, auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_jwks_url=key_server.url
    )

    authenticator = open_authenticator(settings, clock)
    principal = await authenticator.authenticate("Bearer " + sign(signers.rsa, claims(), "RS256"))
    await authenticator.aclose()

    assert principal.subject == "lin"


async def test_key_file_setting_opens_authenticator(signers: Signers, clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "issuer.pem"
    file.write_bytes(signers.rsa.as_pem(private=False))
    settings = Settings(env="production", auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_key_file=str(file))

    principal = await open_authenticator(settings, clock).authenticate("Bearer " + sign(signers.rsa, claims(), "RS256"))

    assert principal.subject == "lin"


async def test_configured_issuer_excludes_development_issuer(signers: Signers, clock: Clock, tmp_path: Path) -> None:
    minted = DevelopmentIssuer.open(Settings(data_dir=tmp_path), clock).mint(["*"], ["*"], "dev", 60)
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(signers.ed))
    settings = Settings(data_dir=tmp_path, auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_key_file=str(file))

    with pytest.raises(UnauthenticatedError):
        await open_authenticator(settings, clock).authenticate(f"Bearer {minted}")


UNSAFE = ["http://login.example/jwks", "file:///etc/jwks", "ftp://127.0.0.1/jwks", "https://", "https://a:b/",
          "https://a:65536", "https://a..b/", "ftp://localhost"]  # fmt: skip


@pytest.mark.parametrize("url", UNSAFE)
def test_unsafe_address_of_keys_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_AUTH_JWKS_URL"):
        open_authenticator(Settings(auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_jwks_url=url))


def test_production_without_an_issuer_is_refused() -> None:
    with pytest.raises(SettingsError, match="GATEWAY_ENV"):
        open_authenticator(Settings(env="production"))


async def test_https_key_set_is_accepted_on_any_host() -> None:
    settings = Settings(auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_jwks_url="https://login.example/jwks")
    await open_authenticator(settings).aclose()
