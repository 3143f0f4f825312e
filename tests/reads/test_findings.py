"""Findings of the verification of an application, each from a case prepared on the platforms."""

from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any, NamedTuple
from unittest.mock import ANY

import pytest
from platform_answers import send
from platform_rows import applicant, content_house

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.model import HouseAddress

REVIEW = """{ shenhes(communityCode: "10002", first: 1) { nodes { verification {
  registered { name } owner { phone } findings {
    code field severity submitted registered submittedLabel { en zh } registeredLabel { en zh } masked } } } } }"""


@pytest.fixture
def review(sandbox):
    return clean_review(sandbox)


def clean_review(sandbox):
    """The first review of a new world, without a finding: the tenant of a house with an owner, known to security."""
    sandbox.reset()
    world = sandbox.world
    first = world.shenhes_of["10002"][0]
    house = world.house_at["10002", HouseAddress(1, 1, 1, 101)]
    homes = ((resident, resident.residencies[0].house) for resident in world.residents.values())
    resident = next(each for each, home in homes if home.community is house.community and home is not house)
    resident.person = replace(resident.person, id_card="999302199001010022")  # whose check digit is right
    first.type, first.house, first.applicant = "租客绑定", house, resident.person
    first.role, first.occupant_type = "租客", "租户"
    return first


async def verification(gateway, token=None):
    answer = await gateway.ask(REVIEW, token=token)
    return answer.data["shenhes"]["nodes"][0]["verification"]


def found_in(verified):
    return [Found(*(each[name] for name in Found._fields)) for each in verified["findings"]]


def codes(verified):
    return [each.code for each in found_in(verified)]


async def only_finding(gateway, token=None):
    (finding,) = (await verification(gateway, token))["findings"]
    return finding


SIDES = ("submitted", "registered", "submittedLabel", "registeredLabel")
PERSON = "content.people."
FULL, OTHER = "99930219900101002X", "99930219900101003X"
TENANT, OWNER = ("租客绑定", "租客"), ("业主绑定", "业主")
OTHER_SEX = {"男": "女", "女": "男"}


class Found(NamedTuple):
    """A finding; what it holds of both sides may be anything unless it is given."""

    code: str
    severity: str
    field: str | None
    submitted: Any = ANY
    registered: Any = ANY


def differs(field, severity, submitted=ANY, registered=ANY):
    return Found("FIELD_DIFFERS", severity, PERSON + field, submitted, registered)


UNKNOWN_ID = Found("NOT_CHECKED", "WARNING", f"{PERSON}idCard", None, None)
OTHER_OWNER = Found("HOUSE_HAS_OTHER_OWNER", "BLOCKING", f"{PERSON}phone", registered="19900000002")
CASES: list[tuple[Any, Any, Any, list[Found]]] = [
    (TENANT, {}, {}, []),
    (TENANT, {"id_card": OTHER}, {"id_card": FULL}, [differs("idCard", "BLOCKING", OTHER, FULL)]),
    (TENANT, {"birth": date(1901, 2, 3)}, {}, [differs("birthDate", "WARNING", "1901-02-03")]),
    (TENANT, {"nation": "木匠"}, {"nation": "土家"}, [differs("nation", "INFO", "木匠", "土家")]),
    (TENANT, {"address": "木匠"}, {"address": "海"}, [differs("registeredAddress", "INFO", "木匠", "海")]),
    (TENANT, {"job_name": "木匠"}, {"job_name": "海"}, [differs("jobName", "INFO", "木匠", "海")]),
    (TENANT, {"company_name": "木匠"}, {"company_name": "海"}, [differs("companyName", "INFO", "木匠", "海")]),
    (TENANT, {"sex": OTHER_SEX}, {}, [differs("sex", "WARNING")]),
    # quirks 82 and 183: a family shares a phone, and the platform may look for nothing else
    (TENANT, {}, {"name": "李强"}, [differs("name", "BLOCKING", registered="李强")]),
    (TENANT, {}, {"phone": "19900099999"}, [differs("phone", "WARNING", registered="19900099999")]),
    (TENANT, {}, None, [Found("NOT_REGISTERED", "WARNING", None)]),
    *(((kind, "业主"), {}, {}, [OTHER_OWNER]) for kind in ("租客绑定", "家属绑定", "业主绑定")),
    (("替换业主", "业主"), {}, {}, [OTHER_OWNER._replace(severity="INFO")]),
    *(((kind, "租客"), {}, {}, [Found("NOT_CHECKED", "WARNING", "type")]) for kind in ("1", "车位绑定")),
    # the same in another spelling
    *((TENANT, {"nation": nation}, {"nation": f"{nation}族"}, []) for nation in ("维吾尔", "汉")),
    *((TENANT, {"nation": f"{nation}族"}, {"nation": nation}, []) for nation in ("维吾尔", "汉")),
    *((TENANT, {"id_card": same}, {"id_card": FULL}, []) for same in (FULL.lower(), "999302900101002")),
    *((TENANT, {"id_card": FULL}, {"id_card": same}, []) for same in ("999302900101002", "999302 19900101 002X")),
    *(
        (TENANT, {"id_card": one}, {"id_card": another}, [differs("idCard", "BLOCKING", one, another)])
        for odd in ("999302900101003", "99930220900101002X", "999302199001010021")
        for one, another in ((odd, FULL), (FULL, odd))
    ),
    *((TENANT, {"id_card": one}, {"id_card": another}, [UNKNOWN_ID]) for one, another in (("", FULL), (FULL, ""))),
    *(
        (TENANT, {"phone": spelt}, {"phone": spelt}, [])
        for spelt in ("0335-3012345", "0335 3012345转8001", "+853 6612 3456", "1990000000")  # no mobile phones
    ),
]


