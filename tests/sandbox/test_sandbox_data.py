"""The data of the sandbox: deterministic, synthetic, and joined across both platforms."""

import json
import re

import msgspec
import pytest

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.model import Member, Person
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


def test_generated_communities_change_no_other():
    plain, world = World(), World(made_communities=2)
    assert all(world.orders[number] == order for number, order in plain.orders.items())
    assert all(world.shenhes[number] == review for number, review in plain.shenhes.items())
    assert set(world.communities) - set(plain.communities) == {"20001", "20002"}


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
