"""Every field of the schema in every dialect, which of them are masked, and what callers of few communities see."""

import json
from dataclasses import replace
from itertools import product

import pytest
from platform_answers import calls, send
from records import read_record_ids
from schema_routes import WholeSchema, output_fields
from test_audit_at_the_edge import by_record, trail

from gateway.sandbox.dialects.dialect import Dialect

EVERYTHING = WholeSchema()
MANAGED = ("10002", "00001", "00002", "10003")
"""The platform refuses the gateway's account all others."""

OTHERS = [dialect for dialect in Dialect if dialect is not Dialect.MIXED]


pytestmark = pytest.mark.settings(MAX_DEPTH="20", COST_LIMIT="10000000", CALL_RATE_LIMIT="10000000")


@pytest.fixture
async def written(gateway, sandbox):
    """So that there are operations, payments and announcements to read."""
    await read_record_ids(gateway.ask, "10002", sandbox.world.orders[20].number)


def test_whole_schema_queries_cover_every_field():
    assert EVERYTHING.fields == output_fields()


@pytest.mark.parametrize("dialect", [Dialect.MIXED, *(pytest.param(each, marks=pytest.mark.slow) for each in OTHERS)])
async def test_every_field_is_answered_without_an_error(gateway, sandbox, mint, written):
    """And costs no more calls than it is weighed by, and the trail holds no value that it has shown."""
    managed, empty = mint(communities=MANAGED), set()
    for (name, query), turn in product(EVERYTHING.queries.items(), range(2)):  # the second time by a plan
        sandbox.reset_calls()
        answer = await gateway.ask(query, token=managed if name in ("communities", "viewer") else None)
        if answer.data[name] is None:
            empty.add(name)
        assert calls(sandbox).total() <= answer.body["extensions"]["cost"]["requested"], (name, turn)
    assert empty == {"node", "operation"}
    people = [resident.person for resident in sandbox.world.residents.values()]
    people += [review.applicant for review in sandbox.world.shenhes.values()]
    values = {value for person in people for value in (person.name, person.phone, person.id_card, person.address)}
    text = "".join(map(repr, entries := await trail(gateway)))
    assert len(entries) > 10
    assert not any(value in text for value in values)


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


async def test_houses_of_foreign_communities_are_masked(gateway, mint):
    query = """
    { people(name: "王芳", phone: "19900000002") {
        name residencies { house { communityCode } } maskedFields
        orders(communityCode: "10002") { totalCount } } }
    """
    shown = (await gateway.ask(query)).data["people"]
    assert {each["house"]["communityCode"] for each in shown["residencies"]} == {"10002"}
    assert shown["maskedFields"] == []
    hidden = (await gateway.ask(query, token=mint(communities=["00001"]))).data["people"]
    assert hidden == {"name": "王芳", "residencies": [], "maskedFields": ["residencies"], "orders": None}


HOUSES = [
    {"xiaoqu": "10003", "louhao": 9, "danyuan": 9, "louceng": 9, "fangjian": 909, "people_house_role": "业主"},
    {"xiaoqu": "10002", "louhao": 1, "danyuan": 1, "louceng": 1, "fangjian": 101, "people_house_role": "业主"},
]


async def test_unreadable_houses_hide_foreign_communities(gateway, sandbox, mint):
    query = """{ people(name: "王芳", phone: "19900000002") {
        residencies { house { communityCode } } dataIssues { field raw masked } } }"""
    for houses, own in (([*HOUSES, []], 1), (HOUSES[0], 0), (json.dumps(HOUSES)[:-1], 0)):
        person = {"people_name": "王芳", "people_phone": "19900000002", "houses": houses}
        send(sandbox, "SECURITY", "people", {"code": 0, "data": person})
        answer = await gateway.ask(query, token=mint(communities=["10002"]))
        assert len(answer.data["people"]["residencies"]) == own
        assert answer.data["people"]["dataIssues"] == [{"field": "residencies", "raw": None, "masked": True}]
        (issue,) = (await gateway.ask(query)).data["people"]["dataIssues"]
        assert ("10003" in issue["raw"], issue["masked"]) == (True, False)


async def test_can_review_requires_the_review_scope(gateway, mint):
    query = '{ shenhes(communityCode: "10002", first: 30) { nodes { status canReview } } }'
    for token, may in ((mint(), True), (mint(without=["shenhe:review"]), False)):
        reviews = (await gateway.ask(query, token=token)).data["shenhes"]["nodes"]
        assert {(review["status"], review["canReview"]) for review in reviews} == {
            ("PENDING", may),
            ("APPROVED", False),
            ("REJECTED", False),
        }


PHONE, ID_NUMBER = "19900077777", "999302199211307777"
SPELT = f"联系 {PHONE} 或 199-0007-7777，证号 {ID_NUMBER}"

TEXTS = """query Texts {
  shenhes(communityCode: "10002", first: 100) { nodes { platformId rejectionReason content { raw
    people { nation jobName companyName registeredAddress maskedFields } } } }
  orders(communityCode: "10002", first: 100) { nodes { id title remark address details { name value } } }
  repairs(communityCode: "10002", first: 100) { nodes { id location description reply } } }"""
SHOWN = {
    "Shenhe": {
        "rejectionReason", "content.raw", "content.people.nation", "content.people.jobName",
        "content.people.companyName", "content.people.registeredAddress",
    },
    "Order": {"title", "remark", "details"},
    "Repair": {"location", "description", "reply"},
}  # fmt: skip


@pytest.fixture
async def spelt(gateway, sandbox):
    """A review, an order and a repair with numbers wherever text may stand."""
    world = sandbox.world
    review, order, repair = (rows["10002"][0] for rows in (world.shenhes_of, world.orders_of, world.repairs_of))
    review.applicant = replace(review.applicant, nation=SPELT, job_name=SPELT, company_name=SPELT, address=SPELT)
    review.refuse_reason = SPELT
    order.title = order.remark = SPELT
    order.extra = {SPELT: SPELT}
    repair.position = repair.description = repair.reply = SPELT
    return {"Shenhe": review.id, "Order": order.number, "Repair": repair.id}


def numbers_in(text):
    return [number for number in (PHONE, "199-0007-7777", ID_NUMBER) if number in text]


async def test_texts_show_masked_callers_no_number(gateway, mint, spelt):
    """What others are shown of them is audited by the field."""
    for _ in range(3):  # the third time by a plan
        answer = await gateway.ask(TEXTS, token=mint(without=["pii:read"]))
        assert numbers_in(answer.response.text) == []
        assert "199****7777" in answer.response.text
        for review in answer.data["shenhes"]["nodes"]:
            named = set(review["content"]["people"]["maskedFields"]) & {"nation", "jobName", "companyName"}
            has_numbers = review["platformId"] == spelt["Shenhe"]
            assert named == ({"nation", "jobName", "companyName"} if has_numbers else set())
    assert await trail(gateway) == []
    for _ in range(3):
        assert len(numbers_in((await gateway.ask(TEXTS, token=mint())).response.text)) == 3
    entries = await trail(gateway)
    shown = by_record(entries)
    for type_name, identifier in spelt.items():
        assert shown[type_name, "10002", str(identifier)] == SHOWN[type_name]
    # No text of another order held anything.
    assert {identifier for name, _, identifier in shown if name == "Order"} == {str(spelt["Order"])}
    assert not any(numbers_in(repr(entry)) for entry in entries)