async def test_application_has_its_findings(gateway, sandbox, subtests):
    """For what the applicant and what security says otherwise; check digits are not looked at here."""
    for binding, submitted, registered, found in CASES:
        review = clean_review(sandbox)
        review.type, review.role = binding
        resident = sandbox.world.residents.pop((review.applicant.name, review.applicant.phone))
        own = {key: value[resident.person.sex] if value is OTHER_SEX else value for key, value in submitted.items()}
        review.applicant = replace(review.applicant, **own)
        if registered is not None:
            resident.person = replace(resident.person, **registered)
            sandbox.world.residents[review.applicant.name, review.applicant.phone] = resident

        with subtests.test(binding=binding, submitted=submitted, registered=registered):
            verified = await verification(gateway)
            assert (verified["registered"] is None) == (registered is None)
            assert verified["owner"] == {"phone": "19900000002"}
            assert [each for each in found_in(verified) if each.code != "ID_CARD_INVALID"] == found
            assert not any(each["masked"] for each in verified["findings"])


async def test_house_without_an_owner_is_a_finding_but_for_an_owner(gateway, sandbox):
    for kind in ("租客绑定", "家属绑定", "替换业主", "业主绑定"):
        review = clean_review(sandbox)
        review.type, review.house.owner = kind, None
        verified = await verification(gateway)
        found = [] if kind == "业主绑定" else [("HOUSE_HAS_NO_OWNER", "content.house")]
        assert [(each.code, each.field) for each in found_in(verified)] == found
        assert verified["owner"] is None
    review = clean_review(sandbox)
    review.type, review.house.owner = "业主绑定", replace(review.house.owner, phone="")
    assert found_in(await verification(gateway)) == [Found("NOT_CHECKED", "WARNING", f"{PERSON}phone", None, None)]


STATUSES = {
    "is_veteran": "isVeteran",
    "receives_allowance": "receivesSubsistenceAllowance",
    "is_petitioner": "isPetitioner",
    "political_status": "politicalStatus",
}


async def test_differing_status_is_a_masked_finding(gateway, sandbox, mint):
    for attribute, field in STATUSES.items():
        review = clean_review(sandbox)
        other = {"群众": "党员", "党员": "群众", True: False, False: True}[getattr(review.applicant, attribute)]
        review.applicant = replace(review.applicant, **{attribute: other})
        finding = await only_finding(gateway)
        assert (finding["code"], finding["field"]) == ("FIELD_DIFFERS", f"content.people.{field}")
        assert {finding["submitted"], finding["registered"]} in ({"true", "false"}, {"MASSES", "PARTY_MEMBER"})
        masked = await only_finding(gateway, mint(without=["pii:read"]))
        assert masked == finding | dict.fromkeys(SIDES) | {"masked": True}


MASKED: list[tuple[Any, Any, Any, dict[str, Any]]] = [
    (OWNER, {}, {}, {"registered": "199****0002"}),
    (TENANT, {}, {"name": "李强"}, {"registered": "李*", "registeredLabel": {"en": "李*", "zh": "李*"}}),
    (TENANT, {"company_name": "李记 联系19900000001"}, {}, {"submitted": "李记 联系199****0001"}),
]


