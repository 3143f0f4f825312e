"""Bounds on variables: size, nesting, and no duplicate members."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from graphql_server import BOUNDS
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import QueryTooComplexError, UserInputError
from gateway.http.request import MOST_NESTED, Bounds, parse_parameters

HELLO = "query ($name: String) { hello(name: $name) }"


def refusal(response: httpx.Response) -> dict[str, Any]:
    (error,) = response.json()["errors"]
    del error["extensions"]["requestId"], error["extensions"]["messageZh"]
    extensions: dict[str, Any] = error["extensions"]
    return extensions


def test_variables_and_document_have_separate_bounds(client: httpx.Client) -> None:
    padded = HELLO + " " * BOUNDS.variables
    assert client.post("/graphql", json={"query": padded, "variables": {"name": "x"}}).json()["data"]

    for member in ("variables", "extensions", "other"):
        body = {"query": HELLO, member: {"name": "x" * BOUNDS.variables}}
        response = client.post("/graphql", json=body)

        assert response.status_code == 413
        extensions = refusal(response)
        assert extensions.pop("requested") > BOUNDS.variables
        assert extensions == {"code": "QUERY_TOO_COMPLEX", "limit": "variables", "bound": BOUNDS.variables}


def test_query_string_variables_are_bounded(client: httpx.Client) -> None:
    variables = json.dumps({"name": "x" * BOUNDS.variables})
    response = client.get(f"/graphql?query={quote(HELLO)}&variables={quote(variables)}")

    assert (response.status_code, refusal(response)["limit"]) == (413, "variables")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_nesting_is_bounded(client: httpx.Client, opening: str, closing: str) -> None:
    def ask(levels: int) -> httpx.Response:
        value = opening * levels + "1" + closing * levels
        body = f'{{"query": "{{ hello }}", "variables": {{"a": {value}}}}}'
        return client.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert ask(MOST_NESTED - 2).json() == {"data": {"hello": "hello world"}}
    response = ask(MOST_NESTED - 1)
    assert response.status_code == 413
    assert refusal(response) == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": "nesting",
        "bound": MOST_NESTED,
        "requested": None,
    }


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
