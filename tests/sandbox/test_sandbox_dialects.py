"""The mixed dialect holds every spelling and every dirty value, and leaves most records clean."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.sandbox.dialects import order, people, repair, shenhe
from gateway.sandbox.dialects.dialect import Dialect, stain_for
from gateway.sandbox.world import World

ODD_RECORDS = {
    "shenhe": (shenhe.STAINS, lambda world: world.shenhes),
    "order": (order.STAINS, lambda world: world.orders),
    "repair": (repair.STAINS, lambda world: world.repairs),
    "people": (people.STAINS, lambda world: [int(phone[-5:]) for _, phone in world.residents]),
}


@pytest.mark.parametrize("entity", ODD_RECORDS)
def test_every_dirty_value_occurs_but_rarely(entity):
    stains, numbers = ODD_RECORDS[entity]
    drawn = [stain_for(number, stains) for number in numbers(World())]
    assert set(drawn) == {None, *stains}
    assert drawn.count(None) / len(drawn) > 0.8


def values(rows: list[dict[str, Any]], field: str) -> list[object]:
    return [row.get(field) for row in rows]


async def mixed(start: Callable[..., Any], name: str, **form: str) -> list[dict[str, Any]]:
    """All rows of a list of all communities, in the mixed dialect."""
    async with start(orders_per_page=1000) as client:
        field = "community_identifier" if name == "shenheList" else "xiaoqu"
        answers = [
            await client.wjdh(name, **{field: code}, per_page="1000", **form)
            for code in ("10002", "10003", "00001", "00002")
        ]
    data = [answer["data"] for answer in answers]
    return [row for rows in data for row in (rows["repairs"] if isinstance(rows, dict) else rows)]


async def test_mixed_reviews_have_every_form(start):
    rows = await mixed(start, "shenheList")
    assert {0, 1, 2, "2", "等待审核", "审核通过", "审核未通过", "复审中", None} <= set(values(rows, "shenhe_status"))
    assert any("shenhe_id" in row and "id" not in row for row in rows)
    assert {"车位绑定", "修改个人信息", 1} <= set(values(rows, "shenhe_type"))
    contents = values(rows, "shenhe_content")
    assert any(isinstance(content, dict) for content in contents)
    texts = [content for content in contents if isinstance(content, str)]
    assert "见前言" in texts
    assert any(text.startswith('"') and isinstance(json.loads(json.loads(text)), dict) for text in texts)
    assert any('"people_sex":2' in text for text in texts)
    assert any("\\u" in text and "\\/" in text for text in texts)


async def test_mixed_orders_have_every_form(start):
    rows = await mixed(start, "order/list")
    assert {True, False, "已付款", "未付款", "部分付款", None} <= set(values(rows, "paied"))
    assert any(type(value) is int for value in values(rows, "paied"))
    amounts = values(rows, "amount")
    assert any(isinstance(amount, float) for amount in amounts)
    assert "1,280.50元" in amounts
    assert "待定" in amounts
    extras = values(rows, "extra")
    assert any(isinstance(extra, dict) for extra in extras)
    assert any(isinstance(extra, str) and extra.startswith("{'") for extra in extras)
    assert any(isinstance(extra, str) and extra.startswith('{"') for extra in extras)
    assert any(isinstance(number, int) and number > 2**64 for number in values(rows, "number"))


@pytest.mark.parametrize(
    ("status", "forms"), [("0", {0, "0", "未处理", "未解决"}), ("1", {1, "1", "已处理", "已解决"})]
)
async def test_mixed_repairs_have_every_form_of_status(start, status, forms):
    rows = await mixed(start, "repair/list", status=status)
    assert forms <= set(values(rows, "status"))
    assert any(isinstance(value, bool) for value in values(rows, "status"))


async def test_mixed_modules_have_odd_states_and_names(start):
    rows = await mixed(start, "modules")
    assert {0, 1, "0", "1", "维护中"} <= set(values(rows, "module_status"))
    assert "智能门锁" in values(rows, "module_name")


async def test_mixed_people_come_as_objects_and_json_texts(client):
    data = []
    for name, phone in client.sandbox.world.residents:
        answer = await client.security("people", name=name, phone=phone)
        assert answer["code"] == "0"
        data.append(answer["data"])
    assert {type(person) for person in data} == {dict, str}
    read = [json.loads(person) if isinstance(person, str) else person for person in data]
    assert {"群众", "党员", "1", "无党派人士"} == {person["people_zhengzhimianmao"] for person in read}
    assert {str, int} == {type(person["people_birth"]) for person in read}
    keys = {key for person in read for house in person["houses"] for key in house}
    assert {"xiaoqu", "community_identifier", "louhao", "building_number"} <= keys
    assert any(int(person["people_birth"]) < 0 for person in read if str(person["people_birth"]).startswith("-"))


async def test_owners_come_as_objects_and_as_json_texts(client):
    answers = []
    for (code, address), house in client.sandbox.world.house_at.items():
        if house.owner is not None:
            building, unit, floor, room = map(str, address)
            answers.append(
                await client.security(
                    "owner",
                    community_identifier=code,
                    building_number=building,
                    unit_number=unit,
                    floor_number=floor,
                    house_number=room,
                )
            )
    assert {type(answer["data"]) for answer in answers} == {dict, str}


async def test_written_record_is_clean(client):
    stained = next(
        review
        for review in client.sandbox.world.shenhes_of["10002"]
        if stain_for(review.id, shenhe.STAINS) is shenhe.STAINS[0]
    )
    before = await client.wjdh("shenhe", id=str(stained.id))
    await client.wjdh("shenhe/update", id=str(stained.id), status="1")
    after = await client.wjdh("shenhe", id=str(stained.id))
    assert before["data"]["shenhe_status"] == "复审中"
    assert after["data"]["shenhe_status"] in (1, "1", "审核通过")


async def test_mixed_single_repair_may_have_an_unreadable_date(client):
    dates = {(await client.wjdh("repair", id=str(number)))["data"]["date"] for number in (1, 3, 8)}
    assert {"2020年12月18日12:30:13", "0000-00-00 00:00:00"} < dates


@pytest.mark.parametrize("dialect", [Dialect.DOCUMENTED, Dialect.EXAMPLES])
async def test_unmixed_dialects_are_clean(start, dialect):
    async with start(dialect=dialect, orders_per_page=1000) as client:
        reviews = (await client.wjdh("shenheList", community_identifier="10002", per_page="1000"))["data"]
        orders = (await client.wjdh("order/list", xiaoqu="10002"))["data"]
    assert len({type(value) for value in values(reviews, "shenhe_status")}) == 1
    assert len({type(value) for value in values(orders, "paied")}) == 1
    assert len({type(value) for value in values(orders, "amount")}) == 1
