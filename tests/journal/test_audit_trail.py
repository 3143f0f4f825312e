"""The audit trail collects reveals and denials during requests and writes them to the journal."""

import asyncio
import errno
import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from journal_fixtures import make_entry, make_operation
from standing_clock import FrozenClock
from structlog.testing import capture_logs

from gateway.actions import audit
from gateway.actions.audit import LONGEST_WAIT, AuditTrail
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError
from gateway.execution.variants import ObservedField
from gateway.journal.journal import Journal, open_journal
from gateway.journal.records import AuditEntry, RecordRef, RecordRefs
from gateway.normalise import records
from gateway.normalise.house import House, HouseOwner, Residency
from gateway.normalise.order import Order
from gateway.normalise.people import People
from gateway.normalise.person import Member
from gateway.normalise.repair import Repair
from gateway.normalise.shenhe import Shenhe
from gateway.normalise.shenhe_content import ShenheContent, ShenheHouse, ShenhePeople
from gateway.normalise.states import FindingCode, Severity
from gateway.normalise.verification import Finding
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName, ResidentRole
from gateway.settings import Settings
from gateway.wording.faults import FaultWording
from schema.build import executable_schema, revealed_types

IDS = NodeIds(b"a key for tests")
TYPES = revealed_types(executable_schema())
RETENTION = timedelta(days=100)


class Request:
    def __init__(self, subject: str = "officer", request_id: str = "request", name: str | None = "Query") -> None:
        self.principal = Principal(subject, frozenset(Scope), None, expires_at=0)
        self.request_id = request_id
        self.operation_name = name


def observed(record: object, type_name: str, **fields: str) -> Any:
    """An observation: public names and attributes."""
    return [record], tuple(ObservedField(type_name, name, attribute) for name, attribute in fields.items())


PERSON = People(name="李明", phone="19900000001", id_card="999302199211302517", birth_date=date(1992, 11, 30))
PHONE = {"phone": "phone"}


@pytest.fixture
def trail(journal: Journal, clock: FrozenClock) -> AuditTrail:
    return AuditTrail(journal.audit, IDS, TYPES, RETENTION, clock)


async def written(journal: Journal) -> list[AuditEntry]:
    return [each async for each in journal.audit.read()]


async def test_reveal_entry_names_record_and_fields(journal: Journal, trail: AuditTrail, clock: FrozenClock) -> None:
    shown = observed(PERSON, "People", name="name", idCard="id_card", photo="photo")
    trail.reveal(Request(), [shown])
    await trail.flush()

    [entry] = await written(journal)

    assert entry == make_entry(
        clock.now,
        id=entry.id,
        records=RecordRefs("People", None, (IDS.hashed("People", "李明", "19900000001"),)),
        fields=("name", "idCard"),  # there is no photo
        operation_name="Query",
    )
    text = msgspec.json.encode(entry).decode()
    assert not any(value in text for value in ("李明", "19900000001", "999302"))


async def test_repeated_reveals_become_one_entry(journal: Journal, trail: AuditTrail, clock: FrozenClock) -> None:
    for number in range(5):
        trail.reveal(Request(request_id=f"request-{number}"), [observed(PERSON, "People", **PHONE)])
        clock.advance(seconds=0.1)
    trail.reveal(Request("clerk"), [observed(PERSON, "People", **PHONE)])
    trail.reveal(Request(), [observed(PERSON, "People", idCard="id_card")])
    await trail.flush()

    entries = {(entry.subject, entry.fields): entry for entry in await written(journal)}

    assert set(entries) == {("officer", ("phone",)), ("clerk", ("phone",)), ("officer", ("idCard",))}
    entry = entries["officer", ("phone",)]
    assert (entry.count, entry.request_id) == (5, "request-4")
    assert entry.at == clock.now - timedelta(seconds=0.1)


def page(*people: People) -> Any:
    return list(people), observed(PERSON, "People", idCard="id_card", birthDate="birth_date")[1]


OTHER_PERSON = People(name="王芳", phone="19900000002", id_card="999302199211302226", birth_date=date(1990, 1, 2))
PERSON_IDS = {person.name: IDS.hashed("People", person.name, person.phone) for person in (PERSON, OTHER_PERSON)}


async def test_page_entries_name_fields_that_were_held(journal: Journal, trail: AuditTrail) -> None:
    without = msgspec.structs.replace(OTHER_PERSON, id_card=None)
    trail.reveal(Request(), [page(PERSON, without, People(name="张三"))])
    await trail.flush()

    entries = {entry.fields: entry.records for entry in await written(journal)}

    assert entries == {
        ("idCard", "birthDate"): RecordRefs("People", None, (PERSON_IDS["李明"],)),
        ("birthDate",): RecordRefs("People", None, (PERSON_IDS["王芳"],)),
    }


