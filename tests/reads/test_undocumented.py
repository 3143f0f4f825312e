"""Every n-th answer is looked at for what is undocumented, and no value of a person is kept."""

import json
from typing import Any

import pytest
from exposed import labels_of, parse, value
from structlog.testing import capture_logs

from gateway.loaders import answers as undocumented
from gateway.sandbox.faults import Fault, FaultKind

NAME = "欧阳修远"
REPAIR = {"id": 1, "possion": "东门", "description": "灯坏", "status": 0, "reply": "", "name": NAME, "phone": "1"}
OPEN = '{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 20) { nodes { id } } }'


async def read_repairs(gateway: Any, sandbox: Any, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines that are logged of these repairs."""
    numbered = [{**REPAIR, **row, "id": number} for number, row in enumerate(rows, 1)]
    data = {"repairs": numbered, "pages": {"total": len(rows), "per_page": 20, "current_page": 1, "last_page": 1}}
    body = json.dumps({"code": 0, "data": data}).encode()
    sandbox.faults.set("WJDH", "repair/list", Fault(FaultKind.BODY, body=body), times=1)
    with capture_logs() as logs:
        assert len((await gateway.ask(OPEN)).data["repairs"]["nodes"]) == len(rows)
    return [
        {name: line[name] for name in ("record", "key", "what", "type")}
        for line in logs
        if line["event"] == "undocumented"
    ]


async def count(gateway: Any, what: str) -> float | None:
    series = parse((await gateway.stranger.get("/metrics")).text)
    return value(series, "gateway_undocumented_total", record="Repair", what=what)


async def test_documented_answers_have_nothing_undocumented(gateway):
    for entity in ("repairs", "orders", "shenhes"):
        assert (await gateway.ask(f'{{ {entity}(communityCode: "10002", first: 20) {{ nodes {{ id }} }} }}')).data

    assert labels_of(parse((await gateway.stranger.get("/metrics")).text), "gateway_undocumented_total") == []


async def test_key_word_and_type_are_counted_and_logged(gateway, sandbox):
    logged = await read_repairs(gateway, sandbox, {"urgency": "高"}, {"status": "待派单"}, {"reply": 12, "urgency": ""})

    assert logged == [
        {"record": "Repair", "key": "status", "what": "word", "type": None},
        {"record": "Repair", "key": "reply", "what": "type", "type": "integer"},
        {"record": "Repair", "key": "urgency", "what": "key", "type": "string"},
    ]
    assert [await count(gateway, what) for what in ("key", "word", "type")] == [2, 1, 1]


async def test_undocumented_key_is_logged_once(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(undocumented, "EVERY", 1)
    await read_repairs(gateway, sandbox, {"urgency": "高"})

    assert await read_repairs(gateway, sandbox, {"urgency": "低"}) == []
    assert await count(gateway, "key") == 2


async def test_every_nth_answer_is_looked_at(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(undocumented, "EVERY", 3)
    for _ in range(7):
        await read_repairs(gateway, sandbox, {"urgency": "高"})

    assert await count(gateway, "key") == 3


async def test_values_of_persons_are_not_kept(gateway, sandbox):
    with capture_logs() as logs:
        await read_repairs(gateway, sandbox, {"status": NAME, "phone": NAME, NAME: NAME})

    assert NAME not in json.dumps(logs, ensure_ascii=False, default=str)
    assert NAME not in (await gateway.stranger.get("/metrics")).text
    assert await count(gateway, "key") == 1


@pytest.mark.parametrize("line", ['[keys.Repair]\nlocation = ["urgency"]', '[seen.Repair]\nurgency = ["string"]'])
async def test_profile_makes_a_key_known(serve, environ, sandbox, tmp_path, line):
    profile = tmp_path / "profile.toml"
    profile.write_text(line, encoding="utf-8")
    async with serve(environ | {"GATEWAY_PROFILE": str(profile)}) as gateway:
        assert await read_repairs(gateway, sandbox, {"urgency": "高"}) == []
        assert await count(gateway, "key") is None
