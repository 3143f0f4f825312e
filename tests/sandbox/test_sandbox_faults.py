"""Each fault behaves on the wire as documented."""

import asyncio
import gzip
import json
import time

import httpx
import pytest

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.garbling import BOMB_BYTES

PAYMENT = {"order_number": "1" * 20, "shop_number": "2" * 22, "weixin_number": "4" * 28}
REPAIR = {"id": "1", "status": "1"}


async def modules(client) -> httpx.Response:
    return await client.send("WJDH", "modules", xiaoqu="10002")


def set_fault(client, kind: FaultKind, times: int | None = None, **details) -> None:
    client.sandbox.faults.set("WJDH", "modules", Fault(kind, **details), times)


async def test_fault_lasts_its_times_and_is_replaced(client):
    set_fault(client, FaultKind.HTTP_500, times=2)
    assert [(await modules(client)).status_code for _ in range(3)] == [500, 500, 200]
    set_fault(client, FaultKind.HTTP_500)
    set_fault(client, FaultKind.EMPTY_BODY)
    assert [(await modules(client)).content for _ in range(3)] == [b"", b"", b""]
    client.sandbox.faults.clear()
    assert (await modules(client)).json()["data"]


async def test_endpoint_fault_precedes_platform_fault(client):
    client.sandbox.faults.set("WJDH", None, Fault(FaultKind.HTTP_500))
    set_fault(client, FaultKind.TOO_MANY_REQUESTS)
    assert (await modules(client)).status_code == 429
    assert (await client.send("WJDH", "order/list", xiaoqu="10002")).status_code == 500
    assert (await client.send("WJDH", "secret")).status_code == 500
    assert (await client.send("SECURITY", "modules-sync")).status_code == 200


@pytest.mark.parametrize(("platform", "endpoint"), [("wjdh", None), ("WJDH", "orders/list"), ("SECURITY", "modules")])
def test_fault_for_an_unknown_endpoint_is_an_error(client, platform, endpoint):
    with pytest.raises(ValueError, match="no such endpoint"):
        client.sandbox.faults.set(platform, endpoint, Fault(FaultKind.RESET))


async def test_reset_breaks_off_before_any_byte(client):
    set_fault(client, FaultKind.RESET, times=1)
    with pytest.raises(httpx.ReadError) as caught:
        await modules(client)
    causes = []
    cause: BaseException | None = caught.value
    while cause is not None:
        causes.append(type(cause))
        cause = cause.__cause__ or cause.__context__
    assert ConnectionResetError in causes or any("BrokenResource" in kind.__name__ for kind in causes)
    assert (await modules(client)).status_code == 200


async def test_truncated_body_ends_before_its_length(client):
    set_fault(client, FaultKind.TRUNCATED, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await modules(client)


async def test_latency_delays_the_answer_and_overlaps(client):
    set_fault(client, FaultKind.LATENCY, seconds=0.1)
    started = time.perf_counter()
    answers = await asyncio.gather(*(modules(client) for _ in range(5)))
    assert 0.1 <= time.perf_counter() - started < 0.5
    assert all(answer.json()["data"] for answer in answers)
    assert client.sandbox.wjdh.max_concurrent == 5
    assert client.sandbox.security.max_concurrent == 0


async def test_hanging_call_is_answered_when_released(client, until):
    set_fault(client, FaultKind.HANG)
    with pytest.raises(httpx.ReadTimeout):
        await client.http.post(f"{client.sandbox.wjdh.url}/api/v1/wjdh/modules", timeout=0.05)
    call = asyncio.create_task(modules(client))
    await until(lambda: client.sandbox.count("WJDH", "modules") == 2)
    assert not call.done()
    client.sandbox.faults.clear()
    assert (await call).json()["data"]


async def test_slow_body_drips_byte_by_byte(client):
    set_fault(client, FaultKind.SLOW_DRIP, seconds=0.0)
    assert (await modules(client)).json()["data"]
    set_fault(client, FaultKind.SLOW_DRIP, seconds=0.02)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await modules(client)


@pytest.mark.parametrize("status", [200, 401])
async def test_expired_token_fault_answers_code_9(client, status):
    client.sandbox.faults.set("WJDH", None, Fault(FaultKind.EXPIRED_TOKEN, status=status), times=1)
    secret_id, secret_key = client.sandbox.options.wjdh_credentials
    assert (await client.wjdh("secret", secret_id=secret_id, secret_key=secret_key))["access_token"]
    answer = await modules(client)
    assert answer.status_code == status
    assert (answer.json()["code"], answer.json()["token_expired"]) == ("9", "0")
    assert (await modules(client)).json()["data"]


async def test_expired_token_fault_at_the_callback_is_code_1(client):
    client.sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.EXPIRED_TOKEN))
    assert await client.security("callback", **PAYMENT) == {"code": 1}


