"""Settings read again on SIGHUP: which take effect, which wait for a restart, and that a mistake changes nothing."""

import re
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from issuer import Issuer
from processes import GatewayProcess
from structlog.testing import capture_logs
from websockets import Origin, Subprotocol, connect
from websockets.exceptions import InvalidStatus

from gateway.reload import RELOADED

PAGE = "https://console.example"
VIEWER = {"query": "{ viewer { subject } }"}
DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def file(environ: dict[str, str], tmp_path: Path) -> Path:
    """An environment file with all settings; a test writes others."""
    path = tmp_path / "gateway.env"
    write(path, environ)
    return path


def write(path: Path, settings: dict[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


async def reload(gateway) -> list[Any]:
    with capture_logs() as logs:
        await gateway.app.reload()
    return [entry for entry in logs if str(entry["event"]).startswith("settings")]


async def allows(gateway, origin: str = PAGE) -> bool:
    answer = await gateway.client.post("/graphql", json=VIEWER, headers={"origin": origin})
    return answer.headers.get("access-control-allow-origin") == origin


async def connects(gateway, origin: str = PAGE) -> bool:
    try:
        url, protocols = gateway.url.replace("http", "ws") + "/graphql", [Subprotocol("graphql-transport-ws")]
        async with connect(url, origin=Origin(origin), subprotocols=protocols, proxy=None):
            return True
    except InvalidStatus:
        return False


async def test_origins_and_hosts_are_reloaded(serve, file, environ):
    async with serve({"GATEWAY_ENV_FILE": str(file)}) as gateway:
        assert not await allows(gateway)
        assert not await connects(gateway)
        named = {"host": "gateway.example"}
        assert (await gateway.client.post("/graphql", json=VIEWER, headers=named)).status_code == 421

        write(file, environ | {"GATEWAY_ALLOWED_ORIGINS": PAGE, "GATEWAY_ALLOWED_HOSTS": "gateway.example"})
        [line] = await reload(gateway)

        assert line == {
            "event": "settings reloaded",
            "log_level": "info",
            "changed": ["GATEWAY_ALLOWED_ORIGINS", "GATEWAY_ALLOWED_HOSTS"],
        }
        assert await allows(gateway)
        assert await connects(gateway)
        assert (await gateway.client.post("/graphql", json=VIEWER, headers=named)).status_code == 200

        write(file, environ)
        await reload(gateway)
        assert not await allows(gateway)


async def test_other_settings_wait_for_a_restart(serve, file, environ):
    async with serve({"GATEWAY_ENV_FILE": str(file)}) as gateway:
        write(file, environ | {"GATEWAY_RATE_LIMIT": "5", "GATEWAY_ALLOWED_ORIGINS": PAGE})
        done, waiting = await reload(gateway)

        assert done["changed"] == ["GATEWAY_ALLOWED_ORIGINS"]
        assert (waiting["event"], waiting["log_level"]) == ("settings need a restart", "warning")
        assert waiting["changed"] == ["GATEWAY_RATE_LIMIT"]
        assert "q=1200" in (await gateway.client.post("/graphql", json=VIEWER)).headers["ratelimit-policy"]
        assert [entry["event"] for entry in await reload(gateway)] == ["settings reloaded", "settings need a restart"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"GATEWAY_PORT": "s3cr3t"}, "GATEWAY_PORT: must be"),
        ({"GATEWAY_LOG_LEVEL": "s3cr3t"}, "GATEWAY_LOG_LEVEL: must be"),
        ({"GATEWAY_TRUSTED_DOCUMENTS_MODE": "require"}, "GATEWAY_TRUSTED_DOCUMENTS: needed for"),
        (
            {"GATEWAY_AUTH_ISSUER": "a", "GATEWAY_AUTH_AUDIENCE": "b", "GATEWAY_AUTH_KEY_FILE": "/nowhere"},
            "GATEWAY_AUTH_KEY_FILE: not a readable",
        ),
        ({"not a": "line"}, "GATEWAY_ENV_FILE: "),
    ],
)
async def test_mistake_leaves_all_settings_as_they_are(serve, file, environ, wrong, reason):
    async with serve({"GATEWAY_ENV_FILE": str(file)}) as gateway:
        write(file, environ | wrong | {"GATEWAY_ALLOWED_ORIGINS": PAGE})
        [line] = await reload(gateway)

        assert (line["event"], line["log_level"]) == ("settings not reloaded", "error")
        assert reason in str(line["reasons"])
        assert "s3cr3t" not in str(line)
        assert not await allows(gateway)
        assert (await gateway.client.post("/graphql", json=VIEWER)).status_code == 200


async def test_replaced_key_file_holds_on_open_connections(serve_production, environ, issuer, tmp_path):
    key_file = Path(issuer.settings()["GATEWAY_AUTH_KEY_FILE"])
    (tmp_path / "other").mkdir()
    other = Issuer(tmp_path / "other")
    async with serve_production() as gateway:
        old, new = ({"authorization": f"Bearer {each.mint('order:read')}"} for each in (issuer, other))
        assert (await gateway.stranger.post("/graphql", json=VIEWER, headers=old)).status_code == 200
        assert (await gateway.stranger.post("/graphql", json=VIEWER, headers=new)).status_code == 401

        key_file.write_bytes(other.jwks())  # noqa: ASYNC240 # a small file, and nobody else waits
        await reload(gateway)

        assert (await gateway.stranger.post("/graphql", json=VIEWER, headers=old)).status_code == 401
        assert (await gateway.stranger.post("/graphql", json=VIEWER, headers=new)).status_code == 200


async def test_log_level_is_reloaded(file, environ, tmp_path):
    log = tmp_path / "log"
    gateway = GatewayProcess({"GATEWAY_ENV_FILE": str(file), "GATEWAY_DATA_DIR": environ["GATEWAY_DATA_DIR"]}, log)
    await gateway.start()
    try:
        write(file, environ | {"GATEWAY_LOG_LEVEL": "error", "GATEWAY_ALLOWED_ORIGINS": PAGE})
        gateway.send_signal(signal.SIGHUP)
        async with gateway.client() as client:
            await until_allowed(client)
            await client.post("/graphql", json=VIEWER, headers={"authorization": "Bearer x"})
    finally:
        await gateway.stop()
    assert "settings reloaded" not in log.read_text()  # the level was there first
    assert "token refused" not in log.read_text()


async def until_allowed(client: httpx.AsyncClient) -> None:
    for _ in range(1000):
        answer = await client.post("/graphql", json=VIEWER, headers={"origin": PAGE})
        if "access-control-allow-origin" in answer.headers:
            return
    raise AssertionError("the origin was never listed")


def test_exactly_the_reloaded_settings_are_documented() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    table = page.split("## Reloading")[1].split("\n## ")[0].split("|:--|:--|\n")[1].split("\n\n")[0]
    names = [name for row in table.splitlines() for name in re.findall(r"`GATEWAY_([A-Z_]+)`", row.split("|")[1])]
    assert sorted(names) == sorted(name.upper() for name in RELOADED)
