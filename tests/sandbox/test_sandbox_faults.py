"""Each fault behaves on the wire as documented."""

import httpx
import pytest

from gateway.sandbox.faults import Fault, FaultKind

PAYMENT = {"order_number": "1" * 20, "shop_number": "2" * 22, "weixin_number": "4" * 28}
REPAIR = {"id": "1", "status": "1"}


async def fails(client, kind: FaultKind) -> httpx.Response | Exception:
    client.sandbox.faults.set("WJDH", "repair/update", Fault(kind), times=1)
    try:
        return await client.send("WJDH", "repair/update", **REPAIR)
    except httpx.TransportError as error:
        return error


async def test_applied_then_reset_is_applied_unanswered(client):
    assert isinstance(await fails(client, FaultKind.APPLIED_THEN_RESET), httpx.ReadError)
    assert client.sandbox.effects.count("repair/update", **REPAIR) == 1
    assert client.sandbox.world.repairs[1].is_resolved


async def test_applied_then_500_is_applied_and_reported_as_failed(client):
    answer = await fails(client, FaultKind.APPLIED_THEN_500)
    assert answer.status_code == 500
    assert client.sandbox.effects.count("repair/update", **REPAIR) == 1


async def test_applied_then_hang_is_applied_once(client):
    client.http.timeout = httpx.Timeout(0.05)
    assert isinstance(await fails(client, FaultKind.APPLIED_THEN_HANG), httpx.ReadTimeout)
    client.sandbox.faults.clear()
    assert client.sandbox.effects.count("repair/update", **REPAIR) == 1


async def test_applied_late_is_applied_when_released(client, until):
    client.http.timeout = httpx.Timeout(0.05)
    assert isinstance(await fails(client, FaultKind.APPLIED_LATE), httpx.ReadTimeout)
    await until(lambda: not client.sandbox.wjdh.connections)
    assert client.sandbox.effects.all() == []
    client.sandbox.faults.clear()
    assert client.sandbox.effects.count("repair/update", **REPAIR) == 1
    assert client.sandbox.world.repairs[1].is_resolved


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HTTP_500, FaultKind.REFUSED_BEFORE_COMMIT])
async def test_write_failing_before_it_is_applied_has_no_effect(client, kind):
    await fails(client, kind)
    assert client.sandbox.effects.all() == []
    assert not client.sandbox.world.repairs[1].is_resolved


async def test_refusal_before_commit_is_a_platform_answer(client):
    answer = await fails(client, FaultKind.REFUSED_BEFORE_COMMIT)
    assert answer.status_code == 200
    assert (answer.json()["code"], answer.json()["token_expired"]) == (1, 1)
    client.sandbox.faults.set("SECURITY", None, Fault(FaultKind.REFUSED_BEFORE_COMMIT))
    assert await client.security("callback", **PAYMENT) == {"code": 2}


async def test_hanging_write_of_a_leaving_client_is_not_applied(client, until):
    client.http.timeout = httpx.Timeout(0.05)
    assert isinstance(await fails(client, FaultKind.HANG), httpx.ReadTimeout)
    await until(lambda: not client.sandbox.wjdh.connections)
    client.sandbox.faults.clear()
    assert client.sandbox.effects.all() == []
