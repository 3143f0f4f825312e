"""Why a null is null, as traces and the explorer have it: for every nullable field, and held against what was sent."""

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import platform_rows as rows
import pytest
from graphql import get_named_type, get_nullable_type, is_composite_type, is_list_type, is_non_null_type, is_object_type
from pages import ROOT
from platform_answers import interpose, send
from programs import run
from records import read_record_ids
from schema_routes import SCHEMA, TYPES, Field, Ids, WholeSchema, arguments, root_routes

from gateway.sandbox.faults import Fault, FaultKind

TABLE = Path(__file__).with_name("null_reasons.txt")
"""NULL_REASONS=write in the environment writes it anew."""

NEVER = {
    "Community.summary",
    "ModuleChange.label",
    "ModuleChange.name",
    "Query.communities",
    "ShenheContent.raw",
    "Viewer.communities",
}
"""Fields that are null only if they fail, which they do not here."""

QUOTED = f"""
import {{ nullSentence }} from '{(ROOT / "scripts/explorer/src/response/null-sentence.js").as_uri()}';
import {{ readFileSync }} from 'node:fs';
const described = Object.entries(JSON.parse(readFileSync(0, 'utf8')));
console.log(JSON.stringify(Object.fromEntries(described.map(([name, text]) => [name, nullSentence(text) ?? '']))));
"""

LIMITS = dict.fromkeys(("COST_LIMIT", "RATE_LIMIT", "CALL_RATE_LIMIT", "PEOPLE_LOOKUP_LIMIT"), "1000000")
pytestmark = [pytest.mark.demo, pytest.mark.settings(MAX_DEPTH="25", **LIMITS)]

SENT = {
    "order/list": {"code": 0, "data": [rows.order()], "pages": {"total": 1}},
    "repair/list": {"code": 0, "data": {"repairs": [rows.repair()], "pages": {"total": 1}}},
    "shenheList": {"data": [rows.review()], "meta": {"total": 1}},
    "shenhe": {"code": 0, "data": rows.review()},
    "repair": {"code": 0, "data": rows.repair(date="2020-11-18 11:01:46")},
    "modules": {"code": 0, "data": [rows.module()]},
    "people": {"code": 0, "data": rows.person()},
    "owner": {"code": 0, "data": rows.owner()},
}
"""An answer of each endpoint, every value as documented."""

IDENTIFYING = {"id", "xiaoqu", "community_identifier", "module_name", "code", "total"}

RECORDS = """{
  orders(communityCode: "10002") { nodes { @Order } }
  repairs(communityCode: "10002") { nodes { @Repair reporter { @RepairReporter } } }
  shenhes(communityCode: "10002") { nodes { @Shenhe verification { __typename }
    content { @ShenheContent people { @ShenhePeople } house { @ShenheHouse house { @House } } } } }
  modules(communityCode: "10002") { @Module }
  people(name: "王芳", phone: "19900000002") { @People
    residencies { @Residency house { @House } members { @Member people { @People } } } }
  house(address: { communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101 }) { @House owner { @HouseOwner } }
  shenhe(id: 1) { @Shenhe community { @Community } } repair(id: 1) { @Repair community { @Community } }
}"""
NOWHERE = """{
  people(name: "王芳芳", phone: "19900009999") { name } node(id: "AXNobody-s-record") { id }
  order(communityCode: "10002", number: "20201213104759976000") { id }
}"""


UNDELIVERED = """mutation {
  payCallback(input: { orderNumber: "20200101000000000001", shopNumber: "1", weixinNumber: "2" }) { __typename
    payment { @Payment community { __typename } order { __typename } } }
}"""


def altered(sent: Any, value: Any, kept: Collection[str] = IDENTIFYING) -> Any:
    """What was sent, with this in the place of each value that identifies nothing."""
    if isinstance(sent, list):
        return [altered(each, value, kept) for each in sent]
    if isinstance(sent, str) and sent.startswith('{"'):
        return json.dumps(altered(json.loads(sent), value, ()))
    if not isinstance(sent, dict):
        return value
    return {key: its if key in kept else altered(its, value, kept) for key, its in sent.items()}


