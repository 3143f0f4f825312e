"""Whatever JSON a platform sends, a parser gives records with issues, or says that the shape is not documented."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_rows import (
    applicant,
    content,
    content_house,
    member,
    module,
    order,
    owner,
    person,
    repair,
    residency,
    review,
)

from schema.normalise.house import parse_owner
from schema.normalise.literals import LiteralError, read_literal
from schema.normalise.module import parse_module_states, parse_modules
from schema.normalise.order import parse_order, parse_order_page
from schema.normalise.people import parse_people
from schema.normalise.records import DataIssue, Record
from schema.normalise.repair import parse_repair, parse_repair_page
from schema.normalise.shapes import ShapeError
from schema.normalise.shenhe import parse_shenhe, parse_shenhe_page
from schema.normalise.words import ENUMS

thorough = settings(max_examples=60, deadline=None)
"""Bounded by count alone: a busy machine is no failure."""

WORDS = [word.label for words in ENUMS.values() for word in words.members.values()]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**24), 10**24)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(
        [*WORDS, "0", "1", "2", "", " ", "见前言", "19921130", "00000000", "0.01元", "1栋1单元1楼101号", "[]", "{}"]
    )
    | st.from_regex(r"-?[0-9]{1,14}", fullmatch=True)
    | st.from_regex(r"[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日[0-9]{1,2}:[0-9]{2}:[0-9]{2}", fullmatch=True)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def rows_like(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A row with the keys of this one and others, any of them missing, clean or holding anything."""
    known = {key: st.just(value) | JSON for key, value in row.items()}
    return st.builds(
        lambda a, b: a | b,
        st.dictionaries(st.text(max_size=4), JSON, max_size=2),
        st.fixed_dictionaries({}, optional=known),
    )


def as_sent(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """As itself, or as JSON text, once or twice."""
    text = value.map(lambda decoded: msgspec.json.encode(decoded).decode())
    return value | text | text.map(lambda once: msgspec.json.encode(once).decode())


CONTENTS = rows_like(content()).flatmap(
    lambda parts: st.fixed_dictionaries(
        {
            **{key: st.just(part) for key, part in parts.items()},
            "people": rows_like(applicant()),
            "house": rows_like(content_house()),
        }
    )
)
REVIEWS = rows_like(review()).flatmap(
    lambda row: st.fixed_dictionaries(
        {
            **{key: st.just(value) for key, value in row.items()},
            "id": st.just(1),
            "shenhe_content": as_sent(CONTENTS | JSON),
        }
    )
)
ORDERS = rows_like(order())
REPAIRS = rows_like(repair(date="2020年12月18日12:30:13"))
RESIDENCIES = rows_like(residency()).flatmap(
    lambda row: st.lists(rows_like(member()), max_size=2).map(lambda members: {**row, "members": members})
)
PEOPLE = rows_like(person()).flatmap(
    lambda row: st.lists(RESIDENCIES, max_size=2).map(lambda houses: {**row, "houses": houses})
)
PAGE_INFO = rows_like({"current_page": 1, "last_page": 2, "per_page": "15", "total": 17})


def pages_of(rows: st.SearchStrategy[Any], info: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "data": as_sent(st.lists(rows | JSON, max_size=3) | JSON),
            info: PAGE_INFO | JSON,
            "code": st.just(0),
        },
    )


def issues_within(value: object) -> Iterator[DataIssue]:
    if isinstance(value, DataIssue):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from issues_within(item)
    elif isinstance(value, Record):
        for name in value.__struct_fields__:
            yield from issues_within(getattr(value, name))


def check(parse: Callable[..., Any], *arguments: Any) -> None:
    """The parser ends as promised; every attribute is of the type the record declares; every issue can be sent."""
    try:
        parsed = parse(*arguments)
    except ShapeError:
        return
    for record in parsed.values() if isinstance(parsed, dict) else [parsed]:
        check_types(record)
        for issue in issues_within(record):
            assert issue.field
            msgspec.json.encode(issue)


def check_types(value: object) -> None:
    """msgspec does not check what a record is made with; converting it to its own type does."""
    if isinstance(value, tuple):
        for item in value:
            check_types(item)
    elif isinstance(value, Record):
        attributes = {name: getattr(value, name) for name in value.__struct_fields__}
        msgspec.convert(attributes, type(value))
        for attribute in attributes.values():
            check_types(attribute)


@thorough
@given(pages_of(REVIEWS, "meta"))
def test_any_page_of_reviews(body: dict[str, Any]) -> None:
    check(parse_shenhe_page, body, "10002", 1)


@thorough
@given(as_sent(REVIEWS | JSON))
def test_any_review(data: Any) -> None:
    check(parse_shenhe, data, None)


@thorough
@given(pages_of(ORDERS, "pages"))
def test_any_page_of_orders(body: dict[str, Any]) -> None:
    check(parse_order_page, body, "10002", 1)


@thorough
@given(ORDERS | JSON)
def test_any_order(row: Any) -> None:
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
def test_any_page_of_repairs(body: dict[str, Any]) -> None:
    check(parse_repair_page, body, "10002", 1)


@thorough
@given(as_sent(REPAIRS | JSON))
def test_any_repair(data: Any) -> None:
    check(parse_repair, data, None)


@thorough
@given(as_sent(PEOPLE | JSON))
def test_any_person(data: Any) -> None:
    check(parse_people, data)


@thorough
@given(as_sent(rows_like(owner()) | JSON))
def test_any_owner(data: Any) -> None:
    check(parse_owner, data)


@thorough
@given(as_sent(st.lists(rows_like(module()) | JSON, max_size=3) | JSON))
def test_any_modules(data: Any) -> None:
    check(parse_modules, data, "00001")


@thorough
@given(as_sent(st.dictionaries(st.text(max_size=5), rows_like({"绑定房屋": "1"}) | JSON, max_size=3) | JSON))
def test_any_module_states(data: Any) -> None:
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
