"""The development issuer: command and server share a key, and unsafe settings disable both."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from callers import NOW
from standing_clock import Clock

from gateway.auth.authenticator import open_authenticator
from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import Principal, Scope
from gateway.errors import UnauthenticatedError
from gateway.settings import Settings, SettingsError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "new" / "data")


async def caller(settings: Settings, clock: Clock, token: str) -> Principal:
    return await open_authenticator(settings, clock).authenticate(f"Bearer {token}")


async def test_minted_token_is_accepted_by_the_server(settings: Settings, clock: Clock) -> None:
    token = DevelopmentIssuer.open(settings, clock).mint(["order:read", "pii:read"], ["10002", "00001"], "lin", 60)

    principal = await caller(settings, clock, token)

    assert principal.subject == "lin"
    assert principal.scopes == {"order:read", "pii:read"}
    assert principal.communities == {"10002", "00001"}
    assert principal.expires_at == NOW + 60


async def test_star_grants_every_scope_and_community(settings: Settings, clock: Clock) -> None:
    principal = await caller(settings, clock, DevelopmentIssuer.open(settings, clock).mint(["*"], ["*"], "lin", 60))

    assert principal.scopes == set(Scope)
    assert principal.communities is None


async def test_token_of_another_data_directory_is_refused(settings: Settings, clock: Clock, tmp_path: Path) -> None:
    token = DevelopmentIssuer.open(Settings(data_dir=tmp_path / "other"), clock).mint(["*"], ["*"], "lin", 60)

    with pytest.raises(UnauthenticatedError):
        await caller(settings, clock, token)


ELSEWHERE = ["0.0.0.0", "::", "192.168.1.7", "gateway.example", "", "localhost.example", "127.0.0.1.example"]  # noqa: S104 # is refused


@pytest.mark.parametrize("host", ELSEWHERE)
def test_non_loopback_host_refuses_development_issuer(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_HOST"):
        DevelopmentIssuer.open(Settings(host=host, data_dir=tmp_path))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_host_opens_development_issuer(tmp_path: Path, host: str) -> None:
    assert DevelopmentIssuer.open(Settings(host=host, data_dir=tmp_path)).mint([], [], "lin", 1)


@pytest.mark.parametrize(
    ("scopes", "subject", "ttl", "complaint"),
    [
        (["order:write"], "lin", 60, "unknown scope order:write"),
        (["order:read"], "", 60, "subject"),
        (["order:read"], "x" * 256, 60, "subject"),
        (["order:read"], "lin", 0, "ttl"),
        (["order:read"], "lin", -1, "ttl"),
    ],
)
def test_invalid_grant_names_its_mistake(
    settings: Settings, scopes: list[str], subject: str, ttl: int, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        DevelopmentIssuer.open(settings).mint(scopes, [], subject, ttl)


async def test_development_issuer_publishes_only_public_key(settings: Settings) -> None:
    key = (await DevelopmentIssuer.open(settings).public_keys().current()).find(None, "EdDSA")

    assert key is not None
    assert not key.is_private


def test_key_is_private_to_its_owner(settings: Settings) -> None:
    DevelopmentIssuer.open(settings)

    key = settings.data_dir / "issuer.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [entry.name for entry in settings.data_dir.iterdir()] == ["issuer.pem"]


def test_unusable_key_file_is_named(settings: Settings) -> None:
    DevelopmentIssuer.open(settings)
    key = settings.data_dir / "issuer.pem"
    for content, mode in ((key.read_bytes(), 0o640), (b"nothing", 0o600)):
        key.write_bytes(content)
        key.chmod(mode)
        with pytest.raises(SettingsError, match=r"issuer\.pem"):
            DevelopmentIssuer.open(settings)


def test_unwritable_data_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"a file")

    with pytest.raises(SettingsError, match="GATEWAY_DATA_DIR"):
        DevelopmentIssuer.open(Settings(data_dir=tmp_path / "data"))


async def test_concurrent_processes_agree_on_the_key(settings: Settings, clock: Clock) -> None:
    with ThreadPoolExecutor(16) as pool:
        issuers = list(pool.map(lambda _: DevelopmentIssuer.open(settings, clock), range(32)))

    for issuer in issuers:
        assert (await caller(settings, clock, issuer.mint([], [], "lin", 60))).subject == "lin"
    assert os.listdir(settings.data_dir) == ["issuer.pem"]