def nullable_fields() -> dict[str, str]:
    """The description of each field that may be null, or have items that may; without those of introspection."""
    found = {}
    for named in SCHEMA.type_map.values():
        if is_object_type(named) and not named.name.startswith("__"):
            for name, field in named.fields.items():
                inner = get_nullable_type(field.type)
                if not is_non_null_type(field.type) or (is_list_type(inner) and not is_non_null_type(inner.of_type)):
                    found[f"{named.name}.{name}"] = field.description or ""
    return found


def select(document: str, ids: Ids = MappingProxyType({})) -> str:
    """The document, with all leaves of a type where it is named behind an `@`."""
    return re.sub(r"@(\w+)", lambda found: leaves(TYPES[found[1]], ids), document)


def leaves(named: Any, ids: Ids, depth: int = 0) -> str:
    """All fields of a type that lead no further, and so much deeper those of the objects that the others lead to."""
    fields = ["__typename"]
    for name, field in named.fields.items():
        its = get_named_type(field.type)
        given = arguments(Field(named.name, name), ids)
        if not is_composite_type(its):
            fields.append(f"{name}{given}")
        elif depth:
            fields.append(f"{name}{given} {{ {leaves(its, ids, depth - 1)} }}")
    return " ".join(fields)


def nulls_of(body: Any, root: str = "Query") -> Iterator[tuple[tuple[Any, ...], str, str]]:
    """Path, field and reason of each null of an answer whose objects have their `__typename`."""
    reasons = {tuple(null["path"]): null["reason"] for null in body["extensions"]["trace"]["nulls"]}
    values: list[tuple[tuple[Any, ...], Any, str]] = [((), body["data"], "")]
    for path, value, field in values:
        if isinstance(value, dict):
            named = value.get("__typename", root)
            values += [((*path, name), its, f"{named}.{name}") for name, its in value.items()]
        elif isinstance(value, list):
            values += [((*path, index), its, field) for index, its in enumerate(value)]
        elif value is None:
            yield path, field, reasons.pop(path)
    assert reasons == {}


async def ask(gateway, query, variables=None, token=None):
    answer = await gateway.ask(query, variables, token=token, headers={"x-trace": "1"})
    assert "data" in answer.body, answer.body["errors"]
    return answer.body


async def records_of(gateway, sandbox, change: Callable[[Any], Any] = lambda sent: sent, token=None):
    """The answer for one record of each type, of rows that are changed so."""
    for name, sent in SENT.items():
        send(sandbox, "SECURITY" if name in ("people", "owner") else "WJDH", name, change(sent))
    try:
        return await ask(gateway, select(RECORDS), token=token)
    finally:
        sandbox.faults.clear()


def of_platforms(body: Any) -> dict[tuple[Any, ...], str]:
    """The reasons of nulls that are of what platforms sent, by path."""
    return {path: reason for path, _, reason in nulls_of(body) if reason != "NOT_APPLICABLE"}


async def test_value_that_was_not_sent_or_cannot_be_read_says_so(gateway, sandbox):
    for nothing in (None, ""):
        reasons = of_platforms(await records_of(gateway, sandbox, partial(altered, value=nothing)))
        assert len(reasons) > 50
        assert set(reasons.values()) == {"EMPTY", "NOT_SENT"}
        assert reasons["repairs", "nodes", 0, "location"] == "NOT_SENT"  # the document promises it, and no reply
        assert reasons["repairs", "nodes", 0, "reply"] == "EMPTY"
    reasons = of_platforms(await records_of(gateway, sandbox, partial(altered, value={"odd": [1]})))
    assert len(reasons) > 50
    assert set(reasons.values()) == {"UNREADABLE"}


async def test_masked_value_is_one_that_others_see(gateway, sandbox, mint):
    [seen, masked] = [await records_of(gateway, sandbox, token=token) for token in (None, mint(without=["pii:read"]))]
    known = {path: reason for path, _, reason in nulls_of(seen)}
    hidden = {path: reason for path, _, reason in nulls_of(masked) if path not in known}
    assert len(hidden) > 10
    assert set(hidden.values()) == {"MASKED"}
    assert known == {path: reason for path, _, reason in nulls_of(masked) if path not in hidden}


