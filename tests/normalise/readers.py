"""The readers of a deployment without a profile, by the names of their answers."""

from functools import partial
from typing import Any

from gateway.modules import parse_module_states as read_module_states
from gateway.modules import parse_modules as read_modules
from gateway.normalise.wire import AS_DOCUMENTED as WIRE
from gateway.orders.record import ORDER_ROWS
from gateway.people import OWNER_ROWS, PEOPLE_ROWS
from gateway.repairs import REPAIR_ROWS
from gateway.shenhe.record import SHENHE_ROWS

decode_orders, parse_order_page = ORDER_ROWS.decode_list(WIRE), WIRE.table(ORDER_ROWS).page
decode_shenhes, parse_shenhe_page = SHENHE_ROWS.decode_list(WIRE), WIRE.table(SHENHE_ROWS).page
decode_repairs, parse_repair_page = REPAIR_ROWS.decode_list(WIRE), WIRE.table(REPAIR_ROWS).page
decode_people, parse_people = PEOPLE_ROWS.decode_one(WIRE), WIRE.table(PEOPLE_ROWS).one
decode_owner = OWNER_ROWS.decode_one(WIRE)
parse_shenhe, parse_repair = WIRE.table(SHENHE_ROWS).one, WIRE.table(REPAIR_ROWS).one
parse_modules, parse_module_states = partial(read_modules, WIRE), partial(read_module_states, WIRE)


def parse_owner(data: object, house: Any = None) -> Any:
    return WIRE.table(OWNER_ROWS).one(data, house)


def parse_order(row: object, community_code: str) -> Any:
    """One row of the list of orders; None where it is no record."""
    return WIRE.table(ORDER_ROWS).read(row, community_code)