async def test_finding_is_masked_like_its_field(gateway, sandbox, mint):
    for binding, submitted, registered, shown in MASKED:
        review = clean_review(sandbox)
        review.type, review.role = binding
        resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
        review.applicant = replace(review.applicant, **submitted)
        resident.person = replace(resident.person, **registered)
        finding = await only_finding(gateway, mint(without=["pii:read"]))
        assert finding == finding | shown | {"masked": True}


@pytest.mark.usefixtures("execution")
async def test_values_of_enums_have_labels_in_both_languages(gateway, sandbox, review, mint):
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    resident.residencies[0] = replace(resident.residencies[0], house=review.house, role="业主")
    review.applicant = replace(review.applicant, nation="木匠", political_status="党员")
    resident.person = replace(resident.person, nation="土家", political_status="群众")
    status = {
        "submittedLabel": {"en": "Member of the Communist Party", "zh": "党员"},
        "registeredLabel": {"en": "Member of no party", "zh": "群众"},
    }
    nations = {"submittedLabel": {"en": "木匠", "zh": "木匠"}, "registeredLabel": {"en": "土家", "zh": "土家"}}
    roles = {
        "submittedLabel": {"en": "Tenant, or a tenant's family", "zh": "租客"},
        "registeredLabel": {"en": "Owner in person", "zh": "业主"},
    }
    withheld = dict.fromkeys(status)

    for token, shown in ((None, status), (mint(without=["pii:read"]), withheld)):
        found = (await verification(gateway, token))["findings"]
        labels = {each["submitted"]: {name: each[name] for name in status} for each in found}
        assert labels == {"木匠": nations, "TENANT": roles, "PARTY_MEMBER" if token is None else None: shown}


async def test_wrong_check_digit_is_a_finding(gateway, sandbox, review, mint):
    wrong = review.applicant.id_card[:-1] + ("0" if review.applicant.id_card[-1] != "0" else "1")
    resident = sandbox.world.residents[review.applicant.name, review.applicant.phone]
    review.applicant = resident.person = replace(review.applicant, id_card=wrong)
    finding = await only_finding(gateway)
    assert (finding["code"], finding["severity"], finding["submitted"]) == ("ID_CARD_INVALID", "WARNING", wrong)
    assert wrong not in str(await only_finding(gateway, mint(without=["pii:read"])))


SPELLINGS = ("199 0000-0001", "+86 199 0000 0001", "008619900000001", "86-199-0000-0001", "(+86)１９９0000０００１")


async def test_phones_are_compared_without_blanks_and_country_code(gateway, sandbox):
    for spelt, known in product(SPELLINGS, ("19900000001", "199 00000001")):
        review = clean_review(sandbox)
        review.type, review.role = OWNER
        review.applicant = replace(sandbox.world.residents["李明", "19900000001"].person, phone=spelt)
        review.house.owner = replace(review.house.owner, phone=known)
        verified = await verification(gateway)
        assert verified["registered"] == {"name": "李明"}, spelt
        assert {*codes(verified)} <= {"ID_CARD_INVALID", "ALREADY_BOUND"}, spelt


async def test_phone_of_other_owner_is_in_the_trail_of_the_house(gateway, review):
    review.type, review.role = "业主绑定", "业主"
    house = gateway.parts.ids.encode("House", "10002", 1, 1, 1, 101)
    finding = '{ shenhes(communityCode: "10002", first: 1) { nodes { verification { findings { %s } } } } }'
    trail = "query($id: ID) { reveals(recordId: $id, first: 5) { nodes { typeName fields } } }"
    owners = {"typeName": "House", "fields": ["owner.phone"]}
    for value, fields in (
        ("submittedLabel { zh }", []),
        ("registered", [owners]),
        ("registeredLabel { en }", [owners] * 2),
    ):
        await gateway.ask(finding % value)
        await gateway.parts.trail.flush()
        assert (await gateway.ask(trail, {"id": house})).data["reveals"]["nodes"] == fields


