"""Any answer is read or refused, and by the reader of documented answers exactly as by the general one."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import any_rows as anything
import msgspec
import platform_rows as clean
import pytest
import readers
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.loaders.answers import read_whole
from gateway.normalise.records import DataIssue, Page, Record
from gateway.normalise.shapes import NotJsonError, ShapeError
from gateway.normalise.wire import AS_DOCUMENTED as WIRE
from gateway.orders.record import Order, OrderDetail, read_entries
from gateway.shenhe.record import SHENHE_ROWS as REVIEWS_OF_WJDH
from gateway.shenhe.record import Contents, Shenhe

MAY_BE_EMPTY = {
    *("Order.title", "OrderDetail.name", "OrderDetail.value", "DataIssue.raw", "ShenheContent.raw"),
    *("Order.extra", "Shenhe.content_sent"),
}
"""Texts as sent, and the title, which is promised. Anywhere else empty text would stand for what is unknown."""


READ_WHEN_ASKED: dict[type, tuple[str, ...]] = {Order: ("details", "house"), Shenhe: ("content",)}


def mistyped(value: object) -> Iterator[str]:
    """The attributes that do not hold what they are annotated with, however deep they are: plans rely on it. So is
    empty text.
    """
    if isinstance(value, tuple):
        for item in value:
            yield from mistyped(item)
    elif isinstance(value, Record):
        for name, annotation in get_type_hints(type(value)).items():
            held = getattr(value, name)
            allowed = get_args(annotation) or (annotation,)
            if (
                Any not in allowed
                and type(held) not in [get_origin(part) or part for part in allowed]
                and not isinstance(held, tuple)
            ):
                yield f"{type(value).__name__}.{name}: {type(held).__name__}"
            if held == "" and f"{type(value).__name__}.{name}" not in MAY_BE_EMPTY:
                yield f"{type(value).__name__}.{name}: empty"
            yield from mistyped(held)
        for name in READ_WHEN_ASKED.get(type(value), ()):
            yield from mistyped(getattr(value, name))


def issues_within(value: object) -> Iterator[DataIssue]:
    """The issues of a record or records, however deep they are."""
    if isinstance(value, DataIssue):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from issues_within(item)
    elif isinstance(value, Record):
        for name in {*value.__struct_fields__, *READ_WHEN_ASKED.get(type(value), ()), "data_issues"}:
            if name != "own_issues" and not name.endswith("_read"):
                yield from issues_within(getattr(value, name, None))


ODD: list[Any] = [
    *(None, "", " ", "0", "1", "2", 0, 1, 2, -1, 0.0, -0.0, 1.0, 0.1, True, False, 2**31, 10**20, 1e300, [], {}, [1]),
    *("未付款", " 进行中", "审核通过", "物业费 ", "-0.00元", "1,234.5", "0.001", "1栋1单元1楼101号", "1" * 600),
    *("2020年11月18日11:01:46", "2020-11-18 11:01:46", 1605668506, "19921130", 19921130, "汉", {"a": None}, "{}", "[]"),
    *(
        "{'a':'b'}",
        '"{}"',
        '{"people":{},"house":[]}',
        "业主",
        "业主绑定",
        "男",
        "见前言",
        "\u3000",
        "０１",
        "10002\u200b",
    ),
]
"""Whatever is odd in one place is as documented in another."""

OTHER_KEYS = ("community_identifier", "building_number", "unit_number", "floor_number", "house_number")
"""Of a person's house, which other chapters name so (quirks 64, 67)."""

thorough = settings(max_examples=150, deadline=None)


class Answer(NamedTuple):
    """The answers of an endpoint: a clean row, the body around rows, any body, and both ways to read one."""

    row: dict[str, Any]
    body: Callable[..., dict[str, Any]]
    any_body: st.SearchStrategy[Any]
    documented: Callable[[bytes], Any]
    any_way: Callable[[Any], Any]


def list_body(*rows: dict[str, Any]) -> dict[str, Any]:
    info = {"current_page": 1, "per_page": "20", "last_page": 3, "total": 60}
    return {"code": 0, "token_expired": 1, "msg": "成功", "data": list(rows), "pages": info, "meta": info}


def one(row: dict[str, Any]) -> dict[str, Any]:
    return {"code": "0", "msg": "成功", "data": row}


def record_bodies(rows: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"code": st.just(0), "data": anything.as_sent(rows | anything.JSON)})


def read_any_content(sent: str) -> Any:
    """What a review holds, but for what is kept word for word: encoded twice, it is not as documented."""
    found = Contents(WIRE).read(WIRE.table(REVIEWS_OF_WJDH), sent, ("10002", 7))
    return found and msgspec.structs.replace(found, raw=None, own_issues=())


