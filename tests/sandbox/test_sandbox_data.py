"""The data of the sandbox: deterministic, synthetic, and joined across both platforms."""

import json
import re
from dataclasses import astuple

import msgspec
import pytest

from gateway.sandbox import words
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.model import Member, Person
from gateway.sandbox.seed.people import check_digit
from gateway.sandbox.world import World

AUTHORISED = {"10002", "10003", "00001", "00002"}


def everyone(world: World) -> list[Person]:
    """Residents, members and applicants."""
    members: list[Member] = [member for houses in world.houses.values() for house in houses for member in house.members]
    return [
        *(resident.person for resident in world.residents.values()),
        *(member.person for member in members),
        *(review.applicant for review in world.shenhes.values()),
    ]


def test_worlds_are_equal_and_independent():
    first, second = World(), World()
    assert first.shenhes == second.shenhes
    assert first.orders == second.orders
    assert first.repairs == second.repairs
    assert first.modules_of == second.modules_of
    first.repairs[1].is_resolved = True
    assert second.repairs[1].is_resolved is False


def test_every_phone_and_identity_number_is_synthetic():
    world = World()
    phones = {person.phone for person in everyone(world)} | {repair.phone for repair in world.repairs.values()}
    assert all(re.fullmatch(r"199000\d{5}", phone) for phone in phones)
    assert all(re.fullmatch(r"999\d{14}[\dX]", person.id_card) for person in everyone(world))


async def test_wire_holds_only_synthetic_phones_and_id_numbers(start):
    async with start(orders_per_page=1000) as client:
        texts = [(await client.send("SECURITY", "modules-sync")).text]
        for code in sorted(AUTHORISED):
            texts.append((await client.send("WJDH", "shenheList", community_identifier=code, per_page="1000")).text)
            for status in "01":
                repairs = await client.send("WJDH", "repair/list", xiaoqu=code, status=status, per_page="1000")
                texts.append(repairs.text)
        for name, phone in client.sandbox.world.residents:
            texts.append((await client.send("SECURITY", "people", name=name, phone=phone)).text)
    wire = "\n".join(texts)
    assert set(re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", wire)) <= set(re.findall(r"(?<!\d)199000\d{5}(?!\d)", wire))
    assert all(number.startswith("999") for number in re.findall(r"(?<!\d)\d{17}[\dX](?!\d)", wire))


def test_world_has_enough_records():
    world = World()
    assert {code for code, community in world.communities.items() if community.authorised} == AUTHORISED
    assert set(world.communities) - AUTHORISED == {"00003"}
    assert len([row for row in world.shenhes.values() if row.community.authorised]) >= 60
    assert len([row for row in world.orders.values() if row.community.authorised]) >= 120
    assert len([row for row in world.repairs.values() if row.community.authorised]) >= 70
    assert len(world.residents) >= 50
    assert len(world.shenhes_of["10002"]) >= 20
    assert len(world.orders_of["10002"]) >= 40
    assert sum(len(resident.residencies) > 1 for resident in world.residents.values()) >= 5
    assert {row.status for row in world.shenhes_of["10002"]} == set(words.SHENHE_STATUS_WORDS)


def test_generated_communities_change_no_other():
    plain, world = World(), World(made_communities=2)
    assert all(world.orders[number] == order for number, order in plain.orders.items())
    assert all(world.shenhes[number] == review for number, review in plain.shenhes.items())
    assert set(world.communities) - set(plain.communities) == {"20001", "20002"}


def test_generated_communities_have_their_own_rows():
    world = World(made_communities=50)
    codes = [str(number) for number in range(20001, 20051)]
    orders = [order for code in codes for order in world.orders_of[code]]
    reviews = [review for code in codes for review in world.shenhes_of[code]]
    assert len(orders) == len(reviews) == 1000
    assert len({order.number for order in orders}) == len({str(order.extra) for order in orders}) == 1000
    assert len({order.fen for order in orders}) == 1000
    assert len({review.created_at for review in reviews}) == 1000
    assert len({order.house.label for order in orders if order.house}) == 500


def test_names_include_dots_rare_characters_and_homonyms():
    names = [resident.person.name for resident in World().residents.values()]
    assert any("·" in name for name in names)
    assert any(ord(character) > 0xFFFF for name in names for character in name)
    assert names.count("王芳") > 1


def test_some_identity_numbers_have_a_wrong_check_digit():
    numbers = [resident.person.id_card for resident in World().residents.values()]
    valid = [number for number in numbers if check_digit(number[:17]) == number[17]]
    assert 0.8 < len(valid) / len(numbers) < 1
    assert any(number.endswith("X") for number in valid)


def test_birthdays_cover_1970_and_summer_time():
    years = {resident.person.birth.year for resident in World().residents.values()}
    assert min(years) < 1970
    assert years & set(range(1986, 1992))


def test_people_match_security_platform_in_every_way():
    world = World()
    known = {key: resident.person for key, resident in world.residents.items()}
    found = set()
    for review in world.shenhes_of["10002"]:
        applicant = known.get((review.applicant.name, review.applicant.phone))
        found.add("not registered" if applicant is None else "registered")
        if applicant is not None and astuple(applicant) != astuple(review.applicant):
            found.add("differs")
        if review.house.owner is None:
            found.add("no owner")
        elif review.house.owner.phone == review.applicant.phone:
            found.add("already bound")
        else:
            found.add("other owner")
    assert found == {"registered", "not registered", "differs", "no owner", "already bound", "other owner"}
    reporters = [(repair.name, repair.phone) in known for repair in world.repairs_of["10002"]]
    assert any(reporters)
    assert not all(reporters)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_newest_20_orders_belong_to_10_houses(start, dialect):
    async with start(dialect=dialect, orders_per_page=20) as client:
        rows = (await client.wjdh("order/list", xiaoqu="10002"))["data"]
    labels = [row["house"] for row in rows]
    assert len(rows) == 20
    assert len(set(labels)) == 10
    assert all(re.fullmatch(r"晨曦家园\d+栋\d+单元\d+楼\d+号", label) for label in labels)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_answers_are_json_and_deterministic(start, dialect):
    async def everything() -> list[bytes]:
        async with start(dialect=dialect, orders_per_page=1000) as client:
            answers = [await client.send("SECURITY", "modules-sync")]
            for code in sorted(AUTHORISED):
                answers += [
                    await client.send("WJDH", "shenheList", community_identifier=code, per_page="1000"),
                    await client.send("WJDH", "order/list", xiaoqu=code),
                    await client.send("WJDH", "repair/list", xiaoqu=code, per_page="1000"),
                    await client.send("WJDH", "modules", xiaoqu=code),
                ]
            return [answer.content for answer in answers]

    first, second = await everything(), await everything()
    assert first == second
    for body in first:
        assert isinstance(json.loads(body), dict)
        msgspec.json.decode(body)
