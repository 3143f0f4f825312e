"""Every part of the three lists, against what the sandbox's world holds."""

from dataclasses import replace
from itertools import product

import pytest
from listed import expected_ids, ids

from gateway.sandbox.dialects.dialect import Dialect

COUNTS = {"shenhes": 30, "orders": 60, "repairs": 32}
"""How many 10002 has of each."""
SIZES = (1, 4, 15, 20, 29, 100)

ROOM_101, WANG_ID = "building: 1, unit: 1, floor: 1, room: 101", "999302199211302226"

PAGE = "totalCount edges { cursor node { platformId } } nodes { platformId } "
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor page pageCount perPage }"
QUERY = """
query Part($first: Int!, $after: String, $page: Int) {{
  {}(communityCode: "10002"{}, first: $first, after: $after, page: $page) {{ {} }}
}}
"""


def list_query(list_name, filters=""):
    return QUERY.format(list_name, filters, PAGE + PAGE_INFO)


async def ask(gateway, query, **variables):
    (part,) = (await gateway.ask(query, variables)).data.values()
    assert [edge["node"] for edge in part["edges"]] == part["nodes"]
    return part


def check(part, wanted, offset, first):
    """The part is what `wanted` holds there, and says where it lies."""
    here, info = wanted[offset : offset + first], part["pageInfo"]
    assert ids(part) == here
    assert part["totalCount"] == len(wanted)
    assert info["hasNextPage"] == (offset + first < len(wanted))
    assert info["hasPreviousPage"] == bool(wanted[:offset])
    assert (info["startCursor"], info["endCursor"]) == (
        (part["edges"][0]["cursor"], part["edges"][-1]["cursor"]) if here else (None, None)
    )
    assert info["page"] == (None if offset % first else offset // first + 1)
    assert (info["pageCount"], info["perPage"]) == (-(-len(wanted) // first), first)


async def list_cursors(gateway, query):
    """The cursor of each offset: position n is what lets a part begin at n."""
    whole = await ask(gateway, query, first=100)
    return [None, *(edge["cursor"] for edge in whole["edges"])]


@pytest.mark.parametrize(("list_name", "count"), COUNTS.items())
async def test_every_part_of_every_size_matches_the_platform(gateway, sandbox, list_name, count):
    """After a cursor, or by its number. The total is the same beyond the end."""
    wanted, query = expected_ids(sandbox.world, list_name, "10002"), list_query(list_name)
    assert len(wanted) == count
    cursors = await list_cursors(gateway, query)
    for first, offset in product((1, 2, 7, 14, 15, 16, 31, 100), range(0, count + 1, 3)):
        check(await ask(gateway, query, first=first, after=cursors[offset]), wanted, offset, first)
    pages = [(first, page) for first in SIZES for page in range(1, count // first + 3, 1 + 10 // first)]
    for first, page in (*pages, (20, 5), (1, 1000), (100, 2), (100, 21_474_836)):
        check(await ask(gateway, query, first=first, page=page), wanted, (page - 1) * first, first)


FILTERED = [
    ("shenhes", "status: PENDING", lambda review: review.status == 2),
    ("shenhes", "status: APPROVED", lambda review: review.status == 1),
    ("shenhes", "status: REJECTED", lambda review: review.status == 0),
    ("shenhes", "type: BIND_TENANT", lambda review: review.type == "租客绑定"),
    ("shenhes", "status: APPROVED, type: UNBIND_TENANT", lambda review: False),
    ("repairs", "status: OPEN", lambda repair: not repair.is_resolved),
    ("repairs", "status: RESOLVED", lambda repair: repair.is_resolved),
    ("orders", "building: 1", lambda order: order.house and order.house.address[0] == 1),
    ("orders", "building: 1, unit: 2", lambda order: order.house and order.house.address[:2] == (1, 2)),
    ("orders", "building: 1, unit: 1, floor: 2", lambda order: order.house and order.house.address[:3] == (1, 1, 2)),
    ("orders", ROOM_101, lambda order: order.house and order.house.address == (1, 1, 1, 101)),
    ("orders", "building: 9", lambda order: False),
    ("orders", 'title: "水费"', lambda order: order.title == "水费"),
    ("orders", 'title: "没有这种费"', lambda order: False),
    ("orders", "feeType: PROPERTY", lambda order: order.title == "物业费"),
    ("orders", "status: CLOSED", lambda order: not order.is_open),
    ("orders", "status: OPEN, paymentStatus: UNPAID", lambda order: order.is_open and not order.is_paid),
    ("orders", "paymentStatus: PAID", lambda order: order.is_paid),
    ("orders", 'phone: "19900000002"', lambda order: order.payer and order.payer.phone == "19900000002"),
    ("orders", 'name: "王芳"', lambda order: order.payer and order.payer.name == "王芳"),
    ("orders", f'idCard: "{WANG_ID}"', lambda order: order.payer and order.payer.id_card == WANG_ID),
]


async def test_list_is_filtered(gateway, sandbox, subtests):
    empty = 0
    for list_name, filters, matches in FILTERED:
        rows = getattr(sandbox.world, f"{list_name}_of")["10002"]
        wanted = [row.id for row in (rows[::-1] if list_name == "orders" else rows) if matches(row)]
        empty += not wanted
        query = list_query(list_name, f", filter: {{{filters}}}")
        with subtests.test(list_name=list_name, filters=filters):
            for first, page in ((5, 1), (5, 2), (100, 1), (5, 9)):
                check(await ask(gateway, query, first=first, page=page), wanted, (page - 1) * first, first)
    assert empty == 3


async def test_order_is_found_by_number_on_any_page(gateway, sandbox):
    query = 'query($number: String!) { order(communityCode: "10002", number: $number) { platformId number } }'
    for order in sandbox.world.orders_of["10002"]:
        found = (await gateway.ask(query, {"number": order.number})).data["order"]
        assert found == {"platformId": order.id, "number": order.number}
    assert (await gateway.ask(query, {"number": "20201213104757994398"})).data == {"order": None}
    other = sandbox.world.orders_of["00001"][0]
    assert (await gateway.ask(query, {"number": other.number})).data == {"order": None}


@pytest.mark.settings(RATE_LIMIT="1000000", CALL_RATE_LIMIT="1000000")
@pytest.mark.parametrize("dialect", [Dialect.DOCUMENTED, Dialect.EXAMPLES])
async def test_parts_are_right_for_any_platform_page_size(gateway, sandbox, dialect):
    """It is the platform's own choice (quirk 134)."""
    query = list_query("orders")
    for size in (4, 20, 37, 100):
        sandbox.options = replace(sandbox.options, orders_per_page=size)
        sandbox.reset()
        wanted, cursors = expected_ids(sandbox.world, "orders", "10002"), await list_cursors(gateway, query)
        for first, offset in product((1, 15, 20, 100), (0, 1, 14, 15, 19, 20, 36, 37, 45, 59, 60)):
            check(await ask(gateway, query, first=first, after=cursors[offset]), wanted, offset, first)