def read_documented_content(sent: str) -> Any:
    Contents(WIRE).decode(sent)
    return read_any_content(sent)


def from_people(row: dict[str, Any], body: Callable[..., dict[str, Any]]) -> Answer:
    return Answer(
        row,
        body,
        record_bodies(anything.PEOPLE),
        lambda sent: readers.parse_people(readers.decode_people(sent)["data"]),
        lambda found: readers.parse_people(found["data"]),
    )


def from_content(row: dict[str, Any], part: str) -> Answer:
    return Answer(
        row,
        lambda row: clean.content() | {part: row},
        anything.CONTENTS,
        lambda sent: read_documented_content(sent.decode()),
        lambda body: read_any_content(json.dumps(json.dumps(body))),
    )


ANSWERS = {
    "order/list": Answer(
        clean.order(),
        list_body,
        anything.page_bodies(anything.ORDERS, "pages"),
        lambda sent: readers.parse_order_page(readers.decode_orders(sent), "10002", 1),
        lambda body: readers.parse_order_page(body, "10002", 1),
    ),
    "shenheList": Answer(
        clean.review(shenhe_id=1),
        list_body,
        anything.page_bodies(anything.REVIEWS, "meta"),
        lambda sent: readers.parse_shenhe_page(readers.decode_shenhes(sent), "10002", 1),
        lambda body: readers.parse_shenhe_page(body, "10002", 1),
    ),
    "repair/list": Answer(
        clean.repair(date=None),
        lambda *rows: {"code": 0, "data": {"repairs": list(rows), "pages": list_body()["pages"]}},
        anything.REPAIRS.map(lambda row: {"data": {"repairs": [row], "pages": {"total": 1}}}),
        lambda sent: readers.parse_repair_page(readers.decode_repairs(sent), "10002", 1),
        lambda body: readers.parse_repair_page(body, "10002", 1),
    ),
    "owner": Answer(
        clean.owner(people_role=None),
        one,
        record_bodies(anything.OWNERS),
        lambda sent: readers.parse_owner(readers.decode_owner(sent)["data"]),
        lambda body: readers.parse_owner(body["data"]),
    ),
    "people": from_people(clean.person(), one),
    "people, houses": from_people(
        clean.residency(people_role=None, **dict.fromkeys(OTHER_KEYS)), lambda row: one(clean.person(houses=[row]))
    ),
    "people, members": from_people(
        clean.member(), lambda row: one(clean.person(houses=[clean.residency(members=[row])]))
    ),
    "content, people": from_content(clean.applicant(), "people"),
    "content, house": from_content(clean.content_house(people_role=None), "house"),
}

OTHER_DIALECTS: list[tuple[str, dict[str, Any]]] = [
    ("order/list", {}),
    ("order/list", {"paied": False, "amount": 190.35, "extra": {"吨数": 11, "单价": "3.85元"}}),
    ("order/list", {"paied": 1, "status": 0, "amount": 5, "extra": []}),
    ("order/list", {"paied": "1", "status": "0", "amount": "1427.50", "extra": None, "house": None, "remark": ""}),
    ("shenheList", {}),
    (
        "shenheList",
        {"shenhe_id": None, "shenhe_status": 2, "shenhe_content": clean.content(), "updated_at": 1605668506},
    ),
    ("shenheList", {"id": None, "shenhe_status": "1", "created_at": "2020-11-18 11:01:46", "updated_at": None}),
    ("repair/list", {}),
    ("repair/list", {"status": "已处理", "reply": "修好了", "date": "2020年12月18日12:30:13"}),
    ("repair/list", {"status": "1", "reply": ""}),
    ("owner", {}),
    ("owner", {"people_house_role": None, "people_role": "租客", "people_house_use": ""}),
    ("people", {"people_birth": 19921130, "people_dibao": 0, "people_shangfang": True}),
    ("people", {"people_birth": "723052800", "people_nation": "汉", "houses": []}),
    ("people, houses", {"people_house_role": None, "people_role": "租客", "louhao": 1, "members": None}),
    ("people, members", {"member_birth": 723052800}),
    ("content, people", {"people_birth": 723052800, "people_dibao": True}),
    ("content, house", {"people_house_role": None, "people_role": "租客"}),
]


def read(parse: Callable[[Any], Any], data: Any) -> Any:
    """What is found, each attribute of a type that it declares, each issue fit to be sent; None for a refused shape."""
    try:
        found = read_whole(parse(data))
    except ShapeError:
        return None
    for record in found.values() if isinstance(found, dict) else [found]:
        assert not [*mistyped(record)]
        for issue in issues_within(record):
            assert issue.field
            msgspec.json.encode(issue)
    return found


