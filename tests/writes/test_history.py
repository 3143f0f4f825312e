"""`history` of records, and what `operations` and `payments` are filtered by, as clients see them."""

from typing import Any

import pytest
from journal_statements import Statements

from gateway.errors import JournalError
from gateway.wording.faults import FaultWording

HISTORY = "history { id mutation outcome subject subjectIsViewer timeline { state } }"
REVIEWS = (
    '{ shenhes(communityCode: "10002", filter: { status: PENDING }, first: 20) '
    "{ nodes { id platformId history { id mutation outcome } } } }"
)
REVIEW = f"query ($id: ID!) {{ shenhe(id: $id) {{ id {HISTORY} }} }}"
APPROVE = "mutation ($input: ApproveShenheInput!) { approveShenhe(input: $input) { outcome operation { id } } }"
REJECT = "mutation ($input: RejectShenheInput!) { rejectShenhe(input: $input) { outcome operation { id } } }"
CREATE = """mutation ($input: CreateOrderInput!) { createOrder(input: $input) {
  outcome orderNumber order { id history { mutation outcome } } } }"""
ANNOUNCE = """mutation ($input: CreateAnnouncementInput!) { createAnnouncement(input: $input) {
  outcome announcement { id history { mutation outcome } } } }"""
UPDATE = (
    "mutation ($input: UpdateRepairInput!) { updateRepair(input: $input) { outcome repair { history { mutation } } } }"
)
SET = "mutation ($input: SetModuleInput!) { setModule(input: $input) { outcome } }"
SYNC = "mutation ($input: SyncModulesInput!) { syncModules(input: $input) { outcome } }"
MODULES = '{ modules(communityCode: "00001") { id name history { mutation } } }'
OPERATION = "query ($id: ID!) { operation(id: $id) { id result { id } } }"
OPERATIONS = """query ($code: ID, $filter: OperationFilter, $after: String, $page: Int) {
  operations(communityCode: $code, filter: $filter, after: $after, page: $page, first: 2) {
    nodes { id mutation outcome subject } pageInfo { hasNextPage endCursor page } } }"""
TOTAL = "query ($filter: OperationFilter) { operations(filter: $filter) { totalCount } }"

NEW_ORDER = {
    "communityCode": "10002",
    "payer": {"house": {"building": 1, "unit": 1, "floor": 1, "room": 101}},
    "title": "物业费",
    "amount": "12.30",
    "idempotencyKey": "order",
}


@pytest.fixture
def environ(environ, engine):
    return environ | engine


async def reviews(gateway, token=None):
    return (await gateway.ask(REVIEWS, token=token)).data["shenhes"]["nodes"]


async def write(gateway, document, given, token=None):
    """The payload."""
    [payload] = (await gateway.ask(document, {"input": given}, token=token)).data.values()
    return payload


def mutations(record):
    return [operation["mutation"] for operation in record["history"]]


async def test_history_shows_who_decided_and_who_tried(gateway, mint):
    review, *_ = await reviews(gateway)
    first = await write(gateway, REJECT, {"id": review["id"], "reason": "照片不清"}, mint(subject="lin"))
    second = await write(gateway, APPROVE, {"id": review["id"]}, mint(subject="wang"))

    shown = (await gateway.ask(REVIEW, {"id": review["id"]}, token=mint(subject="wang"))).data["shenhe"]["history"]

    assert [(it["id"], it["mutation"], it["outcome"], it["subject"], it["subjectIsViewer"]) for it in shown] == [
        (second["operation"]["id"], "approveShenhe", "REFUSED", "wang", True),
        (first["operation"]["id"], "rejectShenhe", "CONFIRMED", "lin", False),
    ]
    assert [[step["state"] for step in it["timeline"]] for it in shown] == [
        ["RESERVED", "REFUSED"],
        ["RESERVED", "SENT", "CONFIRMED"],
    ]


async def test_histories_of_a_list_are_one_query(gateway):
    undecided = await reviews(gateway)
    for review in undecided[:2]:
        assert (await write(gateway, REJECT, {"id": review["id"], "reason": "重复"}))["outcome"] == "CONFIRMED"
    listed = '{ shenhes(communityCode: "10002", first: 20) { nodes { id history { mutation } } } }'

    answers = []
    for _ in range(3):  # the third time by a plan
        with Statements(gateway) as statements:
            answers.append((await gateway.ask(listed)).data["shenhes"]["nodes"])
        assert len(answers[-1]) == 20
        assert len(statements.of("operations")) == 1, statements

    assert answers[0] == answers[1] == answers[2]
    decided = {review["id"] for review in undecided[:2]}
    assert {node["id"] for node in answers[0] if node["history"]} <= decided
    assert all(node["history"] == [] for node in answers[0] if node["id"] not in decided)


