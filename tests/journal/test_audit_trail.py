"""The audit trail collects reveals and denials during requests and writes them to the journal."""

import asyncio
import errno
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from broken_journal import broken
from journal_fixtures import make_operation
from standing_clock import FrozenClock
from structlog.testing import capture_logs
from waiting import until

from gateway.actions import audit
from gateway.actions.audit import AuditTrail
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError
from gateway.execution.run import ObservedField
from gateway.journal.journal import Journal
from gateway.journal.records import AuditEntry, RecordRefs
from gateway.normalise import records
from gateway.normalise.people import House
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName, Severity
from gateway.orders.record import Order
from gateway.people import HouseOwner, People, Residency
from gateway.repairs import Repair
from gateway.shenhe.record import Shenhe, ShenheHouse
from gateway.verification import Finding, FindingCode
from schema.build import executable_schema, revealed_types

IDS = NodeIds(b"a key for tests")
TYPES = revealed_types(executable_schema())


class Request:
    def __init__(self, subject: str = "officer", request_id: str = "request", name: str | None = "Query") -> None:
        self.principal = Principal(subject, frozenset(Scope), None, expires_at=0)
        self.request_id = request_id
        self.operation_name = name


def observed(record: object, type_name: str, **fields: str) -> Any:
    """An observation: public names and attributes."""
    return [record], tuple(ObservedField(type_name, name, attribute) for name, attribute in fields.items())


PERSON = People(name="李明", phone="19900000001", id_card="999302199211302517", birth_date=date(1992, 11, 30))
OTHER_PERSON = People(name="王芳", phone="19900000002", id_card="999302199211302226", birth_date=date(1990, 1, 2))
PHONE = {"phone": "phone"}


def numbered(*numbers: int) -> list[Any]:
    """Observations of the phone numbers of as many persons."""
    return [observed(People(name="李", phone=str(number)), "People", **PHONE) for number in numbers]


def page(*people: People) -> Any:
    return list(people), observed(PERSON, "People", idCard="id_card", birthDate="birth_date")[1]


@pytest.fixture
def trail(journal: Journal, clock: FrozenClock) -> AuditTrail:
    return AuditTrail(journal.audit, IDS, TYPES, clock)


async def written(journal: Journal) -> list[AuditEntry]:
    return [each async for each in journal.audit.entries()]


@pytest.mark.parametrize("most_held", [20_000, 0])
async def test_repeated_reveals_become_one_entry(journal, trail, clock, monkeypatch, most_held):
    monkeypatch.setattr(audit, "MOST_HELD", most_held)
    shown, again = observed(PERSON, "People", **PHONE), observed(msgspec.structs.replace(PERSON), "People", **PHONE)
    for number in range(5):
        trail.reveal(Request(request_id=f"request-{number}"), [again if number == 2 else shown], are_kept=number > 0)
        clock.advance(seconds=0.1)
    trail.reveal(Request("clerk"), [observed(PERSON, "People", **PHONE)])
    trail.reveal(Request(), [observed(PERSON, "People", idCard="id_card")])
    await trail.flush()

    entries = {(entry.subject, entry.fields): entry for entry in await written(journal)}

    assert set(entries) == {("officer", ("phone",)), ("clerk", ("phone",)), ("officer", ("idCard",))}
    entry = entries["officer", ("phone",)]
    assert (entry.count, entry.request_id) == (5, "request-4")
    assert entry.at == clock.now - timedelta(seconds=0.1)


async def test_changed_page_is_a_second_audit_entry(journal: Journal, trail: AuditTrail, clock: FrozenClock) -> None:
    """Each entry names the fields that were held."""
    emptied = msgspec.structs.replace(PERSON, id_card=None)
    for request_id, shown in (("first", PERSON), ("again", PERSON), ("emptied", emptied)):
        trail.reveal(Request(request_id=request_id), [page(OTHER_PERSON, shown, People(name="张三"))])
        clock.advance(seconds=0.1)
    await trail.flush()

    entries = {(entry.request_id, entry.count, entry.fields, entry.records) for entry in await written(journal)}

    one, other = (IDS.hashed("People", person.name, person.phone) for person in (PERSON, OTHER_PERSON))
    assert entries == {
        ("again", 2, ("idCard", "birthDate"), RecordRefs("People", None, (other, one))),
        ("emptied", 1, ("birthDate",), RecordRefs("People", None, (one,))),
        ("emptied", 1, ("idCard", "birthDate"), RecordRefs("People", None, (other,))),
    }


