"""Registration reviews: each one of eight situations that a check against the security platform turns up."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.sandbox import words
from gateway.sandbox.model import CHINA, House, Person, Shenhe
from gateway.sandbox.seed.people import PeopleMaker

_FIRST = datetime(2020, 11, 19, 8, 30, 0, tzinfo=CHINA)
_REASONS = ("房产证照片不清晰", "申请人与业主关系无法核实", '身份证号"与姓名"不符，\n请重新提交')


class _Application(NamedTuple):
    type: str
    applicant: Person
    house: House
    role: str
    occupant_type: str


class _Street:
    """The houses of one community as the situations need them, taken in turn."""

    def __init__(self, houses: list[House], maker: PeopleMaker) -> None:
        self._owned = [(house, house.owner) for house in houses if house.owner is not None]
        self._empty = [house for house in houses if house.owner is None]
        self._maker = maker

    def owned(self, turn: int) -> tuple[House, Person]:
        return self._owned[turn % len(self._owned)]

    def empty(self, turn: int) -> House:
        return self._empty[turn % len(self._empty)]

    def stranger(self, house: House) -> Person:
        """Someone the security platform has never heard of."""
        return self._maker.make(words.FEMALE, 35, house.label)


def _already_bound(street: _Street, turn: int) -> _Application:
    house, owner = street.owned(turn)
    return _Application(words.BIND_OWNER, owner, house, words.OWNER, words.OCCUPANT_OWNER)


def _other_owner(street: _Street, turn: int) -> _Application:
    house, _ = street.owned(turn)
    _, applicant = street.owned(turn + 3)
    return _Application(words.BIND_OWNER, applicant, house, words.OWNER, words.OCCUPANT_OWNER)


def _no_owner(street: _Street, turn: int) -> _Application:
    _, applicant = street.owned(turn + 1)
    return _Application(words.BIND_OWNER, applicant, street.empty(turn), words.OWNER, words.OCCUPANT_OWNER)


def _other_address(street: _Street, turn: int) -> _Application:
    house, owner = street.owned(turn)
    applicant = replace(owner, address="河北省秦皇岛市海港区文化路1号", political_status="党员")
    return _Application(words.BIND_OWNER, applicant, house, words.OWNER, words.OCCUPANT_OWNER)


def _unknown_person(street: _Street, turn: int) -> _Application:
    house = street.empty(turn)
    return _Application(words.BIND_OWNER, street.stranger(house), house, words.OWNER, words.OCCUPANT_OWNER)


def _family(street: _Street, turn: int) -> _Application:
    house, owner = street.owned(turn)
    relatives = [member for member in house.members if member.person is not owner]
    if not relatives:
        return _Application(words.BIND_FAMILY, street.stranger(house), house, words.FAMILY, words.OTHER)
    relative = relatives[0]
    return _Application(words.BIND_FAMILY, relative.person, house, relative.role, words.OCCUPANT_OWNER)


def _tenant(street: _Street, turn: int) -> _Application:
    house, _ = street.owned(turn)
    return _Application(words.BIND_TENANT, street.stranger(house), house, words.TENANT, words.OCCUPANT_TENANT)


def _replaces_owner(street: _Street, turn: int) -> _Application:
    house, _ = street.owned(turn)
    _, applicant = street.owned(turn + 5)
    return _Application(words.REPLACE_OWNER, applicant, house, words.OWNER, words.OCCUPANT_OWNER)


_SITUATIONS: tuple[Callable[[_Street, int], _Application], ...] = (
    _already_bound,
    _other_owner,
    _no_owner,
    _other_address,
    _unknown_person,
    _family,
    _tenant,
    _replaces_owner,
)
_DECISIONS = (words.PENDING, words.PENDING, words.APPROVED, words.PENDING, words.REJECTED)


def shenhes(houses: list[House], amount: int, maker: PeopleMaker, ids: Iterator[int]) -> list[Shenhe]:
    """`amount` reviews of one community, oldest first, three in five still waiting."""
    street = _Street(houses, maker)
    return [_shenhe(street, turn, next(ids)) for turn in range(amount)]


def _shenhe(street: _Street, turn: int, number: int) -> Shenhe:
    application = _SITUATIONS[turn % len(_SITUATIONS)](street, turn)
    status = _DECISIONS[turn % len(_DECISIONS)]
    created_at = _FIRST + number * timedelta(hours=7, minutes=13, seconds=number)
    is_decided = status != words.PENDING
    return Shenhe(
        id=number,
        community=application.house.community,
        type=application.type,
        applicant=application.applicant,
        house=application.house,
        role=application.role,
        occupant_type=application.occupant_type,
        status=status,
        refuse_reason=_REASONS[number % len(_REASONS)] if status == words.REJECTED else None,
        created_at=created_at,
        updated_at=created_at + timedelta(days=1) if is_decided else created_at,
    )
