"""The communities, their houses and who lives there."""

from dataclasses import replace
from random import Random

from gateway.sandbox import words
from gateway.sandbox.model import Community, House, HouseAddress, Member, Person, Residency, Resident
from gateway.sandbox.seed.people import PeopleMaker

CHENXI = Community("10002", "晨曦家园")
CHENXI_EAST = Community("00001", "晨熙家园")  # one character differs from 晨曦家园 (quirk 81)
HARBOUR = Community("00002", "海港花园")
QINHUANG = Community("10003", "秦皇小区")
FOREIGN = Community("00003", "山海新城", authorised=False)  # exists, and is another manager's (message Se104)

COMMUNITIES = (CHENXI, CHENXI_EAST, HARBOUR, QINHUANG, FOREIGN)

FIRST_MADE = 20001


def made(count: int) -> list[Community]:
    """So many more, with codes that count up from FIRST_MADE."""
    return [Community(str(FIRST_MADE + number), f"山海{number + 1}号小区") for number in range(count)]


def houses_of(community: Community, rng: Random) -> list[House]:
    """24 houses: two buildings of two units, three floors, two rooms a floor."""
    return [
        House(
            community=community,
            address=HouseAddress(building, unit, floor, floor * 100 + room),
            use=rng.choice(words.HOUSE_USES),
            ownership=words.PUBLIC if rng.random() < 0.1 else words.PRIVATE,
            status=words.SELF_OCCUPIED,
        )
        for building in (1, 2)
        for unit in (1, 2)
        for floor in (1, 2, 3)
        for room in (1, 2)
    ]


class Settlement:
    """Moves people into houses: owners, families, tenants; some houses stay empty, some people own two."""

    def __init__(self, maker: PeopleMaker, rng: Random) -> None:
        self._maker = maker
        self._rng = rng
        self.residents: dict[tuple[str, str], Resident] = {}

    def settle(self, houses: list[House]) -> None:
        owner = None
        for number, house in enumerate(houses):
            if number % 6 == 5:
                house.status = words.VACANT
            elif number % 8 == 6 and owner is not None:
                self.move_in(house, owner, words.OWNER, words.OCCUPANT_OWNER)
            else:
                owner = self._household(house)
                if number % 6 == 3:
                    self._tenants(house)

    def move_in(self, house: House, person: Person, role: str, occupant_type: str) -> None:
        """The person lives in the house and is on its list of members; as 业主, owns it."""
        self.register(person).residencies.append(Residency(house, role, occupant_type))
        house.members.append(Member(person, role))
        if role == words.OWNER:
            house.owner = person

    def register(self, person: Person) -> Resident:
        """Every fifth has no account in the mini program."""
        uses_mini_program = len(self.residents) % 5 != 4
        return self.residents.setdefault(
            (person.name, person.phone), Resident(person, uses_mini_program=uses_mini_program)
        )

    def _household(self, house: House) -> Person:
        rng = self._rng
        sex, other_sex = rng.sample((words.MALE, words.FEMALE), 2)
        owner = self._maker.make(sex, rng.randrange(28, 70), house.label)
        self.move_in(house, owner, words.OWNER, words.OCCUPANT_OWNER)
        if rng.random() < 0.6:
            spouse = self._maker.make(other_sex, rng.randrange(28, 60), house.label)
            role = words.WIFE if other_sex == words.FEMALE else words.HUSBAND
            self.move_in(house, spouse, role, words.OCCUPANT_OWNER)
        if rng.random() < 0.5:
            self._child(house, owner)
        if rng.random() < 0.3:
            parent = self._maker.make(sex, rng.randrange(62, 85), house.label)
            role = words.FATHER if sex == words.MALE else words.MOTHER
            self.move_in(house, parent, role, words.OCCUPANT_OWNER)
        return owner

    def _child(self, house: House, owner: Person) -> None:
        """Children have the owner's phone (quirk 82); some are known as members only."""
        sex = self._rng.choice((words.MALE, words.FEMALE))
        child = self._maker.make(sex, self._rng.randrange(3, 16), house.label, phone=owner.phone)
        role = words.SON if sex == words.MALE else words.DAUGHTER
        if self._rng.random() < 0.3:
            house.members.append(Member(replace(child, job_name=""), role))
        else:
            self.move_in(house, child, role, words.OCCUPANT_OWNER)

    def _tenants(self, house: House) -> None:
        house.status = words.RENTED
        for sex in (words.MALE, words.FEMALE):
            tenant = self._maker.make(sex, self._rng.randrange(22, 45), house.label)
            self.move_in(house, tenant, words.TENANT, words.OCCUPANT_TENANT)
