"""Compressed answers: for whom, from which size on, and never of event streams."""

import gzip

import httpx
import pytest

ORDERS = '{ orders(communityCode: "10002", first: 50) { nodes { id number title paymentStatus remark address } } }'
SMALL = "{ viewer { subject } }"
TICKS = 'subscription { repairChanged(communityCode: "10002") { id } }'


@pytest.fixture
def compress_from() -> str:
    return "1024"


@pytest.fixture
def environ(environ: dict[str, str], compress_from: str) -> dict[str, str]:
    return environ | {"GATEWAY_COMPRESS_FROM": compress_from, "GATEWAY_ALLOWED_ORIGINS": "https://console.example"}


async def ask(gateway, query: str, accepts: str | None, **headers: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its body as it came over the wire."""
    request = gateway.client.build_request("POST", "/graphql", json={"query": query}, headers=headers)
    del request.headers["accept-encoding"]
    if accepts is not None:
        request.headers["accept-encoding"] = accepts
    answer = await gateway.client.send(request, stream=True)
    body = b"".join([chunk async for chunk in answer.aiter_raw()])
    await answer.aclose()
    return answer, body


async def test_long_answer_is_compressed_on_request(gateway):
    _, plain = await ask(gateway, ORDERS, None)
    answer, body = await ask(gateway, ORDERS, "br, gzip;q=0.8")

    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(body) < len(plain) / 2
    assert gzip.decompress(body) == plain
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["cache-control"] == "no-store"
    assert "ratelimit" in answer.headers


@pytest.mark.parametrize("accepts", [None, "", "br", "identity", "gzip;q=0", "gzip; q=0.00, br", "*"])
async def test_answer_is_plain_unless_gzip_is_accepted(gateway, accepts):
    answer, body = await ask(gateway, ORDERS, accepts)

    assert "content-encoding" not in answer.headers
    assert body.startswith(b'{"data"')
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_short_answer_is_not_compressed(gateway):
    answer, body = await ask(gateway, SMALL, "gzip")
    assert "content-encoding" not in answer.headers
    assert body == b'{"data":{"viewer":{"subject":"developer"}},"extensions":{"cost":' + body.partition(b'"cost":')[2]


async def test_refusal_is_compressed_like_any_answer(gateway):
    answer, body = await ask(gateway, "{ " + " ".join(f"nothing{n}" for n in range(15)) + " }", "gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert b"GRAPHQL_VALIDATION_FAILED" in gzip.decompress(body)


async def test_listed_page_gets_compressed_answers(gateway):
    answer, body = await ask(gateway, ORDERS, "gzip", origin="https://console.example")
    assert gzip.decompress(body).startswith(b'{"data"')
    assert answer.headers["vary"] == "Accept-Encoding, Origin"
    assert answer.headers["access-control-allow-origin"] == "https://console.example"


async def test_event_stream_is_never_compressed(gateway):
    headers = {"accept": "text/event-stream", "accept-encoding": "gzip"}
    async with gateway.client.stream("GET", "/graphql", params={"query": TICKS}, headers=headers) as stream:
        assert stream.status_code == 200  # its head has come before any event
        assert "content-encoding" not in stream.headers


async def test_requests_of_one_connection_may_differ(gateway):
    """The header block of a connection is cached: a known one is answered as the first time."""
    for accepts in ("gzip", "gzip", None, "gzip", "identity", "identity"):
        answer, _ = await ask(gateway, ORDERS, accepts)
        assert answer.headers.get("content-encoding") == ("gzip" if accepts == "gzip" else None)


@pytest.mark.parametrize("compress_from", ["", "0"])
async def test_nothing_is_compressed_by_default(gateway):
    answer, _ = await ask(gateway, ORDERS, "gzip")
    assert not {"content-encoding", "vary"} & set(answer.headers)
