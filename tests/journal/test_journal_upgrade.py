"""Journals of earlier versions are upgraded; journals of later versions stay unchanged."""

import asyncio
import json
from datetime import timedelta

import pytest
from old_journal import (
    ANNOUNCEMENTS,
    ID_KEY,
    NOW,
    OPERATIONS,
    ORDER,
    ORDER_NUMBER,
    PENDING_REVIEWS,
    ROWS,
    all_rows,
    create_old_journal,
    on_database,
    rows_written_by,
)
from processes import GatewayProcess
from sqlalchemy import Connection, text

from gateway.errors import JournalError
from gateway.journal.journal import open_journal
from gateway.journal.newest import Cut
from gateway.journal.queries import OperationQuery
from gateway.journal.records import RecordRef, RecordRefs
from gateway.normalise.states import Outcome

NEWEST = max(ROWS)

CREATE = """mutation ($input: CreateOrderInput!) {
  createOrder(input: $input) { outcome orderNumber userErrors { code upstreamMessage } }
}"""
APPROVE = "mutation ($input: ApproveShenheInput!) { approveShenhe(input: $input) { outcome userErrors { code } } }"
KEPT = """{
  operations(first: 50) { nodes { idempotencyKey outcome userErrors { code } } }
  payments(first: 50) { nodes { id orderNumber state attempts lastError communityCode } }
  announcements(communityCode: "10002") { nodes { platformId title content weight pinned published images createdAt } }
}"""
TIMELINES = "{ operations(first: 50) { nodes { idempotencyKey timeline { state at } } } }"
RETRY = "mutation ($id: ID!) { retryPayment(id: $id) { outcome payment { state } } }"


@pytest.fixture
def environ(sandbox, new_settings):
    return {
        **sandbox.settings(),
        "GATEWAY_DATA_DIR": str(new_settings.data_dir),
        "GATEWAY_DATABASE_URL": new_settings.database_url,
        "GATEWAY_ID_KEY": ID_KEY,
    }


@pytest.mark.parametrize("version", ROWS)
async def test_upgrade_preserves_all_rows(new_settings, version):
    await create_old_journal(new_settings, version)
    before = await on_database(new_settings, all_rows)

    async with open_journal(new_settings):
        pass

    after = await on_database(new_settings, all_rows)
    assert before.pop("alembic_version") == [{"version_num": version}]
    assert after.pop("alembic_version") == [{"version_num": NEWEST}]
    for tables in (before, after):
        tables.pop("audit_records", None)
    assert set(before) == set(rows_written_by(version))
    for entry in before.get("audit", ()) if version < "0005" else ():
        record_id = entry.pop("record_id")
        entry["record_ids"] = [record_id] if new_settings.database_url else json.dumps([record_id])
    assert after == before


@pytest.mark.parametrize("version", [version for version in ROWS if version >= "0002"])
async def test_audit_entries_are_found_after_upgrade(new_settings, version):
    await create_old_journal(new_settings, version)
    order = RecordRef("Order", "10002", ORDER_NUMBER)

    async with open_journal(new_settings) as journal:
        [found] = [entry async for entry in journal.audit.read(record=order)]
        assert [entry async for entry in journal.audit.read(record="another")] == []
        assert await journal.audit.forget(timedelta(days=1), NOW) == 1
        assert [entry async for entry in journal.audit.read(record=order)] == []

    records = RecordRefs("Order", "10002", (ORDER_NUMBER,) if version < "0005" else (ORDER_NUMBER, "1"))
    assert (found.subject, found.records, found.fields, found.count) == (
        "officer",
        records,
        ("house.owner.phone",),
        3,
    )


@pytest.fixture
async def upgraded(new_settings, environ, serve):
    """The gateway over what the first version left, once it has done what was due."""
    await create_old_journal(new_settings, "0001")
    async with serve(environ, lambda: NOW) as gateway:
        async with asyncio.timeout(30):
            while DUE & await states(gateway):  # noqa: ASYNC110 # the relay and the reconciler, as they come to it
                await asyncio.sleep(0.005)
        yield gateway


DUE = {("queued", "QUEUED"), ("leased", "QUEUED"), ("sent", None), ("sent", "UNKNOWN"), ("reserved", None)}


async def states(gateway):
    """Of everything, by its name."""
    kept = (await gateway.ask(KEPT)).data
    return {(of["idempotencyKey"], of["outcome"]) for of in kept["operations"]["nodes"]} | {
        (of["orderNumber"], of["state"]) for of in kept["payments"]["nodes"]
    }


async def test_operations_of_an_earlier_version_are_settled(upgraded, sandbox):
    kept = (await upgraded.ask(KEPT)).data["operations"]["nodes"]

    assert {operation["idempotencyKey"]: operation["outcome"] for operation in kept} == {
        "confirmed": "CONFIRMED",
        "refused": "REFUSED",
        "unknown": "UNKNOWN",
        "unclear": "UNKNOWN",  # what the first version noted of an order is not enough to know it by
        "sent": "REFUSED",
    }
    assert sandbox.effects.all() == sandbox.effects.of("callback")


