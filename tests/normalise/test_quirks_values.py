"""One test per quirk of the platforms' protocol that concerns single values, named by its number (docs/quirks.md)."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from collected_issues import CollectedIssues
from platform_rows import content, module, order, owner, person, repair, residency, review
from readers import parse_modules, parse_order, parse_owner, parse_people, parse_repair, parse_repair_page, parse_shenhe

from gateway.normalise.order import OrderDetail
from gateway.normalise.person import sex_of_id_card
from gateway.normalise.times import CHINA, birth_date, china_time, midnight
from gateway.normalise.values import amount, money, promise
from gateway.normalise.vocabulary import (
    DataProblem,
    FeeType,
    HouseUse,
    OccupantType,
    OrderStatus,
    PaymentStatus,
    PiiKind,
    PlatformName,
    PoliticalStatus,
    RepairStatus,
    ResidentRole,
    Sex,
    ShenheStatus,
    ShenheType,
)

# ------------------------------------------------------------------ identifiers


def test_quirk_65_community_code_retains_its_zeros() -> None:
    house = parse_people(person(houses=[residency(xiaoqu="00001")])).residencies[0].house
    assert house.community_code == "00001"


@pytest.mark.parametrize("code", ["１０００２", "10002\u200b", "\ufeff10002", "晨曦家园", "100 02"])
def test_quirk_65_malformed_community_code_is_an_issue(code: str) -> None:
    row = residency(xiaoqu=code)
    found = parse_people(person(houses=[row, residency()]))
    assert [home.house.community_code for home in found.residencies] == ["10002"]
    (issue,) = found.data_issues
    assert (issue.field, json.loads(str(issue.raw)), issue.problem) == ("residencies", row, DataProblem.MALFORMED)


def test_quirk_65_lost_zeros_are_no_contradiction() -> None:
    assert parse_modules([module(community_identifier=1)], "00001")[0].data_issues == ()
    (issue,) = parse_modules([module(community_identifier="00002")], "00001")[0].data_issues
    assert (issue.field, issue.raw, issue.problem) == ("communityCode", "00002", DataProblem.CONTRADICTORY)


@pytest.mark.parametrize("blank", [{}, {"xiaoqu": None}, {"xiaoqu": " "}])
def test_quirk_64_house_reads_community_identifier(blank: dict[str, object]) -> None:
    row = residency(community_identifier="00001")
    del row["xiaoqu"]
    house = parse_people(person(houses=[row | blank])).residencies[0].house
    assert (house.key, house.data_issues) == (("00001", 1, 1, 1, 101), ())


def test_quirk_67_house_reads_numbers_under_other_keys() -> None:
    other = {"building_number": 2, "unit_number": "3", "floor_number": "-1", "house_number": "104"}
    row = {key: value for key, value in residency().items() if key not in ("louhao", "danyuan", "louceng", "fangjian")}
    house = parse_people(person(houses=[row | other])).residencies[0].house
    assert (house.key, house.data_issues) == (("10002", 2, 3, -1, 104), ())


def test_quirk_64_67_contradicting_keys_are_issues() -> None:
    row = residency(community_identifier="10003", house_number=102, floor_number="1")
    house = parse_people(person(houses=[row])).residencies[0].house
    assert house.key == ("10002", 1, 1, 1, 101)
    assert [(issue.field, issue.raw, issue.problem) for issue in house.data_issues] == [
        ("communityCode", "10003", DataProblem.CONTRADICTORY),
        ("room", "102", DataProblem.CONTRADICTORY),
    ]


def test_quirk_67_missing_house_number_is_an_issue() -> None:
    house = parse_people(person(houses=[residency(danyuan="", fangjian=None)])).residencies[0].house
    assert (house.building, house.unit, house.floor, house.room) == (1, None, 1, None)
    assert [(issue.field, issue.problem) for issue in house.data_issues] == [
        ("unit", DataProblem.MISSING),
        ("room", DataProblem.MISSING),
    ]


def test_quirk_66_content_community_is_separate() -> None:
    found = parse_shenhe(review(shenhe_content=content(house={"community_identifier": "1"})), "10002")
    assert (found.community_code, found.content.house.community_code) == ("10002", "1")
    assert found.content.house.house.key == ("10002", 1, 1, 2, 201)


@pytest.mark.parametrize("number", ["1", 1, " 1 ", "01", 1.0])
def test_quirk_68_house_number_may_be_text_or_number(number: object) -> None:
    assert parse_people(person(houses=[residency(louhao=number)])).residencies[0].house.building == 1


@pytest.mark.parametrize("number", [2**31 - 1, "2147483647", 2147483647.0, -(2**31), "-2147483648", -2147483648.0])
def test_quirk_68_number_is_read_within_32_bits(number: Any) -> None:
    house = parse_people(person(houses=[residency(louhao=number)])).residencies[0].house
    assert (house.building, house.data_issues) == (int(number), ())


@pytest.mark.parametrize(
    "number",
    [
        *("1栋", "A1", "1.5", 1.5, True, [], {}, "²", "99999999999", 1e300),
        *(2**31, "2147483648", 2147483648.0, -(2**31) - 1, "-2147483649", -2147483649.0),
    ],
)
def test_quirk_68_unreadable_house_number_is_an_issue(number: object) -> None:
    house = parse_people(person(houses=[residency(louhao=number)])).residencies[0].house
    assert (house.building, house.unit, house.room) == (None, 1, 101)
    assert [(issue.field, issue.problem) for issue in house.data_issues] == [("building", DataProblem.MALFORMED)]


def test_quirk_71_review_may_be_keyed_by_shenhe_id() -> None:
    row = review(shenhe_id=2)
    del row["id"]
    assert parse_shenhe(row, "10002").platform_id == 2


def test_quirk_71_two_ids_that_differ_are_reported() -> None:
    found = parse_shenhe(review(id=1, shenhe_id=2), "10002")
    assert found.platform_id == 1
    assert [(issue.field, issue.problem) for issue in found.data_issues] == [("platformId", DataProblem.CONTRADICTORY)]


@pytest.mark.parametrize("odd", ["x", 0, True, "１", [2]])
def test_quirk_71_unreadable_second_id_is_an_issue(odd: object) -> None:
    for ids in ({"id": 1, "shenhe_id": odd}, {"id": odd, "shenhe_id": 1}):
        found = parse_shenhe(review(**ids), "10002")
        assert found.platform_id == 1
        assert [(issue.field, issue.problem) for issue in found.data_issues] == [
            ("platformId", DataProblem.CONTRADICTORY)
        ]


@pytest.mark.parametrize("blank", [None, "", " "])
def test_quirk_71_blank_second_id_is_no_issue(blank: object) -> None:
    for ids in ({"id": 1, "shenhe_id": blank}, {"id": blank, "shenhe_id": 1}):
        found = parse_shenhe(review(**ids), "10002")
        assert (found.platform_id, found.data_issues) == (1, ())


@pytest.mark.parametrize("key", ["people_house_role", "people_role"])
def test_quirk_72_role_is_read_under_either_key(key: str) -> None:
    row = owner()
    row[key] = row.pop("people_house_role")
    assert parse_owner(row).role is ResidentRole.OWNER


def test_quirk_72_two_roles_that_differ_are_reported() -> None:
    found = parse_owner(owner(people_house_role="业主", people_role="租客"))
    assert found.role is ResidentRole.OWNER
    assert [(issue.field, issue.raw, issue.problem) for issue in found.data_issues] == [
        ("role", "租客", DataProblem.CONTRADICTORY)
    ]


def test_quirk_72_known_role_precedes_an_old_number() -> None:
    found = parse_owner(owner(people_house_role=1, people_role="租客"))
    assert found.role is ResidentRole.TENANT
    assert [issue.problem for issue in found.data_issues] == [DataProblem.LEGACY_CODE]


def test_quirk_73_74_houses_and_members_are_nested() -> None:
    people = parse_people(person())
    (home,) = people.residencies
    assert people.id_card == "999302199211302517"
    assert home.house.key == ("10002", 1, 1, 1, 101)
    assert home.house.described
    assert [(member.name, member.role, member.id_card) for member in home.members] == [
        ("王建国", ResidentRole.FATHER, "999324198705041234")
    ]


def test_quirk_77_twenty_digit_number_is_exact() -> None:
    assert parse_order(order(number="20201213104759976889"), "10002").number == "20201213104759976889"
    assert parse_order(order(number=20201213104759976889), "10002").number == "20201213104759976889"


def test_quirk_77_number_sent_as_float_is_refused() -> None:
    found = parse_order(order(number=2.0201213104759976e19), "10002")
    assert found.number is None
    assert [(issue.field, issue.problem) for issue in found.data_issues] == [("number", DataProblem.MALFORMED)]


def test_quirk_78_phone_sent_as_a_number_is_text() -> None:
    assert parse_people(person(people_phone=19900000002)).phone == "19900000002"


def test_quirk_79_shop_number_is_null_until_paid() -> None:
    assert parse_order(order(shop_number=None), "10002").shop_number is None
    assert parse_order(order(shop_number="0012"), "10002").shop_number == "0012"


def test_quirk_84_identity_number_is_not_validated() -> None:
    assert parse_people(person(people_idcard="99930219921130251X")).id_card == "99930219921130251X"
    assert parse_people(person(people_idcard="1")).id_card == "1"


@pytest.mark.parametrize("name", ["𠮷田", "阿依古丽·买买提", 'O\'Neil "x" \\'])
def test_quirk_87_names_are_any_text(name: str) -> None:
    assert parse_people(person(people_name=name)).name == name


# ------------------------------------------------------------------------ words


def test_quirk_88_old_role_number_is_unrecognized() -> None:
    house = parse_shenhe(review(shenhe_content=content(house={"people_house_role": 1})), "10002").content.house
    assert house.role is ResidentRole.UNRECOGNIZED
    (issue,) = house.data_issues
    assert (issue.field, issue.raw, issue.problem) == ("role", "1", DataProblem.LEGACY_CODE)
    assert issue.platform is PlatformName.WJDH


def test_quirk_89_sex_is_derived_from_identity_number() -> None:
    people = parse_shenhe(review(shenhe_content=content({"people_sex": 2})), "10002").content.people
    assert people.sex is Sex.MALE
    (issue,) = people.data_issues
    assert (issue.field, issue.raw, issue.problem) == ("sex", "2", DataProblem.LEGACY_CODE)


@pytest.mark.parametrize(
    ("sex", "id_card"), [(2, "12"), (1, None), ("1", "99930219921130２517"), ("外星", "999302199211302517")]
)
def test_quirk_89_underivable_sex_is_unrecognized(sex: object, id_card: str | None) -> None:
    content_ = content({"people_sex": sex, "people_idcard": id_card})
    assert parse_shenhe(review(shenhe_content=content_), "10002").content.people.sex is Sex.UNRECOGNIZED


def test_quirk_89_seventeenth_digit_gives_the_sex() -> None:
    assert sex_of_id_card("999302199211302517") is Sex.MALE
    assert sex_of_id_card("99930219921130252X") is Sex.FEMALE
    assert sex_of_id_card("99930219921130252") is None


@pytest.mark.parametrize(
    ("nation", "read"),
    [
        ("汉", "汉族"),
        ("汉族", "汉族"),
        (" 汉 ", "汉族"),
        ("回族", "回族"),
        ("", None),
        (" ", None),
        ("\u3000", None),
        (None, None),
    ],
)
def test_quirk_90_nation_is_text(nation: object, read: str | None) -> None:
    assert parse_people(person(people_nation=nation)).nation == read


@pytest.mark.parametrize("nation", [1, "01", "０１", " 1 "])
def test_quirk_90_nation_sent_as_number_is_null(nation: object) -> None:
    people = parse_people(person(people_nation=nation))
    assert people.nation is None
    assert [(issue.field, issue.problem) for issue in people.data_issues] == [("nation", DataProblem.LEGACY_CODE)]


@pytest.mark.parametrize(
    ("word", "status"),
    [("群众", PoliticalStatus.MASSES), ("党员", PoliticalStatus.PARTY_MEMBER), ("1", PoliticalStatus.UNRECOGNIZED)],
)
def test_quirk_91_political_status_is_read(word: str, status: PoliticalStatus) -> None:
    assert parse_people(person(people_zhengzhimianmao=word)).political_status is status


def test_quirk_91_unknown_political_status_is_sensitive() -> None:
    (issue,) = parse_people(person(people_zhengzhimianmao="1")).data_issues
    assert issue.pii is PiiKind.SENSITIVE_STATUS


@pytest.mark.parametrize("word", ["业主绑定", " 业主绑定 ", "租客绑定"])
def test_quirk_92_occupant_by_a_review_type_is_read(word: str) -> None:
    home = parse_people(person(houses=[residency(people_house_type=word)])).residencies[0]
    assert home.occupant_type is (OccupantType.TENANT if word == "租客绑定" else OccupantType.OWNER)
    assert [(issue.field, issue.raw, issue.problem) for issue in home.data_issues] == [
        ("occupantType", word, DataProblem.CONTRADICTORY)
    ]


@pytest.mark.parametrize("word", ["替换业主", "家属绑定", "租客", "1"])
def test_quirk_92_93_occupant_type_has_its_own_words(word: str) -> None:
    home = parse_people(person(houses=[residency(people_house_type=word)])).residencies[0]
    assert home.occupant_type is OccupantType.UNRECOGNIZED
    assert [(issue.field, issue.raw) for issue in home.data_issues] == [("occupantType", word)]


def test_quirk_93_tenant_has_different_words_by_list() -> None:
    home = parse_people(person(houses=[residency(people_house_role="租客", people_house_type="租户")])).residencies[0]
    assert (home.role, home.occupant_type) == (ResidentRole.TENANT, OccupantType.TENANT)
    home = parse_people(person(houses=[residency(people_house_role="租户", people_house_type="租客")])).residencies[0]
    assert (home.role, home.occupant_type) == (ResidentRole.UNRECOGNIZED, OccupantType.UNRECOGNIZED)


def test_quirk_95_business_and_commerce_are_two_uses() -> None:
    assert parse_owner(owner(people_house_use="经营")).use is HouseUse.BUSINESS
    assert parse_owner(owner(people_house_use="商业")).use is HouseUse.COMMERCE


def test_quirk_96_97_review_types_are_words() -> None:
    assert parse_shenhe(review(shenhe_type="家属解绑"), "10002").type is ShenheType.UNBIND_FAMILY
    found = parse_shenhe(review(shenhe_type=3), "10002")
    assert found.type is ShenheType.UNRECOGNIZED
    assert found.data_issues[0].problem is DataProblem.LEGACY_CODE


@pytest.mark.parametrize(
    ("sent", "raw", "problem"),
    [
        (7, "7", DataProblem.UNRECOGNIZED_VALUE),
        ("7", "7", DataProblem.UNRECOGNIZED_VALUE),
        (1.5, "1.5", DataProblem.UNRECOGNIZED_VALUE),
        (True, "true", DataProblem.UNRECOGNIZED_VALUE),
        ([1], "[1]", DataProblem.MALFORMED),
        ({}, "{}", DataProblem.MALFORMED),
    ],
)
def test_quirk_98_undocumented_status_is_unrecognized(sent: object, raw: str, problem: DataProblem) -> None:
    found = parse_shenhe(review(shenhe_status=sent), "10002")
    assert found.status is ShenheStatus.UNRECOGNIZED
    assert [(issue.field, issue.raw, issue.problem) for issue in found.data_issues] == [("status", raw, problem)]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("等待审核", ShenheStatus.PENDING),
        (2, ShenheStatus.PENDING),
        ("2", ShenheStatus.PENDING),
        (1, ShenheStatus.APPROVED),
        ("审核通过", ShenheStatus.APPROVED),
        (0, ShenheStatus.REJECTED),
        ("审核未通过", ShenheStatus.REJECTED),
        (" 审核未通过 ", ShenheStatus.REJECTED),
    ],
)
def test_quirk_98_review_status_may_be_number_or_word(sent: object, status: ShenheStatus) -> None:
    found = parse_shenhe(review(shenhe_status=sent), "10002")
    assert (found.status, found.data_issues) == (status, ())


@pytest.mark.parametrize("sent", [True, False, 1.0, 3, "通过", [1], {"status": 1}, None, ""])
def test_quirk_98_106_unknown_status_is_never_approved(sent: object) -> None:
    found = parse_shenhe(review(shenhe_status=sent), "10002")
    assert found.status is ShenheStatus.UNRECOGNIZED
    assert [issue.field for issue in found.data_issues] == ["status"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [("进行中", OrderStatus.OPEN), (1, OrderStatus.OPEN), ("0", OrderStatus.CLOSED), ("已关闭", OrderStatus.CLOSED)],
)
def test_quirk_99_order_status_zero_is_closed(sent: object, status: OrderStatus) -> None:
    assert parse_order(order(status=sent), "10002").status is status


@pytest.mark.parametrize("sent", [0, "0", False, "未解决", "未处理"])
def test_quirk_100_open_repair_has_five_spellings(sent: object) -> None:
    assert parse_repair(repair(status=sent), "00001").status is RepairStatus.OPEN


@pytest.mark.parametrize("sent", [1, "1", True, "已解决", "已处理"])
def test_quirk_100_resolved_repair_has_five_spellings(sent: object) -> None:
    assert parse_repair(repair(status=sent), "00001").status is RepairStatus.RESOLVED


def test_quirk_100_reply_does_not_resolve_a_repair() -> None:
    found = parse_repair(repair(status=0, reply="测试"), "00001")
    assert (found.status, found.reply) == (RepairStatus.OPEN, "测试")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("已付款", PaymentStatus.PAID),
        (True, PaymentStatus.PAID),
        (1, PaymentStatus.PAID),
        ("未付款", PaymentStatus.UNPAID),
        ("0", PaymentStatus.UNPAID),
        ("部分付款", PaymentStatus.UNRECOGNIZED),
        (2, PaymentStatus.UNRECOGNIZED),
    ],
)
def test_quirk_101_paid_may_be_boolean_number_or_word(sent: object, status: PaymentStatus) -> None:
    assert parse_order(order(paied=sent), "10002").payment_status is status


@pytest.mark.parametrize(
    ("sent", "enabled"),
    [(1, True), ("1", True), (True, True), ("开启", True), (0, False), ("0", False), (False, False), ("关闭", False)],
)
def test_quirk_102_module_status_has_four_types(sent: object, enabled: bool) -> None:
    assert parse_modules([module(module_status=sent)], "00001")[0].enabled is enabled


@pytest.mark.parametrize(("sent", "problem"), [(2, DataProblem.MALFORMED), (None, DataProblem.MISSING)])
def test_quirk_102_unknown_module_status_is_not_off(sent: object, problem: DataProblem) -> None:
    found = parse_modules([module(module_status=sent)], "00001")[0]
    assert found.enabled is None
    assert [(issue.field, issue.problem) for issue in found.data_issues] == [("enabled", problem)]


@pytest.mark.parametrize(
    ("title", "fee_type"),
    [("物业费", FeeType.PROPERTY), ("临时停车费", FeeType.TEMPORARY_PARKING), ("测试费2", FeeType.OTHER)],
)
def test_quirk_103_fee_titles_are_an_open_list(title: str, fee_type: FeeType) -> None:
    found = parse_order(order(title=title), "10002")
    assert (found.title, found.fee_type, found.data_issues) == (title, fee_type, ())


def test_quirk_107_introductions_are_returned_unparsed() -> None:
    found = parse_shenhe(review(shenhe_type="租客绑定", shenhe_house_introduction="晨曦家园1栋1单元1楼102号"), "10002")
    assert found.type is ShenheType.BIND_TENANT
    assert found.action_introduction == "业主正在申请：业主绑定"
    assert found.content.house.room == 201


def test_quirk_108_unknown_module_has_its_label() -> None:
    found = parse_modules([module(module_name="社区团购")], "00001")[0]
    assert (found.name.value, found.label) == ("UNRECOGNIZED", "社区团购")
    assert [(issue.field, issue.raw) for issue in found.data_issues] == [("name", "社区团购")]


# -------------------------------------------------------------- types and shapes


@pytest.mark.parametrize(
    ("sent", "yuan", "fen", "shown"),
    [
        ("0.01元", "0.01", 1, "¥0.01"),
        (0.01, "0.01", 1, "¥0.01"),
        ("1,234.50元", "1234.50", 123450, "¥1234.50"),
        (30, "30", 3000, "¥30.00"),
        (1.1, "1.1", 110, "¥1.10"),
        (4.35, "4.35", 435, "¥4.35"),
        ("￥ 12", "12", 1200, "¥12.00"),
        (" 007.100 元 ", "7.1", 710, "¥7.10"),
        ("-5元", "-5", -500, "-¥5.00"),
        ("21474836.47元", "21474836.47", 2147483647, "¥21474836.47"),
        ("21474836.48元", "21474836.48", None, "¥21474836.48"),
        ("0.005元", "0.005", None, "¥0.005"),
        (1e-3, "0.001", None, "¥0.001"),
    ],
)
def test_quirk_109_amount_is_exact(sent: object, yuan: str, fen: int | None, shown: str) -> None:
    issues = CollectedIssues()
    read = promise(amount)(sent, "amount", issues)
    assert (Decimal(read.yuan), read.fen, read.text, issues.noted) == (Decimal(yuan), fen, shown, [])


@pytest.mark.parametrize(
    "sent",
    [
        "免费",
        "1,23元",
        "1.2.3",
        "1.234,50",
        "1 000",
        "一元",
        "1e3",
        "元",
        "NaN",
        float("nan"),
        float("inf"),
        True,
        [1],
        {},
        1e300,
        "9" * 99,
    ],
)
def test_quirk_109_unreadable_amount_is_null(sent: object) -> None:
    found = parse_order(order(amount=sent), "10002")
    assert found.amount is None
    assert [(issue.field, issue.problem) for issue in found.data_issues] == [("amount", DataProblem.MALFORMED)]


def test_quirk_7_extra_is_read_from_its_own_notation() -> None:
    assert parse_order(order(), "10002").details == (
        OrderDetail("单价", "100元/平方"),
        OrderDetail("最低缴费比例", "70%"),
    )


@pytest.mark.parametrize("rest", ["另收5元", "{'税费': '5元'}", "}"])
def test_quirk_7_extra_with_trailing_text_is_not_read(rest: str) -> None:
    extra = "{'单价': '30元'}" + rest
    found = parse_order(order(extra=extra), "10002")
    assert found.details is None
    assert [(issue.field, issue.raw) for issue in found.data_issues] == [("details", extra)]


def test_quirk_7_unreadable_extra_is_returned_raw() -> None:
    found = parse_order(order(extra="__import__('os').system('true')"), "10002")
    assert found.details is None
    (issue,) = found.data_issues
    assert (issue.field, issue.raw, issue.problem) == (
        "details",
        "__import__('os').system('true')",
        DataProblem.MALFORMED,
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"每平米价格": "10", "每半小时价格": 30},
        '{"每平米价格":"10","每半小时价格":30}',
        '"{\\"每平米价格\\":\\"10\\",\\"每半小时价格\\":30}"',
        "{'每平米价格': '10', '每半小时价格': 30}",
        "array('每平米价格' => '10', '每半小时价格' => 30,)",
        "['每平米价格' => \"10\", '每半小时价格' => 30]",
    ],
)
def test_quirk_110_111_extra_is_read_in_order(extra: object) -> None:
    assert parse_order(order(extra=extra), "10002").details == (
        OrderDetail("每平米价格", "10"),
        OrderDetail("每半小时价格", "30"),
    )


@pytest.mark.parametrize("extra", ["{'单价':30.00}", '{"单价":30.00}', "['单价' => 30.00]"])
def test_quirk_111_price_is_returned_as_written(extra: str) -> None:
    assert parse_order(order(extra=extra), "10002").details == (OrderDetail("单价", "30.00"),)


@pytest.mark.parametrize("extra", ["{'表号':0012}", "['表号' => 0012]", "{'表号':'0012'}"])
def test_quirk_7_numbers_retain_their_zeros(extra: str) -> None:
    assert parse_order(order(extra=extra), "10002").details == (OrderDetail("表号", "0012"),)


@pytest.mark.parametrize("extra", [None, "", " ", [], {}, "[]", "{}", "null"])
def test_quirk_118_missing_extra_is_no_details(extra: object) -> None:
    found = parse_order(order(extra=extra), "10002")
    assert (found.details, found.data_issues) == ((), ())


def test_quirk_118_optional_nulls_are_no_issues() -> None:
    found = parse_order(order(remark=None, extra=None, shop_number=None, house=None), "10002")
    assert (found.remark, found.address, found.house, found.data_issues) == (None, None, None, ())
    assert parse_repair(repair(reply=None, date="2020年12月18日12:30:13"), "00001").data_issues == ()


@pytest.mark.parametrize(
    ("sent", "title", "problems"),
    [
        (2020, "2020", []),
        ("", "", [DataProblem.MISSING]),
        (["物业费"], "", [DataProblem.MALFORMED]),
        (True, "", [DataProblem.MALFORMED]),
    ],
)
def test_title_that_is_not_text_is_number_or_issue(sent: object, title: str, problems: list[DataProblem]) -> None:
    found = parse_order(order(title=sent), "10002")
    assert (found.title, [issue.problem for issue in found.data_issues]) == (title, problems)


def test_quirk_118_missing_required_value_is_an_issue() -> None:
    found = parse_order({"id": 4}, "10002")
    assert (found.title, found.fee_type, found.amount) == ("", FeeType.OTHER, None)
    assert {(issue.field, issue.problem) for issue in found.data_issues} == {
        (field, DataProblem.MISSING) for field in ("title", "amount", "paymentStatus", "status")
    }


@pytest.mark.parametrize("absent", [None, "", " "])
def test_quirk_118_repair_lists_its_missing_values(absent: str | None) -> None:
    row = repair(name=absent, phone=absent)
    (listed,) = parse_repair_page({"code": 0, "data": {"repairs": [row], "pages": {"total": 1}}}, "10002", 1).items
    single = parse_repair({**row, "date": absent}, "10002")
    reporter = [("reporter.name", DataProblem.MISSING), ("reporter.phone", DataProblem.MISSING)]
    assert (listed.reporter_name, listed.reporter_phone, single.reported_at) == (None, None, None)
    assert [(issue.field, issue.problem) for issue in listed.data_issues] == reporter
    assert {(issue.field, issue.problem) for issue in single.data_issues} == {
        ("reportedAt", DataProblem.MISSING),
        *reporter,
    }


@pytest.mark.parametrize("flag", ["0", 0, False, "否"])
def test_quirk_117_false_flags_are_read(flag: object) -> None:
    assert parse_people(person(people_dibao=flag)).receives_subsistence_allowance is False


@pytest.mark.parametrize("flag", ["1", 1, True, "是", " 1 "])
def test_quirk_117_true_flags_are_read(flag: object) -> None:
    assert parse_people(person(people_shangfang=flag)).is_petitioner is True


@pytest.mark.parametrize("flag", [2, "yes?", [], {}, [1]])
def test_quirk_117_unknown_flag_is_null(flag: object) -> None:
    people = parse_people(person(people_tuiyijunren=flag))
    assert people.is_veteran is None
    (issue,) = people.data_issues
    assert (issue.field, issue.problem, issue.pii) == ("isVeteran", DataProblem.MALFORMED, PiiKind.SENSITIVE_STATUS)


def test_quirk_119_photo_is_any_text() -> None:
    assert parse_people(person(people_photo="www")).photo == "www"


def test_quirk_124_text_is_unchanged() -> None:
    odd = ' "引号"\\n\n反斜杠\\ '
    assert parse_repair(repair(description=odd), "00001").description == odd


# ------------------------------------------------------------------------- time


@pytest.mark.parametrize(
    "sent",
    [
        "2020年11月18日11:01:46",
        "2020年11月18日 11:01:46",
        "2020年11月18日11时01分46秒",
        "2020-11-18 11:01:46",
        "2020/11/18 11:01:46",
        "2020-11-18T11:01:46+08:00",
        "2020-11-18T03:01:46.000000Z",
        "2020-11-18T11:01:46.000000",
        " 2020年11月18日11:01:46\n",
        1605668506,
        "1605668506",
    ],
)
def test_quirk_125_times_are_in_china_time(sent: object) -> None:
    found = parse_shenhe(review(created_at=sent), "10002")
    assert found.created_at == datetime(2020, 11, 18, 3, 1, 46, tzinfo=UTC)
    assert found.created_at.isoformat() == "2020-11-18T11:01:46+08:00"


@pytest.mark.parametrize(
    "sent",
    [
        *("2020年11月18日", "20201118", 20201118, "2020", 2020, "2020年13月18日11:01:46", "昨天"),
        *([], {}, True, 1e9, "9" * 50, "0001-01-01T00:00+14:00", 0, "0"),
    ],
)
def test_quirk_125_unreadable_time_is_null(sent: object) -> None:
    found = parse_shenhe(review(created_at=sent), "10002")
    assert found.created_at is None
    assert [(issue.field, issue.problem) for issue in found.data_issues] == [("createdAt", DataProblem.MALFORMED)]


@pytest.mark.parametrize(
    "sent", ["19921130", 723052800, "723052800", 19921130, "1992-11-30", "1992年11月30日", 723052800.0]
)
def test_quirk_126_birth_date_is_read_in_every_form(sent: object) -> None:
    assert parse_people(person(people_birth=sent)).birth_date == date(1992, 11, 30)


def test_quirk_125_unwritable_offset_is_null() -> None:
    """Software writes such a time where none was given."""
    for sent in ("0001-01-01T00:00:00Z", "0001年01月01日00:00:00", "1900-12-31 23:59:59", -62135596800):
        issues = CollectedIssues()
        assert china_time(sent, "createdAt", issues) is None
        assert [problem for *_, problem in issues.noted] == [DataProblem.MALFORMED]
    first = china_time("1901-01-01 00:00:00", "createdAt", CollectedIssues())
    assert first is not None
    assert first.isoformat() == "1901-01-01T00:00:00+08:00"
    assert birth_date("1900-01-01 00:00:00", "birthDate", CollectedIssues()) == date(1900, 1, 1)


def test_quirk_127_birth_epoch_is_midnight_in_china() -> None:
    issues = CollectedIssues()
    assert datetime.fromtimestamp(723052800, UTC).date() == date(1992, 11, 29)
    assert birth_date(723052800, "birthDate", issues) == date(1992, 11, 30)


def test_quirk_128_summer_time_does_not_move_a_birthday() -> None:
    assert birth_date(547052400, "birthDate", CollectedIssues()) == date(1987, 5, 4)
    assert midnight(date(1987, 5, 4)) == 547052400


@pytest.mark.parametrize(("seconds", "day"), [(-28800, date(1970, 1, 1)), (-631180800, date(1950, 1, 1))])
def test_quirk_129_epoch_before_1970_is_negative(seconds: int, day: date) -> None:
    assert birth_date(seconds, "birthDate", CollectedIssues()) == day
    assert birth_date(str(seconds), "birthDate", CollectedIssues()) == day


def test_quirk_130_eight_digits_are_a_date_if_possible() -> None:
    issues = CollectedIssues()
    assert birth_date("20620800", "birthDate", issues) == date(1970, 8, 28)
    assert midnight(date(1970, 8, 28)) == 20620800
    assert birth_date("19700828", "birthDate", issues) == date(1970, 8, 28)
    assert issues.noted == []


def test_quirk_130_midnights_of_1970_to_1973_are_no_dates() -> None:
    for ordinal in range(date(1970, 4, 26).toordinal(), date(1973, 3, 4).toordinal()):
        day = date.fromordinal(ordinal)
        assert birth_date(midnight(day), "birthDate", CollectedIssues()) == day


def test_quirk_130_impossible_date_is_read_as_an_epoch() -> None:
    issues = CollectedIssues()
    assert birth_date("19921331", "birthDate", issues) == date(1970, 8, 19)
    assert issues.noted == [("birthDate", "19921331", DataProblem.MALFORMED)]


def test_quirk_130_midnights_below_eight_digits_are_epochs() -> None:
    for ordinal in range(date(1969, 9, 8).toordinal(), date(1970, 4, 27).toordinal()):
        day = date.fromordinal(ordinal)
        assert birth_date(midnight(day), "birthDate", CollectedIssues()) == day


@pytest.mark.parametrize(
    "sent",
    [
        *("见前言", "00000000", 0, "0", "1992-13-30", True, [], {}, 10**15, 1e300, "9" * 99),
        *("1992", 1992, "199211", 199211, 1992.0, "-1"),
    ],
)
def test_quirk_126_unreadable_birth_is_null(sent: object) -> None:
    people = parse_people(person(people_birth=sent))
    assert people.birth_date is None
    (issue,) = people.data_issues
    assert (issue.field, issue.problem, issue.pii) == ("birthDate", DataProblem.MALFORMED, PiiKind.BIRTH)


def test_quirk_131_only_a_single_repair_has_a_date() -> None:
    found = parse_repair(repair(date="2020年12月18日12:30:13"), "00001")
    assert found.dated
    assert found.reported_at == datetime(2020, 12, 18, 12, 30, 13, tzinfo=CHINA)


# ----------------------------------------------------------------- house labels


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("晨曦家园1栋1单元1楼101号", (1, 1, 1, 101)),
        ("晨曦家园二期12栋3单元-1楼2号", (12, 3, -1, 2)),
        ("晨曦家园（2期）1栋1单元1楼101号", (1, 1, 1, 101)),
        ("𠮷家园 1栋1单元1楼101号", (1, 1, 1, 101)),
        ("晨熙家园1幢2单元3层301室 ", (1, 2, 3, 301)),
    ],
)
def test_quirk_86_house_label_names_a_house(label: str, key: tuple[int, ...]) -> None:
    found = parse_order(order(house=label), "00001")
    assert found.house.key == ("00001", *key)
    assert (found.address, found.house.described, found.data_issues) == (label, False, ())


@pytest.mark.parametrize(
    "label",
    [
        "晨曦家园",
        "1栋1单元101号",
        "1栋1单元1楼101号门口",
        "栋单元楼号",
        "1" * 300,
        "A1栋1单元1楼101号",
        "10-1栋1单元1楼101号",
        "1.5栋1单元1楼101号",
        "Ａ1栋1单元1楼101号",
        "１2栋1单元1楼101号",
        "①2栋1单元1楼101号",
        "1．5栋1单元1楼101号",
        "10－1栋1单元1楼101号",
        "10—1栋1单元1楼101号",
        "10#1栋1单元1楼101号",
        "10 1栋1单元1楼101号",
        "1\u200b2栋1单元1楼101号",
    ],
)
def test_quirk_86_label_of_another_form_is_an_issue(label: str) -> None:
    found = parse_order(order(house=label), "00001")
    assert (found.address, found.house) == (label, None)
    assert [(issue.field, issue.raw, issue.problem) for issue in found.data_issues] == [
        ("house", label, DataProblem.MALFORMED)
    ]


def test_quirk_81_community_name_of_a_label_is_ignored() -> None:
    assert parse_order(order(house="晨熙家园1栋1单元1楼101号"), "10002").house.community_code == "10002"


def test_quirk_184_implausible_values_are_accepted() -> None:
    people = parse_people(person(people_birth="19870504", people_idcard="999302199211302226"))
    assert (people.birth_date, people.data_issues) == (date(1987, 5, 4), ())


def test_float_amounts_equal_their_text():
    rng = Random(1)
    for fen in [1, 9, 99, 100, 101, 2**31 - 2, 2**31 - 1, 2**31, *(rng.randrange(2**32) for _ in range(2000))]:
        assert money(fen / 100) == money(f"{fen / 100:.2f}")
    for odd in (0.001, 0.105, 1.005, 21474836.475, 1e9, 1e15, -0.01, 5e-324):
        assert money(odd) == money(format(Decimal(repr(odd)), "f"))


@pytest.mark.parametrize(
    "written",
    ["2020年11月18日11:01:46", "2020年13月18日11:01:46", "2020年11月18日24:00:00", "2020年11月1８日11:01:46",
     "2020年11月18日11:01+8", "1990年07月01日12:00:00", "1900年01月01日00:00:00", "0000年01月01日00:00:00"],
)  # fmt: skip
def test_printed_times_equal_those_with_a_blank(written):
    """The blank is read by the pattern for all spellings."""
    issues = CollectedIssues()
    assert china_time(written, "createdAt", issues) == china_time(written.replace("日", "日 "), "createdAt", issues)