async def test_history_of_what_was_created_here(gateway):
    order = (await write(gateway, CREATE, NEW_ORDER))["order"]
    announced = {"communityCode": "10002", "title": "停水", "content": "明日停水", "idempotencyKey": "one"}
    announcement = (await write(gateway, ANNOUNCE, announced))["announcement"]
    [repair] = (
        await gateway.ask('{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 1) { nodes { id } } }')
    ).data["repairs"]["nodes"]
    updated = await write(gateway, UPDATE, {"id": repair["id"], "status": "RESOLVED"})

    assert order["history"] == [{"mutation": "createOrder", "outcome": "CONFIRMED"}]
    assert announcement["history"] == [{"mutation": "createAnnouncement", "outcome": "CONFIRMED"}]
    assert mutations(updated["repair"]) == ["updateRepair"]


async def test_module_history_has_switches_and_synchronisations(gateway):
    switched = {"communityCode": "00001", "name": "COMPLAINTS", "enabled": True}
    assert (await write(gateway, SET, switched))["outcome"] == "CONFIRMED"  # security reports it as off
    assert (await write(gateway, SYNC, {"communityCode": "00001", "dryRun": False}))["outcome"] == "CONFIRMED"
    assert (await write(gateway, SYNC, {"communityCode": "00001", "dryRun": False}))["outcome"] == "CONFIRMED"

    with Statements(gateway) as statements:
        shown = (await gateway.ask(MODULES)).data["modules"]

    assert {module["name"]: mutations(module) for module in shown if module["history"]} == {
        "COMPLAINTS": ["syncModules", "setModule"]  # the second one had nothing to do
    }
    assert len(statements.of("operations")) == 1
    [complaints] = [module["id"] for module in shown if module["history"]]
    found = (await gateway.ask(OPERATIONS, {"filter": {"recordId": complaints}})).data["operations"]["nodes"]
    assert [operation["mutation"] for operation in found] == ["setModule"]


async def test_write_by_bare_number_is_in_the_history(gateway, mint):
    """A caller of the community can look it up, though nobody knew the community when it was written."""
    review, *_ = await reviews(gateway)
    await write(gateway, REJECT, {"id": str(review["platformId"]), "reason": "重复"})
    token = mint(communities=["10002"])

    [everyone], [neighbour] = [
        (await gateway.ask(REVIEW, {"id": review["id"]}, token=each)).data["shenhe"]["history"]
        for each in (None, token)
    ]

    found = (await gateway.ask(OPERATION, {"id": everyone["id"]})).data["operation"]
    assert (found["id"], neighbour["mutation"]) == (everyone["id"], "rejectShenhe")
    assert (await gateway.ask(OPERATION, {"id": neighbour["id"]}, token=token)).data["operation"] is not None
    by_number = (await gateway.ask(REVIEW, {"id": str(review["platformId"])})).data["shenhe"]["history"]
    assert [it["id"] for it in by_number] == [everyone["id"]]


async def test_journal_failure_costs_the_histories_alone(gateway, monkeypatch):

    async def fail(_keys):
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    monkeypatch.setattr(gateway.parts.journal.operations, "histories", fail)
    answer = await gateway.ask(REVIEWS)

    assert {node["history"] for node in answer.partial["shenhes"]["nodes"]} == {None}
    assert {error["extensions"]["code"] for error in answer.errors} == {"INTERNAL"}


@pytest.fixture
async def written(gateway, mint):
    """Six operations: three rejections by each of two officers, the second one's refused."""
    undecided = await reviews(gateway)
    for subject in ("lin", "wang"):
        for review in undecided[:3]:
            await write(gateway, REJECT, {"id": review["id"], "reason": "重复"}, mint(subject=subject))
    return undecided[:3]


async def listed(gateway, token=None, code=None, after=None, page=None, **filters):
    variables = {"code": code, "filter": filters or None, "after": after, "page": page}
    return (await gateway.ask(OPERATIONS, variables, token=token)).data["operations"]


async def total(gateway, **filters):
    return (await gateway.ask(TOTAL, {"filter": filters})).data["operations"]["totalCount"]


