"""Parsers return records with issues for any JSON, or refuse its shape."""

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from any_rows import JSON, ORDERS, OWNERS, PAGE_INFO, PEOPLE, REPAIRS, REVIEWS, as_sent, page_bodies, rows_like
from collected_issues import READ_WHEN_ASKED, issues_within, mistyped
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_rows import module, order, review
from readers import (
    parse_module_states,
    parse_modules,
    parse_order,
    parse_order_page,
    parse_owner,
    parse_people,
    parse_repair,
    parse_repair_page,
    parse_shenhe,
    parse_shenhe_page,
)

from gateway.normalise.literals import LiteralError, read_literal
from gateway.normalise.records import Record
from gateway.normalise.shapes import ShapeError

thorough = settings(max_examples=60, deadline=None)
"""Bounded by count alone: a busy machine is no failure."""


def check(parse: Callable[..., Any], *arguments: Any) -> None:
    """The parser ends as promised; every attribute is of the type the record declares; every issue can be sent."""
    try:
        parsed = parse(*arguments)
    except ShapeError:
        return
    for record in parsed.values() if isinstance(parsed, dict) else [parsed]:
        check_types(record)
        assert not list(mistyped(record))
        for issue in issues_within(record):
            assert issue.field
            msgspec.json.encode(issue)


def check_types(value: object) -> None:
    """msgspec does not check what a record is made with; converting it to its own type does."""
    if isinstance(value, tuple):
        for item in value:
            check_types(item)
    elif isinstance(value, Record):
        attributes = {name: getattr(value, name) for name in value.__struct_fields__ if not name.endswith("_read")}
        msgspec.convert(attributes, type(value))
        for attribute in (
            *attributes.values(),
            *(getattr(value, name) for name in READ_WHEN_ASKED.get(type(value), ())),
        ):
            check_types(attribute)


@thorough
@given(page_bodies(REVIEWS, "meta"))
def test_any_page_of_reviews_is_parsed_or_refused(body: dict[str, Any]) -> None:
    check(parse_shenhe_page, body, "10002", 1)


@thorough
@given(as_sent(REVIEWS | JSON))
def test_any_review_is_parsed_or_refused(data: Any) -> None:
    check(parse_shenhe, data, None)


@thorough
@given(page_bodies(ORDERS, "pages"))
def test_any_page_of_orders_is_parsed_or_refused(body: dict[str, Any]) -> None:
    check(parse_order_page, body, "10002", 1)


@thorough
@given(ORDERS | JSON)
def test_any_order_is_parsed_or_refused(row: Any) -> None:
    check(parse_order, row, "10002")


@thorough
@given(
    st.fixed_dictionaries(
        {
            "data": as_sent(
                st.fixed_dictionaries(
                    {}, optional={"repairs": st.lists(REPAIRS | JSON, max_size=3) | JSON, "pages": PAGE_INFO | JSON}
                )
                | JSON
            )
        }
    )
)
def test_any_page_of_repairs_is_parsed_or_refused(body: dict[str, Any]) -> None:
    check(parse_repair_page, body, "10002", 1)


@thorough
@given(as_sent(REPAIRS | JSON))
def test_any_repair_is_parsed_or_refused(data: Any) -> None:
    check(parse_repair, data, None)


@thorough
@given(as_sent(PEOPLE | JSON))
def test_any_person_is_parsed_or_refused(data: Any) -> None:
    check(parse_people, data)


@thorough
@given(as_sent(OWNERS | JSON))
def test_any_owner_is_parsed_or_refused(data: Any) -> None:
    check(parse_owner, data)


@thorough
@given(as_sent(st.lists(rows_like(module()) | JSON, max_size=3) | JSON))
def test_any_modules_are_parsed_or_refused(data: Any) -> None:
    check(parse_modules, data, "00001")


@thorough
@given(as_sent(st.dictionaries(st.text(max_size=5), rows_like({"绑定房屋": "1"}) | JSON, max_size=3) | JSON))
def test_any_module_states_are_parsed_or_refused(data: Any) -> None:
    check(parse_module_states, data)


@thorough
@given(st.text(st.sampled_from("{}[]()'\":,=>\\ a1.n单") | st.characters(codec="utf-8"), max_size=40))
def test_any_text_as_the_notation_of_extra(text: str) -> None:
    with contextlib.suppress(LiteralError):
        read_literal(text)


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting_ends(depth: int) -> None:
    for text in ("[" * depth, '{"a":' * depth, "['a'=>" * depth):
        assert parse_order(order(extra=text), "10002").details is None
        check(parse_people, text)
        check(parse_shenhe, review(shenhe_content=text), "10002")