async def test_timelines_of_an_earlier_version_hold_what_is_known(upgraded):
    """No time is invented: when a write became UNKNOWN was not recorded."""
    kept = (await upgraded.ask(TIMELINES)).data["operations"]["nodes"]
    now = NOW.isoformat()

    def when(key, column="started_at"):
        [row] = [row for row in OPERATIONS if row["idempotency_key"] == key]
        return row[column].isoformat()

    assert {of["idempotencyKey"]: [(step["state"], step["at"]) for step in of["timeline"]] for of in kept} == {
        "confirmed": [
            ("RESERVED", when("confirmed")),
            ("SENT", when("confirmed", "sent_at")),
            ("CONFIRMED", when("confirmed", "finished_at")),
        ],
        "refused": [("RESERVED", when("refused")), ("REFUSED", when("refused", "finished_at"))],
        "unknown": [("RESERVED", when("unknown")), ("SENT", when("unknown", "sent_at"))],
        "unclear": [("RESERVED", when("unclear")), ("SENT", when("unclear", "sent_at"))],
        "sent": [
            ("RESERVED", when("sent")),
            ("SENT", when("sent", "sent_at")),
            ("UNKNOWN", now),
            ("READ_BACK", now),
            ("REFUSED", now),
        ],
    }


async def test_unknown_write_of_an_earlier_version_shows_later_steps(new_settings):
    await create_old_journal(new_settings, "0005")
    async with open_journal(new_settings, lambda: NOW) as journal:
        old = (await journal.operations.list(OperationQuery(), Cut(50))).items
        [unclear] = [operation for operation in old if operation.idempotency_key == "unclear"]
        await journal.operations.record_read_back(unclear.id)
        given_up = await journal.operations.finish(unclear.id, Outcome.UNKNOWN, read_back=True)

    assert [step.state.value for step in given_up.timeline] == ["RESERVED", "SENT", "READ_BACK", "READ_BACK"]


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("confirmed", ("CONFIRMED", ORDER_NUMBER, [])),
        ("refused", ("REFUSED", None, [{"code": "PERSON_NOT_FOUND", "upstreamMessage": "查无此人"}])),
        ("unknown", ("UNKNOWN", None, [])),
    ],
)
async def test_idempotency_key_of_an_earlier_version_replays(upgraded, sandbox, key, answer):
    created = (await upgraded.ask(CREATE, {"input": {**ORDER, "idempotencyKey": key}})).data["createOrder"]

    assert (created["outcome"], created["orderNumber"], created["userErrors"]) == answer
    assert sandbox.effects.count("order/new") == 0


@pytest.mark.parametrize(
    ("key", "which", "answer", "effects"),
    [("reserved", 0, ("CONFIRMED", []), 1), ("sent", 1, ("REFUSED", [{"code": "UPSTREAM_REFUSED"}]), 0)],
)
async def test_interrupted_write_frees_its_key_only_if_unsent(upgraded, sandbox, key, which, answer, effects):
    review = upgraded.parts.ids.encode("Shenhe", "10002", PENDING_REVIEWS[which])
    approved = (await upgraded.ask(APPROVE, {"input": {"id": review, "idempotencyKey": key}})).data["approveShenhe"]

    assert (approved["outcome"], approved["userErrors"]) == answer
    assert sandbox.effects.count("shenhe/update") == effects


async def test_payments_of_an_earlier_version_are_delivered(upgraded, sandbox):
    kept = (await upgraded.ask(KEPT)).data["payments"]["nodes"]
    fields = ("state", "attempts", "lastError", "communityCode")

    assert {payment["orderNumber"]: tuple(payment[field] for field in fields) for payment in kept} == {
        "queued": ("DELIVERED", 3, None, None),
        "leased": ("DELIVERED", 1, None, None),
        "later": ("QUEUED", 3, "UPSTREAM_PROTOCOL", None),
        "delivered": ("DELIVERED", 1, None, "10002"),
        "dead": ("DEAD", 16, "UPSTREAM_UNAVAILABLE", None),
    }
    assert sorted(effect.form["order_number"] for effect in sandbox.effects.of("callback")) == ["leased", "queued"]

    [dead] = [payment["id"] for payment in kept if payment["orderNumber"] == "dead"]
    retried = (await upgraded.ask(RETRY, {"id": dead})).data["retryPayment"]
    assert retried["outcome"] == "CONFIRMED"
    assert retried["payment"]["state"] in ("QUEUED", "DELIVERED")  # by then


async def test_announcements_of_an_earlier_version_are_listed(upgraded):
    [shown] = (await upgraded.ask(KEPT)).data["announcements"]["nodes"]
    [kept] = ANNOUNCEMENTS

    assert shown == {
        **{name: kept[name] for name in ("title", "content", "weight", "pinned", "published", "images")},
        "platformId": kept["platform_id"],
        "createdAt": kept["created_at"].isoformat(),
    }


async def test_journal_of_a_later_version_is_left_unchanged(new_settings, environ, tmp_path):
    def become_newer(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE of_tomorrow (id TEXT)"))
        connection.execute(text("INSERT INTO of_tomorrow VALUES ('1')"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    await create_old_journal(new_settings, NEWEST)
    await on_database(new_settings, become_newer)
    before = await on_database(new_settings, all_rows)

    gateway = GatewayProcess(environ, tmp_path / "log")
    await gateway.start(ready=False)
    try:
        async with asyncio.timeout(30):
            assert await gateway.ended() == 3
    finally:
        await gateway.kill()

    reason, *_ = (tmp_path / "log").read_text().splitlines()
    setting = "GATEWAY_DATABASE_URL" if new_settings.database_url else "GATEWAY_DATA_DIR"
    assert reason == f"gateway: {setting}: the journal was written by a newer version of the gateway."
    assert await on_database(new_settings, all_rows) == before


@pytest.mark.parametrize("version", [version for version in ROWS if version != NEWEST])
async def test_reading_leaves_an_older_journal_unmigrated(new_settings, version):
    await create_old_journal(new_settings, version)
    before = await on_database(new_settings, all_rows)

    with pytest.raises(JournalError, match="written by an older version"):
        async with open_journal(new_settings, make=False):
            pass

    assert await on_database(new_settings, all_rows) == before
