"""Whatever is done to the audit trail and the operations behind the gateway's back is found."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_fixtures import FrozenClock
from sqlalchemy import Connection, Table, delete, insert, select, update

from gateway.journal import chain_check
from gateway.journal.chain import Anchor, Link, entry_digest
from gateway.journal.chain_check import Harm, TrailCheck, check_chains
from gateway.journal.identifiers import new_id
from gateway.journal.journal import Journal, open_journal
from gateway.journal.records import AuditAction, AuditEntry, RecordRef, RecordRefs, Trail
from gateway.journal.tables import audit, chain, chain_heads, operations
from gateway.normalise.states import Outcome
from gateway.settings import Settings

DAYS_KEPT = timedelta(days=30)

on_any_place = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
PLACE = st.integers(min_value=0, max_value=10_000)

PATIENCE = 60.0
"""Seconds that a look at the chain may take while other tests keep the machine busy."""


@pytest.fixture
def sqlite_settings(sqlite_settings: Settings) -> Settings:
    return msgspec.structs.replace(sqlite_settings, journal_timeout=PATIENCE)


@pytest.fixture
def postgres_settings(postgres_settings: Settings) -> Settings:
    return msgspec.structs.replace(postgres_settings, journal_timeout=PATIENCE)


AUDIT_CHANGES: list[dict[str, Any]] = [
    {"id": "0000ffff-0000-7000-8000-000000000000"},
    {"at": datetime(2026, 11, 1, tzinfo=UTC)},
    {"subject": "somebody else"},
    {"action": AuditAction.DENIED, "missing_scope": "people:read"},
    {"record_type": "House", "record_ids": ["1"]},
    {"record_type": None, "record_ids": None},
    {"record_community_code": "00009"},
    {"record_ids": ["999"], "record_type": "Order"},
    {"fields": ["name"]},
    {"count": 77},
    {"operation_name": "Other"},
    {"operation_name": None},
    {"request_id": "another"},
]
OPERATION_CHANGES: list[dict[str, Any]] = [
    {"id": "0000ffff-0000-7000-8000-000000000000"},
    {"idempotency_key": "another"},
    {"subject": "somebody else"},
    {"mutation": "createOrder"},
    {"fingerprint": "another"},
    {"community_code": "00009"},
    {"reason": "another"},
    {"state": "REFUSED", "finished_at": datetime(2026, 11, 1, tzinfo=UTC), "check_at": None},
    {"started_at": datetime(2026, 11, 1, tzinfo=UTC)},
    {"sent_at": datetime(2026, 11, 1, tzinfo=UTC)},
    {"unknown_at": datetime(2026, 11, 1, tzinfo=UTC)},
    {"read_backs": [datetime(2026, 11, 1, tzinfo=UTC)]},
    {"record_type": "House", "record_id": "7"},
    {"record_community_code": "00009"},
    {"expected": {"status": "REFUSED"}},
    {"answer": {"number": 7}},
    {"user_errors": [{"code": "X", "message": "Y"}]},
]
ENTRY_CHANGES: list[dict[str, Any]] = [
    {"sequence": 10_000},
    {"at": datetime(2026, 11, 1, tzinfo=UTC)},
    {"change": "ADOPTED"},
    {"row_id": "0000ffff-0000-7000-8000-000000000000"},
    {"algorithm": "sm3"},
    {"algorithm": "none of them"},
    {"content": b"x" * 32},
    {"content": None},
    {"digest": b"x" * 32},
]
HEAD_CHANGES: list[dict[str, Any]] = [
    {"sequence": 3},
    {"sequence": 999},
    {"digest": b"x" * 32},
    {"cut_sequence": 2},
    {"cut_sequence": 2, "cut_previous": b"x" * 32},
]


def shown(clock: FrozenClock, number: int) -> AuditEntry:
    return AuditEntry(
        id=new_id(clock.now),
        at=clock.now,
        subject="officer \0 \ud800",
        action=AuditAction.REVEALED,
        records=None if number % 4 == 0 else RecordRefs("People", "10002", (f"hash-{number}", "x" * 300)),
        fields=("phone", "idCard"),
        count=number,
        missing_scope=None,
        operation_name="Person",
        request_id=f"request-{number}",
    )


async def fill(journal: Journal, clock: FrozenClock, subject: str = "officer") -> None:
    """Twelve rows of the trail and eight operations in different states."""
    for batch in range(4):
        await journal.audit.add([shown(clock, 3 * batch + number) for number in range(3)])
        clock.advance(days=1)
    ids = []
    for number in range(8):
        reservation = await journal.operations.reserve(
            key=f"key-{number}",
            subject=subject,
            mutation="approveShenhe",
            fingerprint="f",
            community_code="10002",
            record=RecordRef("Shenhe", "10002", str(number)),
            expected={"status": "APPROVED", "b": 0.1, "a": None},
        )
        ids.append(reservation.operation.id)
    for number in range(1, 8):
        await journal.operations.mark_sent(ids[number], {"status": "APPROVED"} if number == 2 else None)
    await journal.operations.finish(ids[2], Outcome.CONFIRMED, answer={"title": "标题"})
    await journal.operations.finish(ids[3], Outcome.REFUSED)
    for number in (4, 5):
        await journal.operations.finish(ids[number], Outcome.UNKNOWN, check_at=clock.now)
    await journal.operations.record_read_back(ids[4])
    await journal.operations.finish(ids[4], Outcome.CONFIRMED, read_back=True)
    await journal.operations.withdraw(ids[6])
    clock.advance(hours=1)
    await journal.operations.take_over(older_than=timedelta(minutes=5), lease=timedelta(minutes=1))


@pytest.fixture(params=["whole", "cut"])
async def filled(request: pytest.FixtureRequest, journal: Journal, clock: FrozenClock) -> Journal:
    """As `fill` leaves it; or later, when retention has deleted the first five rows in two steps."""
    await fill(journal, clock)
    if request.param == "cut":
        clock.advance(days=27)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.journal.audit.LARGEST_BATCH", 2)
            while await journal.audit.forget(DAYS_KEPT, clock.now):
                pass
    return journal


class UndoneError(Exception):
    """Takes back what a test has done."""


async def check(
    journal: Journal,
    clock: FrozenClock,
    alter: Callable[[Connection], object] = lambda _: None,
    anchors: Sequence[Anchor] = (),
) -> list[TrailCheck]:
    """What is found once this has been altered; it is taken back."""

    def work(connection: Connection) -> None:
        alter(connection)
        raise UndoneError(check_chains(connection, anchors, DAYS_KEPT, clock.now))

    with pytest.raises(UndoneError) as undone:
        await journal._database.write(work)
    return list(undone.value.args[0])


async def harms(journal: Journal, clock: FrozenClock, *arguments: Any) -> list[Harm]:
    return [finding.harm for found in await check(journal, clock, *arguments) for finding in found.findings]


def get_rows(connection: Connection, table: Table) -> list[Any]:
    return list(connection.execute(select(table).order_by(*table.primary_key.columns)))


def pick(connection: Connection, table: Table, place: int, *, but: int | None = None) -> Any:
    rows = get_rows(connection, table)
    if but is not None:
        del rows[but % len(rows)]
    return rows[place % len(rows)]


def values_of(row: Any) -> dict[str, Any]:
    """As they are written again."""
    values = dict(row._mapping)
    if "read_backs" in values:
        values["read_backs"] = [datetime.fromisoformat(at) for at in values["read_backs"]]
    return values


def key_of(table: Table, row: Any) -> list[Any]:
    return [column == row._mapping[column.name] for column in table.primary_key.columns]


def change(table: Table, changes: list[dict[str, Any]], place: int, which: int) -> Callable[[Connection], None]:
    def alter(connection: Connection) -> None:
        row = pick(connection, table, place)
        values = changes[which % len(changes)]
        if all(row._mapping[name] == value for name, value in values.items()):
            values = changes[(which + 1) % len(changes)]
        if row._mapping.get("state") == "RESERVED" and values.get("state"):
            values |= {"sent_at": values["finished_at"]}
        if "record_community_code" in values and row.record_type is None:
            values = {"subject": "somebody else"}
        connection.execute(update(table).where(*key_of(table, row)).values(values))

    return alter


def remove(table: Table, place: int) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(delete(table).where(*key_of(table, pick(connection, table, place))))


def put_in(table: Table, place: int, at: datetime) -> Callable[[Connection], object]:
    def alter(connection: Connection) -> None:
        row = values_of(pick(connection, table, place))
        connection.execute(
            insert(table), row | {"id": new_id(at)} | ({"idempotency_key": None} if table is operations else {})
        )

    return alter


def swap(table: Table, place: int, other: int) -> Callable[[Connection], object]:
    """The contents of two rows change their ids."""

    def alter(connection: Connection) -> None:
        one, two = pick(connection, table, place), pick(connection, table, other, but=place)
        for row in (one, two):
            connection.execute(delete(table).where(table.c.id == row.id))
        connection.execute(insert(table), [values_of(one) | {"id": two.id}, values_of(two) | {"id": one.id}])

    return alter


async def test_untouched_journal_verifies(filled: Journal, clock: FrozenClock) -> None:
    found = {each.trail: each for each in await check(filled, clock)}

    assert [finding for each in found.values() for finding in each.findings] == []
    assert set(found) == {Trail.AUDIT, Trail.OPERATION}
    of_trail = found[Trail.AUDIT]
    assert of_trail.last == 12
    assert of_trail.entries == (12 if of_trail.cut_until is None else 7)
    assert found[Trail.OPERATION].last == 25


@on_any_place
@given(place=PLACE, which=PLACE)
async def test_changed_row_is_found(filled: Journal, clock: FrozenClock, place: int, which: int) -> None:
    changed = await harms(filled, clock, change(audit, AUDIT_CHANGES, place, which))
    assert changed[0] in (Harm.CHANGED, Harm.REMOVED)

    changed = await harms(filled, clock, change(operations, OPERATION_CHANGES, place, which))
    assert changed[0] in (Harm.CHANGED, Harm.REMOVED)


@on_any_place
@given(place=PLACE, table=st.sampled_from([audit, operations]))
async def test_removed_row_is_found(filled: Journal, clock: FrozenClock, place: int, table: Table) -> None:
    assert await harms(filled, clock, remove(table, place)) == [Harm.REMOVED]


@on_any_place
@given(place=PLACE, table=st.sampled_from([audit, operations]), days=st.integers(-400, 40))
async def test_inserted_row_is_found(filled: Journal, clock: FrozenClock, place: int, table: Table, days: int) -> None:
    assert await harms(filled, clock, put_in(table, place, clock.now + timedelta(days=days))) == [Harm.INSERTED]


@on_any_place
@given(place=PLACE, other=PLACE, table=st.sampled_from([audit, operations]))
async def test_swapped_rows_are_found(
    filled: Journal, clock: FrozenClock, place: int, other: int, table: Table
) -> None:
    assert await harms(filled, clock, swap(table, place, other)) == [Harm.REORDERED] * 2


@on_any_place
@given(place=PLACE, which=PLACE)
async def test_altered_entry_is_found(filled: Journal, clock: FrozenClock, place: int, which: int) -> None:
    def alter(connection: Connection) -> None:
        entry = pick(connection, chain, place)
        values = ENTRY_CHANGES[which % len(ENTRY_CHANGES)]
        if all(entry._mapping[name] == value for name, value in values.items()):
            values = {"digest": b"x"}
        connection.execute(update(chain).where(*key_of(chain, entry)).values(values))

    assert await harms(filled, clock, alter)
    assert Harm.REMOVED in await harms(filled, clock, remove(chain, place))


@pytest.mark.parametrize("values", HEAD_CHANGES, ids=str)
@pytest.mark.parametrize("trail", [Trail.AUDIT, Trail.OPERATION])
async def test_altered_head_is_found(filled: Journal, clock: FrozenClock, trail: Trail, values: dict[str, Any]) -> None:
    assert await harms(
        filled,
        clock,
        lambda connection: connection.execute(update(chain_heads).where(chain_heads.c.trail == trail).values(values)),
    )


@on_any_place
@given(place=PLACE, other=PLACE)
async def test_swapped_entries_are_found(filled: Journal, clock: FrozenClock, place: int, other: int) -> None:
    def alter(connection: Connection) -> None:
        of_trail = [entry for entry in get_rows(connection, chain) if entry.trail == Trail.OPERATION]
        one = of_trail.pop(place % len(of_trail))
        two = of_trail[other % len(of_trail)]
        for entry in (one, two):
            connection.execute(delete(chain).where(*key_of(chain, entry)))
        swapped = [{**one._mapping, "sequence": two.sequence}, {**two._mapping, "sequence": one.sequence}]
        connection.execute(insert(chain), swapped)

    assert await harms(filled, clock, alter) == [Harm.REORDERED]


@on_any_place
@given(place=PLACE)
async def test_inserted_entry_is_found(filled: Journal, clock: FrozenClock, place: int) -> None:
    def alter(connection: Connection) -> None:
        of_trail = [entry for entry in get_rows(connection, chain) if entry.trail == Trail.OPERATION]
        at = place % len(of_trail)
        connection.execute(delete(chain).where(chain.c.trail == Trail.OPERATION))
        new = [*of_trail[:at], of_trail[at - 1], *of_trail[at:]]
        connection.execute(
            insert(chain), [{**entry._mapping, "sequence": number} for number, entry in enumerate(new, 1)]
        )

    assert await harms(filled, clock, alter) == [Harm.INSERTED]


def forge(connection: Connection, trail: Trail, alter: Callable[[list[dict[str, Any]]], object]) -> None:
    """Alter the entries of a chain and make all digests fit again, as who knows the code would."""
    head = connection.execute(select(chain_heads).where(chain_heads.c.trail == trail)).one()
    entries = [dict(entry._mapping) for entry in get_rows(connection, chain) if entry.trail == trail]
    digest, first = entries[0]["digest"], entries[0]["sequence"]
    alter(entries)
    connection.execute(delete(chain).where(chain.c.trail == trail))
    for number, entry in enumerate(entries, first):
        entry["sequence"] = number
        if number > first:
            entry["digest"] = digest = entry_digest(digest, entry)
    if entries:
        connection.execute(insert(chain), entries)
    connection.execute(
        update(chain_heads)
        .where(chain_heads.c.trail == trail)
        .values(sequence=first + len(entries) - 1, digest=digest, rows_before=head.rows_before)
    )


async def test_forged_chain_is_found_by_an_anchor(filled: Journal, clock: FrozenClock) -> None:
    anchors = await filled.audit.anchors(clock.now)

    def rewrite(connection: Connection) -> None:
        removed = pick(connection, audit, 3)
        connection.execute(delete(audit).where(audit.c.id == removed.id))
        forge(
            connection,
            Trail.AUDIT,
            lambda entries: entries.remove(next(e for e in entries if e["row_id"] == removed.id)),
        )

    def shorten(connection: Connection) -> None:
        last = get_rows(connection, audit)[-1]
        connection.execute(delete(audit).where(audit.c.id == last.id))
        forge(connection, Trail.AUDIT, lambda entries: entries.pop())

    def begin_anew(connection: Connection) -> None:
        for table in (chain, chain_heads, audit, operations):
            connection.execute(delete(table))

    assert await harms(filled, clock, rewrite) == await harms(filled, clock, shorten) == []
    assert (
        await harms(filled, clock, rewrite, anchors) == await harms(filled, clock, shorten, anchors) == [Harm.REMOVED]
    )
    assert Harm.REMOVED in await harms(filled, clock, begin_anew, anchors)
    assert await harms(filled, clock, lambda _: None, anchors) == []

    await filled.audit.add([shown(clock, 13), shown(clock, 14)])
    assert await harms(filled, clock, rewrite, anchors) == [Harm.REWRITTEN]
    assert await harms(filled, clock, lambda _: None, anchors) == []


async def test_anchor_of_another_chain_is_found(filled: Journal, clock: FrozenClock) -> None:
    [of_trail, _] = await filled.audit.anchors(clock.now)
    other = Anchor(trail=of_trail.trail, chain="another", sequence=1, digest=of_trail.digest, at=clock.now)

    assert await harms(filled, clock, lambda _: None, [other]) == [Harm.REWRITTEN]


async def test_cut_beyond_retention_is_found(filled: Journal, clock: FrozenClock) -> None:
    """As retention would cut, but younger rows."""

    def cut(connection: Connection) -> None:
        filled._entries.cut(connection, Trail.AUDIT, new_id(clock.now - timedelta(days=1)), 500)

    found = await harms(filled, clock, cut)

    assert found == [Harm.REMOVED]
    assert "were to be kept" in (await check(filled, clock, cut))[0].findings[0].what


async def test_row_before_the_cut_is_found_again(filled: Journal, clock: FrozenClock) -> None:
    [first, *_] = await filled._database.read(lambda connection: get_rows(connection, audit))
    clock.advance(days=DAYS_KEPT.days + 1)
    assert await filled.audit.forget(DAYS_KEPT, clock.now)

    again = {**first._mapping}
    assert await harms(filled, clock, lambda connection: connection.execute(insert(audit), again)) == [Harm.INSERTED]
    last = await filled._database.read(
        lambda connection: connection.execute(select(chain).where(chain.c.trail == Trail.AUDIT)).one()
    )
    again["id"] = last.row_id
    assert await harms(filled, clock, lambda connection: connection.execute(insert(audit), again)) == [Harm.INSERTED]


async def test_chain_goes_on_with_another_digest(settings: Settings, clock: FrozenClock) -> None:
    for digest in ("sha256", "sm3", "sha256"):
        changed = Settings(data_dir=settings.data_dir, database_url=settings.database_url, audit_digest=digest)
        async with open_journal(changed, clock) as journal:
            await fill(journal, clock, new_id(clock.now))
            clock.advance(days=5)
    async with open_journal(settings, clock) as journal:
        assert await harms(journal, clock) == []
        assert await harms(journal, clock, change(audit, AUDIT_CHANGES, 17, 2)) == [Harm.CHANGED]
        clock.advance(days=20)
        assert await journal.audit.forget(DAYS_KEPT, clock.now)
        assert await harms(journal, clock) == []


async def test_pages_of_a_chain_are_joined(
    filled: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_check, "PAGE", 3)

    assert await harms(filled, clock) == []
    assert await harms(filled, clock, remove(operations, 4)) == [Harm.REMOVED]


async def test_entry_added_again_has_one_place(journal: Journal, clock: FrozenClock) -> None:
    first = shown(clock, 1)
    await journal.audit.add([first])
    await journal.audit.add([first, shown(clock, 2)])

    [of_trail, *_] = await check(journal, clock)
    assert (of_trail.entries, of_trail.findings) == (2, [])


async def test_failed_write_leaves_no_entry(journal: Journal, clock: FrozenClock) -> None:
    await journal.audit.add([shown(clock, 1)])

    def broken(connection: Connection) -> None:
        journal._entries.append(connection, Trail.AUDIT, [Link("WRITTEN", new_id(clock.now), None)])
        raise UndoneError

    with pytest.raises(UndoneError):
        await journal._database.write(broken)

    assert await harms(journal, clock) == []


async def test_unreadable_values_are_found(sqlite_settings: Settings, clock: FrozenClock) -> None:
    """SQLite keeps whatever is put into a column."""
    async with open_journal(sqlite_settings, clock) as journal:
        await fill(journal, clock)
        for statement, trail in (
            ("UPDATE audit SET fields = 'no JSON' WHERE rowid = 3", Trail.AUDIT),
            ("UPDATE audit SET at = 'no time' WHERE rowid = 3", Trail.AUDIT),
            ("UPDATE chain SET at = 'no time' WHERE trail = 'OPERATION' AND sequence = 3", Trail.OPERATION),
            ("UPDATE chain SET digest = 'text' WHERE trail = 'OPERATION' AND sequence = 3", Trail.OPERATION),
            ("UPDATE chain SET content = 7 WHERE trail = 'OPERATION' AND sequence = 3", Trail.OPERATION),
            ("UPDATE chain_heads SET begun_at = 'no time' WHERE trail = 'AUDIT'", Trail.AUDIT),
        ):
            found = await check(journal, clock, lambda connection: connection.exec_driver_sql(statement))  # noqa: B023 # called at once
            assert {each.trail for each in found if each.findings} == {trail}, statement


async def test_rows_of_an_earlier_version_are_adopted(filled: Journal, clock: FrozenClock) -> None:
    """A gateway of an earlier version, which still runs beside this one, writes no entries."""

    def write(connection: Connection) -> None:
        put_in(audit, 2, clock.now)(connection)
        put_in(operations, 2, clock.now)(connection)
        confirmed = select(operations.c.id).where(operations.c.idempotency_key == "key-2")
        connection.execute(update(operations).where(operations.c.id.in_(confirmed)).values(reason="earlier"))

    await filled._database.write(write)
    assert await harms(filled, clock) == [Harm.INSERTED, Harm.CHANGED, Harm.INSERTED]

    pages = [page async for page in filled.adopt()]

    assert (sum(page.rows for page in pages), sum(len(page.changed) for page in pages)) == (2, 1)
    found = await check(filled, clock)
    assert [(each.trail, each.adopted, each.findings) for each in found] == [
        (Trail.AUDIT, 0, []),
        (Trail.EARLIER, 1, []),
        (Trail.OPERATION, 2, []),
    ]
    assert sum([page.rows + len(page.changed) async for page in filled.adopt()]) == 0
    clock.advance(days=DAYS_KEPT.days + 1)
    while await filled.audit.forget(DAYS_KEPT, clock.now):
        pass
    assert await filled._database.read(lambda connection: get_rows(connection, audit)) == []
    assert await harms(filled, clock) == []


async def test_rows_before_the_chain_are_counted(filled: Journal, clock: FrozenClock) -> None:
    def begin_anew(connection: Connection) -> None:
        """As a migration does, over what is there."""
        rows = len(get_rows(connection, audit))
        connection.execute(delete(chain).where(chain.c.trail == Trail.AUDIT))
        anew = {
            "rows_before": rows,
            "sequence": 0,
            "digest": b"",
            "cut_sequence": 0,
            "cut_previous": b"",
            "begun_at": clock.now,
        }
        connection.execute(update(chain_heads).where(chain_heads.c.trail == Trail.AUDIT).values(anew))

    await filled._database.write(begin_anew)
    clock.advance(seconds=1)
    await filled.audit.add([shown(clock, 20)])

    [of_trail, _] = await check(filled, clock)
    assert of_trail.findings == []
    assert of_trail.not_covered in (12, 6)
    assert await harms(filled, clock, put_in(audit, 0, clock.now - timedelta(days=2))) == [Harm.INSERTED]
    [*_] = [page async for page in filled.adopt()]
    assert (await check(filled, clock))[0].not_covered == 0
    assert await harms(filled, clock, put_in(audit, 0, clock.now - timedelta(days=2))) == [Harm.INSERTED]


async def test_old_chain_entries_are_cut_by_two_gateways(postgres_settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(postgres_settings, clock) as one, open_journal(postgres_settings, clock) as two:
        await one.audit.add([shown(clock, number) for number in range(1200)])
        clock.advance(days=DAYS_KEPT.days + 1)
        await two.audit.add([shown(clock, 1)])

        gone = await asyncio.gather(*(each.audit.forget(DAYS_KEPT, clock.now) for each in (one, two)))

        assert sum(gone) == 1000
        assert await harms(one, clock) == []
