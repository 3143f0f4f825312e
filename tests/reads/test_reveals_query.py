"""`reveals`: who was shown whose personal data, as an auditor asks."""

import pytest
from broken_journal import broken

REVIEWS = """query Reviews($code: ID!, $first: Int!) {
  shenhes(communityCode: $code, first: $first) { nodes { id content { people { phone } } } } }"""
PERSON = """query Person { people(name: "王芳", phone: "19900000002") { id phone
  residencies { members { id phone } } } }"""
HOUSE = """query House { house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) {
  id owner { phone } } }"""
REVEALS = """query ($id: ID, $subject: String, $since: DateTime, $until: DateTime, $first: Int! = 20, $after: String) {
  reveals(recordId: $id, subject: $subject, since: $since, until: $until, first: $first, after: $after) {
    nodes { at subject recordId typeName fields operationName requestId }
    pageInfo { hasNextPage endCursor }
    totalCount } }"""


@pytest.fixture
def environ(environ, engine):
    return environ | engine


async def reveals(gateway, token=None, **variables):
    return (await gateway.ask(REVEALS, variables, token=token)).data["reveals"]


async def look_at(gateway, code="10002", first=3, token=None):
    """The ids of the reviews that were shown, and of the request."""
    answer = await gateway.ask(REVIEWS, {"code": code, "first": first}, token=token)
    return [node["id"] for node in answer.data["shenhes"]["nodes"]], answer.response.headers["x-request-id"]


async def test_reveals_are_one_for_each_record(gateway, mint):
    shown, request_id = await look_at(gateway, token=mint())
    await look_at(gateway)
    found = await reveals(gateway, subject="lin")
    assert [node["recordId"] for node in found["nodes"]] == shown
    assert found["totalCount"] == 3
    [said] = {
        (node["subject"], node["typeName"], *node["fields"], node["operationName"], node["requestId"])
        for node in found["nodes"]
    }
    assert said == ("lin", "Shenhe", "content.people.phone", "Reviews", request_id)
    assert (await reveals(gateway, until="2020-01-01T00:00:00Z"))["nodes"] == []
    assert (await reveals(gateway, since="2020-01-01T00:00:00Z"))["totalCount"] == 6


async def test_reveal_ids_lead_to_records_and_people(gateway, mint):
    person = (await gateway.ask(PERSON, token=mint())).data["people"]
    house = (await gateway.ask(HOUSE, token=mint())).data["house"]
    [review], _ = await look_at(gateway, first=1)
    members = [member["id"] for residency in person["residencies"] for member in residency["members"]]
    shown = {person["id"]: ("People", "phone"), house["id"]: ("House", "owner.phone")}
    shown |= {review: ("Shenhe", "content.people.phone")} | dict.fromkeys(members, ("Member", "phone"))
    for id_, (kind, field) in shown.items():
        found = (await reveals(gateway, id=id_))["nodes"]
        assert {(node["recordId"], node["typeName"], *node["fields"]) for node in found} == {(id_, kind, field)}
    assert {node["recordId"] for node in (await reveals(gateway))["nodes"]} == {*shown}


async def test_auditor_sees_the_reveals_of_own_communities_alone(gateway, mint):
    elsewhere, _ = await look_at(gateway, "00001", 2)
    here, _ = await look_at(gateway, "10002", 2)
    await gateway.ask(PERSON)
    auditor = mint("audit:read", communities=["10002"])
    found = await reveals(gateway, auditor)
    assert [node["recordId"] for node in found["nodes"]] == here
    assert found["totalCount"] == 2
    assert (await reveals(gateway, auditor, id=elsewhere[0]))["nodes"] == []
    assert (await reveals(gateway))["totalCount"] == 2 + 2 + 1 + 4  # with the members of the household


async def test_cursor_divides_a_page_of_records(gateway):
    await look_at(gateway, first=5)
    first = await reveals(gateway, first=2)
    await look_at(gateway, "00001", first=4)
    second = await reveals(gateway, first=2, after=first["pageInfo"]["endCursor"])
    third = await reveals(gateway, first=2, after=second["pageInfo"]["endCursor"])
    ids = [node["recordId"] for part in (first, second, third) for node in part["nodes"]]
    assert len(set(ids)) == 5
    assert third["pageInfo"]["hasNextPage"] is False
    everything = [node["recordId"] for node in (await reveals(gateway))["nodes"]]
    assert everything[4:] == ids


async def test_unwritable_trail_is_an_error(gateway):
    """Rather than a list that lacks what is not written yet."""
    await look_at(gateway)
    with broken(gateway.parts.journal.audit, "add"):
        answer = await gateway.ask(REVEALS)
    assert answer.partial == {"reveals": None}
