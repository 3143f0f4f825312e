"""The readers of a deployment without a profile, by the names of their answers."""

from functools import partial
from typing import Any

from gateway.normalise.house import OWNERS
from gateway.normalise.module import parse_module_states as read_module_states
from gateway.normalise.module import parse_modules as read_modules
from gateway.normalise.order import ORDERS
from gateway.normalise.people import PEOPLE
from gateway.normalise.repair import REPAIRS
from gateway.normalise.shenhe import REVIEWS
from gateway.normalise.wire import AS_DOCUMENTED as WIRE

decode_orders, parse_order_page = ORDERS.decode_list(WIRE), WIRE.table(ORDERS).page
decode_shenhes, parse_shenhe_page = REVIEWS.decode_list(WIRE), WIRE.table(REVIEWS).page
decode_repairs, parse_repair_page = REPAIRS.decode_list(WIRE), WIRE.table(REPAIRS).page
decode_people, parse_people = PEOPLE.decode_one(WIRE), WIRE.table(PEOPLE).one
decode_owner = OWNERS.decode_one(WIRE)
parse_shenhe, parse_repair = WIRE.table(REVIEWS).one, WIRE.table(REPAIRS).one
parse_modules, parse_module_states = partial(read_modules, WIRE), partial(read_module_states, WIRE)


def parse_owner(data: object, house: Any = None) -> Any:
    return WIRE.table(OWNERS).one(data, house)


def parse_order(row: object, community_code: str) -> Any:
    """One row of the list of orders; None where it is no record."""
    return WIRE.table(ORDERS).read(row, [], community_code)
