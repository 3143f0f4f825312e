"""Audit entries of queries: reveals and denials, never the data itself."""

import json
from datetime import timedelta
from operator import itemgetter
from typing import Any

import msgspec
import pytest
from broken_journal import broken
from schema_routes import WholeSchema
from standing_clock import MovedClock

from gateway.actions.audit import LONGEST_WAIT
from gateway.journal.journal import open_journal
from gateway.settings import load_settings

PERSON = """query Person($name: String!, $phone: String!) { people(name: $name, phone: $phone) {
    id name idCard photo maskedFields residencies { members { id phone } house { owner { phone } } } } }"""
WANG = {"name": "王芳", "phone": "19900000002"}
REVIEWS = """query Reviews { shenhes(communityCode: "10002", first: 20) { nodes {
    id actionIntroduction content { raw people { phone idCard } } } } }"""
REVIEW = "query Review($id: ID!) { shenhe(id: $id) { id platformId } }"


pytestmark = pytest.mark.settings(MAX_DEPTH="20", COST_LIMIT="1000000")


async def trail(gateway):
    """All that is in the journal once what is noted is written."""
    await gateway.parts.trail.flush()
    return [entry async for entry in gateway.parts.journal.audit.entries()]


def by_record(entries):
    """The fields that were shown of each record, over all entries."""
    found: dict[tuple[Any, ...], set[str]] = {}
    for entry in entries:
        for platform_id in entry.records.platform_ids:
            record = (entry.records.type, entry.records.community_code, platform_id)
            found.setdefault(record, set()).update(entry.fields)
    return found


async def test_reveal_names_the_record_as_the_answer_does(gateway, mint):
    answer = await gateway.ask(PERSON, WANG, token=mint())
    person = answer.data["people"]

    entries = await trail(gateway)

    assert {entry.subject for entry in entries} == {"lin"}
    assert {entry.operation_name for entry in entries} == {"Person"}
    assert {entry.request_id for entry in entries} == {answer.response.headers["x-request-id"]}
    shown = by_record(entries)
    assert shown["People", None, person["id"]] == {"name", "idCard", "photo"}
    members = [member for residency in person["residencies"] for member in residency["members"]]
    assert {record for record in shown if record[0] == "Member"} == {
        ("Member", None, member["id"]) for member in members
    }
    houses = {frozenset(fields) for record, fields in shown.items() if record[0] == "House"}
    assert houses == {frozenset({"owner.phone"})}


async def test_plan_and_graphql_core_leave_the_same_trail(gateway, mint):
    shown = []
    for _ in range(3):  # the third time by a plan
        await gateway.ask(REVIEWS, token=mint())
        entries = await trail(gateway)
        shown.append(by_record(entry for entry in entries if entry.count == 1))
    assert shown[0] == shown[1] == shown[2]
    reviews = [each for each in shown[0] if each[0] == "Shenhe"]
    assert len(reviews) == 20
    assert {community for _, community, _ in reviews} == {"10002"}
    assert {"content.raw", "content.people.phone", "content.people.idCard"} <= shown[0][reviews[0]]


async def test_page_of_a_list_is_one_audit_entry(gateway):
    query = '{ shenhes(communityCode: "10002", first: 20) { nodes { platformId content { people { phone } } } } }'
    reviews = (await gateway.ask(query)).data["shenhes"]["nodes"]
    [entry] = await trail(gateway)
    shown = [review["platformId"] for review in reviews if review["content"]["people"]["phone"]]
    assert len(shown) > 10
    assert [int(platform_id) for platform_id in entry.records.platform_ids] == [int(number) for number in shown]
    assert entry.fields == ("content.people.phone",)


async def test_masked_caller_leaves_no_audit_entry(gateway, mint):
    for _ in range(3):
        for query in (PERSON, REVIEWS):
            assert "errors" not in (await gateway.ask(query, WANG, token=mint(without=["pii:read"]))).body
    assert await trail(gateway) == []


async def test_audit_trail_holds_no_revealed_value(gateway, sandbox, mint):
    for query in WholeSchema().queries.values():
        await gateway.ask(query, token=mint())
    entries = await trail(gateway)
    text = "".join(map(repr, entries))
    people = [resident.person for resident in sandbox.world.residents.values()]
    people += [review.applicant for review in sandbox.world.shenhes.values()]
    values = {value for person in people for value in (person.name, person.phone, person.id_card, person.address)}
    assert len(entries) > 10
    assert not any(value in text for value in values)


async def test_audit_entries_are_lines_of_the_log(capsys, gateway):
    answer = await gateway.ask(PERSON, WANG)
    await gateway.ask(REVIEWS)
    entries = await trail(gateway)
    lines = map(json.loads, capsys.readouterr().err.splitlines())
    logged = [line for line in lines if line.get("logger") == "audit"]
    outer = {"event": "audit", "level": "info", "logger": "audit"}
    assert all(line.pop("timestamp") for line in logged)
    assert sorted(logged, key=itemgetter("id")) == [outer | json.loads(msgspec.json.encode(entry)) for entry in entries]
    assert logged[0]["request_id"] == answer.response.headers["x-request-id"]
    assert len(logged) > 3


async def test_denial_is_audited_with_the_missing_scope(gateway, mint):
    token = mint("shenhe:read", "order:read")
    for _ in range(2):
        await gateway.ask(PERSON, WANG, token=token)
        await gateway.ask('{ orders(communityCode: "10002", first: 3) { nodes { house { address } } } }', token=token)
    house = gateway.parts.ids.encode("House", "10002", 1, 1, 1, 101)
    await gateway.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": house}, token=token)
    denied = {(*entry.fields, entry.missing_scope, entry.subject) for entry in await trail(gateway)}
    assert denied == {(field, "people:read", "lin") for field in ("people", "house", "node")}


async def test_shutdown_writes_the_audit_trail(environ, serve):
    async with serve(environ) as gateway:
        await gateway.ask(PERSON, WANG)
    async with open_journal(load_settings(environ)) as journal:
        assert [entry.records.type async for entry in journal.audit.entries()].count("People") >= 1


async def test_unwritable_trail_masks_personal_data(environ, serve):
    clock = MovedClock()
    async with serve(environ, clock) as gateway:
        with broken(gateway.parts.journal.audit, "add"):
            assert (await gateway.ask(PERSON, WANG)).data["people"]["maskedFields"] == []
            clock.ahead = LONGEST_WAIT + timedelta(seconds=1)
            for _ in range(3):
                person = (await gateway.ask(PERSON, WANG)).data["people"]
                assert person["name"] == "王*"
                assert "\ngateway_masking_forced 1.0" in (await gateway.client.get("/metrics")).text
                assert "idCard" in person["maskedFields"]
        shown = by_record(await trail(gateway))

        assert shown["People", None, person["id"]] == {"name", "idCard", "photo"}
        assert "\ngateway_audit_waiting 0.0" in (await gateway.client.get("/metrics")).text
        assert (await gateway.ask(PERSON, WANG)).data["people"]["name"] == "王芳"