async def test_changed_page_is_a_second_audit_entry(journal: Journal, trail: AuditTrail, clock: FrozenClock) -> None:
    emptied = msgspec.structs.replace(PERSON, id_card=None)
    for request_id, shown in (("first", PERSON), ("again", PERSON), ("emptied", emptied)):
        trail.reveal(Request(request_id=request_id), [page(shown, OTHER_PERSON)])
        clock.advance(seconds=0.1)
    await trail.flush()

    entries = {(entry.request_id, entry.count, entry.fields) for entry in await written(journal)}

    assert entries == {
        ("again", 2, ("idCard", "birthDate")),
        ("emptied", 1, ("birthDate",)),
        ("emptied", 1, ("idCard", "birthDate")),
    }


async def test_records_of_two_communities_are_two_entries(journal: Journal, trail: AuditTrail) -> None:
    there = msgspec.structs.replace(ORDER, community_code="00001")
    trail.reveal(Request(), [([ORDER, there], observed(ORDER, "Order", remark="remark")[1])])  # type: ignore[list-item]
    await trail.flush()

    number = ORDER.number or ""
    assert sorted(msgspec.structs.astuple(entry.records) for entry in await written(journal) if entry.records) == [
        ("Order", "00001", (number,)),
        ("Order", "10002", (number,)),
    ]


async def test_record_twice_on_a_page_is_named_once(journal: Journal, trail: AuditTrail) -> None:
    owners = [HouseOwner(phone=phone, house=HOUSE) for phone in ("19900000001", None, "19900000002")]
    trail.reveal(Request(), [(owners, (ObservedField("HouseOwner", "phone", "phone"),))])  # type: ignore[list-item]
    await trail.flush()

    [entry] = await written(journal)

    assert (entry.records, entry.fields) == (RecordRefs("House", "10002", ("1-2-3-301",)), ("owner.phone",))


ISSUE = records.DataIssue("phone", "19900000001", DataProblem.MALFORMED, PlatformName.WJDH, PiiKind.PHONE)
HOUSE = records.HouseKey("10002", 1, 2, 3, 301)
REVIEW = ("10002", 7)
MEMBER = Member(name="王芳", phone="19900000002", role=ResidentRole.WIFE)
FINDING = Finding(
    code=FindingCode.FIELD_DIFFERS,
    severity=Severity.INFO,
    submitted="999302199211302517",
    pii=PiiKind.ID_CARD,
    review=REVIEW,
)
OPERATION = make_operation(FrozenClock().now, mutation="rejectShenhe", reason="请打 19900000001")
ORDER = Order(platform_id=1, community_code="10002", number="20201213110146000001", remark="电话 19900000001")
DETAILED = msgspec.structs.replace(ORDER, extra={"电话": "19900000001"})


@pytest.mark.parametrize(
    ("shown", "record", "fields"),
    [
        (
            observed(MEMBER, "Member", **PHONE),
            RecordRef("Member", None, IDS.hashed("Member", "王芳", "19900000002", None, ResidentRole.WIFE)),
            ("phone",),
        ),
        (
            observed(HouseOwner(phone="19900000001", house=HOUSE), "HouseOwner", **PHONE),
            RecordRef("House", "10002", "1-2-3-301"),
            ("owner.phone",),
        ),
        (
            observed(ShenhePeople(phone="19900000001", review=REVIEW), "ShenhePeople", **PHONE),
            RecordRef("Shenhe", "10002", "7"),
            ("content.people.phone",),
        ),
        (
            observed(ShenheContent(raw="{}", review=REVIEW), "ShenheContent", raw="raw"),
            RecordRef("Shenhe", "10002", "7"),
            ("content.raw",),
        ),
        (
            observed(
                Shenhe(platform_id=7, rejection_reason="19900000001"), "Shenhe", rejectionReason="rejection_reason"
            ),
            RecordRef("Shenhe", None, "7"),
            ("rejectionReason",),
        ),
        (
            observed(FINDING, "VerificationFinding", submitted="submitted"),
            RecordRef("Shenhe", "10002", "7"),
            ("verification.findings.submitted",),
        ),
        (observed(ORDER, "Order", remark="remark"), RecordRef("Order", "10002", "20201213110146000001"), ("remark",)),
        (observed(DETAILED, "Order", details="details"), RecordRef("Order", "10002", ORDER.number or ""), ("details",)),
        (
            observed(Repair(platform_id=9, reporter_phone="19900000001"), "RepairReporter", phone="reporter_phone"),
            RecordRef("Repair", None, "9"),
            ("reporter.phone",),
        ),
        (observed(OPERATION, "Operation", reason="reason"), RecordRef("Operation", "10002", "operation"), ("reason",)),
        (
            observed(House(community_code="10002", data_issues=(ISSUE,)), "House", dataIssues="data_issues"),
            RecordRef("House", "10002", IDS.hashed("House", "10002", None, None, None, None)),
            ("dataIssues",),
        ),
        (
            observed(ShenheHouse(data_issues=(ISSUE,), review=REVIEW), "ShenheHouse", dataIssues="data_issues"),
            RecordRef("Shenhe", "10002", "7"),
            ("content.house.dataIssues",),
        ),
        (
            observed(
                Residency(house=House(**HOUSE._asdict()), data_issues=(ISSUE,)), "Residency", dataIssues="data_issues"
            ),
            RecordRef("House", "10002", "1-2-3-301"),
            ("residency.dataIssues",),
        ),
    ],
    ids=lambda value: value.type if isinstance(value, RecordRef) else "",
)
async def test_reveal_names_the_record_and_fields_of_each_type(
    journal: Journal, trail: AuditTrail, shown: Any, record: RecordRef | None, fields: tuple[str, ...]
) -> None:
    trail.reveal(Request(), [shown])
    await trail.flush()

    [entry] = await written(journal)

    named = record and RecordRefs(record.type, record.community_code, (record.platform_id,))
    assert (entry.records, entry.fields) == (named, fields)


