"""What is new in answers, noticed while the gateway serves: at its edge, in the metrics, and by `gateway drift`."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from exposed import parse, value

from gateway.loaders import drift
from gateway.sandbox.faults import Fault, FaultKind

QUALITY = """query ($code: ID) { dataQuality(communityCode: $code) {
  platform endpoint field problem count drift record key found rows sampleId } }"""
REPAIRS = '{ repairs(communityCode: "10002", first: 20) { nodes { id } } }'
ORDERS = '{ orders(communityCode: "10002", first: 20) { nodes { id } } }'
NAME = "欧阳修远"


def repair(**changes: Any) -> dict[str, Any]:
    row = {"id": 1, "possion": "东门", "description": "灯坏", "status": 0, "reply": "", "name": NAME, "phone": "1"}
    return row | changes


async def send_repairs(gateway: Any, sandbox: Any, *rows: dict[str, Any]) -> None:
    """Have these be the open repairs, and look at them."""
    numbered = [{**row, "id": number} for number, row in enumerate(rows, 1)]
    data = {"repairs": numbered, "pages": {"total": len(rows), "per_page": 20, "current_page": 1, "last_page": 1}}
    body = json.dumps({"code": 0, "data": data}).encode()
    sandbox.faults.set("WJDH", "repair/list", Fault(FaultKind.BODY, body=body), times=1)
    assert len((await gateway.ask(REPAIRS)).data["repairs"]["nodes"]) >= len(rows)
    await gateway.parts.drift.catch_up()


async def new(gateway: Any, token: str | None = None) -> list[dict[str, Any]]:
    found = (await gateway.ask(QUALITY, token=token)).data["dataQuality"]
    return [finding for finding in found if finding["drift"] is not None]


@pytest.fixture
def looking(serve: Callable[..., Any], environ: dict[str, str]) -> Callable[..., Any]:
    """`async with looking() as gateway`: one that looks at every answer."""
    return lambda **settings: serve(environ | {"GATEWAY_DRIFT_SAMPLE": "1"} | settings)


async def test_documented_answers_bring_nothing_new(looking):
    async with looking() as gateway:
        for query in (REPAIRS, ORDERS, '{ shenhes(communityCode: "10002", first: 20) { nodes { id } } }'):
            await gateway.ask(query)
        await gateway.parts.drift.catch_up()

        assert await new(gateway) == []
        series = parse((await gateway.stranger.get("/metrics")).text)
        assert value(series, "gateway_drift_rows_total", endpoint="order/list") >= 20


async def test_new_word_is_found_by_its_first_answer(gateway, sandbox):
    """The default share is of answers without an issue."""
    await send_repairs(gateway, sandbox, *[repair()] * 3, repair(status="待派单"))

    assert await new(gateway) == [
        {
            "platform": "WJDH",
            "endpoint": "repair/list",
            "field": "status",
            "problem": "UNRECOGNIZED_VALUE",
            "count": 1,
            "drift": "NEW_WORD",
            "record": "Repair",
            "key": "status",
            "found": "待派单",
            "rows": 4,
            "sampleId": None,
        }
    ]


async def test_new_key_of_documented_answer_is_found(looking, sandbox):
    async with looking() as gateway:
        await send_repairs(gateway, sandbox, repair(urgency="高"))

        [finding] = await new(gateway)
    assert (finding["drift"], finding["key"], finding["found"]) == ("NEW_KEY", "urgency", "string")
    assert (finding["field"], finding["problem"]) == ("urgency", "UNDOCUMENTED")


async def test_changed_type_is_found_without_an_issue(gateway, sandbox):
    await send_repairs(gateway, sandbox, repair(reply=12))

    [finding] = await new(gateway)
    assert (finding["drift"], finding["key"], finding["found"]) == ("CHANGED_TYPE", "reply", "integer")


async def test_nobody_looks_with_a_share_of_0(serve, environ, sandbox):
    async with serve(environ | {"GATEWAY_DRIFT_SAMPLE": "0"}) as gateway:
        await send_repairs(gateway, sandbox, repair(status="待派单"))

        assert await new(gateway) == []


async def test_caller_of_some_communities_sees_no_drift(gateway, sandbox, issuer):
    await send_repairs(gateway, sandbox, repair(status="待派单"))
    found = (await gateway.ask(QUALITY, {"code": "10002"})).data["dataQuality"]

    assert [finding for finding in found if finding["drift"] is not None] == []
    assert [finding["problem"] for finding in found] == ["UNRECOGNIZED_VALUE"]


async def test_names_are_nowhere(gateway, sandbox):
    await send_repairs(gateway, sandbox, repair(), repair(status=NAME, phone=NAME), repair(**{NAME: NAME}))

    found = json.dumps(await new(gateway), ensure_ascii=False)
    assert "(withheld)" in found
    assert NAME not in found
    assert NAME not in drift.copy_beside(gateway.data_dir).read_text(encoding="utf-8")
    assert NAME not in (await gateway.stranger.get("/metrics")).text


async def test_metric_counts_findings(gateway, sandbox):
    await send_repairs(gateway, sandbox, repair(status="待派单"), repair(status="已派工"))

    series = parse((await gateway.stranger.get("/metrics")).text)
    assert value(series, "gateway_drift_findings", endpoint="repair/list", kind="NEW_WORD") == 2


async def test_metric_forgets_what_is_in_the_profile_now(serve, environ, sandbox, tmp_path):
    async with serve(environ) as gateway:
        await send_repairs(gateway, sandbox, repair(status="待派单"))
    profile = tmp_path / "profile.toml"
    profile.write_text('[words.RepairStatus]\nOPEN = ["待派单"]\n', encoding="utf-8")
    async with serve(environ | {"GATEWAY_PROFILE": str(profile)}) as gateway:
        await gateway.parts.drift.catch_up()

        assert await new(gateway) == []
        assert "gateway_drift_findings{" not in (await gateway.stranger.get("/metrics")).text


@pytest.mark.postgres
async def test_gateways_of_a_journal_find_the_same(serve, environ, sandbox, database_url):
    environ = environ | {"GATEWAY_DATABASE_URL": database_url}
    async with serve(environ) as one, serve(environ) as other:
        await send_repairs(one, sandbox, repair(status="待派单"))
        await send_repairs(other, sandbox, repair(status="待派单"), repair(status="待派单"))

        assert await new(one) == await new(other)
        assert [(finding["found"], finding["count"], finding["rows"]) for finding in await new(one)] == [
            ("待派单", 3, 3)
        ]


class Commands:
    """`gateway drift` with these settings."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "drift", *arguments),
            env=os.environ | self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
