"""Findings of the verification of an application, each from a case prepared on the platforms."""

import json
from dataclasses import replace
from datetime import date

import pytest

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.model import HouseAddress

REVIEW = """
query Review($first: Int! = 1) {
  shenhes(communityCode: "10002", first: $first) { nodes {
    type content { people { name } }
    verification {
      registered { name }
      owner { phone }
      findings { code field severity submitted registered masked }
    }
  } }
}
"""

PEOPLE = {"people_name": "李明", "people_phone": "19900000001", "people_idcard": "999302199211302517"}
HOUSE = {
    "community_identifier": "10002",
    "building_number": 1,
    "unit_number": 1,
    "floor_number": 1,
    "house_number": 101,
}


def application(**parts):
    return json.dumps({part: value for part, value in parts.items() if value is not None})


@pytest.fixture
def review(sandbox):
    """The first review, made to be without a finding: the tenant of a house that has an owner, known to security."""
    world = sandbox.world
    first = world.shenhes_of["10002"][0]
    house = world.house_at["10002", HouseAddress(1, 1, 1, 101)]
    resident = next(
        each
        for each in world.residents.values()
        if each.residencies[0].house.community.code == "10002"
        and each.residencies[0].house is not house
        and has_right_check_digit(each.person.id_card)
    )
    first.type, first.house, first.applicant = "租客绑定", house, resident.person
    first.role, first.occupant_type = "租客", "租户"
    return first


def has_right_check_digit(id_card):
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(id_card, weights, strict=False))
    return "10X98765432"[total % 11] == id_card[-1]


async def verification(gateway, token=None):
    answer = await gateway.ask(REVIEW, token=token)
    return answer.data["shenhes"]["nodes"][0]["verification"]


async def findings(gateway, token=None):
    return (await verification(gateway, token))["findings"]


async def only_finding(gateway, token=None):
    (finding,) = await findings(gateway, token)
    return finding


async def test_absence_of_findings_is_an_empty_list(gateway, review):
    verified = await verification(gateway)
    assert verified["registered"] == {"name": review.applicant.name}
    assert verified["owner"] == {"phone": "19900000002"}
    assert verified["findings"] == []


@pytest.mark.parametrize(
    ("attribute", "value", "field", "severity", "shown"),
    [
        ("id_card", "99930219900101003X", "idCard", "BLOCKING", "99930219900101003X"),
        ("birth", date(1901, 2, 3), "birthDate", "WARNING", "1901-02-03"),
        ("nation", "土家族", "nation", "INFO", "土家族"),
        ("address", "海港区1号", "registeredAddress", "INFO", "海港区1号"),
        ("job_name", "木匠", "jobName", "INFO", "木匠"),
        ("company_name", "木匠铺", "companyName", "INFO", "木匠铺"),
    ],
)
async def test_differing_field_is_a_finding_with_both_values(gateway, review, attribute, value, field, severity, shown):
    was = getattr(review.applicant, attribute)
    review.applicant = replace(review.applicant, **{attribute: value})

    found = {each["code"]: each for each in await findings(gateway)}

    assert set(found) - {"ID_CARD_INVALID"} == {"FIELD_DIFFERS"}
    finding = found["FIELD_DIFFERS"]
    assert (finding["field"], finding["severity"]) == (f"content.people.{field}", severity)
    assert (finding["submitted"], finding["registered"], finding["masked"]) == (shown, str(was), False)


@pytest.mark.parametrize(
    ("attribute", "field"),
    [
        ("is_veteran", "isVeteran"),
        ("receives_allowance", "receivesSubsistenceAllowance"),
        ("is_petitioner", "isPetitioner"),
        ("political_status", "politicalStatus"),
    ],
)
async def test_differing_status_is_a_masked_finding(gateway, review, mint, attribute, field):
    was = getattr(review.applicant, attribute)
    other = {"群众": "党员", "党员": "群众", True: False, False: True}[was]
    review.applicant = replace(review.applicant, **{attribute: other})
    finding = await only_finding(gateway)
    assert (finding["code"], finding["field"]) == ("FIELD_DIFFERS", f"content.people.{field}")
    assert {finding["submitted"], finding["registered"]} in ({"true", "false"}, {"MASSES", "PARTY_MEMBER"})

    masked = await only_finding(gateway, mint(without=["pii:read"]))

    assert masked == finding | {"submitted": None, "registered": None, "masked": True}


NO_OWNER = ("HOUSE_HAS_NO_OWNER", "WARNING", "content.house")
OTHER_OWNER = ("HOUSE_HAS_OTHER_OWNER", "BLOCKING", "content.people.phone")
OTHER_SEX = {"男": "女", "女": "男"}


