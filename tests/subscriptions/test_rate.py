"""The rate limit of a caller in every protocol."""

import pytest

VIEWER = "{ viewer { subject } }"
ORDERS = '{ orders(communityCode: "10002", first: 20) { nodes { number } } }'
CALLS, ALL_CALLS = '"calls";q=36000;w=60', '"calls";r=36000;t=0'
PAID = "subscription { paymentEvents { payment { orderNumber } } }"


@pytest.fixture
def extra():
    return {"GATEWAY_RATE_LIMIT": "4"}


def rate_headers(response):
    return {name: value for name, value in response.headers.items() if name.startswith("ratelimit")}


async def post(gateway, token, query=VIEWER, **headers):
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    return await gateway.stranger.post("/graphql", json={"query": query}, headers=headers)


async def test_answers_count_down_to_429_without_a_call(gateway, sandbox, mint):
    token = mint()
    *served, refused = [await post(gateway, token) for _ in range(5)]

    assert [rate_headers(answer) for answer in served[:2]] == [
        {"ratelimit-policy": f'"caller";q=4;w=60, {CALLS}', "ratelimit": f'"caller";r=3;t=15, {ALL_CALLS}'},
        {"ratelimit-policy": f'"caller";q=4;w=60, {CALLS}', "ratelimit": f'"caller";r=2;t=30, {ALL_CALLS}'},
    ]
    assert [answer.status_code for answer in (*served, refused)] == [200, 200, 200, 200, 429]
    assert 1 <= int(refused.headers["retry-after"]) <= 15
    assert refused.headers["ratelimit"] == f'"caller";r=0;t={refused.headers["retry-after"]}'
    assert refused.headers["ratelimit-policy"] == '"caller";q=4;w=60'
    [error] = refused.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retryable"] is True
    assert 0 < error["extensions"]["retryAfter"] <= 15
    assert sandbox.counts() == {}


async def test_bad_requests_count_and_anonymous_ones_do_not(gateway, mint):
    token = mint()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    bad = [await gateway.stranger.post("/graphql", content=b"{", headers=headers) for _ in range(5)]

    assert [answer.status_code for answer in bad] == [400, 400, 400, 400, 429]
    assert rate_headers(bad[0])["ratelimit"] == f'"caller";r=3;t=15, {ALL_CALLS}'
    strangers = [await post(gateway, "") for _ in range(6)]
    assert {answer.status_code for answer in strangers} == {401}
    assert rate_headers(strangers[0]) == {}


async def test_each_websocket_operation_counts(gateway, connect, mint):
    token = mint()
    async with connect(token=token) as socket:
        await socket.subscribe("paid", PAID)
        for number in range(3):
            await socket.subscribe(str(number), VIEWER)
            assert await socket.data(str(number))
        await socket.subscribe("refused", VIEWER)

        refused = await socket.receive("refused")
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert refused["payload"][0]["extensions"]["retryAfter"] > 0
        assert (await post(gateway, token)).status_code == 429
        await socket.send("ping")
        assert (await socket.receive())["type"] == "pong"


async def test_event_stream_counts_as_one_request(gateway, mint):
    token = mint()  # and VIEWER is no subscription: the stream ends at once
    answers = [await post(gateway, token, accept="text/event-stream") for _ in range(5)]

    statuses = [(answer.status_code, rate_headers(answer).get("ratelimit", "")[:12]) for answer in answers]
    assert statuses == [(200, f'"caller";r={left}') for left in (3, 2, 1, 0)] + [(429, '"caller";r=0')]
    assert answers[-1].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


@pytest.mark.parametrize("extra", [{"GATEWAY_CALL_RATE_LIMIT": "5"}])
async def test_calls_made_count_and_too_many_are_429(gateway, sandbox, mint):
    token = mint()
    first, second = [await post(gateway, token, ORDERS) for _ in range(2)]
    calls = sandbox.counts()
    refused = await post(gateway, token, ORDERS)

    cost = first.json()["extensions"]["cost"]
    assert (cost["requested"], cost["actual"]) == (3, 2)
    assert first.headers["ratelimit"].partition(", ")[2] == '"calls";r=3;t=24'
    assert first.headers["ratelimit-policy"] == '"caller";q=1200;w=60, "calls";q=5;w=60'
    assert (second.status_code, refused.status_code) == (200, 429)
    assert refused.headers["ratelimit"].partition(", ")[2].startswith('"calls";r=1;t=')
    assert 1 <= int(refused.headers["retry-after"]) <= 24
    assert refused.json()["errors"][0]["message"] == "Too many calls to the platforms"
    assert sandbox.counts() == calls
    assert (await post(gateway, token)).status_code == 200  # which calls nobody
    assert (await post(gateway, mint(subject="wang"), ORDERS)).status_code == 200
