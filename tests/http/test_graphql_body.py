"""Bodies and query strings: what is well formed, their bounds, and no member twice."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import QueryTooComplexError, UserInputError
from gateway.http.request import MOST_NESTED, Bounds, parse_parameters

COMMUNITY = "query ($code: ID!) { community(code: $code) { code } }"
LARGEST_BODY = 256 * 1024
LARGEST_VARIABLES = 64 * 1024

HEAD = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer "


def refusal(response: httpx.Response) -> dict[str, Any]:
    [error] = response.json()["errors"]
    del error["extensions"]["requestId"], error["extensions"]["messageZh"]
    extensions: dict[str, Any] = error["extensions"]
    return extensions


async def test_reserved_members_and_named_utf_8_are_accepted(gateway):
    for extensions, content_type in (
        (None, "application/json;charset=UTF-8"),
        ({"tracing": {"version": 1}}, 'Application/JSON; charset="utf-8"'),
    ):
        members = {"variables": None, "operationName": None, "id": 1, "extensions": extensions}
        body, headers = {"query": "{ __typename }", **members}, {"content-type": content_type}
        answer = await gateway.client.post("/graphql", json=body, headers=headers)
        assert answer.json()["data"] == {"__typename": "Query"}


BAD_QUERY_STRINGS = {
    "empty": "",
    "no query": "variables={}",
    "variables not JSON": "query={__typename}&variables=nonsense",
    "variables array": "query={__typename}&variables=[]",
    "query twice": "query={__typename}&query={viewer{subject}}",
    "bad UTF-8": "query=%FF",
    "many fields": "query={__typename}&" + "&".join(f"a{number}=1" for number in range(100)),
}


async def test_query_string_that_is_not_well_formed_is_400(gateway):
    for case, query_string in BAD_QUERY_STRINGS.items():
        response = await gateway.client.get(f"/graphql?{query_string}")
        assert (response.status_code, refusal(response)["code"]) == (400, "BAD_USER_INPUT"), case


@pytest.mark.settings(MAX_BODY_BYTES="10000")
async def test_long_query_string_is_414(gateway):
    response = await gateway.client.get(f"/graphql?query={quote('{__typename} #' + 'x' * 10_000)}")
    assert (response.status_code, refusal(response)["limit"]) == (414, "bytes")


async def test_oversized_body_is_refused_while_read(gateway):
    """Only the headers are sent; or it is chunked, and never ended: the answer cannot have waited for the body."""
    announced = f"\r\ncontent-length: {LARGEST_BODY + 1}\r\n\r\n".encode()
    endless = b"\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (LARGEST_BODY + 1, b" " * (LARGEST_BODY + 1))
    url = httpx.URL(gateway.url)
    for rest in (announced, endless):
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"{HEAD}{gateway.token}".encode() + rest)
        async with asyncio.timeout(60):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in head
        bound = {"code": "QUERY_TOO_COMPLEX", "limit": "bytes", "bound": LARGEST_BODY, "requested": None}
        assert refusal(httpx.Response(413, content=body)) == bound


async def test_variables_and_document_have_separate_bounds(gateway):
    body = {"query": COMMUNITY + " " * 40_000, "variables": {"code": "10002"}, "other": "x" * 40_000}
    assert (await gateway.client.post("/graphql", json=body)).json()["data"]
    for member in ("extensions", "other", "variables"):
        body = {"query": COMMUNITY, member: {"code": "x" * LARGEST_VARIABLES}}
        response = await gateway.client.post("/graphql", json=body)
        assert response.status_code == 413
        extensions = refusal(response)
        assert extensions.pop("requested") > LARGEST_VARIABLES
        assert extensions == {"code": "QUERY_TOO_COMPLEX", "limit": "variables", "bound": LARGEST_VARIABLES}


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
async def test_json_nesting_is_bounded(gateway, opening, closing):
    async def ask(levels: int) -> httpx.Response:
        value = opening * levels + "1" + closing * levels
        body = f'{{"query": "{{ __typename }}", "variables": {{"a": {value}}}}}'
        return await gateway.client.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert (await ask(MOST_NESTED - 2)).json()["data"] == {"__typename": "Query"}
    response = await ask(MOST_NESTED - 1)
    nesting = {"code": "QUERY_TOO_COMPLEX", "limit": "nesting", "bound": MOST_NESTED, "requested": None}
    assert (response.status_code, refusal(response)) == (413, nesting)


_BOUNDS = Bounds(1_000_000, 1_000_000)
_texts = st.text(alphabet=':"\\u003aA{}é门\n x', max_size=12) | st.text(max_size=8)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)


@given(variables=st.dictionaries(_texts, _values, max_size=4), query=_texts, ascii_only=st.booleans())
def test_json_without_duplicates_is_read(variables: Any, query: str, ascii_only: bool) -> None:
    text = json.dumps({"query": query, "variables": variables}, ensure_ascii=ascii_only)

    assert (parse_parameters("body", text.encode(), _BOUNDS).variables or {}) == variables


@given(members=st.lists(st.tuples(_texts, _values), min_size=1, max_size=4), data=st.data(), ascii_only=st.booleans())
def test_duplicate_member_is_refused_anywhere(members: Any, data: Any, ascii_only: bool) -> None:
    name, _ = data.draw(st.sampled_from(members))
    members.insert(data.draw(st.integers(0, len(members))), (name, data.draw(_values)))
    written = ", ".join(
        f"{json.dumps(key, ensure_ascii=ascii_only)}: {json.dumps(value, ensure_ascii=ascii_only)}"
        for key, value in members
    )
    wrapped = data.draw(st.sampled_from(["{}", "[1, {}]", '{{":": {}}}']))
    text = '{"query": "{ a: b }", "variables": {"a": ' + wrapped.format("{" + written + "}") + "}}"

    with pytest.raises(UserInputError):
        parse_parameters("body", text.encode(), _BOUNDS)


def test_escaped_colon_does_not_hide_a_duplicate() -> None:
    for colon in ("\\u003a", "\\u003A"):
        text = f'{{"query": "{{ a{colon} b }}", "variables": {{"a": 1, "a": 2}}}}'
        with pytest.raises(UserInputError):
            parse_parameters("body", text.encode(), _BOUNDS)


def test_size_is_checked_before_duplicates() -> None:
    """What is too large is not even looked at for members that come twice."""
    text = b'{"query": "{ a }", "variables": {"a": "' + b"x" * 1000 + b'", "a": 1}}'
    with pytest.raises(QueryTooComplexError):
        parse_parameters("body", text, Bounds(1_000_000, 100))
