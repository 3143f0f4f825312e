"""Oversized platform answers at the HTTP edge: each affects only its own field."""

import asyncio
from itertools import product

import pytest
from odd_answers import Upstream

SIZE = 1024 * 1024

TOO_MANY_VALUES = "The answer has too many values."
TOO_MANY_ROWS = "The answer does not have the documented shape: expected 1000 rows on a page at most."

REFUSED = {
    **dict.fromkeys(("rows", "bare", "empty", "deep", "nested", "values", "lists"), TOO_MANY_VALUES),
    **dict.fromkeys(("literal", "hidden", "quotes"), TOO_MANY_VALUES),
    "page": TOO_MANY_ROWS,
}
QUERIES = {
    "order/list": 'orders(communityCode: "{}1") {{ nodes {{ title }} }}',
    "shenheList": 'shenhes(communityCode: "{}1") {{ nodes {{ type }} }}',
    "people": 'people(name: "{}1", phone: "19900010001") {{ name }}',
}
SMALL = 'small: orders(communityCode: "small1") { nodes { title } }'


@pytest.fixture
async def gateway(environ, serve):
    server = await asyncio.start_server(Upstream(SIZE).serve, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    places = {"GATEWAY_WJDH_URL": base, "GATEWAY_SECURITY_URL": base, "GATEWAY_SECURITY_PEOPLE_PATH": "/api/people"}
    async with server, serve({**environ, **places}) as served:
        yield served


async def test_undocumented_answer_costs_its_field(gateway):
    for (endpoint, query), (shape, message) in product(QUERIES.items(), REFUSED.items()):
        if (endpoint, shape) != ("people", "page"):  # one person is no page
            answer = await gateway.ask(f"{{ odd: {query.format(shape)} {SMALL} }}")
            assert answer.partial == {"odd": None, "small": {"nodes": [{"title": "x"}]}}, shape
            assert (answer.code, answer.error["message"]) == ("UPSTREAM_PROTOCOL", message), shape
            assert answer.error["extensions"]["endpoint"] == endpoint, shape
    for shape in ("text", "digits", "escaped"):  # long, and no more
        [order] = (await gateway.read(f'{{ orders(communityCode: "{shape}1") {{ nodes {{ remark }} }} }}'))["nodes"]
        assert len(order["remark"]) > SIZE // 7
