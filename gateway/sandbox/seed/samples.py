"""The rows the document prints: its people, houses, reviews, orders and repairs, under their own numbers."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from gateway.sandbox import words
from gateway.sandbox.model import CHINA, Community, House, HouseAddress, Member, Order, Person, Repair, Shenhe
from gateway.sandbox.seed.community import Settlement

LI_MING = Person(
    name="李明",
    phone="19900000001",
    sex=words.MALE,
    birth=date(1992, 11, 30),
    id_card="999302199211302517",
    address="秦皇小区98栋3单元4号",
    photo="https://100k.mgg.cool/wjdh-platform/face-photo/10002/1/1/2/201/yeBgQcFkVTxqQQQ21axSJBol3QHOQmT43a338w6Z.png",
    job_name="程序员",
    company_name="万家灯火",
)
WANG_FANG = Person(
    name="王芳",
    phone="19900000002",
    sex=words.MALE,
    birth=date(1992, 11, 30),
    id_card="999302199211302226",
    address="河北省秦皇岛市海港区秦皇小区98-3-4",
)

# The members of her houses (1.1.2.5): one phone for all, identity numbers shared, birthdays at odds with them
# (quirks 82 and 83). 1987-05-04 lay in China's summer time (quirk 128).
_MEMBER = replace(WANG_FANG, birth=date(1987, 5, 4), phone="19900000001", job_name="工程师", company_name="万家灯火")
_WANG_JIANGUO = replace(_MEMBER, name="王建国", id_card="999324198705041234")
_ZHANG_SAN = replace(_MEMBER, name="张三")
_WANG_LI = replace(_MEMBER, name="王丽", id_card="999324198705043213")

_SUBMITTED = datetime(2020, 11, 18, 11, 1, 46, tzinfo=CHINA)


def furnish(houses: list[House], settlement: Settlement) -> list[House]:
    """Move the document's people into their houses; returns the houses that are still free."""
    by_address = {house.address: house for house in houses}
    first = by_address.pop(HouseAddress(1, 1, 1, 101))
    second = by_address.pop(HouseAddress(1, 1, 1, 102))
    third = by_address.pop(HouseAddress(1, 1, 2, 201))
    for house in (first, second, third):
        house.use, house.ownership = "住宅", words.PRIVATE

    settlement.move_in(first, WANG_FANG, words.OWNER, words.OCCUPANT_OWNER)
    settlement.move_in(second, WANG_FANG, words.OWNER, words.OCCUPANT_OWNER)
    settlement.move_in(third, LI_MING, words.OWNER, words.OCCUPANT_OWNER)
    first.members = [Member(_WANG_JIANGUO, words.FATHER), Member(_MEMBER, words.OWNER)]
    second.members = [Member(_ZHANG_SAN, "爷爷"), Member(_WANG_LI, words.OWNER)]
    second.owner = _WANG_LI
    return list(by_address.values())


def shenhes(houses: list[House]) -> list[Shenhe]:
    """The two rows of 1.2.2.4: 李明 for house 101, then as a tenant of 102."""
    return [
        Shenhe(
            id=number,
            community=house.community,
            type=kind,
            applicant=LI_MING,
            house=house,
            role=role,
            occupant_type=occupant_type,
            status=words.PENDING,
            refuse_reason=None,
            created_at=created_at,
            updated_at=created_at,
        )
        for number, house, kind, role, occupant_type, created_at in (
            (1, houses[0], words.BIND_OWNER, words.OWNER, words.OCCUPANT_OWNER, _SUBMITTED),
            (2, houses[1], words.BIND_TENANT, words.TENANT, words.OCCUPANT_TENANT, _SUBMITTED + timedelta(hours=1)),
        )
    ]


def orders(houses: list[House]) -> list[Order]:
    """The two rows of 2.1.2.4, numbered 3 and 4."""
    house = houses[0]
    plain = Order(
        id=3,
        community=house.community,
        number="20201213104757994399",
        title="测试费2",
        fen=1,
        house=house,
        payer=house.owner,
    )
    extra: dict[str, str | int] = {"单价": "100元/平方", "最低缴费比例": "70%"}
    return [plain, replace(plain, id=4, number="20201213104759976889", remark="2020全年缴费", extra=extra)]


def repairs(community: Community) -> list[Repair]:
    """The two rows of 4.1.4. Their reporter's phone is nobody's on the security platform."""
    first = Repair(
        id=1,
        community=community,
        position="2位置位置位置位置",
        description="2描述描述描述",
        name="李明",
        phone="19900000003",
        reported_at=datetime(2020, 12, 18, 12, 30, 13, tzinfo=CHINA),
    )
    return [first, replace(first, id=2, position="测试位置", description="测试描述")]
