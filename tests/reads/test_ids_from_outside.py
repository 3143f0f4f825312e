"""Forged ids and ids of other communities are answered like unknown ones."""

import pytest

ALL_IDS = """
mutation Written { setModule(input: {communityCode: "10002", name: REPAIRS, enabled: false}) { operation { id } }
  payCallback(input: {orderNumber: "%s", shopNumber: "1900000109", weixinNumber: "4200000202"}) { payment { id } }
  createAnnouncement(input: {communityCode: "10002", title: "停水", content: "明日停水", idempotencyKey: "a"}) {
    announcement { id } } }
"""
LISTED = """
{ community(code: "10002") { id modules { id } shenhes(first: 1) { nodes { id } } orders(first: 1) { nodes { id } }
    repairs(first: 1) { nodes { id } } house(building: 1, unit: 1, floor: 1, room: 101) { id } } }
"""
READS = """
query Reads($id: ID!) {
  node(id: $id) { id __typename }
  nodes(ids: [$id, $id]) { id __typename }
  shenhe(id: $id) { id status }
  repair(id: $id) { id status }
  operation(id: $id) { id mutation }
}
"""
PAYLOAD = "outcome userErrors { code field message }"
WRITES = f"""
mutation Writes($id: ID!) {{
  approveShenhe(input: {{id: $id}}) {{ {PAYLOAD} shenhe {{ id }} }}
  rejectShenhe(input: {{id: $id, reason: "无"}}) {{ {PAYLOAD} shenhe {{ id }} }}
  approveShenhes(input: {{ids: [$id]}}) {{ results {{ {PAYLOAD} shenhe {{ id }} }} }}
  rejectShenhes(input: {{ids: [$id], reason: "无"}}) {{ results {{ {PAYLOAD} shenhe {{ id }} }} }}
  updateRepairs(input: {{ids: [$id], status: RESOLVED}}) {{ results {{ {PAYLOAD} repair {{ id }} }} }}
  updateRepair(input: {{id: $id, status: RESOLVED}}) {{ {PAYLOAD} repair {{ id }} }}
  retryPayment(id: $id) {{ {PAYLOAD} payment {{ id }} }}
}}
"""
ALL_NULL = {"node": None, "nodes": [None, None], "shenhe": None, "repair": None, "operation": None}
TYPES = ["Community", "Module", "Shenhe", "Order", "Repair", "House", "Operation", "Payment", "Announcement"]
FORGED_ID = "AZOlT3JkZXKlMTAwMDIBovBO2ukzsp5klCnPibSumQ"


@pytest.fixture
async def ids(gateway, sandbox):
    """An id of each type, of community 10002; of the payment, of no community yet."""
    number = sandbox.world.orders_of["10002"][-1].number
    written = (await gateway.ask(ALL_IDS % number)).data
    listed = (await gateway.ask(LISTED)).data["community"]
    sandbox.reset_calls()
    sandbox.effects.clear()
    return {
        "Community": listed["id"],
        "Module": listed["modules"][0]["id"],
        "House": listed["house"]["id"],
        "Shenhe": listed["shenhes"]["nodes"][0]["id"],
        "Order": listed["orders"]["nodes"][0]["id"],
        "Repair": listed["repairs"]["nodes"][0]["id"],
        "Operation": written["setModule"]["operation"]["id"],
        "Payment": written["payCallback"]["payment"]["id"],
        "Announcement": written["createAnnouncement"]["announcement"]["id"],
    }


def refused(payload):
    return payload["outcome"] == "REFUSED" and {error["code"] for error in payload["userErrors"]} == {"NOT_FOUND"}


def payloads(data):
    for payload in data.values():
        yield from payload.get("results", [payload])


@pytest.mark.parametrize("type_name", TYPES)
async def test_foreign_id_is_answered_like_a_made_up_one(gateway, sandbox, mint, ids, type_name):
    stranger = mint(communities=["00001"])
    read = await gateway.ask(READS, {"id": ids[type_name]}, token=stranger)
    written = await gateway.ask(WRITES, {"id": ids[type_name]}, token=stranger)

    assert read.data == ALL_NULL
    assert all(refused(payload) for payload in payloads(written.data))
    assert written.data == (await gateway.ask(WRITES, {"id": FORGED_ID}, token=stranger)).data
    assert sandbox.calls == []
    assert sandbox.effects.all() == []


@pytest.mark.parametrize("type_name", TYPES)
async def test_id_of_one_type_is_not_accepted_for_another(gateway, sandbox, ids, type_name):
    data = (await gateway.ask(READS, {"id": ids[type_name]})).data
    assert data["node"]["__typename"] == type_name
    for root, of in (("shenhe", "Shenhe"), ("repair", "Repair"), ("operation", "Operation")):
        assert (data[root] is not None) == (of == type_name)

    if type_name not in ("Shenhe", "Repair", "Payment"):
        written = await gateway.ask(WRITES, {"id": ids[type_name]})
        assert all(refused(payload) for payload in payloads(written.data))
    assert sandbox.effects.all() == []


async def test_platform_number_needs_all_communities(gateway, sandbox, mint):
    numbers = {str(number) for number in (*sandbox.world.shenhes, *sandbox.world.repairs)}
    for number in sorted(numbers)[:5]:
        read = await gateway.ask(READS, {"id": number}, token=mint(communities=["10002", "00001"]))
        assert read.data == ALL_NULL
    assert sandbox.calls == []


NEW = {
    "createOrder": '{communityCode: "10002", title: "物业费", amount: "1", idempotencyKey: "k1", '
    "payer: {house: {building: 1, unit: 1, floor: 1, room: 101}}}",
    "createAnnouncement": '{communityCode: "10002", title: "停水", content: "明日停水", idempotencyKey: "k2"}',
    "setModule": '{communityCode: "10002", name: REPAIRS, enabled: false, idempotencyKey: "k3"}',
    "syncModules": '{communityCode: "10002", dryRun: false, idempotencyKey: "k4"}',
}
SHOWN = {
    "createOrder": "order { id }",
    "createAnnouncement": "announcement { id }",
    "setModule": "module { id }",
    "syncModules": "modules { id }",
}
PAYLOAD_FIELDS = {"createOrder": "orderNumber", "syncModules": "changes { name }"}
"""What a payload contains besides the record."""


@pytest.mark.parametrize("mutation", NEW)
async def test_write_to_a_foreign_community_sends_nothing(gateway, sandbox, mint, mutation):
    document = f"mutation {{ {mutation}(input: {NEW[mutation]}) {{ {PAYLOAD} {SHOWN[mutation]} }} }}"
    payload = (await gateway.ask(document, token=mint(communities=["00001"]))).data[mutation]

    assert payload["outcome"] == "REFUSED"
    assert [error["code"] for error in payload["userErrors"]] == ["FORBIDDEN_COMMUNITY"]
    assert payload[SHOWN[mutation].split()[0]] is None
    assert sandbox.calls == []


@pytest.mark.parametrize("mutation", NEW)
async def test_replay_hides_records_of_a_lost_community(gateway, sandbox, mint, mutation):
    shown = f"{SHOWN[mutation]} {PAYLOAD_FIELDS.get(mutation, '')}"
    document = f"mutation {{ {mutation}(input: {NEW[mutation]}) {{ outcome {shown} }} }}"
    first = (await gateway.ask(document, token=mint(communities=["10002"]))).data[mutation]
    assert None not in first.values()
    sandbox.reset_calls()

    again = (await gateway.ask(document, token=mint(communities=["00001"]))).data[mutation]

    assert again == {**dict.fromkeys(first), "outcome": first["outcome"]}
    assert sandbox.calls == []
