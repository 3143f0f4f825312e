"""`history` of records, and what `operations` and `payments` are filtered by, as clients see them."""

from typing import Any

import pytest
from broken_journal import broken
from journal_statements import Statements
from write_cases import BY_NAME

HISTORY = "history { id mutation outcome subject subjectIsViewer timeline { state } }"
REVIEWS = (
    '{ shenhes(communityCode: "10002", filter: { status: PENDING }, first: 20) '
    "{ nodes { id platformId history { id mutation outcome } } } }"
)
DONE = "history { mutation outcome }"
REVIEW = f"query ($id: ID!) {{ shenhe(id: $id) {{ id {HISTORY} }} }}"
MODULES = '{ modules(communityCode: "00001") { id name history { mutation } } }'
OPERATION = "query ($id: ID!) { operation(id: $id) { id result { id } } }"
OPERATIONS = """query ($code: ID, $filter: OperationFilter, $after: String, $page: Int) {
  operations(communityCode: $code, filter: $filter, after: $after, page: $page, first: 2) {
    nodes { id mutation outcome subject } pageInfo { hasNextPage endCursor page } } }"""
NOTICES = 'announcements(communityCode: "10002")'
TOTAL = "query ($filter: OperationFilter) { operations(filter: $filter) { totalCount } }"


async def reviews(gateway):
    return (await gateway.read(REVIEWS))["nodes"]


async def reject(gateway, review, **options):
    given = {"id": review["id"], "reason": "重复"}
    return await gateway.write("rejectShenhe", given, "outcome operation { id }", **options)


async def history(gateway, id_, **options):
    return (await gateway.read(REVIEW, {"id": id_}, **options))["history"]


@pytest.fixture
def environ(environ, engine):
    return environ | engine


async def test_history_shows_who_decided_and_who_tried(gateway, mint):
    review, *_ = await reviews(gateway)
    first = await reject(gateway, review, token=mint(subject="lin"))
    approval = "outcome operation { id }"
    second = await gateway.write("approveShenhe", {"id": review["id"]}, approval, token=mint(subject="wang"))

    shown = await history(gateway, review["id"], token=mint(subject="wang"))

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
        assert (await reject(gateway, review))["outcome"] == "CONFIRMED"
    listed = '{ shenhes(communityCode: "10002", first: 20) { nodes { id history { mutation } } } }'

    answers = []
    for _ in range(3):  # the third time by a plan
        with Statements(gateway) as statements:
            answers.append((await gateway.read(listed))["nodes"])
        assert len(statements.of("operations")) == 1, statements

    assert len(answers[0]) == 20
    assert answers[0] == answers[1] == answers[2]
    decided = {review["id"] for review in undecided[:2]}
    assert {node["id"] for node in answers[0] if node["history"]} <= decided
    assert all(node["history"] == [] for node in answers[0] if node["id"] not in decided)


async def test_history_of_what_was_written_here(gateway):
    records = {"createOrder for a house": "order", "createAnnouncement": "announcement", "updateRepair": "repair"}
    for name, record in records.items():
        case = BY_NAME[name]
        payload = await gateway.write(case.mutation, await case.prepare(gateway), f"{record} {{ {DONE} }}")
        assert payload[record]["history"] == [{"mutation": case.mutation, "outcome": "CONFIRMED"}]


async def test_module_history_has_switches_and_synchronisations(gateway):
    switched = {"communityCode": "00001", "name": "COMPLAINTS", "enabled": True}
    await gateway.write("setModule", switched)  # security reports it as off
    for _ in range(2):  # the second one has nothing to do
        await gateway.write("syncModules", {"communityCode": "00001", "dryRun": False})

    with Statements(gateway) as statements:
        shown = await gateway.read(MODULES)

    [complaints] = [module for module in shown if module["history"]]
    assert complaints["name"] == "COMPLAINTS"
    assert [operation["mutation"] for operation in complaints["history"]] == ["syncModules", "setModule"]
    assert len(statements.of("operations")) == 1
    found = (await listed(gateway, recordId=complaints["id"]))["nodes"]
    assert [operation["mutation"] for operation in found] == ["setModule"]


