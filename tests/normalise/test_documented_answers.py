"""The fast reader of documented answers gives exactly what the general reader gives."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from any_rows import JSON, ORDERS, OWNERS, PEOPLE, REPAIRS, REVIEWS, as_sent, page_bodies
from collected_issues import issues_within, mistyped
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_rows import content, member, order, owner, person, repair, residency, review
from readers import (
    decode_orders,
    decode_owner,
    decode_people,
    decode_repairs,
    decode_shenhes,
    parse_order_page,
    parse_owner,
    parse_people,
    parse_repair_page,
    parse_shenhe_page,
)

from gateway.loaders.data_quality import read_whole
from gateway.normalise.records import Page
from gateway.normalise.shapes import ShapeError

ODD: list[Any] = [
    *(None, "", " ", "0", "1", "2", 0, 1, 2, -1, 0.0, -0.0, 1.0, 0.1, True, False, 2**31, 10**20, 1e300, [], {}, [1]),
    *(
        "未付款",
        " 进行中",
        "审核通过",
        "物业费 ",
        "-0.00元",
        "1,234.5",
        "0.001",
        "1栋1单元1楼101号",
        "1" * 600,
        "见前言",
    ),
    *("2020年11月18日11:01:46", "2020-11-18 11:01:46", 1605668506, "19921130", 19921130, "汉", {"a": None}, "{}", "[]"),
    *("{'a':'b'}", '"{}"', '{"people":{},"house":[]}', "业主", "男", "见前言", "\u3000", "０１", "10002\u200b"),
]
"""Whatever is odd in one place is as documented in another."""

OTHER_KEYS = ("community_identifier", "building_number", "unit_number", "floor_number", "house_number")
"""Of a person's house, which other chapters name so (quirks 64, 67)."""

thorough = settings(max_examples=150, deadline=None)


class Answer(NamedTuple):
    """The answers of an endpoint: a clean row, the body around rows, and both ways to read one."""

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
    return st.fixed_dictionaries({"code": st.just(0), "data": as_sent(rows | JSON)})


ANSWERS = {
    "order/list": Answer(
        row=order(),
        body=list_body,
        any_body=page_bodies(ORDERS, "pages"),
        documented=lambda sent: parse_order_page(decode_orders(sent), "10002", 1),
        any_way=lambda body: parse_order_page(body, "10002", 1),
    ),
    "shenheList": Answer(
        row=review(shenhe_id=1),
        body=list_body,
        any_body=page_bodies(REVIEWS, "meta"),
        documented=lambda sent: parse_shenhe_page(decode_shenhes(sent), "10002", 1),
        any_way=lambda body: parse_shenhe_page(body, "10002", 1),
    ),
    "repair/list": Answer(
        row=repair(date=None),
        body=lambda *rows: {"code": 0, "data": {"repairs": list(rows), "pages": list_body()["pages"]}},
        any_body=REPAIRS.map(lambda row: {"data": {"repairs": [row], "pages": {"total": 1}}}),
        documented=lambda sent: parse_repair_page(decode_repairs(sent), "10002", 1),
        any_way=lambda body: parse_repair_page(body, "10002", 1),
    ),
    "owner": Answer(
        row=owner(people_role=None),
        body=one,
        any_body=record_bodies(OWNERS),
        documented=lambda sent: parse_owner(decode_owner(sent)["data"]),
        any_way=lambda body: parse_owner(body["data"]),
    ),
    "people": Answer(
        row=person(),
        body=one,
        any_body=record_bodies(PEOPLE),
        documented=lambda sent: parse_people(decode_people(sent)["data"]),
        any_way=lambda body: parse_people(body["data"]),
    ),
    "people, houses": Answer(
        row=residency(people_role=None, **dict.fromkeys(OTHER_KEYS)),
        body=lambda row: one(person(houses=[row])),
        any_body=record_bodies(PEOPLE),
        documented=lambda sent: parse_people(decode_people(sent)["data"]),
        any_way=lambda body: parse_people(body["data"]),
    ),
    "people, members": Answer(
        row=member(),
        body=lambda row: one(person(houses=[residency(members=[row])])),
        any_body=record_bodies(PEOPLE),
        documented=lambda sent: parse_people(decode_people(sent)["data"]),
        any_way=lambda body: parse_people(body["data"]),
    ),
}

