"""Every node type is read by its id; forged and foreign ids are null."""

import pytest

from gateway.sandbox.faults import Fault, FaultKind

WRITES = """
mutation Writes($number: String!) {
  setModule(input: {communityCode: "10002", name: REPAIRS, enabled: false}) { operation { id } }
  payCallback(input: {orderNumber: $number, shopNumber: "1900000109", weixinNumber: "4200000202"}) { payment { id } }
  createAnnouncement(input: {communityCode: "10002", title: "停水", content: "明日", idempotencyKey: "a"}) {
    announcement { id }
  }
}
"""
IDS = """
{ community(code: "10002") {
    id
    modules { id }
    shenhes(first: 2) { nodes { id } }
    orders(first: 2) { nodes { id } }
    repairs(first: 2) { nodes { id } }
    house(building: 1, unit: 1, floor: 1, room: 101) { id }
} }
"""
NODE = """
query Node($id: ID!) { node(id: $id) {
  __typename id
  ... on Community { code }
  ... on Module { label communityCode enabled }
  ... on Shenhe { platformId mayBe: communityCode content { people { name } } }
  ... on Order { number communityCode title }
  ... on Repair { platformId mayBe: communityCode reportedAt }
  ... on House { address communityCode owner { phone } }
  ... on Payment { orderNumber mayBe: communityCode }
  ... on Announcement { title communityCode }
  ... on Operation { mutation mayBe: communityCode result { __typename id } }
} }
"""
TYPES = ("Community", "Module", "Shenhe", "Order", "Repair", "House", "Payment", "Announcement", "Operation")


@pytest.fixture
async def ids(gateway, sandbox):
    """An id of each type."""
    community = (await gateway.ask(IDS)).data["community"]
    written = (await gateway.ask(WRITES, {"number": sandbox.world.orders[20].number})).data
    return {
        "Community": community["id"],
        "Module": community["modules"][0]["id"],
        "Shenhe": community["shenhes"]["nodes"][1]["id"],
        "Order": community["orders"]["nodes"][1]["id"],
        "Repair": community["repairs"]["nodes"][1]["id"],
        "House": community["house"]["id"],
        "Payment": written["payCallback"]["payment"]["id"],
        "Announcement": written["createAnnouncement"]["announcement"]["id"],
        "Operation": written["setModule"]["operation"]["id"],
    }


async def node(gateway, node_id, token=None):
    return (await gateway.ask(NODE, {"id": node_id}, token=token)).data["node"]


async def test_every_node_type_is_read_by_its_id(gateway, sandbox, ids):
    found = {name: await node(gateway, node_id) for name, node_id in ids.items()}
    assert tuple(found) == TYPES
    for name, record in found.items():
        assert (record["__typename"], record["id"]) == (name, ids[name])
        code = None if name in ("Community", "Payment") else "10002"  # no list has shown the order of the payment yet
        assert record.get("communityCode", record.get("mayBe")) == code
    assert found["Community"]["code"] == "10002"
    assert found["Shenhe"]["platformId"] == sandbox.world.shenhes_of["10002"][1].id
    assert found["Order"]["number"] == sandbox.world.orders_of["10002"][-2].number
    assert found["House"]["address"] == "10002 1-1-1-101"
    assert found["House"]["owner"] == {"phone": "19900000002"}
    assert found["Payment"]["orderNumber"] == sandbox.world.orders[20].number
    assert found["Operation"]["result"]["__typename"] == "Module"


async def test_node_types_match_the_schema(gateway):
    query = '{ __type(name: "Node") { possibleTypes { name } } }'
    assert {each["name"] for each in (await gateway.ask(query)).data["__type"]["possibleTypes"]} == set(TYPES)


async def test_nodes_are_returned_in_order_with_nulls(gateway, ids):
    asked = [ids["Order"], "nothing", ids["Shenhe"], ids["Order"], "3"]
    answer = await gateway.ask("query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", {"ids": asked})
    found = [record and record["id"] for record in answer.data["nodes"]]
    assert found == [ids["Order"], None, ids["Shenhe"], ids["Order"], None]
    assert (await gateway.ask("{ nodes(ids: []) { id } }")).data == {"nodes": []}


async def test_ids_of_people_are_no_nodes(gateway, sandbox):
    query = '{ people(name: "王芳", phone: "19900000002") { id residencies { members { id } } } }'
    people = (await gateway.ask(query)).data["people"]
    member_ids = [member["id"] for residency in people["residencies"] for member in residency["members"]]
    assert len(set(member_ids)) == len(member_ids) == 4
    assert (await gateway.ask(query)).data["people"] == people
    sandbox.reset_calls()
    for hashed in (people["id"], *member_ids):
        assert await node(gateway, hashed) is None
    assert sandbox.calls == []


