"""The mixed dialect holds every spelling and every dirty value, and leaves most records clean."""

import pytest

from gateway.sandbox.dialects import order, people, repair, shenhe
from gateway.sandbox.dialects.dialect import stain_for
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
