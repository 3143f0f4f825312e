"""README and quick start: their examples run against a gateway over the sandbox."""

import json
import os
import re
import shutil
import subprocess
from asyncio import create_subprocess_shell, timeout, to_thread
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway.auth.issuer import DevelopmentIssuer
from gateway.errors import GatewayError
from gateway.sandbox.dialects.dialect import Dialect
from gateway.settings import load_settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
QUICKSTART = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
PAGES = ((ROOT / "README.md").read_text(encoding="utf-8"), QUICKSTART)
ADDRESS = "http://127.0.0.1:8000"

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def environ(environ: dict[str, str], sandbox: Any) -> dict[str, str]:
    """As the demo has it."""
    return environ | {"GATEWAY_COMMUNITIES": sandbox.communities}


class Example(NamedTuple):
    """A fenced block, and the block right after it: what it answers."""

    language: str
    text: str
    answer: str


def examples(language: str, answer: str) -> list[Example]:
    return [
        Example(language, block[2], following[2])
        for page in PAGES
        for block, following in pairwise(FENCE.finditer(page))
        if block[1] == language and following[1] == answer and not page[block.end() : following.start()].strip()
    ]


@pytest.fixture
def dialect() -> Dialect:
    """As `gateway demo` runs its sandbox."""
    return Dialect.MIXED


def alike(shown: Any, real: Any) -> bool:
    """Whether the page shows this answer, in this order; … stands for anything."""
    match shown:
        case "…":
            return real is not None
        case dict():
            return list(shown) == list(real) and all(alike(value, real[name]) for name, value in shown.items())
        case list():
            return len(shown) == len(real) and all(map(alike, shown, real))
        case _:
            return bool(shown == real)


def of_interest(body: dict[str, Any], shown: Any) -> dict[str, Any]:
    """The answer as pages show it: `extensions`, the cost, only where they are about it."""
    return {name: value for name, value in body.items() if name in shown or name != "extensions"}


@pytest.mark.parametrize("example", examples("graphql", "json"), ids=lambda example: example.text.split()[1])
async def test_each_query_is_answered_as_documented(gateway: Any, environ: dict[str, str], example: Example) -> None:
    token = None
    if "query Masked" in example.text:
        issuer = DevelopmentIssuer.open(load_settings(environ))
        token = issuer.mint(["order:read", "people:read"], ["10002"], "developer", 60)
    answer = await gateway.ask(example.text, token=token)
    shown = json.loads(example.answer)
    assert alike(shown, of_interest(answer.body, shown)), answer.body


@pytest.mark.parametrize("example", examples("sh", "json"), ids=["readme", "quickstart", "write"])
async def test_each_command_is_answered_as_documented(gateway: Any, in_ci: bool, example: Example) -> None:
    require("curl", in_ci)
    environ = os.environ | {"GATEWAY_DATA_DIR": str(gateway.data_dir)}
    output = await run("sh", "-c", example.text.replace(ADDRESS, gateway.url), cwd=ROOT, env=environ)
    shown = json.loads(example.answer)
    assert of_interest(json.loads(output), shown) == shown


async def test_documented_write_appears_in_the_subscription(gateway: Any, in_ci: bool) -> None:
    require("curl", in_ci)
    environ = os.environ | {"GATEWAY_DATA_DIR": str(gateway.data_dir)}
    (subscribe,) = (block[2] for block in FENCE.finditer(QUICKSTART) if "text/event-stream" in block[2])
    write = examples("sh", "json")[-1].text
    shown = next(block[2] for block in FENCE.finditer(QUICKSTART) if block[2].startswith("event: next"))
    command = subscribe.replace(ADDRESS, gateway.url).replace("curl -sN", "exec curl -sNi")
    curl = await create_subprocess_shell(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE)
    try:
        async with timeout(30):
            await curl.stdout.readuntil(b"\r\n\r\n")  # the head comes when the subscription has begun
            await run("sh", "-c", write.replace(ADDRESS, gateway.url), cwd=ROOT, env=environ)
            while (event := await curl.stdout.readuntil(b"\n\n")).startswith(b":"):
                pass  # a comment, which keeps the connection open
    finally:
        curl.kill()
        await curl.wait()

    assert re.sub(r"(?m)^id: .+$", "id: …", event.decode()) == f"{shown}\n"


@pytest.mark.node
async def test_fetch_example_prints_the_documented_output(gateway: Any, in_ci: bool) -> None:
    require("node", in_ci)
    (example,) = examples("js", "text")
    program = example.text.replace(ADDRESS, gateway.url).replace('"…"', f'"{gateway.token}"')
    assert await run("node", "--input-type=module", "-e", program) == example.answer


def require(command: str, in_ci: bool) -> None:
    if shutil.which(command) is None and not in_ci:
        pytest.skip(f"needs {command}")


async def run(*command: str, **options: Any) -> str:
    run = partial(subprocess.run, command, capture_output=True, text=True, timeout=30, check=True, **options)
    process = await to_thread(run)
    return process.stdout


def test_every_error_code_is_explained() -> None:
    explained = set(re.findall(r"`([A-Z_]+)`", QUICKSTART.partition("## 7. Errors")[2].partition("## 8. Ids")[0]))
    assert {error.code for error in tree(GatewayError)} <= explained


def test_every_refusal_status_is_explained() -> None:
    sources = (ROOT / "gateway" / "http").rglob("*.py")
    refused = re.compile(r"(?:Refusal|RequestError|error_answer)\(\s*(\d{3})")
    answered = {status for path in sources for status in refused.findall(path.read_text())}
    assert {"405", "406", "408", "414", "415", "421", "431"} <= answered
    assert answered - explained_statuses() == {"505"}, "HTTP of another version: no frontend speaks it"


def explained_statuses() -> set[str]:
    table = QUICKSTART.partition("| Status | Because |")[2].partition("## 8. Ids")[0]
    return {status for cell in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for status in cell.split(", ")}


def tree(base: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield base
    for error in base.__subclasses__():
        yield from tree(error)