async def test_too_many_requests_fault_has_retry_after(client):
    set_fault(client, FaultKind.TOO_MANY_REQUESTS, seconds=30)
    answer = await modules(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert answer.json() == {"message": "Too Many Attempts."}


async def test_http_500_fault_is_html_with_a_configurable_status(client):
    set_fault(client, FaultKind.HTTP_500)
    answer = await modules(client)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")
    set_fault(client, FaultKind.HTTP_500, status=503)
    assert (await modules(client)).status_code == 503


async def test_garbled_bodies_match_their_fault(client):
    true = (await modules(client)).content

    async def garbled(kind: FaultKind, **details) -> httpx.Response:
        set_fault(client, kind, **details)
        answer = await modules(client)
        assert answer.status_code == 200
        return answer

    assert (await garbled(FaultKind.GARBAGE)).text.startswith("<!DOCTYPE html>")
    assert (await garbled(FaultKind.EMPTY_BODY)).content == b""
    assert (await garbled(FaultKind.WRONG_SHAPE)).json()["data"] == 42
    notice = await garbled(FaultKind.PHP_NOTICE)
    assert notice.content.startswith(b"<br />")
    assert notice.content.endswith(true)
    assert notice.headers["content-type"].startswith("text/html")
    assert (await garbled(FaultKind.BOM)).content == b"\xef\xbb\xbf" + true
    assert (await garbled(FaultKind.GBK)).content == true.decode().encode("gbk")
    assert (await garbled(FaultKind.TRAILING_COMMA)).content == true[:-1] + b",}"
    assert (await garbled(FaultKind.BODY, body=b"null")).content == b"null"
    with pytest.raises(RecursionError):
        json.loads((await garbled(FaultKind.DEEP_NESTING)).content)


async def test_gzip_bomb_is_small_on_the_wire(client):
    set_fault(client, FaultKind.GZIP_BOMB)
    request = client.http.build_request(
        "POST",
        f"{client.sandbox.wjdh.url}/api/v1/wjdh/modules",
        data={"xiaoqu": "10002"},
        headers={"authorization": client.bearer},
    )
    answer = await client.http.send(request, stream=True)
    wire = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert len(wire) < 100_000
    assert len(gzip.decompress(wire)) > BOMB_BYTES


async def test_connection_may_close_after_a_whole_answer(client):
    set_fault(client, FaultKind.CLOSED_AFTER, times=1)
    answer = await modules(client)
    assert "connection" not in answer.headers
    opened = client.sandbox.wjdh.connections_opened
    await modules(client)
    assert client.sandbox.wjdh.connections_opened == opened + 1


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


async def test_write_faults_do_not_affect_reads(client):
    client.sandbox.faults.set("WJDH", None, Fault(FaultKind.APPLIED_THEN_RESET))
    assert (await modules(client)).json()["data"]


async def test_hanging_write_of_a_leaving_client_is_not_applied(client, until):
    client.http.timeout = httpx.Timeout(0.05)
    assert isinstance(await fails(client, FaultKind.HANG), httpx.ReadTimeout)
    await until(lambda: not client.sandbox.wjdh.connections)
    client.sandbox.faults.clear()
    assert client.sandbox.effects.all() == []