@pytest.mark.parametrize(
    "shown",
    [
        observed(People(), "People", name="name", phone="phone"),
        observed(Order(platform_id=1, community_code="10002", remark="请尽快"), "Order", remark="remark"),
        observed(ORDER, "Order", details="details", dataIssues="data_issues"),
        observed(
            Finding(code=FindingCode.ALREADY_BOUND, severity=Severity.INFO, registered="OWNER"),
            "VerificationFinding",
            registered="registered",
        ),
    ],
)
async def test_record_without_personal_data_is_no_reveal(journal: Journal, trail: AuditTrail, shown: Any) -> None:
    trail.reveal(Request(), [shown])
    await trail.flush()

    assert await written(journal) == []


async def test_operation_name_is_cut_and_masked(journal: Journal, trail: AuditTrail) -> None:
    trail.reveal(Request(name="q19900000001" + "x" * 100), [observed(PERSON, "People", **PHONE)])
    await trail.flush()

    [entry] = await written(journal)

    assert entry.operation_name == "q199****0001" + "x" * 52


async def test_refused_audit_entry_is_lost_alone_and_logged(journal: Journal, trail: AuditTrail) -> None:
    named_by_none: Any = None  # which the table refuses
    people = [People(name="李", phone=str(number)) for number in range(3)]
    for person, request_id in zip(people, ("before", named_by_none, "after"), strict=True):
        trail.reveal(Request(request_id=request_id), [observed(person, "People", **PHONE)])
    with capture_logs() as logs:
        await trail.flush()

    assert {entry.request_id for entry in await written(journal)} == {"before", "after"}
    [lost] = [line for line in logs if line["log_level"] == "error"]
    assert (lost["event"], lost["notes"], lost["request_id"]) == ("audit lost", 1, None)
    assert lost["reason"].startswith("The journal does not take this (")
    assert "李" not in str(lost)


@pytest.mark.postgres
async def test_overlong_record_number_is_audited(postgres_settings: Settings, clock: FrozenClock) -> None:
    endless = msgspec.structs.replace(ORDER, number=secrets.token_hex(10_000))
    async with open_journal(postgres_settings, clock) as journal:
        trail = AuditTrail(journal.audit, IDS, TYPES, RETENTION, clock)
        trail.reveal(Request(), [observed(endless, "Order", remark="remark"), observed(PERSON, "People", **PHONE)])
        await trail.flush()

        assert {entry.fields for entry in await written(journal)} == {("phone",), ("remark",)}
    assert trail.waiting == 0


class Broken:
    """A journal that cannot be written until it is mended."""

    def __init__(self, journal: Journal) -> None:
        self._audit = journal.audit
        self.mended = False

    async def add(self, entries: Any) -> None:
        if not self.mended:
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        await self._audit.add(entries)


@pytest.fixture
def broken(journal: Journal) -> Broken:
    return Broken(journal)


@pytest.fixture
def delayed(broken: Broken, clock: FrozenClock) -> Iterator[AuditTrail]:
    return AuditTrail(broken, IDS, TYPES, RETENTION, clock)  # type: ignore[arg-type, return-value] # a stand-in for Audit


async def test_audit_entries_wait_while_journal_is_down(journal: Journal, broken: Broken, delayed: AuditTrail) -> None:
    for subject in ("a", "b"):
        delayed.reveal(Request(subject), [observed(PERSON, "People", **PHONE)])
        with pytest.raises(JournalError):
            await delayed.flush()

    broken.mended = True
    await delayed.flush()

    assert {entry.subject for entry in await written(journal)} == {"a", "b"}