HOUSE_101 = {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101", "people_house_role": "家属"}
BOUND = Found("ALREADY_BOUND", "WARNING", "content.house.role", "TENANT", "FAMILY")
MAY_BE_BOUND = Found("NOT_CHECKED", "WARNING", "content.house.role", None, None)
HOUSES: list[tuple[Any, list[Found]]] = [
    ([], []),
    ([HOUSE_101 | {"xiaoqu": "10002", "fangjian": "102"}], []),
    ([HOUSE_101 | {"xiaoqu": "00001", "fangjian": "101A"}], []),
    ([HOUSE_101 | {"xiaoqu": "10002", "fangjian": "101A"}], [MAY_BE_BOUND]),
    ([HOUSE_101 | {"xiaoqu": ""}], [MAY_BE_BOUND]),
    ([HOUSE_101 | {"xiaoqu": ""}, HOUSE_101 | {"xiaoqu": "10002"}], [BOUND]),
    *((odd, [MAY_BE_BOUND]) for odd in ("见前言", ["101"], None)),
]


async def test_unreadable_houses_may_mean_already_bound(gateway, sandbox, review):
    applicant = review.applicant
    names = {"people_name": applicant.name, "people_phone": applicant.phone, "people_idcard": applicant.id_card}
    for houses, found in HOUSES:
        send(sandbox, "SECURITY", "people", {"code": 0, "data": names | {"houses": houses}})
        assert found_in(await verification(gateway)) == found, houses


@pytest.mark.parametrize("endpoint", [None, "people", "owner"])
async def test_unavailable_security_platform_is_a_finding(gateway, sandbox, review, endpoint):
    """Of findings alone it is no error besides."""
    review.type, review.role = OWNER
    sandbox.faults.set("SECURITY", endpoint, Fault(FaultKind.HTTP_500))
    alone = '{ shenhes(communityCode: "10002", first: 1) { nodes { verification { findings { code severity } } } } }'
    findings = (await gateway.ask(alone)).data["shenhes"]["nodes"][0]["verification"]["findings"]
    answer = await gateway.ask(REVIEW)
    shown = answer.partial["shenhes"]["nodes"][0]["verification"]
    severities = {each["code"]: each["severity"] for each in shown["findings"]}
    assert severities["SECURITY_UNAVAILABLE"] == "BLOCKING"
    assert findings == [{"code": code, "severity": severity} for code, severity in severities.items()]
    assert set(severities) == {"SECURITY_UNAVAILABLE"} | ({"HOUSE_HAS_OTHER_OWNER"} if endpoint == "people" else set())
    failed = {"people": {"registered"}, "owner": {"owner"}, None: {"registered", "owner"}}[endpoint]
    assert {error["path"][-1] for error in answer.errors} == failed
    assert {error["extensions"]["platform"] for error in answer.errors} == {"SECURITY"}
    assert all(shown[field] is None for field in failed)
    assert all(shown[field] is not None for field in {"registered", "owner"} - failed)


async def test_unreadable_application_has_no_verification(gateway, sandbox, review):
    review.content = "见前言"
    sandbox.reset_calls()
    assert await verification(gateway) is None
    assert sandbox.count("SECURITY", "people") == 0


NO_PHONE, PEOPLE = {"people_name": "李明"}, applicant()
HOUSE = content_house(floor_number=1, house_number=101, people_house_role="租客")
NO_HOUSES: list[Any] = [None, {}, {**HOUSE, "house_number": None}, {**HOUSE, "house_number": "101A"}]
PARTS: list[tuple[str, Any, Any, set[str]]] = [
    ("租客绑定", NO_PHONE, HOUSE, {"content.people"}),
    ("业主绑定", NO_PHONE, HOUSE, {"content.people", "content.people.phone"}),
    *(("租客绑定", PEOPLE, house, {"content.house"}) for house in NO_HOUSES),
    # a change needs only the part that it is of
    *(("修改房屋数据", None, HOUSE, set()), ("修改个人信息", PEOPLE, None, set())),
]


async def test_part_without_lookup_data_is_not_checked(gateway, sandbox):
    for kind, people, house, unchecked in PARTS:
        review, parts = clean_review(sandbox), {"people": people, "house": house}
        review.type, review.content = kind, {name: part for name, part in parts.items() if part is not None}
        verified = await verification(gateway)
        assert {each.field for each in found_in(verified) if each.code == "NOT_CHECKED"} == unchecked, parts
        assert "HOUSE_HAS_OTHER_OWNER" not in codes(verified), parts
        for part, endpoint, found in (("content.people", "people", "registered"), ("content.house", "owner", "owner")):
            assert part not in unchecked or (sandbox.count("SECURITY", endpoint), verified[found]) == (0, None), parts