async def test_write_by_bare_number_is_in_the_history(gateway, mint):
    """A caller of the community can look it up, though nobody knew the community when it was written."""
    review, *_ = await reviews(gateway)
    await reject(gateway, {"id": str(review["platformId"])})
    token = mint(communities=["10002"])

    [everyone] = await history(gateway, review["id"])
    [neighbour] = await history(gateway, review["id"], token=token)

    assert (await gateway.read(OPERATION, {"id": everyone["id"]}))["id"] == everyone["id"]
    assert neighbour["mutation"] == "rejectShenhe"
    assert await gateway.read(OPERATION, {"id": neighbour["id"]}, token=token) is not None
    assert [it["id"] for it in await history(gateway, str(review["platformId"]))] == [everyone["id"]]


async def test_journal_failure_costs_the_histories_alone(gateway):
    with broken(gateway.parts.journal.operations, "histories"):
        answer = await gateway.ask(REVIEWS)

    assert {node["history"] for node in answer.partial["shenhes"]["nodes"]} == {None}
    assert {error["extensions"]["code"] for error in answer.errors} == {"INTERNAL"}


@pytest.fixture
async def written(gateway, mint):
    """Six operations: three rejections by each of two officers, the second one's refused."""
    undecided = await reviews(gateway)
    for subject in ("lin", "wang"):
        for review in undecided[:3]:
            await reject(gateway, review, token=mint(subject=subject))
    return undecided[:3]


async def listed(gateway, token=None, code=None, after=None, page=None, **filters):
    variables = {"code": code, "filter": filters or None, "after": after, "page": page}
    return await gateway.read(OPERATIONS, variables, token=token)


FOUND = [
    ({}, 6),
    ({"outcome": "REFUSED"}, 3),
    ({"subject": "lin", "outcome": "CONFIRMED"}, 3),
    ({"mutations": ["approveShenhe"]}, 0),
    ({"mutations": ["approveShenhe", "rejectShenhe"]}, 6),
    ({"since": "2026-01-01T00:00:00Z", "until": "2999-01-01T00:00:00+08:00"}, 6),
    ({"until": "2020-01-01T00:00:00Z"}, 0),
]


async def test_operations_are_filtered(gateway, written, mint):
    for filters, total in [*FOUND, ({"recordId": written[0]["id"]}, 2)]:
        assert (await gateway.read(TOTAL, {"filter": filters}))["totalCount"] == total, filters
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
    first = await gateway.read(OPERATIONS)  # what is null later is left out
    await reject(gateway, written[0], token=mint(subject="zhao"))
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
                await gateway.ask(f"{{ operations {{ {fields} }} payments {{ {fields} }} {NOTICES} {{ {fields} }} }}")
            counted = [statement for statement in statements if "count(*)" in statement]
            assert len(counted) == 3 * counts, statements


PAYMENTS = """query ($filter: PaymentFilter) { payments(filter: $filter) {
  nodes { orderNumber communityCode orderId order { id number } } } }"""
ORDERS = '{ orders(communityCode: "10002", first: 3) { nodes { id number notification { orderId } } } }'


async def test_payment_leads_to_its_order(gateway, sandbox):
    async def pay(number, weixin):
        numbers = {"orderNumber": number, "shopNumber": "1900000109", "weixinNumber": weixin}
        assert (await gateway.write("payCallback", numbers))["outcome"] == "CONFIRMED"
        sandbox.log.clear()
        [shown] = (await gateway.read(PAYMENTS, {"filter": {"orderNumber": number}}))["nodes"]
        return shown

    order, *_ = (await gateway.read(ORDERS))["nodes"]
    await pay(order["number"], "42001")
    placed, *_ = (await gateway.read(ORDERS))["nodes"]
    assert placed["notification"] == {"orderId": order["id"]}

    shown = await pay(order["number"], "42001")
    assert (shown["orderId"], shown["order"]) == (order["id"], {"id": order["id"], "number": order["number"]})
    assert sum(sandbox.log.counts().values()) == 1

    unplaced = await pay("20990101000000000000", "42002")  # whose order is then looked for, in the background
    assert (unplaced["communityCode"], unplaced["orderId"], unplaced["order"]) == (None, None, None)
