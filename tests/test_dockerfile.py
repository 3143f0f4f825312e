"""The Dockerfile without a build: files, user and health check."""

import asyncio
import json
import os
import re
import sys
from asyncio import to_thread
from pathlib import Path
from urllib.parse import urlsplit

from pages import ROOT, read_text
from programs import run

RECIPE = read_text(ROOT / "Dockerfile")
LAST_STAGE = RECIPE.rpartition("\nFROM ")[2]


async def check_health(port: int, host: str = "0.0.0.0") -> int:  # noqa: S104 # as in the image
    """The exit status of the health check, with this Python in place of the image's.

    No secret is in its environment: an entrypoint of one's own may read them from files.
    """
    (command,) = re.findall(r"^HEALTHCHECK .*\n +CMD (\[.*\])$", RECIPE, re.MULTILINE)
    python, *arguments = json.loads(command)
    assert python == "python"
    environ = {
        **os.environ,
        "GATEWAY_ENV": "production",
        "GATEWAY_HOST": host,
        "GATEWAY_PORT": str(port),
        "http_proxy": "http://127.0.0.1:9",
    }
    return (await to_thread(run, sys.executable, *arguments, status=None, env=environ)).returncode


async def test_health_check_asks_the_configured_host(gateway, key_server):
    port = urlsplit(gateway.url).port or 0
    assert await check_health(port) == 0
    assert await check_health(port, host="::1") == 1
    async with await asyncio.start_server(key_server.answer, "::1") as server:
        assert await check_health(server.sockets[0].getsockname()[1], host="::1") == 0


def test_copied_files_exist_and_are_not_ignored() -> None:
    copied = [
        name for names in re.findall(r"^COPY (?!--from)(.+) \S+$", RECIPE, re.MULTILINE) for name in names.split()
    ]
    let_in = re.findall(r"^!(.+)$", read_text(ROOT / ".dockerignore"), re.MULTILINE)
    assert sorted(copied) == sorted(let_in)
    assert all((ROOT / name).exists() for name in copied)


def test_gateway_does_not_run_as_root() -> None:
    (user,) = re.findall(r"^USER (\S+)$", LAST_STAGE, re.MULTILINE)
    assert user != "root"
    assert f"useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin {user} " in LAST_STAGE
    assert LAST_STAGE.index("USER") < LAST_STAGE.index("ENTRYPOINT")


def test_byte_code_is_compiled_before_the_user_is_chosen(tmp_path: Path) -> None:
    """The command of the last stage, with this Python, and a standard library of one module."""
    (command,) = re.findall(r"^RUN (stdlib=(?:.*\\\n)*.*)$", LAST_STAGE, re.MULTILINE)
    assert LAST_STAGE.index("COPY --from=build") < LAST_STAGE.index(command) < LAST_STAGE.index("USER gateway")
    (tmp_path / "module.py").touch()
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "other.py").touch()
    named = re.sub(r"\$\(.*?\) ", f"{tmp_path} ", command)
    run("sh", "-c", named.replace("/app/.venv/bin/python", sys.executable))
    assert [path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")] == ["module"]


def test_build_arguments_name_base_image_and_package_index() -> None:
    """scripts/setup takes the index from its environment; the lock's hashes hold wherever the packages come from."""
    assert set(re.findall(r"^FROM (\S+)", RECIPE, re.MULTILINE)) == {"${BASE_IMAGE}"}
    before, _, build = RECIPE.partition("\nFROM ${BASE_IMAGE} AS build\n")
    assert re.findall(r"^ARG BASE_IMAGE=(\S+)$", before, re.MULTILINE) == ["python:3.14-slim"]
    assert build.index("ARG PIP_INDEX_URL") < build.index("RUN --mount")
    assert "PIP_INDEX_URL" in read_text(ROOT / "scripts" / "setup")
