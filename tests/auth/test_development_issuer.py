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
from gateway.settings import Settings, SettingsError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "new" / "data")


ELSEWHERE = ["0.0.0.0", "::", "192.168.1.7", "gateway.example", "", "localhost.example", "127.0.0.1.example"]  # noqa: S104 # is refused


def test_development_issuer_opens_on_loopback_alone(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert DevelopmentIssuer.open(Settings(host=host, data_dir=tmp_path)).mint([], [], "lin", 1)
    for host in ELSEWHERE:
        with pytest.raises(SettingsError, match="GATEWAY_HOST"):
            DevelopmentIssuer.open(Settings(host=host, data_dir=tmp_path))


async def test_key_is_private_and_lies_in_a_directory(settings: Settings) -> None:
    public = (await DevelopmentIssuer.open(settings).public_keys().current()).find(None, "EdDSA")
    assert public is not None
    assert not public.is_private

    [key] = settings.data_dir.iterdir()
    with pytest.raises(SettingsError, match="GATEWAY_DATA_DIR: "):
        DevelopmentIssuer.open(Settings(data_dir=key))
    assert (key.name, stat.S_IMODE(key.stat().st_mode)) == ("issuer.pem", 0o600)
    for content, mode in ((key.read_bytes(), 0o640), (b"nothing", 0o600)):
        key.write_bytes(content)
        key.chmod(mode)
        with pytest.raises(SettingsError, match=r"issuer\.pem"):
            DevelopmentIssuer.open(settings)


async def test_concurrent_processes_agree_on_the_key(settings: Settings, clock: Clock) -> None:
    with ThreadPoolExecutor(16) as pool:
        issuers = list(pool.map(lambda _: DevelopmentIssuer.open(settings, clock), range(32)))

    for issuer in issuers:
        token = issuer.mint([], [], "lin", 90)
        principal = (await open_authenticator(settings, clock).authenticate(f"Bearer {token}")).principal
        assert (principal.subject, principal.expires_at) == ("lin", NOW + 90)
    assert os.listdir(settings.data_dir) == ["issuer.pem"]