def remarks(*orders: Order) -> Any:
    return list(orders), (ObservedField("Order", "remark", "remark"),)


async def test_many_texts_of_digits_count_as_numbers_unsearched(journal: Journal, trail: AuditTrail) -> None:
    orders = [msgspec.structs.replace(ORDER, number=str(at), remark="9 9 9 5 " * 200) for at in range(30)]
    trail.reveal(Request(), [remarks(*orders)])
    await trail.flush()

    [entry] = await written(journal)
    assert entry.records is not None
    assert entry.records.platform_ids == tuple(map(str, range(25, 30)))


ISSUE = records.DataIssue("phone", "19900000001", DataProblem.MALFORMED, PlatformName.WJDH, PiiKind.PHONE)
HOUSE = records.HouseKey("10002", 1, 2, 3, 301)
REVIEW = ("10002", 7)
FINDING = Finding(
    code=FindingCode.FIELD_DIFFERS,
    severity=Severity.INFO,
    submitted="999302199211302517",
    pii=PiiKind.ID_CARD,
    review=REVIEW,
)
BOUND = Finding(code=FindingCode.ALREADY_BOUND, severity=Severity.INFO, registered="OWNER")
OPERATION = make_operation(FrozenClock().now, mutation="rejectShenhe", reason="请打 19900000001")
NUMBER = "20201213110146000001"
ORDER = Order(platform_id=1, community_code="10002", number=NUMBER, remark="电话 19900000001")
DETAILED = msgspec.structs.replace(ORDER, extra={"电话": "19900000001"})


def owners(*phones: str | None, codes: tuple[str, ...] = ("10002",)) -> Any:
    """A page of those of one house, in each of these communities."""
    shown = [HouseOwner(phone=phone, house=HOUSE._replace(community_code=code)) for code in codes for phone in phones]
    return shown, (ObservedField("HouseOwner", "phone", "phone"),)


BOTH = ("00001", "10002")
REFUSED = Shenhe(platform_id=7, rejection_reason="19900000001")
REPAIR = Repair(platform_id=9, reporter_phone="19900000001")
DIRTY_HOUSE = House(community_code="10002", data_issues=(ISSUE,))
DETAILS, ISSUES = {"details": "details"}, {"dataIssues": "data_issues"}
REVEALED: dict[str, tuple[Any, list[tuple[str, str | None, str, str]]]] = {
    "review": (
        observed(REFUSED, "Shenhe", rejectionReason="rejection_reason"),
        [("Shenhe", None, "7", "rejectionReason")],
    ),
    "finding": (
        observed(FINDING, "VerificationFinding", submitted="submitted"),
        [("Shenhe", "10002", "7", "verification.findings.submitted")],
    ),
    "text of an order": (remarks(ORDER), [("Order", "10002", NUMBER, "remark")]),
    "details of an order": (observed(DETAILED, "Order", **DETAILS), [("Order", "10002", NUMBER, "details")]),
    "reporter": (observed(REPAIR, "RepairReporter", phone="reporter_phone"), [("Repair", None, "9", "reporter.phone")]),
    "operation": (observed(OPERATION, "Operation", reason="reason"), [("Operation", "10002", "operation", "reason")]),
    "house without an address": (
        observed(DIRTY_HOUSE, "House", **ISSUES),
        [("House", "10002", IDS.hashed("House", "10002", None, None, None, None), "dataIssues")],
    ),
    "house of a review": (
        observed(ShenheHouse(data_issues=(ISSUE,), review=REVIEW), "ShenheHouse", **ISSUES),
        [("Shenhe", "10002", "7", "content.house.dataIssues")],
    ),
    "residency": (
        observed(Residency(house=House(**HOUSE._asdict()), data_issues=(ISSUE,)), "Residency", **ISSUES),
        [("House", "10002", "1-2-3-301", "residency.dataIssues")],
    ),
    "orders of two communities": (
        remarks(*(msgspec.structs.replace(ORDER, community_code=code) for code in BOTH)),
        [("Order", code, NUMBER, "remark") for code in BOTH],
    ),
    "houses of two communities": (
        owners("19900000001", codes=BOTH),
        [("House", code, "1-2-3-301", "owner.phone") for code in BOTH],
    ),
    "a house twice": (owners("19900000001", None, "19900000002"), [("House", "10002", "1-2-3-301", "owner.phone")]),
    "nobody": (observed(People(), "People", name="name", **PHONE), []),
    "harmless text": (remarks(msgspec.structs.replace(ORDER, remark="请尽快")), []),
    "nothing to show": (observed(ORDER, "Order", **DETAILS, **ISSUES), []),
    "harmless finding": (observed(BOUND, "VerificationFinding", registered="registered"), []),
}


