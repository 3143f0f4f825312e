"""The state of both platforms: seeded, in memory, and changed by writes."""

from collections.abc import Iterator
from itertools import count
from random import Random

from gateway.sandbox.model import (
    Announcement,
    Community,
    House,
    HouseAddress,
    Module,
    Order,
    Person,
    Repair,
    Resident,
    Shenhe,
)
from gateway.sandbox.seed import module, order, repair, samples, shenhe
from gateway.sandbox.seed.community import (
    CHENXI,
    CHENXI_EAST,
    COMMUNITIES,
    FIRST_MADE,
    FOREIGN,
    HARBOUR,
    QINHUANG,
    Settlement,
    houses_of,
    made,
)
from gateway.sandbox.seed.people import PeopleMaker

SEED = 20201213

# How many of each a community gets, numbered in this order after the rows the document prints. 10002 comes last with
# the orders, so that its newest, which clients see first, are clean house charges.
SHENHES = {CHENXI: 28, CHENXI_EAST: 16, QINHUANG: 12, HARBOUR: 14, FOREIGN: 2}
ORDERS = {CHENXI_EAST: 32, QINHUANG: 28, HARBOUR: 24, FOREIGN: 2, CHENXI: 58}
REPAIRS = {CHENXI: 30, CHENXI_EAST: 20, QINHUANG: 18, HARBOUR: 10, FOREIGN: 2}

ROWS_OF_MADE = 20
"""A page of reviews and of orders."""

BOUND_CARS = frozenset({"GK12001", "GK12002", "GK12003"})
PARKING_SPACES = frozenset({"A011", "A012", "A013"})


class World:
    """Everything both platforms know. Two new worlds are equal; what happens to one stays in it.

    `made_communities` come after all others, with a page of reviews and of orders each, no two of them alike.
    """

    def __init__(self, made_communities: int = 0) -> None:
        rng = Random(SEED)  # noqa: S311 - synthetic data has to be the same each time, and keeps no secret
        maker = PeopleMaker(rng)
        settlement = Settlement(maker, rng)
        self.communities: dict[str, Community] = {community.code: community for community in COMMUNITIES}
        self.houses: dict[str, list[House]] = {}
        for community in COMMUNITIES:
            houses = houses_of(community, rng)
            settlement.settle(samples.furnish(houses, settlement) if community is CHENXI else houses)
            self.houses[community.code] = houses
        self.residents: dict[tuple[str, str], Resident] = settlement.residents
        self._seed_shenhes(maker)
        self._seed_orders()
        self._seed_repairs()
        self._seed_modules()
        self.announcements: dict[int, Announcement] = {}
        ids = count(FIRST_MADE)
        for community in made(made_communities):
            houses = houses_of(community, rng)
            settlement.settle(houses)
            self._add_community(community, houses, maker, ids)
        self.house_at: dict[tuple[str, HouseAddress], House] = {
            (code, house.address): house for code, houses in self.houses.items() for house in houses
        }

    def add_order(self, new: Order) -> None:
        self.orders[new.id] = new
        self.orders_of[new.community.code].append(new)
        self.order_numbered[new.number] = new

    def _add_community(self, community: Community, houses: list[House], maker: PeopleMaker, ids: Iterator[int]) -> None:
        code = community.code
        self.communities[code] = community
        self.houses[code] = houses
        self.shenhes_of[code] = shenhe.shenhes(houses, ROWS_OF_MADE, maker, ids)
        self.shenhes.update((row.id, row) for row in self.shenhes_of[code])
        self.orders_of[code] = []
        for row in order.orders(houses, ROWS_OF_MADE, ids):
            self.add_order(order.itemised(row))
        self.repairs_of[code] = []
        self.modules_of[code] = []

    def _seed_shenhes(self, maker: PeopleMaker) -> None:
        ids = count(3)
        self.shenhes_of: dict[str, list[Shenhe]] = {
            community.code: shenhe.shenhes(self.houses[community.code], amount, maker, ids)
            for community, amount in SHENHES.items()
        }
        self.shenhes_of[CHENXI.code][:0] = samples.shenhes(self.houses[CHENXI.code])
        self.shenhes: dict[int, Shenhe] = {row.id: row for rows in self.shenhes_of.values() for row in rows}

    def _seed_orders(self) -> None:
        ids = count(5)
        self.orders: dict[int, Order] = {}
        self.orders_of: dict[str, list[Order]] = {code: [] for code in self.communities}
        self.order_numbered: dict[str, Order] = {}
        for row in samples.orders(self.houses[CHENXI.code]):
            self.add_order(row)
        for community, amount in ORDERS.items():
            for row in order.orders(self.houses[community.code], amount, ids):
                self.add_order(row)

    def _seed_repairs(self) -> None:
        ids = count(3)
        self.repairs_of: dict[str, list[Repair]] = {
            community.code: repair.repairs(community, self._people_of(community), amount, ids)
            for community, amount in REPAIRS.items()
        }
        self.repairs_of[CHENXI.code][:0] = samples.repairs(CHENXI)
        self.repairs: dict[int, Repair] = {row.id: row for rows in self.repairs_of.values() for row in rows}

    def _people_of(self, community: Community) -> list[Person]:
        return [
            resident.person
            for resident in self.residents.values()
            if resident.residencies[0].house.community is community
        ]

    def _seed_modules(self) -> None:
        self.modules_of: dict[str, list[Module]] = {code: [] for code in self.communities}
        for row in module.modules(COMMUNITIES):
            self.modules_of[row.community.code].append(row)
        self.production_states = module.production_states(COMMUNITIES)
