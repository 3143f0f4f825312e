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
    return (await open_authenticator(settings, clock).authenticate(f"Bearer {token}")).principal


@pytest.mark.parametrize(
    ("scopes", "codes", "granted", "seen"),
    [
        (["order:read", "pii:read"], ["10002", "00001"], {"order:read", "pii:read"}, {"10002", "00001"}),
        (["*"], ["*"], set(Scope), None),
    ],
)
async def test_minted_token_grants_what_was_asked_for(
    settings: Settings, clock: Clock, scopes: list[str], codes: list[str], granted: set[str], seen: set[str] | None
) -> None:
    principal = await caller(settings, clock, DevelopmentIssuer.open(settings, clock).mint(scopes, codes, "lin", 60))

    assert (principal.subject, principal.expires_at) == ("lin", NOW + 60)
    assert (principal.scopes, principal.communities) == (granted, seen)


async def test_token_of_another_data_directory_is_refused(settings: Settings, clock: Clock, tmp_path: Path) -> None:
    token = DevelopmentIssuer.open(Settings(data_dir=tmp_path / "other"), clock).mint(["*"], ["*"], "lin", 60)

    with pytest.raises(UnauthenticatedError):
        await caller(settings, clock, token)


ELSEWHERE = ["0.0.0.0", "::", "192.168.1.7", "gateway.example", "", "localhost.example", "127.0.0.1.example"]  # noqa: S104 # is refused


def test_development_issuer_opens_on_loopback_alone(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert DevelopmentIssuer.open(Settings(host=host, data_dir=tmp_path)).mint([], [], "lin", 1)
    for host in ELSEWHERE:
        with pytest.raises(SettingsError, match="GATEWAY_HOST"):
            DevelopmentIssuer.open(Settings(host=host, data_dir=tmp_path))


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


async def test_key_is_private_to_its_owner(settings: Settings) -> None:
    public = (await DevelopmentIssuer.open(settings).public_keys().current()).find(None, "EdDSA")
    assert public is not None
    assert not public.is_private

    [key] = settings.data_dir.iterdir()
    assert (key.name, stat.S_IMODE(key.stat().st_mode)) == ("issuer.pem", 0o600)
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