OTHER_DIALECTS: list[tuple[str, dict[str, Any]]] = [
    ("order/list", {}),
    ("order/list", {"paied": False, "amount": 190.35, "extra": {"吨数": 11, "单价": "3.85元"}}),
    ("order/list", {"paied": 1, "status": 0, "amount": 5, "extra": []}),
    ("order/list", {"paied": "1", "status": "0", "amount": "1427.50", "extra": None, "house": None, "remark": ""}),
    ("shenheList", {}),
    ("shenheList", {"shenhe_id": None, "shenhe_status": 2, "shenhe_content": content(), "updated_at": 1605668506}),
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
]


def read_both_ways(answer: Answer, body: Any) -> Any:
    """What the short cut makes of the body, after a look at the other way; None where it does not take it."""
    sent = json.dumps(body).encode()
    try:
        found = answer.documented(sent)
    except msgspec.DecodeError:
        return None
    except ShapeError:
        with pytest.raises(ShapeError):
            answer.any_way(msgspec.json.decode(sent))
        return None
    found, expected = read_whole(found), read_whole(answer.any_way(msgspec.json.decode(sent)))
    if isinstance(found, Page):
        assert sorted(map(repr, found.issues)) == sorted(map(repr, issues_within(found.items)))
    assert not [*mistyped(found), *mistyped(expected)]
    assert repr(found) == repr(expected)  # which distinguishes 0.0 from -0.0, and 1 from True
    return found


def changed(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The row with up to three odd values, and up to two keys missing."""
    keys = st.sampled_from(sorted(row))
    return st.builds(
        lambda changes, missing: {key: value for key, value in (row | changes).items() if key not in missing},
        st.dictionaries(keys, st.sampled_from(ODD), max_size=3),
        st.sets(keys, max_size=2),
    )


@pytest.mark.parametrize(("endpoint", "dialect"), OTHER_DIALECTS)
def test_documented_dialects_use_the_fast_reader(endpoint: str, dialect: dict[str, Any]) -> None:
    answer = ANSWERS[endpoint]

    found = read_both_ways(answer, answer.body(answer.row | dialect))

    assert found.issues == () if isinstance(found, Page) else found


@pytest.mark.parametrize("endpoint", ANSWERS)
def test_one_odd_value_reads_the_same_either_way(endpoint: str) -> None:
    answer = ANSWERS[endpoint]
    for key in answer.row:
        for value in ODD:
            read_both_ways(answer, answer.body(answer.row | {key: value}))


@pytest.mark.parametrize("role", [None, "", "业主", "租客", " 业主 ", "见前言", 0, 1])
@pytest.mark.parametrize("other", [None, "", "业主", "租客", " 业主 ", "见前言", 0, 1])
def test_two_owner_roles_read_the_same_either_way(role: object, other: object) -> None:
    assert read_both_ways(ANSWERS["owner"], one(owner(people_house_role=role, people_role=other)))


@pytest.mark.parametrize("endpoint", ANSWERS)
@thorough
@given(data=st.data())
def test_several_odd_values_read_the_same_either_way(endpoint: str, data: st.DataObject) -> None:
    answer = ANSWERS[endpoint]
    read_both_ways(answer, answer.body(data.draw(changed(answer.row))))


@pytest.mark.parametrize("endpoint", ANSWERS)
@thorough
@given(data=st.data())
def test_documented_answers_read_the_same_either_way(endpoint: str, data: st.DataObject) -> None:
    answer = ANSWERS[endpoint]
    read_both_ways(answer, data.draw(answer.any_body))


def test_page_reports_issues_of_its_rows() -> None:
    answer = ANSWERS["order/list"]

    assert read_both_ways(answer, list_body(order(), order(id=5))).issues == ()
    odd = read_both_ways(answer, list_body(order(), order(id=5, amount="many")))
    assert [issue.field for issue in odd.issues] == ["amount"]


def test_page_of_reviews_reports_issues_of_contents() -> None:
    odd_house = content()
    odd_house["house"]["people_house_type"] = "业主绑定"
    documents: list[Any] = [content(), odd_house, []]
    rows = [review(shenhe_content=json.dumps(document, ensure_ascii=False)) for document in documents]

    found = read_both_ways(ANSWERS["shenheList"], list_body(*rows))

    assert [issue.field for issue in found.issues] == ["occupantType", "content"]


@pytest.mark.parametrize("extra", [b'{"a":"\xff"}', b'"\xff"', b"1e999"])
def test_undecodable_details_are_no_documented_answer(extra: bytes) -> None:
    body = json.dumps(list_body(order(extra="@"))).encode().replace(b'"@"', extra)

    with pytest.raises((msgspec.DecodeError, UnicodeError, RecursionError)):
        decode_orders(body)
