"""docs/glossary.md has each wire spelling, and names of the schema only."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import graphql

from gateway.normalise.forms import (
    module_form,
    new_announcement_form,
    new_order_form,
    query_form,
    repair_update_form,
    shenhe_decision_form,
)
from gateway.normalise.house import MEMBERS, OWNERS, RESIDENCIES
from gateway.normalise.module import MODULES
from gateway.normalise.order import ORDERS, OrderQuery
from gateway.normalise.people import PEOPLE
from gateway.normalise.repair import REPAIRS
from gateway.normalise.requests import HousePayer, NewAnnouncement, NewOrder, NewOrderDetail
from gateway.normalise.shenhe import REVIEWS, ShenheQuery
from gateway.normalise.shenhe_content import APPLICANTS, APPLIED_HOUSES
from gateway.normalise.vocabulary import (
    ModuleName,
    OrderStatus,
    PaymentStatus,
    RepairStatus,
    ShenheStatus,
    ShenheType,
)
from schema.fields import ENUMS

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line.startswith("|")]
ROOTS = {"Query", "Mutation", "Subscription"}


def code(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


WIRE = {name for row in ROWS for name in code(row[1])}
PUBLIC = {name for row in ROWS for name in code(row[2])}


def test_every_row_has_four_cells() -> None:
    assert [row for row in ROWS if len(row) != 4 or not row[0]] == []


def wire_names() -> Iterator[str]:
    """The keys that parsers look for, and the fields that forms send."""
    for rows in (PEOPLE, MEMBERS, RESIDENCIES, OWNERS, REVIEWS, APPLICANTS, APPLIED_HOUSES, ORDERS, REPAIRS, MODULES):
        yield from (key for keys, _, _ in rows.fields() for key in keys)
    for source in (ROOT / "gateway/normalise").glob("*.py"):
        yield from re.findall(r"""\b(?:get\(|row\[|body\[)"([a-z_]+)["]""", source.read_text(encoding="utf-8"))
    yield from new_order_form(
        NewOrder(
            community_code="00001",
            payer=HousePayer(1, 1, 1, 1),
            title="水费",
            amount=Decimal(1),
            remark="注",
            details=(NewOrderDetail("单价", "1"),),
            manager="物业",
        )
    )
    yield from new_announcement_form(
        NewAnnouncement(community_code="1", title="t", content="c", manager="m", logo="l", images=("i",))
    )
    query = OrderQuery(
        building=1, unit=1, floor=1, room=1, id_card="9", phone="1", name="李明", title="水费",
        status=OrderStatus.OPEN, payment_status=PaymentStatus.PAID,
    )  # fmt: skip
    yield from query_form(query)
    yield from query_form(ShenheQuery(type=ShenheType.BIND_OWNER, status=ShenheStatus.PENDING))
    yield from shenhe_decision_form(ShenheStatus.APPROVED, "{}")
    yield from repair_update_form(RepairStatus.OPEN, "好")
    yield from module_form("00001", ModuleName.REPAIRS.wire_label, True)


def test_every_wire_spelling_is_listed() -> None:
    names = set(wire_names())
    assert len(names) > 80, "the search for keys has gone blind"
    assert sorted(names - WIRE) == []


def public_types() -> Mapping[str, Any]:
    schema = graphql.build_schema((ROOT / "schema/schema.graphql").read_text(encoding="utf-8"))
    return {
        name: type_
        for name, type_ in schema.type_map.items()
        if not name.startswith("__") and name not in ROOTS and hasattr(type_, "fields")
    }


def test_every_listed_public_name_exists() -> None:
    types = public_types()
    known = {
        *types,
        *(enum.__name__ for enum in ENUMS),
        *(f"{enum.__name__}.{member.name}" for enum in ENUMS for member in enum),
        *(f"{name}.{field}" for name, type_ in types.items() for field in type_.fields),
        *(field for type_ in types.values() for field in type_.fields),
    }
    assert sorted(PUBLIC - known) == []
