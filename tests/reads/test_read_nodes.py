"""Every node type is read by its id; forged and foreign ids are null."""

from itertools import product

import pytest
from records import read_record_ids

NODE = """query Node($id: ID!) { node(id: $id) { __typename id
  ... on Community { code } ... on Module { label communityCode enabled }
  ... on Shenhe { platformId mayBe: communityCode content { people { name } } }
  ... on Order { number communityCode title } ... on Repair { platformId mayBe: communityCode reportedAt }
  ... on House { address communityCode owner { phone } } ... on Payment { orderNumber mayBe: communityCode }
  ... on Announcement { title communityCode }
  ... on Operation { mutation mayBe: communityCode result { __typename id } } } }"""
TYPES = ("Community", "Module", "Shenhe", "Order", "Repair", "House", "Payment", "Announcement", "Operation")


@pytest.fixture
async def ids(gateway, sandbox):
    return await read_record_ids(gateway.ask, "10002", sandbox.world.orders_of["10002"][-1].number)


async def node(gateway, node_id, token=None):
    return (await gateway.ask(NODE, {"id": node_id}, token=token)).data["node"]


async def test_every_node_type_is_read_by_its_id(gateway, sandbox, ids):
    review = next(review for review in sandbox.world.shenhes_of["10002"] if review.status == 2)
    found = {name: await node(gateway, node_id) for name, node_id in ids.items()}
    assert set(found) == set(TYPES)
    for name, record in found.items():
        assert (record["__typename"], record["id"]) == (name, ids[name])
        assert record.get("communityCode", record.get("mayBe")) == (None if name == "Community" else "10002")
    assert found["Community"]["code"] == "10002"
    assert found["Shenhe"]["platformId"] == review.id
    assert found["Order"]["number"] == sandbox.world.orders_of["10002"][-1].number
    assert found["House"]["address"] == "10002 1栋1单元1楼101号"
    assert found["House"]["owner"] == {"phone": "19900000002"}
    assert found["Payment"]["orderNumber"] == sandbox.world.orders_of["10002"][-1].number
    assert found["Operation"]["result"]["__typename"] == "Announcement"

    asked = [ids["Order"], "nothing", ids["Shenhe"], ids["Order"], "3"]
    answer = await gateway.ask("query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", {"ids": asked})
    returned = [record and record["id"] for record in answer.data["nodes"]]
    assert returned == [ids["Order"], None, ids["Shenhe"], ids["Order"], None]
    assert (await gateway.ask("{ nodes(ids: []) { id } }")).data == {"nodes": []}

    del sandbox.world.shenhes[review.id]
    sandbox.world.orders_of["10002"].pop()
    assert await node(gateway, ids["Shenhe"]) is None
    assert await node(gateway, ids["Order"]) is None


async def test_basement_is_read_by_its_id(gateway):
    basement = gateway.parts.ids.encode("House", "10002", 1, 1, -1, -101)
    assert (await node(gateway, basement))["address"] == "10002 1栋1单元-1楼-101号"


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


async def test_unknown_number_is_null(gateway):
    numbers = (("999999", None), ("0", None), ("00000000000000003", {"platformId": 3}))
    for field, (number, found) in product(("shenhe", "repair"), numbers):
        assert await gateway.read(f'{{ {field}(id: "{number}") {{ platformId }} }}') == found


READS = """query Reads($id: ID!) { node(id: $id) { id __typename } nodes(ids: [$id, $id]) { id __typename }
  shenhe(id: $id) { id status } repair(id: $id) { id status } operation(id: $id) { id mutation } }"""
REFUSED = "outcome userErrors { code }"
WRITES_BY_ID = f"""mutation Writes($id: ID!) {{
  approveShenhe(input: {{id: $id}}) {{ {REFUSED} }}
  rejectShenhe(input: {{id: $id, reason: "无"}}) {{ {REFUSED} }}
  approveShenhes(input: {{ids: [$id]}}) {{ results {{ {REFUSED} }} }}
  rejectShenhes(input: {{ids: [$id], reason: "无"}}) {{ results {{ {REFUSED} }} }}
  updateRepairs(input: {{ids: [$id], status: RESOLVED}}) {{ results {{ {REFUSED} }} }}
  updateRepair(input: {{id: $id, status: RESOLVED}}) {{ {REFUSED} }}
  retryPayment(id: $id) {{ {REFUSED} }} }}"""
ALL_NULL = {"node": None, "nodes": [None, None], "shenhe": None, "repair": None, "operation": None}
NO_RECORD = {"outcome": "REFUSED", "userErrors": [{"code": "NOT_FOUND"}]}


async def test_id_of_one_type_is_not_accepted_for_another(gateway, sandbox, ids):
    sandbox.effects.clear()
    for type_name in TYPES:
        data = (await gateway.ask(READS, {"id": ids[type_name]})).data
        assert data["node"]["__typename"] == type_name
        for root, of in (("shenhe", "Shenhe"), ("repair", "Repair"), ("operation", "Operation")):
            assert (data[root] is not None) == (of == type_name)
        if type_name not in ("Shenhe", "Repair", "Payment"):
            for payload in (await gateway.ask(WRITES_BY_ID, {"id": ids[type_name]})).data.values():
                assert payload.get("results", [payload]) == [NO_RECORD]
    assert {effect.endpoint for effect in sandbox.effects.all()} <= {"callback"}  # of the payment, some time later


async def test_platform_number_needs_all_communities(gateway, sandbox, mint):
    numbers = {str(number) for number in (*sandbox.world.shenhes, *sandbox.world.repairs)}
    for number in sorted(numbers)[:5]:
        read = await gateway.ask(READS, {"id": number}, token=mint(communities=["10002", "00001"]))
        assert read.data == ALL_NULL
    assert sandbox.calls == []


CHARGE = 'title: "物业费", amount: "1", payer: {house: {building: 1, unit: 1, floor: 1, room: 101}}'
NEW = {
    "createOrder": (CHARGE, "order { id } orderNumber"),
    "createAnnouncement": ('title: "停水", content: "明日停水"', "announcement { id }"),
    "setModule": ("name: REPAIRS, enabled: false", "module { id }"),
    "syncModules": ("dryRun: false", "modules { id } changes { name }"),
}


async def test_replay_hides_records_of_a_lost_community(gateway, sandbox, mint):
    for mutation, (given, shown) in NEW.items():
        common = f'communityCode: "10002", idempotencyKey: "{mutation}"'
        document = f"mutation {{ {mutation}(input: {{{given}, {common}}}) {{ outcome {shown} }} }}"
        first = await gateway.read(document, token=mint(communities=["10002"]))
        assert None not in first.values()
        sandbox.reset_calls()
        again = await gateway.read(document, token=mint(communities=["00001"]))
        assert again == {**dict.fromkeys(first), "outcome": first["outcome"]}
        assert sandbox.calls == []
