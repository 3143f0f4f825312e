"""Callers with few rights: missing scopes are errors, other communities are null, the rest is unchanged."""

import json

import pytest

from gateway.sandbox.faults import Fault, FaultKind

FIELDS = """
{
  viewer { subject scopes communityCodes }
  community(code: "10002") {
    code
    modules { name }
    moduleDrift { name }
    shenhes(first: 2) { nodes { id canReview verification { findings { code } } } }
    orders(first: 2) { nodes { number house { owner { phone } } notification { state } } }
    repairs(first: 2) { nodes { id reporter { people { name } } } }
    house(building: 1, unit: 1, floor: 1, room: 101) { address }
    summary { pendingShenhes unpaidOrders openRepairs disabledModules }
  }
  people(name: "王芳", phone: "19900000002") { name }
  payments { totalCount }
  operations { totalCount }
  announcements(communityCode: "10002") { totalCount }
}
"""
NEEDS = {
    "people:read": {
        "community.shenhes.nodes.verification",
        "community.orders.nodes.house",
        "community.repairs.nodes.reporter.people",
        "community.house",
        "people",
    },
    "shenhe:read": {"community.shenhes", "community.summary.pendingShenhes"},
    "order:read": {"community.orders", "community.summary.unpaidOrders"},
    "repair:read": {"community.repairs", "community.summary.openRepairs"},
    "module:read": {"community.modules", "community.moduleDrift", "community.summary.disabledModules"},
    "payment:read": {"payments", "community.orders.nodes.notification"},
    "operation:read": {"operations"},
    "announcement:read": {"announcements"},
}
"""For each scope the fields of the query above that need it, wherever they stand."""


def paths(answer):
    return {".".join(part for part in error["path"] if isinstance(part, str)) for error in answer.errors}


def called(sandbox):
    return {endpoint for _, endpoint in sandbox.counts()}


async def test_missing_scope_is_named_at_its_field(gateway, sandbox, mint):
    answer = await gateway.ask(FIELDS, token=mint("shenhe:read", "order:read", "repair:read"))
    missing = {
        ".".join(part for part in error["path"] if isinstance(part, str)): error["extensions"]["missingScope"]
        for error in answer.errors
    }
    granted = {"shenhe:read", "order:read", "repair:read"}
    assert missing == {path: scope for scope, where in NEEDS.items() if scope not in granted for path in where}
    assert called(sandbox) == {"secret", "shenheList", "order/list", "repair/list"}


async def test_own_community_reads_the_same_as_for_everyone(gateway, mint):
    query = """
    { communities { code } community(code: "00001") { shenhes(first: 3) { nodes { id platformId } }
        orders(first: 3) { nodes { id number house { owner { phone } } } } modules { name enabled }
        moduleDrift { name } repairs(first: 3) { nodes { id } } } }
    """
    own = (await gateway.ask(query, token=mint(communities=["00001"]))).data
    whole = (await gateway.ask(query)).data
    assert own["community"] == whole["community"]
    assert own["communities"] == [{"code": "00001"}]
    assert {"00001", "10003"} <= {community["code"] for community in whole["communities"]}


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


@pytest.mark.parametrize(
    ("houses", "own"), [([*HOUSES, []], 1), (HOUSES[0], 0), (json.dumps(HOUSES)[:-1], 0)], ids=["one", "object", "cut"]
)
async def test_unreadable_houses_hide_foreign_communities(gateway, sandbox, mint, houses, own):
    person = {"people_name": "王芳", "people_phone": "19900000002", "houses": houses}
    body = json.dumps({"code": 0, "data": person}).encode()
    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.BODY, body=body))
    query = """{ people(name: "王芳", phone: "19900000002") {
        residencies { house { communityCode } } dataIssues { field raw masked } } }"""

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


async def test_viewer_is_described_by_the_token(gateway, mint):
    query = "{ viewer { subject scopes communityCodes } }"
    answer = await gateway.ask(query, token=mint("order:read", "people:read", communities=["10002", "00001"]))
    assert answer.data["viewer"] == {
        "subject": "lin",
        "scopes": ["order:read", "people:read"],
        "communityCodes": ["10002", "00001"],
    }
    assert (await gateway.ask(query)).data["viewer"]["communityCodes"] is None