def run_drift(environ: dict[str, str]) -> Commands:
    return Commands(environ)


async def test_command_reads_what_a_running_gateway_found(gateway, sandbox, run_drift):
    await gateway.parts.drift.catch_up()
    assert (await run_drift())[:2] == (0, "Nothing new.\n")

    await send_repairs(gateway, sandbox, repair(status="待派单"))
    status, out, err = await run_drift()

    assert status == 1
    assert out.startswith("NEW_WORD       repair/list Repair.status (status)  the word 待派单; 1 of 1 rows, ")
    assert "by the gateway that is running" in err


async def test_command_reads_the_journal(serve, environ, sandbox, run_drift, tmp_path):
    async with serve(environ) as gateway:
        await send_repairs(gateway, sandbox, repair(status="待派单", urgency="高"))
    proposal = tmp_path / "proposal.toml"
    status, out, err = await run_drift("--json", "--propose", str(proposal))

    assert (status, err) == (1, "")
    assert [(found["kind"], found["key"], found["found"]) for found in json.loads(out)] == [
        ("NEW_WORD", "status", "待派单"),
        ("NEW_KEY", "urgency", "string"),
    ]
    lines = proposal.read_text(encoding="utf-8").replace("# ?", "OPEN")
    proposal.write_text(lines, encoding="utf-8")
    run_drift.environ = environ | {"GATEWAY_PROFILE": str(proposal)}
    assert (await run_drift())[:2] == (0, "Nothing new.\n")


async def test_command_leaves_out_what_was_seen_before(serve, environ, sandbox, run_drift):
    async with serve(environ) as gateway:
        await send_repairs(gateway, sandbox, repair(status="待派单"))

    assert (await run_drift("--since", "2100-01-01"))[:2] == (0, "Nothing new.\n")


async def test_command_without_a_journal_ends_with_2(run_drift):
    status, out, err = await run_drift()

    assert (status, out) == (2, "")
    assert "There is no journal" in err
