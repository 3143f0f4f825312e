"""How many writes there are, by groups, against the list of them."""

from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import product

import pytest
from documents import write_document

CHINA = timezone(timedelta(hours=8))
LIST = """query ($filter: OperationFilter) { operations(filter: $filter, first: 100) {
  nodes { subject mutation outcome communityCode startedAt } } }"""
COUNTS = """query ($by: [OperationGroup!]!, $filter: OperationFilter) { operationCounts(by: $by, filter: $filter) {
  subject mutation outcome communityCode day count } }"""
FIELDS = {group: group.lower() for group in ("SUBJECT", "MUTATION", "OUTCOME", "DAY")} | {"COMMUNITY": "communityCode"}
BY = [["SUBJECT"], ["MUTATION", "OUTCOME"], ["DAY"], ["OUTCOME", "COMMUNITY", "SUBJECT"], [*FIELDS]]


@pytest.fixture
async def written(serve, environ, engine, mint, sandbox, monkeypatch):
    """A gateway, and tokens of two callers who have written through it; it counts three rows at a time."""
    monkeypatch.setattr("gateway.journal.operations.SLICE", 3)
    tokens = [mint(subject="lin"), mint(subject="wang", communities=["10002"])]
    async with serve(environ | engine) as gateway:
        for code in ("10003", "10002"):
            for name, enabled in (("REPAIRS", False), ("COMPLAINTS", False), ("NONE", True)):
                given = {"communityCode": code, "enabled": enabled, "label": name, "idempotencyKey": f"{code}{name}"}
                for token in tokens:
                    await gateway.ask(write_document("setModule", "outcome"), {"input": given}, token=token)
        yield gateway, tokens


async def test_counts_are_those_of_the_list(written):
    gateway, tokens = written
    [newest, *_] = (await gateway.read(LIST))["nodes"]
    asked: list[dict[str, object]] = [{}, {"outcome": "REFUSED"}, {"subject": "lin", "mutations": ["setModule"]}]
    asked += [{"since": newest["startedAt"]}, {"until": "2020-01-01T00:00:00Z"}]
    for token, filter_ in product(tokens, asked):
        nodes = (await gateway.read(LIST, {"filter": filter_}, token=token))["nodes"]
        assert nodes or filter_
        for node in nodes:
            node["day"] = str(datetime.fromisoformat(node["startedAt"]).astimezone(CHINA).date())
        for by in BY:
            wanted = Counter(tuple(node[FIELDS[group]] for group in by) for node in nodes)
            entries = await gateway.read(COUNTS, {"by": by, "filter": filter_}, token=token)
            assert {tuple(entry[FIELDS[group]] for group in by): entry["count"] for entry in entries} == wanted, by
            others = {name for group, name in FIELDS.items() if group not in by}
            assert all(entry[name] is None for entry in entries for name in others)


async def test_wrong_arguments_of_counts_are_violations(gateway):
    wrong = {"mutations": ["fly"], "until": "1969-01-01T00:00:00Z"}
    for by, given, violations in (
        ([], {}, [("by", "COUNT")]),
        (["DAY"], wrong, [("filter.mutations.0", "ONE_OF"), ("filter.until", "RANGE")]),
        (["DAY"], {"recordId": "x"}, [("filter.recordId", "FORMAT")]),
    ):
        error = (await gateway.ask(COUNTS, {"by": by, "filter": given})).error
        found = error["extensions"]["violations"]
        assert [(".".join(each["field"]), each["rule"]) for each in found] == violations


async def test_too_many_groups_are_refused(written, monkeypatch):
    gateway, _ = written
    monkeypatch.setattr("gateway.journal.operations.MOST_GROUPS", 1)
    answer = await gateway.ask(COUNTS, {"by": ["SUBJECT"]})
    assert (answer.code, answer.error["extensions"]["limit"]) == ("QUERY_TOO_COMPLEX", "groups")


async def test_writes_go_on_between_slices(written):
    """No transaction counts more than a slice: a write that comes meanwhile is done before the count is."""
    gateway, _ = written
    database, order = gateway.parts.journal.database, []
    read = database.read

    async def read_slice(work):
        if isinstance(work, partial):  # others read beside it
            order.append("slice")
        return await read(work)

    database.read = read_slice
    [total] = await gateway.read(COUNTS, {"by": ["MUTATION"]})
    assert len(order) == total["count"] // 3 + 1 > 3