async def test_failure_between_batches_loses_or_repeats_nothing(
    journal: Journal, broken: Broken, delayed: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LARGEST_BATCH", 2)
    people = [People(name="李", phone=str(number)) for number in range(5)]
    for person in people:
        delayed.reveal(Request("a"), [observed(person, "People", **PHONE)])
    broken.mended = True
    add = broken.add

    async def add_twice(entries: Any) -> None:
        await add(entries)
        broken.mended = len(await written(journal)) < 4

    monkeypatch.setattr(broken, "add", add_twice)
    with pytest.raises(JournalError):
        await delayed.flush()
    delayed.deny(Request("b"), "people", "people:read")
    assert len(await written(journal)) == 4

    broken.mended = True
    monkeypatch.setattr(broken, "add", add)
    await delayed.flush()

    assert sorted(entry.subject for entry in await written(journal)) == ["a"] * 5 + ["b"]


async def test_entries_unwritten_at_close_are_logged_as_lost(delayed: AuditTrail) -> None:
    for number in range(2):
        delayed.reveal(Request(), [observed(People(name="李", phone=str(number)), "People", **PHONE)])
    with capture_logs() as logs, pytest.raises(JournalError):
        await delayed.close()

    [lost] = logs
    assert (lost["event"], lost["log_level"], lost["notes"]) == ("audit lost", "error", 2)


async def test_overdue_audit_entries_close_personal_data(
    broken: Broken, delayed: AuditTrail, clock: FrozenClock
) -> None:
    request = Request()
    delayed.reveal(request, [observed(PERSON, "People", **PHONE)])
    clock.now += LONGEST_WAIT
    assert delayed.admit(request.principal) is request.principal

    clock.advance(seconds=1)
    admitted = delayed.admit(request.principal)
    assert not admitted.reveals_pii
    assert admitted.scopes == request.principal.scopes - {Scope.PII_READ}
    masked = Principal("clerk", frozenset(), None, expires_at=0)
    assert delayed.admit(masked) is masked

    broken.mended = True
    await delayed.flush()
    assert delayed.admit(request.principal) is request.principal


async def test_changing_record_counts_as_many_entries(delayed: AuditTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_WAITING", 3)
    request = Request()
    for number in range(3):
        assert delayed.admit(request.principal).reveals_pii
        changed = msgspec.structs.replace(PERSON, id_card=f"99930219921130251{number}")
        for _ in range(2):
            delayed.reveal(request, [observed(changed, "People", idCard="id_card")])
    assert not delayed.admit(request.principal).reveals_pii


async def test_too_many_audit_entries_close_personal_data(delayed: AuditTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_WAITING", 3)
    request = Request()
    for number in range(3):
        assert delayed.admit(request.principal).reveals_pii
        delayed.reveal(request, [observed(People(name="李", phone=str(number)), "People", **PHONE)])
    assert not delayed.admit(request.principal).reveals_pii

    with pytest.raises(JournalError):
        await delayed.flush()
    assert not delayed.admit(request.principal).reveals_pii


async def test_many_audit_entries_are_written_early(
    journal: Journal, trail: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "INTERVAL", 3600.0)
    monkeypatch.setattr(audit, "SOONER_FROM", 4)
    working = asyncio.create_task(trail.run())
    try:
        for name in ("first", "second"):
            await asyncio.sleep(0)
            trail.reveal(Request(name), [page(PERSON, OTHER_PERSON)])
        async with asyncio.timeout(60):
            while {entry.subject for entry in await written(journal)} != {"first", "second"}:
                pass
    finally:
        working.cancel()


async def test_audit_worker_writes_forgets_and_retries(
    journal: Journal, trail: AuditTrail, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "INTERVAL", 0.0)
    trail.reveal(Request("old"), [observed(PERSON, "People", **PHONE)])
    await trail.flush()
    clock.now += RETENTION + timedelta(days=1)
    fails = iter([True])
    add = journal.audit.add

    async def add_later(entries: Any) -> None:
        if next(fails, False):
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        await add(entries)

    monkeypatch.setattr(journal.audit, "add", add_later)
    trail.reveal(Request("new"), [observed(PERSON, "People", **PHONE)])

    working = asyncio.create_task(trail.run())
    try:
        async with asyncio.timeout(60):
            while [entry.subject for entry in await written(journal)] != ["new"]:
                pass
    finally:
        working.cancel()


async def test_unwritable_log_keeps_no_entry_from_journal(journal: Journal, clock: FrozenClock) -> None:
    def write_line(_line: str) -> None:
        raise OSError(errno.ENOSPC, "the disk is full")

    trail = AuditTrail(journal.audit, IDS, TYPES, RETENTION, clock, write_line)
    trail.reveal(Request(), [observed(PERSON, "People", **PHONE)])
    await trail.flush()

    assert len(await written(journal)) == 1
