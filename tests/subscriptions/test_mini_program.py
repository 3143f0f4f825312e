"""The client for mini-programs, run by Node.js against a simulated `wx`, over a real gateway and the sandbox."""

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NODE = ROOT / "tests" / "node"

PAID = """subscription Paid($after: String) {
  paymentEvents(communityCode: "10002", after: $after) { cursor missed kind payment { orderNumber } }
}"""
ANSWER = """mutation Answer($key: ID!) {
  updateRepair(input: { id: "1", status: RESOLVED, reply: "已修好", idempotencyKey: $key }) {
    outcome repair { reply }
  }
}"""

pytestmark = pytest.mark.node


class MiniProgram:
    """Commands go in, answers and events come out, in any order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: list[dict[str, Any]] = []

    async def do(self, command: str, **given: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"command": command, **given}).encode() + b"\n")
        return await self.line(lambda line: line.get("command") == command)

    async def line(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next of these lines; others are kept."""
        assert self._process.stdout is not None
        for line in self._waiting:
            if wanted(line):
                self._waiting.remove(line)
                return line
        async with asyncio.timeout(60):
            while True:
                line = json.loads(await self._process.stdout.readline())
                if wanted(line):
                    return line
                self._waiting.append(line)

    async def state(self, state: str) -> None:
        await self.line(lambda line: line.get("state") == state)

    async def paid(self, name: str, number: str) -> dict[str, Any]:
        """The event of a subscription that says that a notification of this order has come."""
        while True:
            line = await self.line(lambda line: line.get("name") == name)
            event: dict[str, Any] = line["payload"]["data"]["paymentEvents"]
            if event["kind"] == "RECEIVED" and event["payment"] == {"orderNumber": number}:
                return event


@pytest.fixture(scope="module")
def client(client_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the developer tools make of the package."""
    shutil.unpack_archive(client_package, built := tmp_path_factory.mktemp("mini-program"), "gztar", filter="data")
    return built / "package" / "dist" / "cjs" / "mini-program.js"


@pytest.fixture
def start(installed, client):
    @asynccontextmanager
    async def start(url: str, token: str):
        command, pipe = ("node", "mini_program.mjs", f"{url}/graphql", token, client), asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, cwd=NODE, stdin=pipe, stdout=pipe)
        try:
            yield MiniProgram(process)
        finally:
            process.kill()
            await process.wait()

    return start


async def test_query_answers_and_errors_are_in_chinese(gateway, start) -> None:
    async with start(gateway.url, gateway.token) as program:
        answer = await program.do("query", document='{ community(code: "10002") { summary { openRepairs } } }')
        wrong = await program.do("query", document='{ orders(communityCode: "10002", first: 0) { totalCount } }')
        partial = wrong["answer"]

    assert answer["answer"]["data"]["community"]["summary"]["openRepairs"] > 0
    assert partial["data"] == {"orders": None}
    assert partial["errors"][0]["extensions"]["messageZh"] == "条数须在 1 至 100 之间。"


async def test_refused_token_asks_to_log_in_again(gateway, start) -> None:
    async with start(gateway.url, "none") as program:
        answer = await program.do("query", document="{ __typename }")
        await program.do("subscribe", name="paid", document=PAID)
        ended = await program.line(lambda line: line.get("name") == "paid")
        counted = await program.do("count")

    assert answer["error"]["code"] == "UNAUTHENTICATED"
    assert answer["error"]["messageZh"].startswith("需要有效的令牌")
    assert ended["error"] == {"code": "UNAUTHENTICATED", "messageZh": "请重新登录。"}
    assert counted["answer"]["opened"] == 1, "it does not try again"


async def test_lost_answer_to_a_write_is_sent_once(gateway, sandbox, start) -> None:
    async with start(gateway.url, gateway.token) as program:
        answer = await program.do("mutate", document=ANSWER, variables={"key": "one"}, lose=1)

    assert answer["answer"]["updateRepair"] == {"outcome": "CONFIRMED", "repair": {"reply": "已修好"}}
    assert sandbox.effects.count("repair/update") == 1


async def test_six_subscriptions_share_a_socket_and_go_on(gateway, sandbox, start) -> None:
    names = [f"paid{n}" for n in range(6)]
    unpaid = await gateway.ask(
        '{ orders(communityCode: "10002", filter: { status: OPEN, paymentStatus: UNPAID }) { nodes { number } } }'
    )
    first, second = (order["number"] for order in unpaid.data["orders"]["nodes"][:2])
    async with start(gateway.url, gateway.token) as program:
        for name in names:
            await program.do("subscribe", name=name, document=PAID)
        await program.state("connected")
        await sandbox.pay(first, gateway.url)
        for name in names:
            await program.paid(name, first)
        await program.do("cut")
        await program.state("closed")
        await sandbox.pay(second, gateway.url)
        await program.do("show")
        await program.state("connected")
        for name in names:
            assert (await program.paid(name, second))["missed"] is False
        counted = await program.do("count")

    assert counted["answer"] == {"opened": 2, "open": 1}


async def test_page_of_the_docs_shows_rows_and_answers(gateway, sandbox, start) -> None:
    async with start(gateway.url, gateway.token) as program:
        answered = await program.do("page", reply="已修好")
        refused = await program.do("page", reply="好" * 1001)

    assert (answered["answer"]["rows"], answered["answer"]["failed"]) == (10, False)
    assert answered["answer"]["shown"] == []
    assert sandbox.effects.count("repair/update") == 1
    assert refused["answer"]["shown"] == ["答复不能超过 1000 个字符。"]


async def test_documents_by_id_run_where_only_listed_ones_do(environ, serve, tmp_path, start) -> None:
    text = "query Who { viewer { subject } }"
    id_ = sha256(text.encode()).hexdigest()
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": []}
    manifest["operations"] = [{"id": id_, "name": "Who", "type": "query", "body": text}]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    async with (
        serve(environ | {"GATEWAY_TRUSTED_DOCUMENTS": str(tmp_path / "manifest.json")}) as gateway,
        start(gateway.url, gateway.token) as program,
    ):
        answers = [await program.do("query", document={"id": name}) for name in (id_, f"sha256:{id_}")]
        other = await program.do("query", document="{ __typename }")

    assert [answer["answer"]["data"] for answer in answers] == [{"viewer": {"subject": "developer"}}] * 2
    assert other["error"] == {"code": "QUERY_NOT_IN_SAFELIST", "messageZh": "只执行受信任列表中的文档"}