def read_both_ways(answer: Answer, body: Any) -> Any:
    """What the short cut makes of the body, after a look at the other way; None where it does not take it."""
    sent = json.dumps(body).encode()
    expected = read(answer.any_way, msgspec.json.decode(sent))
    try:
        found = read(answer.documented, sent)
    except msgspec.DecodeError:
        return None
    if isinstance(found, Page):
        flaws = [issue for *_, issues in found.flawed for issue in issues]
        assert sorted(map(repr, flaws)) == sorted(map(repr, issues_within(found.items)))
    # repr distinguishes 0.0 from -0.0, and 1 from True. What an order holds as it was sent is read by now.
    assert as_read(found) == as_read(expected)
    return found


def as_read(found: Any) -> str:
    if isinstance(found, Page) and found.items and isinstance(found.items[0], Order):
        items = tuple(msgspec.structs.replace(order, extra=None) for order in found.items)
        found = msgspec.structs.replace(found, items=items, flawed=())
    return repr(found)


@pytest.mark.parametrize(("endpoint", "dialect"), OTHER_DIALECTS)
def test_documented_dialects_use_the_fast_reader(endpoint: str, dialect: dict[str, Any]) -> None:
    answer = ANSWERS[endpoint]
    found = read_both_ways(answer, answer.body(answer.row | dialect))
    assert found.flawed == () if isinstance(found, Page) else found


@pytest.mark.parametrize("endpoint", ANSWERS)
def test_one_odd_value_reads_the_same_either_way(endpoint: str) -> None:
    answer = ANSWERS[endpoint]
    for key in answer.row:
        for value in ODD:
            read_both_ways(answer, answer.body(answer.row | {key: value}))


@pytest.mark.parametrize("endpoint", ["order/list", "shenheList", "repair/list", "owner", "people", "content, people"])
@thorough
@given(data=st.data())
def test_documented_answers_read_the_same_either_way(endpoint: str, data: st.DataObject) -> None:
    answer = ANSWERS[endpoint]
    read_both_ways(answer, data.draw(answer.any_body))


@pytest.mark.parametrize(
    ("extra", "details"),
    [
        (b'{"a":"\xff"}', [("a", "\ufffd")]),
        (b'"\xff"', None),
        (b"1e999", None),
        pytest.param(
            b"[" * 2000 + b"]" * 2000,
            None,
            marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 cannot skip 1,000 levels either"),
        ),
    ],
)
def test_undecodable_details_leave_the_order_readable(extra: bytes, details: Any) -> None:
    body = json.dumps(list_body(clean.order(extra="@"))).encode().replace(b'"@"', extra)
    [found] = readers.parse_order_page(readers.decode_orders(body), "10002", 1).items
    assert found.platform_id
    assert found.details == (details and tuple(OrderDetail(*detail) for detail in details))
    assert [issue.field for issue in found.data_issues] == ([] if details else ["details"])


SOME: Any = st.lists(anything.REPAIRS | anything.JSON, max_size=3)
OTHERS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "one review": (anything.REVIEWS, lambda data: readers.parse_shenhe(data, None)),
    "one repair": (anything.REPAIRS, lambda data: readers.parse_repair(data, None)),
    "repairs": (
        st.fixed_dictionaries({}, optional={"repairs": SOME | anything.JSON, "pages": anything.PAGE_INFO}),
        lambda data: readers.parse_repair_page({"data": data}, "10002", 1),
    ),
    "modules": (
        st.lists(anything.rows_like(clean.module()) | anything.JSON, max_size=3),
        lambda data: readers.parse_modules(data, "00001"),
    ),
    "module states": (
        st.dictionaries(st.text(max_size=5), anything.rows_like({"绑定房屋": "1"}) | anything.JSON, max_size=3),
        readers.parse_module_states,
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
@thorough
@given(data=st.data())
def test_any_other_answer_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    rows, parse = OTHERS[kind]
    read(parse, data.draw(anything.as_sent(rows | anything.JSON)))


@thorough
@given(st.text(st.sampled_from("{}[]()'\":,=>\\ a1.n单") | st.characters(codec="utf-8"), max_size=40))
def test_any_text_as_the_notation_of_extra(text: str) -> None:
    with contextlib.suppress(NotJsonError):
        read_entries(text)


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting_ends(depth: int) -> None:
    for text in ("[" * depth, '{"a":' * depth, "['a'=>" * depth, "['a'=>" * depth + "]" * depth):
        assert readers.parse_order(clean.order(extra=text), "10002").details is None
        read(readers.parse_people, text)
        read(lambda row: readers.parse_shenhe(row, "10002"), clean.review(shenhe_content=text))