@pytest.mark.parametrize(
    ("kind", "role", "without", "found"),
    [
        ("租客绑定", "租客", "resident", ("NOT_REGISTERED", "WARNING", None)),
        ("租客绑定", "租客", "same sex", ("FIELD_DIFFERS", "WARNING", "content.people.sex")),
        *((kind, "业主", None, OTHER_OWNER) for kind in ("租客绑定", "家属绑定")),
        *((kind, "租客", None, ("NOT_CHECKED", "WARNING", "type")) for kind in ("1", "车位绑定")),
        *((kind, "租客", "owner", NO_OWNER) for kind in ("租客绑定", "家属绑定", "替换业主")),
        ("业主绑定", "业主", "owner", None),
    ],
)
async def test_application_has_its_only_finding(gateway, sandbox, review, kind, role, without, found):
    review.type, review.role = kind, role
    if without == "resident":
        del sandbox.world.residents[review.applicant.name, review.applicant.phone]
    elif without == "owner":
        review.house.owner = None
    elif without == "same sex":
        review.applicant = replace(review.applicant, sex=OTHER_SEX[review.applicant.sex])
    verified = await verification(gateway)
    shown = [(each["code"], each["severity"], each["field"]) for each in verified["findings"]]
    assert shown == [found] * (found is not None)
    assert (verified["registered"] is None) == (without == "resident")
    assert (verified["owner"] is None) == (without == "owner")


@pytest.mark.parametrize("kind", ["业主绑定", "替换业主"])
async def test_different_owner_of_the_house_is_a_finding(gateway, review, mint, kind):
    review.type, review.role = kind, "业主"
    finding = await only_finding(gateway)
    assert finding == {
        "code": "HOUSE_HAS_OTHER_OWNER",
        "field": "content.people.phone",
        "severity": "BLOCKING" if kind == "业主绑定" else "INFO",
        "submitted": review.applicant.phone,
        "registered": "19900000002",
        "masked": False,
    }
    masked = await only_finding(gateway, mint(without=["pii:read"]))
    assert masked["registered"] == "199****0002"
    assert masked["masked"] is True


async def test_phone_of_other_owner_is_in_the_trail_of_the_house(gateway, review):
    review.type, review.role = "业主绑定", "业主"
    house = gateway.parts.ids.encode("House", "10002", 1, 1, 1, 101)
    finding = '{ shenhes(communityCode: "10002", first: 1) { nodes { verification { findings { %s } } } } }'
    trail = "query($id: ID) { reveals(recordId: $id, first: 5) { nodes { typeName fields } } }"
    for value, fields in (("submitted", []), ("registered", [{"typeName": "House", "fields": ["owner.phone"]}])):
        await gateway.ask(finding % value)
        assert (await gateway.ask(trail, {"id": house})).data["reveals"]["nodes"] == fields


async def test_resident_of_the_house_is_already_bound(gateway, sandbox, review):
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    resident.residencies[0] = replace(resident.residencies[0], house=review.house, role="家属")
    finding = await only_finding(gateway)
    assert (finding["code"], finding["severity"], finding["field"]) == (
        "ALREADY_BOUND",
        "WARNING",
        "content.house.role",
    )
    assert (finding["submitted"], finding["registered"]) == ("TENANT", "FAMILY")


HOUSE_101 = {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101", "people_house_role": "家属"}


@pytest.mark.parametrize(
    ("houses", "found"),
    [
        ([], []),
        ([HOUSE_101 | {"xiaoqu": "10002", "fangjian": "102"}], []),
        ([HOUSE_101 | {"xiaoqu": "00001", "fangjian": "101A"}], []),
        ([HOUSE_101 | {"xiaoqu": "10002", "fangjian": "101A"}], ["NOT_CHECKED"]),
        ([HOUSE_101 | {"xiaoqu": ""}], ["NOT_CHECKED"]),
        ([HOUSE_101 | {"xiaoqu": ""}, HOUSE_101 | {"xiaoqu": "10002"}], ["ALREADY_BOUND"]),
        ("见前言", ["NOT_CHECKED"]),
        (["101"], ["NOT_CHECKED"]),
        (None, ["NOT_CHECKED"]),
    ],
)
async def test_unreadable_houses_may_mean_already_bound(gateway, sandbox, review, houses, found):
    applicant = review.applicant
    person = {
        "people_name": applicant.name,
        "people_phone": applicant.phone,
        "people_idcard": applicant.id_card,
        "houses": houses,
    }
    body = json.dumps({"code": 0, "data": person}).encode()
    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.BODY, body=body))
    shown = await findings(gateway)
    assert [each["code"] for each in shown] == found
    assert {each["field"] for each in shown} <= {"content.house.role"}