async def test_reveal_names_the_record_and_fields_of_each_type(journal: Journal, trail: AuditTrail) -> None:
    """The name of the operation, which a client makes up, is cut and masked."""
    for name, (shown, _) in REVEALED.items():
        trail.reveal(Request(name, name="q19900000001" + "x" * 100), [shown])
    await trail.flush()

    found = {name: list[Any]() for name in REVEALED}
    for each in await written(journal):
        of = each.records
        assert of is not None
        assert each.operation_name == "q199****0001" + "x" * 52
        found[each.subject].append((of.type, of.community_code, *of.platform_ids, *each.fields))
    assert {name: sorted(rows) for name, rows in found.items()} == {name: rows for name, (_, rows) in REVEALED.items()}


async def test_refused_audit_entry_is_lost_alone_and_logged(journal: Journal, trail: AuditTrail) -> None:
    named_by_none: Any = None  # which the table refuses
    for shown, request_id in zip(numbered(1, 2, 3), ("before", named_by_none, "after"), strict=True):
        trail.reveal(Request(request_id=request_id), [shown])
    with capture_logs() as logs:
        await trail.flush()

    assert {entry.request_id for entry in await written(journal)} == {"before", "after"}
    [lost] = [line for line in logs if line["log_level"] == "error"]
    assert (lost["event"], lost["notes"], lost["request_id"]) == ("audit lost", 1, None)
    assert lost["reason"].startswith("The journal does not take this (")
    assert "李" not in str(lost)


async def test_failure_between_batches_loses_or_repeats_nothing(journal, trail, monkeypatch):
    monkeypatch.setattr(audit, "LARGEST_BATCH", 2)
    for shown in numbered(*range(5)):
        trail.reveal(Request("a"), [shown])
    for is_written in (False, True):
        with broken(journal.audit, "add", times=1, after=is_written), pytest.raises(JournalError):
            await trail.flush()
        trail.deny(Request("b"), "people", "people:read")
    with capture_logs() as logs:
        await trail.flush()

    assert logs == []
    assert sorted(entry.subject for entry in await written(journal)) == ["a"] * 5 + ["b"] * 2


async def test_entries_unwritten_at_close_are_logged_as_lost(journal: Journal, trail: AuditTrail) -> None:
    for shown in numbered(1, 2):
        trail.reveal(Request(), [shown])
    with broken(journal.audit, "add"), capture_logs() as logs, pytest.raises(JournalError):
        await trail.close()

    [lost] = logs
    assert (lost["event"], lost["log_level"], lost["notes"]) == ("audit lost", "error", 2)


async def test_too_many_audit_entries_close_personal_data(journal, trail, monkeypatch):
    monkeypatch.setattr(audit, "MOST_WAITING", 3)
    request = Request()
    for shown in numbered(1, 2, 3):
        assert trail.admit(request.principal).reveals_pii
        trail.reveal(request, [shown])
    assert not trail.admit(request.principal).reveals_pii

    with broken(journal.audit, "add"), pytest.raises(JournalError):
        await trail.flush()
    assert not trail.admit(request.principal).reveals_pii


@pytest.mark.parametrize(("interval", "sooner_from", "failures"), [(3600.0, 4, 0), (0.0, 10_000, 1)])
async def test_worker_writes_many_entries_early_and_retries(
    journal, trail, monkeypatch, interval, sooner_from, failures
):
    monkeypatch.setattr(audit, "INTERVAL", interval)
    monkeypatch.setattr(audit, "SOONER_FROM", sooner_from)

    async def are_written() -> bool:
        return {entry.subject for entry in await written(journal)} == {"first", "second"}

    with broken(journal.audit, "add", times=failures):
        working = asyncio.create_task(trail.run())
        for name in ("first", "second"):
            await asyncio.sleep(0)
            trail.reveal(Request(name), [page(PERSON, OTHER_PERSON)])
        await until(are_written)
        working.cancel()


async def test_unwritable_log_keeps_no_entry_from_journal(journal: Journal, clock: FrozenClock) -> None:
    def write_lines(_lines: Iterable[str]) -> None:
        raise OSError(errno.ENOSPC, "the disk is full")

    trail = AuditTrail(journal.audit, IDS, TYPES, clock, write_lines)
    trail.reveal(Request(), [observed(PERSON, "People", **PHONE)])
    await trail.flush()

    assert len(await written(journal)) == 1
