"""Audit entries of queries: reveals and denials, never the data itself."""

import json
import subprocess
import sys
from datetime import timedelta
from operator import itemgetter
from typing import Any

import msgspec
import pytest
from standing_clock import MovedClock
from whole_schema import WholeSchema

from gateway.actions.audit import LONGEST_WAIT
from gateway.errors import JournalError
from gateway.journal.journal import open_journal
from gateway.settings import load_settings
from gateway.wording.faults import FaultWording

PERSON = """
query Person($name: String!, $phone: String!) {
  people(name: $name, phone: $phone) { id name idCard photo maskedFields
    residencies { members { id phone } house { owner { phone } } } }
}
"""
WANG = {"name": "王芳", "phone": "19900000002"}
REVIEWS = """
query Reviews {
  shenhes(communityCode: "10002", first: 20) { nodes {
    id actionIntroduction content { raw people { phone idCard } } } }
}
"""
REVIEW = "query Review($id: ID!) { shenhe(id: $id) { id platformId } }"


@pytest.fixture
def environ(environ):
    return environ | {"GATEWAY_MAX_DEPTH": "20", "GATEWAY_COST_LIMIT": "1000000"}


async def trail(gateway):
    """All that is in the journal once what is noted is written."""
    await gateway.parts.trail.flush()
    return [entry async for entry in gateway.parts.journal.audit.read()]


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
    assert {fields for record, fields in map(first_and_frozen, shown.items()) if record == "House"} == {
        frozenset({"owner.phone"})
    }


def first_and_frozen(item):
    record, fields = item
    return record[0], frozenset(fields)


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


async def test_review_is_named_once_with_its_parts(gateway):
    for _ in range(2):
        await gateway.ask(REVIEWS)
    await trail(gateway)
    answer = await gateway.ask(REVIEWS)  # by a plan

    request_id = answer.response.headers["x-request-id"]
    entries = [entry for entry in await trail(gateway) if entry.request_id == request_id]

    named = [platform_id for entry in entries for platform_id in entry.records.platform_ids]
    assert len(named) == len(set(named)) == 20
    assert {"content.raw", "content.people.phone", "content.people.idCard"} <= set(entries[0].fields)


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
    assert {value for value in values if value in text} == set()


async def test_audit_entries_are_lines_of_the_log(capsys, gateway, sandbox):
    answer = await gateway.ask(PERSON, WANG)
    await gateway.ask(REVIEWS)
    entries = await trail(gateway)

    text = capsys.readouterr().err
    logged = [line for line in map(json.loads, text.splitlines()) if line.get("logger") == "audit"]
    outer = {"event": "audit", "level": "info", "logger": "audit"}
    assert all(line.pop("timestamp") for line in logged)
    assert sorted(logged, key=itemgetter("id")) == [outer | json.loads(msgspec.json.encode(entry)) for entry in entries]
    assert logged[0]["request_id"] == answer.response.headers["x-request-id"]
    assert len(logged) > 3
    people = [resident.person for resident in sandbox.world.residents.values()]
    people += [review.applicant for review in sandbox.world.shenhes.values()]
    values = {value for person in people for value in (person.name, person.phone, person.id_card, person.address)}
    assert {value for value in values if value in text} == set()


async def test_denial_is_audited_with_the_missing_scope(gateway, mint):
    token = mint("shenhe:read", "order:read")
    for _ in range(2):
        await gateway.ask(PERSON, WANG, token=token)
        await gateway.ask('{ orders(communityCode: "10002", first: 3) { nodes { house { address } } } }', token=token)
    house = (
        await gateway.ask(
            '{ house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) { id } }'
        )
    ).data["house"]["id"]
    await gateway.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": house}, token=token)

    denied = {(entry.fields, entry.missing_scope, entry.subject) for entry in await trail(gateway)}

    assert denied == {
        (("people",), "people:read", "lin"),
        (("house",), "people:read", "lin"),
        (("node",), "people:read", "lin"),
    }


async def test_shutdown_writes_the_audit_trail(environ, serve):
    async with serve(environ) as gateway:
        await gateway.ask(PERSON, WANG)
    async with open_journal(load_settings(environ)) as journal:
        assert [entry.records.type async for entry in journal.audit.read()].count("People") >= 1


async def test_unwritable_trail_masks_personal_data(environ, serve, monkeypatch):
    clock = MovedClock()
    async with serve(environ, clock) as gateway:
        audit = gateway.parts.journal.audit

        async def fail(_entries):
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

        with monkeypatch.context() as patch:
            patch.setattr(audit, "add", fail)
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


def run_audit(environ, *arguments):
    command = [sys.executable, "-m", "gateway", "audit", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
async def test_audit_command_filters_by_subject_time_record(environ, serve, mint, tmp_path):
    async with serve(environ) as gateway:
        person = (await gateway.ask(PERSON, WANG, token=mint())).data["people"]
        review = (await gateway.ask(REVIEWS, token=mint())).data["shenhes"]["nodes"][0]
        await gateway.ask(REVIEWS)
        number = (await gateway.ask(REVIEW, {"id": review["id"]})).data["shenhe"]["platformId"]
        by_number = (await gateway.ask(REVIEW, {"id": str(number)})).data["shenhe"]["id"]

    everything = run_audit(environ)
    assert {line["subject"] for line in everything} == {"lin", "developer"}
    assert {line["subject"] for line in run_audit(environ, "--subject", "lin")} == {"lin"}
    assert run_audit(environ, "--since", "2999-01-01") == []
    assert run_audit(environ, "--since", "2020-01-01T00:00:00+08:00") == everything
    [of_person] = run_audit(environ, "--record", person["id"])
    assert of_person["records"] == {"type": "People", "community_code": None, "platform_ids": [person["id"]]}
    assert set(of_person["fields"]) == {"name", "idCard", "photo"}
    assert of_person["operation_name"] == "Person"
    of_review = run_audit(environ, "--record", review["id"])
    assert {line["subject"] for line in of_review} == {"lin", "developer"}
    assert {line["records"]["type"] for line in of_review} == {"Shenhe"}
    assert by_number != review["id"]
    assert run_audit(environ, "--record", by_number) == of_review