async def test_wrong_check_digit_is_a_finding(gateway, sandbox, review, mint):
    wrong = review.applicant.id_card[:-1] + ("0" if review.applicant.id_card[-1] != "0" else "1")
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    review.applicant = resident.person = replace(review.applicant, id_card=wrong)
    finding = await only_finding(gateway)
    assert (finding["code"], finding["severity"], finding["submitted"]) == ("ID_CARD_INVALID", "WARNING", wrong)
    masked = await only_finding(gateway, mint(without=["pii:read"]))
    assert wrong not in str(masked)


@pytest.mark.parametrize("endpoint", [None, "people", "owner"])
async def test_unavailable_security_platform_is_a_finding(gateway, sandbox, review, endpoint):
    review.type, review.role = "业主绑定", "业主"
    sandbox.faults.set("SECURITY", endpoint, Fault(FaultKind.HTTP_500))

    answer = await gateway.ask(REVIEW)

    shown = answer.partial["shenhes"]["nodes"][0]["verification"]
    codes = {each["code"]: each["severity"] for each in shown["findings"]}
    assert codes["SECURITY_UNAVAILABLE"] == "BLOCKING"
    assert set(codes) == {"SECURITY_UNAVAILABLE"} | ({"HOUSE_HAS_OTHER_OWNER"} if endpoint == "people" else set())
    failed = {"people": {"registered"}, "owner": {"owner"}, None: {"registered", "owner"}}[endpoint]
    assert {error["path"][-1] for error in answer.errors} == failed
    assert {error["extensions"]["platform"] for error in answer.errors} == {"SECURITY"}
    assert all(shown[field] is None for field in failed)
    assert all(shown[field] is not None for field in {"registered", "owner"} - failed)


async def test_findings_alone_report_no_error_of_security(gateway, sandbox, review):
    sandbox.faults.set("SECURITY", None, Fault(FaultKind.RESET))
    query = '{ shenhes(communityCode: "10002", first: 1) { nodes { verification { findings { code } } } } }'
    shown = (await gateway.ask(query)).data["shenhes"]["nodes"][0]["verification"]
    assert shown == {"findings": [{"code": "SECURITY_UNAVAILABLE"}]}


async def test_unreadable_application_has_no_verification(gateway, sandbox, review):
    review.content = "见前言"
    sandbox.reset_calls()
    assert await verification(gateway) is None
    assert sandbox.count("SECURITY", "people") == 0


@pytest.mark.parametrize("known", ["19900000001", "199 00000001"])
@pytest.mark.parametrize(
    "spelt", ["199 0000-0001", "+86 199 0000 0001", "008619900000001", "86-199-0000-0001", "(+86)１９９0000０００1"]
)
async def test_phones_are_compared_without_blanks_and_country_code(gateway, sandbox, review, spelt, known):
    review.type, review.role = "业主绑定", "业主"
    review.applicant = replace(sandbox.world.residents["李明", "19900000001"].person, phone=spelt)
    review.house.owner = replace(review.house.owner, phone=known)
    verified = await verification(gateway)
    assert verified["registered"] == {"name": "李明"}
    assert {each["code"] for each in verified["findings"]} <= {"ID_CARD_INVALID", "ALREADY_BOUND"}


@pytest.mark.parametrize("spelt", ["0335-3012345", "0335 3012345转8001", "+853 6612 3456", "1990000000"])
async def test_non_mobile_phone_is_looked_up_as_written(gateway, sandbox, review, spelt):
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    review.applicant = resident.person = replace(review.applicant, phone=spelt)
    sandbox.world.residents[review.applicant.name, spelt] = resident
    verified = await verification(gateway)
    assert verified["registered"] == {"name": review.applicant.name}
    assert verified["findings"] == []


async def test_id_check_character_is_case_insensitive(gateway, sandbox, review):
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    resident.person = replace(resident.person, id_card="99930219900101002X")
    review.applicant = replace(review.applicant, id_card="99930219900101002x")
    assert {each["code"] for each in await findings(gateway)} <= {"ID_CARD_INVALID"}


