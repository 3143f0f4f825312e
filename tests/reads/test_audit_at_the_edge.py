"""Audit entries of queries: reveals and denials, never the data itself."""

import json
from datetime import timedelta
from operator import itemgetter
from typing import Any

import msgspec
import pytest
from broken_journal import broken
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


async def test_page_of_a_list_is_one_audit_entry(gateway):
    query = '{ shenhes(communityCode: "10002", first: 20) { nodes { platformId content { people { phone } } } } }'
    for turn in range(3):  # the third time by a plan
        reviews = (await gateway.ask(query)).data["shenhes"]["nodes"]
        entry = (await trail(gateway))[turn]
        assert (entry.records.type, entry.records.community_code) == ("Shenhe", "10002")
        assert list(entry.records.platform_ids) == [str(review["platformId"]) for review in reviews]
        assert entry.fields == ("content.people.phone",)
    assert len(entry.records.platform_ids) == 20


async def test_audit_entries_are_lines_of_the_log(capsys, environ, serve):
    """And written at the latest when the gateway ends."""
    async with serve(environ) as gateway:
        answer = await gateway.ask(PERSON, WANG)
        await gateway.ask(REVIEWS)
    async with open_journal(load_settings(environ)) as journal:
        entries = [entry async for entry in journal.audit.entries()]
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