async def test_null_has_the_reason_of_its_own_field(gateway, sandbox, mint):
    """By its alias, not that of another community that failed, and where it had to be an object what failed."""
    interpose(sandbox, "repair/list", lambda form, carry_out: b"no" if form["xiaoqu"] == "00001" else carry_out())
    body = await ask(gateway, '{ repairs(communityCodes: ["10002", "00001"]) { nodes { reply } } }')
    assert [error["path"] for error in body["errors"]] == [["repairs"]]
    assert {null["reason"] for null in body["extensions"]["trace"]["nulls"]} == {"EMPTY"}

    send(sandbox, "WJDH", "repair/list", altered(SENT["repair/list"], [1]))
    body = await ask(gateway, '{ all: repairs(communityCode: "10002") { nodes { where: location reply } } }')
    nulls = body["extensions"]["trace"]["nulls"]
    assert {null["path"][-1]: null["reason"] for null in nulls} == {"where": "UNREADABLE", "reply": "UNREADABLE"}

    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.HTTP_500))
    query = '{ modules(communityCode: "10002") { name } people(name: "王芳", phone: "19900000002") { name } }'
    nulls = (await ask(gateway, query, token=mint(without=["module:read"])))["extensions"]["trace"]["nulls"]
    assert nulls == [{"path": ["modules"], "reason": "WITHHELD"}, {"path": ["people"], "reason": "FAILED"}]


async def test_foreign_id_is_explained_as_one_of_nobody(gateway, ids, mint):
    elsewhere = mint(communities=["00001"])
    query = "query ($id: ID!) { node(id: $id) { id } shenhe(id: $id) { id } }"
    foreign = await ask(gateway, query, {"id": ids["Shenhe"]}, elsewhere)
    nobodys = await ask(gateway, query, {"id": "AXNobody-s-record"}, elsewhere)
    assert foreign["extensions"]["trace"]["nulls"] == nobodys["extensions"]["trace"]["nulls"]
    other = await ask(gateway, '{ community(code: "10002") { code } }', token=elsewhere)
    assert other["extensions"]["trace"]["nulls"] == [{"path": ["community"], "reason": "WITHHELD"}]


@pytest.fixture
async def ids(gateway, sandbox):
    return await read_record_ids(gateway.ask, "10002", sandbox.world.orders_of["10002"][-1].number)


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.timeout(600)
async def test_table_of_nullable_fields_is_as_checked_in(gateway, sandbox, ids, mint, find_tool):
    reasons = defaultdict[str, set[str]](set)

    def collect(body: Any, root: str = "Query") -> None:
        for _, field, reason in nulls_of(body, root):
            reasons[field].add(reason)

    sandbox.faults.set("SECURITY", None, Fault(FaultKind.HTTP_500))  # or it might be delivered by now
    collect(await ask(gateway, select(UNDELIVERED)), "Mutation")
    sandbox.faults.clear()
    whole = [select(NOWHERE), *WholeSchema(ids).queries.values()]
    lacking = ("operation:read", "payment:read", "people:read", "order:read", "module:read", "pii:read")
    tokens = [gateway.token, mint(communities=["00001"]), mint("trace:read")]
    for token in (*tokens, *(mint(without=[scope]) for scope in lacking)):
        for query in whole:
            collect(await ask(gateway, query, token=token))
        for route in root_routes("Mutation"):
            query, variables = route.document(ids)
            shown = leaves(get_named_type(route.fields[0].definition.type), ids, 2)
            collect(await ask(gateway, query.replace("__typename", shown), variables, token), "Mutation")
    for value in (None, {"odd": [1]}):
        collect(await records_of(gateway, sandbox, partial(altered, value=value)))
    for platform in ("WJDH", "SECURITY"):
        sandbox.faults.set(platform, None, Fault(FaultKind.HTTP_500))
    for query in whole:
        collect(await ask(gateway, query))

    fields = nullable_fields()
    assert {*reasons} <= {*fields}
    node = run(find_tool("node"), "--input-type=module", "--eval", QUOTED, input=json.dumps(fields))
    quoted, lines = json.loads(node.stdout), []
    for name in sorted(fields):
        lines.append(f"{name:44} {' '.join(sorted(reasons[name])) or '-':50} {quoted[name]}".rstrip())
    if os.environ.get("NULL_REASONS") == "write":
        TABLE.write_text("\n".join([*lines, ""]), encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8").splitlines() == lines
    assert {name for name in fields if not reasons[name] and not quoted[name]} == NEVER
    assert [name for name in fields if "NOT_APPLICABLE" in reasons[name] and not quoted[name]] == []