@pytest.mark.parametrize(("submitted", "registered"), [("维吾尔族", "维吾尔"), ("维吾尔", "维吾尔族"), ("汉", "汉族")])
async def test_quirk_90_nation_is_compared_without_its_suffix(gateway, sandbox, review, submitted, registered):
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    resident.person = replace(resident.person, nation=registered)
    review.applicant = replace(review.applicant, nation=submitted)
    assert await findings(gateway) == []


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("999302900101002", True),
        ("999302 19900101 002X", True),
        ("999302900101003", False),
        ("99930220900101002X", False),
        ("999302199001010021", False),
    ],
)
@pytest.mark.parametrize("side", ["applicant", "registered"])
async def test_id_numbers_of_15_and_18_digits_are_equal(gateway, sandbox, review, written, same, side):
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    written, full = (replace(review.applicant, id_card=number) for number in (written, "99930219900101002X"))
    review.applicant, resident.person = (written, full) if side == "applicant" else (full, written)
    found = {(each["code"], each["field"]) for each in await findings(gateway)}
    assert (("FIELD_DIFFERS", "content.people.idCard") not in found) is same


@pytest.mark.parametrize("side", ["applicant", "registered"])
async def test_incomparable_id_number_is_a_finding(gateway, sandbox, review, side):
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    without = replace(review.applicant, id_card="")
    if side == "applicant":
        review.applicant = without
    else:
        resident.person = without
    finding = await only_finding(gateway)
    assert finding == {
        "code": "NOT_CHECKED",
        "field": "content.people.idCard",
        "severity": "WARNING",
        "submitted": None,
        "registered": None,
        "masked": False,
    }


async def test_different_person_with_the_phone_is_blocking(gateway, sandbox, review, mint):
    """Quirks 82 and 183: a family shares a phone, and the platform may look for nothing else."""
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    resident.person = replace(resident.person, name="李强")
    finding = await only_finding(gateway)
    assert finding == {
        "code": "FIELD_DIFFERS",
        "field": "content.people.name",
        "severity": "BLOCKING",
        "submitted": review.applicant.name,
        "registered": "李强",
        "masked": False,
    }
    masked = await only_finding(gateway, mint(without=["pii:read"]))
    assert (masked["registered"], masked["masked"]) == ("李*", True)


async def test_person_found_under_another_phone_is_a_finding(gateway, sandbox, review):
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    resident.person = replace(resident.person, phone="19900099999")
    finding = await only_finding(gateway)
    assert (finding["field"], finding["severity"]) == ("content.people.phone", "WARNING")
    assert (finding["submitted"], finding["registered"]) == (review.applicant.phone, "19900099999")


async def not_checked(gateway):
    return {each["field"] for each in await findings(gateway) if each["code"] == "NOT_CHECKED"}


async def test_applicant_without_lookup_data_is_a_finding(gateway, sandbox, review):
    review.content = application(people={"people_name": "李明"}, house=HOUSE)
    verified = await verification(gateway)
    assert verified["registered"] is None
    assert await not_checked(gateway) == {"content.people"}
    assert sandbox.count("SECURITY", "people") == 0


@pytest.mark.parametrize("house", [None, {}, {**HOUSE, "house_number": None}, {**HOUSE, "house_number": "101A"}])
async def test_house_without_lookup_data_is_a_finding(gateway, sandbox, review, house):
    review.content = application(people=PEOPLE, house=house)
    verified = await verification(gateway)
    assert verified["owner"] is None
    assert await not_checked(gateway) == {"content.house"}
    assert sandbox.count("SECURITY", "owner") == 0


@pytest.mark.parametrize("side", ["applicant", "owner"])
async def test_incomparable_owner_is_not_checked(gateway, review, side):
    review.type, review.role = "业主绑定", "业主"
    if side == "owner":
        review.house.owner = replace(review.house.owner, phone="")
    else:
        review.content = application(people={"people_name": "李明"}, house=HOUSE)
    found = await findings(gateway)
    assert ("NOT_CHECKED", "content.people.phone") in {(each["code"], each["field"]) for each in found}
    assert "HOUSE_HAS_OTHER_OWNER" not in {each["code"] for each in found}


@pytest.mark.parametrize(("kind", "people", "house"), [("修改房屋数据", None, HOUSE), ("修改个人信息", PEOPLE, None)])
async def test_change_of_person_or_house_needs_only_that_part(gateway, review, kind, people, house):
    review.type, review.content = kind, application(people=people, house=house)
    assert await not_checked(gateway) == set()


async def test_finding_with_a_masked_number_is_masked(gateway, review, mint):
    review.applicant = replace(review.applicant, company_name="李记 联系19900000001")
    finding = await only_finding(gateway, mint(without=["pii:read"]))
    assert (finding["submitted"], finding["masked"]) == ("李记 联系199****0001", True)