@pytest.mark.parametrize("field", ["shenhe", "repair"])
@pytest.mark.parametrize("number", ["999999", "0", "00000000000000003"])
async def test_unknown_number_is_null(gateway, field, number):
    answer = await gateway.ask(f'{{ {field}(id: "{number}") {{ platformId }} }}')
    assert answer.data[field] in (None, {"platformId": 3})
    assert (answer.data[field] is None) == (int(number) != 3)


async def test_missing_record_is_null(gateway, sandbox, ids):
    review = sandbox.world.shenhes_of["10002"][1]
    del sandbox.world.shenhes[review.id]
    sandbox.world.orders_of["10002"].pop(-2)
    assert await node(gateway, ids["Shenhe"]) is None
    assert await node(gateway, ids["Order"]) is None


async def test_failed_node_does_not_affect_the_others(gateway, sandbox, ids):
    sandbox.faults.set("WJDH", "shenhe", Fault(FaultKind.HTTP_500))
    answer = await gateway.ask(
        "query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [ids["Shenhe"], ids["House"]]}
    )
    assert answer.partial["nodes"] == [None, {"id": ids["House"]}]
    assert answer.error["path"] == ["nodes", 0]
    assert answer.code == "UPSTREAM_PROTOCOL"


READS = """
query Reads($id: ID!) {
  node(id: $id) { id __typename }
  nodes(ids: [$id, $id]) { id __typename }
  shenhe(id: $id) { id status }
  repair(id: $id) { id status }
  operation(id: $id) { id mutation }
}
"""
REFUSED = "outcome userErrors { code }"
WRITES_BY_ID = f"""
mutation Writes($id: ID!) {{
  approveShenhe(input: {{id: $id}}) {{ {REFUSED} }}
  rejectShenhe(input: {{id: $id, reason: "无"}}) {{ {REFUSED} }}
  approveShenhes(input: {{ids: [$id]}}) {{ results {{ {REFUSED} }} }}
  rejectShenhes(input: {{ids: [$id], reason: "无"}}) {{ results {{ {REFUSED} }} }}
  updateRepairs(input: {{ids: [$id], status: RESOLVED}}) {{ results {{ {REFUSED} }} }}
  updateRepair(input: {{id: $id, status: RESOLVED}}) {{ {REFUSED} }}
  retryPayment(id: $id) {{ {REFUSED} }}
}}
"""
ALL_NULL = {"node": None, "nodes": [None, None], "shenhe": None, "repair": None, "operation": None}


def refused(payload):
    return payload["outcome"] == "REFUSED" and {error["code"] for error in payload["userErrors"]} == {"NOT_FOUND"}


def payloads(data):
    for payload in data.values():
        yield from payload.get("results", [payload])


@pytest.mark.parametrize("type_name", TYPES)
async def test_id_of_one_type_is_not_accepted_for_another(gateway, sandbox, ids, type_name):
    sandbox.effects.clear()
    data = (await gateway.ask(READS, {"id": ids[type_name]})).data
    assert data["node"]["__typename"] == type_name
    for root, of in (("shenhe", "Shenhe"), ("repair", "Repair"), ("operation", "Operation")):
        assert (data[root] is not None) == (of == type_name)

    if type_name not in ("Shenhe", "Repair", "Payment"):
        written = await gateway.ask(WRITES_BY_ID, {"id": ids[type_name]})
        assert all(refused(payload) for payload in payloads(written.data))
    assert {effect.endpoint for effect in sandbox.effects.all()} <= {"callback"}  # of the payment, some time later


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
async def test_replay_hides_records_of_a_lost_community(gateway, sandbox, mint, mutation):
    shown = f"{SHOWN[mutation]} {PAYLOAD_FIELDS.get(mutation, '')}"
    document = f"mutation {{ {mutation}(input: {NEW[mutation]}) {{ outcome {shown} }} }}"
    first = (await gateway.ask(document, token=mint(communities=["10002"]))).data[mutation]
    assert None not in first.values()
    sandbox.reset_calls()

    again = (await gateway.ask(document, token=mint(communities=["00001"]))).data[mutation]

    assert again == {**dict.fromkeys(first), "outcome": first["outcome"]}
    assert sandbox.calls == []
