"""Every field of the schema in every dialect; callers without `pii:read` see no personal number."""

import re
from base64 import urlsafe_b64decode

import pytest
from whole_schema import WholeSchema, output_fields

from gateway.sandbox.dialects.dialect import Dialect

EVERYTHING = WholeSchema()
WRITES = """
mutation Writes($number: String!) {
  setModule(input: {communityCode: "10002", name: REPAIRS, enabled: false}) { outcome }
  payCallback(input: {orderNumber: $number, shopNumber: "1900000109", weixinNumber: "4200000202"}) { outcome }
  createAnnouncement(input: {
    communityCode: "10002", title: "停水通知", content: "明日停水", idempotencyKey: "a"
  }) { outcome }
}
"""


MANAGED = ("10002", "00001", "00002", "10003")
"""The platform refuses the gateway's account all others."""

OTHERS = [dialect for dialect in Dialect if dialect is not Dialect.MIXED]


@pytest.fixture(params=[Dialect.MIXED, *(pytest.param(each, marks=pytest.mark.slow) for each in OTHERS)])
def dialect(request):
    return request.param


@pytest.fixture
def environ(environ):
    large = {"GATEWAY_COST_LIMIT": "10000000", "GATEWAY_CALL_RATE_LIMIT": "10000000"}
    return environ | {"GATEWAY_MAX_DEPTH": "20"} | large  # no person asks for all at once


@pytest.fixture
async def written(gateway, sandbox):
    """So that there are operations, payments and announcements to read."""
    answer = await gateway.ask(WRITES, {"number": sandbox.world.orders[20].number})
    assert {payload["outcome"] for payload in answer.data.values()} == {"CONFIRMED"}


def numbers_of_people(world):
    people = [resident.person for resident in world.residents.values()]
    people += [member.person for houses in world.houses.values() for house in houses for member in house.members]
    people += [review.applicant for review in world.shenhes.values()]
    people += [order.payer for order in world.orders.values() if order.payer]
    numbers = {number for person in people for number in (person.phone, person.id_card)}
    return numbers | {repair.phone for repair in world.repairs.values()}


def names_of_people(world):
    return {resident.person.name for resident in world.residents.values()}


def found_in(wanted, text):
    return {value for value in wanted if value in text}


def decode_ids(text):
    """What anybody can read out of the ids in a response."""
    ids = re.findall(r'"id":"([\w-]+)"', text)
    return " ".join(urlsafe_b64decode(each + "=" * (-len(each) % 4)).decode("latin-1") for each in ids)


def test_whole_schema_queries_cover_every_field():
    assert EVERYTHING.fields == output_fields()


async def test_every_field_is_answered_without_an_error(gateway, mint, written):
    managed = mint(communities=MANAGED)
    for _ in range(2):  # the second time by a plan
        answers = {
            name: await gateway.ask(query, token=managed if name in ("communities", "viewer") else None)
            for name, query in EVERYTHING.queries.items()
        }
        assert {name: answer.body["errors"] for name, answer in answers.items() if "errors" in answer.body} == {}
    assert {name for name, answer in answers.items() if answer.data[name] is None} == {"node", "operation"}


async def test_masked_caller_sees_no_number_or_name(gateway, sandbox, mint, written):
    token = mint(without=["pii:read"], communities=MANAGED)
    numbers, names = numbers_of_people(sandbox.world), names_of_people(sandbox.world)
    revealed = set()
    for name, query in EVERYTHING.queries.items():
        shown = await gateway.ask(query)
        revealed |= found_in(numbers, shown.response.text)
        assert found_in(numbers, decode_ids(shown.response.text)) == set(), name

        answer = await gateway.ask(query, token=token)

        assert "errors" not in answer.body, name
        assert found_in(numbers, answer.response.text) == set(), name
        assert found_in(names, answer.response.text) == set(), name
    assert len(revealed) > 30  # the same queries return them to callers with the right


ALL_RECORDS = """
query AllRecords($code: ID!) {
  shenhes(communityCode: $code, first: 100) { nodes {
    content { raw people { name phone idCard dataIssues { raw } } house { dataIssues { raw } } }
    houseIntroduction actionIntroduction rejectionReason dataIssues { raw }
    verification { registered { phone idCard dataIssues { raw } } owner { phone dataIssues { raw } }
                   findings { code submitted registered } } } }
  orders(communityCode: $code, first: 100) { nodes {
    title remark details { value } address dataIssues { raw } house { owner { phone dataIssues { raw } } } } }
  repairs(communityCode: $code, first: 100) { nodes {
    location description reply dataIssues { raw }
    reporter { name phone people { phone idCard residencies { members { phone idCard } } } } } }
}
"""


async def test_records_show_masked_callers_no_number(gateway, sandbox, mint):
    token = mint(without=["pii:read"])
    numbers = numbers_of_people(sandbox.world)
    for code in MANAGED:
        answer = await gateway.ask(ALL_RECORDS, {"code": code}, token=token)
        assert all(len(answer.data[name]["nodes"]) >= 10 for name in ("shenhes", "orders", "repairs"))
        assert found_in(numbers, answer.response.text) == set()


async def test_masked_fields_are_listed(gateway, mint):
    query = """
    { people(name: "王芳", phone: "19900000002") {
        name phone idCard birthDate registeredAddress photo politicalStatus isVeteran receivesSubsistenceAllowance
        isPetitioner sex nation jobName maskedFields } }
    """
    shown = (await gateway.ask(query)).data["people"]
    masked = (await gateway.ask(query, token=mint(without=["pii:read"]))).data["people"]
    changed = {field for field in shown if field != "maskedFields" and shown[field] != masked[field]}
    assert shown["maskedFields"] == []
    assert set(masked["maskedFields"]) == changed
    assert (masked["name"], masked["phone"], masked["idCard"]) == ("王*", "199****0002", "999302********2226")
    assert (masked["birthDate"], masked["photo"], masked["isPetitioner"]) == (None, None, None)
