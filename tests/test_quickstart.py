"""README and quick start: their examples run against a gateway over the sandbox."""

import json
import os
import re
import subprocess
from asyncio import create_subprocess_shell, timeout, to_thread
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from pages import DOCS, FENCE, ROOT, read_text
from programs import run

pytestmark = [pytest.mark.slow, pytest.mark.demo]

QUICKSTART = read_text(DOCS / "quickstart.md")
PAGES = (read_text(ROOT / "README.md"), QUICKSTART)
ADDRESS = "http://127.0.0.1:8000"


class Example(NamedTuple):
    """A fenced block, and the block right after it: what it answers."""

    text: str
    answer: str


def examples(language: str, answer: str) -> list[Example]:
    return [
        Example(block[2], following[2])
        for page in PAGES
        for block, following in pairwise(FENCE.finditer(page))
        if block[1] == language and following[1] == answer and not page[block.end() : following.start()].strip()
    ]


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


async def test_each_query_is_answered_as_documented(gateway: Any, mint: Callable[..., str]) -> None:
    masked = mint("order:read", "people:read", communities=["10002"], subject="developer")
    for example in examples("graphql", "json"):
        answer = await gateway.ask(example.text, token=masked if "query Masked" in example.text else None)
        shown = json.loads(example.answer)
        assert alike(shown, of_interest(answer.body, shown)), answer.body


@pytest.fixture
def shell(gateway: Any, find_tool: Callable[[str], str]) -> dict[str, Any]:
    """Where the commands of the pages are run, which use curl."""
    find_tool("curl")
    return {"cwd": ROOT, "env": os.environ | {"GATEWAY_DATA_DIR": str(gateway.data_dir)}}


@pytest.mark.parametrize("example", examples("sh", "json"), ids=["readme", "quickstart", "write"])
async def test_each_command_is_answered_as_documented(gateway: Any, shell: dict[str, Any], example: Example) -> None:
    ended = await to_thread(run, "sh", "-c", example.text.replace(ADDRESS, gateway.url), **shell)
    shown = json.loads(example.answer)
    assert of_interest(json.loads(ended.stdout), shown) == shown


async def test_documented_write_appears_in_the_subscription(gateway: Any, shell: dict[str, Any]) -> None:
    (subscribe,) = (block[2] for block in FENCE.finditer(QUICKSTART) if "text/event-stream" in block[2])
    write = examples("sh", "json")[-1].text
    shown = next(block[2] for block in FENCE.finditer(QUICKSTART) if block[2].startswith("event: next"))
    command = subscribe.replace(ADDRESS, gateway.url).replace("curl -sN", "exec curl -sNi")
    curl = await create_subprocess_shell(command, stdout=subprocess.PIPE, **shell)
    try:
        async with timeout(30):
            await curl.stdout.readuntil(b"\r\n\r\n")  # the head comes when the subscription has begun
            await to_thread(run, "sh", "-c", write.replace(ADDRESS, gateway.url), **shell)
            while (event := await curl.stdout.readuntil(b"\n\n")).startswith(b":"):
                pass  # a comment, which keeps the connection open
    finally:
        curl.kill()
        await curl.wait()

    assert re.sub(r"(?m)^id: .+$", "id: …", event.decode()) == f"{shown}\n"


@pytest.mark.node
async def test_fetch_example_prints_the_documented_output(gateway: Any, find_tool: Callable[[str], str]) -> None:
    (example,) = examples("js", "text")
    program = example.text.replace(ADDRESS, gateway.url).replace('"…"', f'"{gateway.token}"')
    ended = await to_thread(run, find_tool("node"), "--input-type=module", "-e", program)
    assert ended.stdout == example.answer


def test_every_refusal_status_is_explained() -> None:
    table = QUICKSTART.partition("| Status | Because |")[2].partition("## 8. Ids")[0]
    explained = set(re.findall(r"\d{3}", "".join(re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE))))
    refused = re.compile(r"(?:Refusal|RequestError|error_answer)\(\s*(\d{3})")
    sources = (ROOT / "gateway" / "http").rglob("*.py")
    answered = {status for path in sources for status in refused.findall(read_text(path))}
    assert {"405", "406", "408", "414", "415", "421", "431"} <= answered
    assert answered - explained == {"505"}, "HTTP of another version: no frontend speaks it"