async def test_operations_are_filtered(gateway, written, mint):
    assert await total(gateway) == 6
    assert await total(gateway, outcome="REFUSED") == 3
    assert await total(gateway, subject="lin", outcome="CONFIRMED") == 3
    assert await total(gateway, mutations=["approveShenhe"]) == 0
    assert await total(gateway, mutations=["approveShenhe", "rejectShenhe"]) == 6
    assert await total(gateway, recordId=written[0]["id"]) == 2
    assert await total(gateway, since="2026-01-01T00:00:00Z", until="2999-01-01T00:00:00+08:00") == 6
    assert await total(gateway, until="2020-01-01T00:00:00Z") == 0
    [newest, *_] = (await listed(gateway, code="10002", outcome="CONFIRMED"))["nodes"]
    assert (newest["subject"], newest["mutation"]) == ("lin", "rejectShenhe")
    elsewhere = mint(communities=["00001"])
    assert (await listed(gateway, elsewhere, recordId=written[0]["id"]))["nodes"] == []


BAD_FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"recordId": "7"}, "filter.recordId"),
    ({"recordId": "not an id"}, "filter.recordId"),
    ({"mutations": ["approveShenhe", "dropTables"]}, "filter.mutations.1"),
    ({"subject": ""}, "filter.subject"),
    ({"subject": "x" * 256}, "filter.subject"),
    ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "filter.until"),
    ({"since": "0001-01-01T00:00:00+14:00"}, "filter.since"),
    ({"until": "9999-12-31T23:59:59-14:00"}, "filter.until"),
    *(({"since": since}, "filter.since") for since in ("yesterday", "2026-01-01", "2026-01-01T00:00:00", 7)),
]


async def test_bad_filter_of_operations_names_its_argument(gateway):
    for filters, path in BAD_FILTERS:
        answer = await gateway.ask(TOTAL, {"filter": filters})
        assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", path), filters


async def test_cursor_keeps_its_place_while_others_write(gateway, written, mint):
    first = (await gateway.ask(OPERATIONS)).data["operations"]  # what is null later is left out
    await write(gateway, REJECT, {"id": written[0]["id"], "reason": "重复"}, mint(subject="zhao"))
    second = await listed(gateway, after=first["pageInfo"]["endCursor"])
    third = await listed(gateway, after=second["pageInfo"]["endCursor"])

    nodes = [node["id"] for page in (first, second, third) for node in page["nodes"]]
    assert len(set(nodes)) == 6
    assert [page["pageInfo"]["page"] for page in (first, second, third)] == [1, 2, 3]
    assert third["pageInfo"]["hasNextPage"] is False
    assert (await listed(gateway, page=4))["nodes"] != []  # by offset: the new one has shifted the others


async def test_list_counts_only_when_asked(gateway, written):
    for fields, counts in (("nodes { id } pageInfo { hasNextPage endCursor page }", 0), ("totalCount", 1)):
        for _ in range(3):
            with Statements(gateway) as statements:
                await gateway.ask(f"{{ operations {{ {fields} }} payments {{ {fields} }} }}")
            counted = [statement for statement in statements if "count(*)" in statement]
            assert len(counted) == 2 * counts, statements


PAY = "mutation ($input: PayCallbackInput!) { payCallback(input: $input) { outcome } }"
PAYMENTS = """query ($filter: PaymentFilter) { payments(filter: $filter) {
  nodes { orderNumber communityCode orderId order { id number } } } }"""
ORDERS = '{ orders(communityCode: "10002", first: 3) { nodes { id number notification { orderId } } } }'


async def pay(gateway, number, weixin):
    numbers = {"orderNumber": number, "shopNumber": "1900000109", "weixinNumber": weixin}
    assert (await write(gateway, PAY, numbers))["outcome"] == "CONFIRMED"


async def test_payment_leads_to_its_order(gateway, sandbox):
    order, *_ = (await gateway.ask(ORDERS)).data["orders"]["nodes"]
    await pay(gateway, order["number"], "42001")
    await pay(gateway, "20990101000000000000", "42002")
    placed, *_ = (await gateway.ask(ORDERS)).data["orders"]["nodes"]
    assert placed["notification"] == {"orderId": order["id"]}

    sandbox.log.clear()
    [shown] = (await gateway.ask(PAYMENTS, {"filter": {"orderNumber": order["number"]}})).data["payments"]["nodes"]
    assert (shown["orderId"], shown["order"]) == (order["id"], {"id": order["id"], "number": order["number"]})
    assert sum(sandbox.log.counts().values()) == 1

    [unplaced] = (await gateway.ask(PAYMENTS, {"filter": {"orderNumber": "20990101000000000000"}})).data["payments"][
        "nodes"
    ]
    assert (unplaced["communityCode"], unplaced["orderId"], unplaced["order"]) == (None, None, None)
