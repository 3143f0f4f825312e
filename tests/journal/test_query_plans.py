"""The plans of the journal's queries keep to the indexes: a page of a large journal costs no more than its rows."""

from typing import Any, NamedTuple

from large_journal import BEGIN, Plans, fill, plans_of
from sqlalchemy import Connection, text

from gateway.journal.audit import RevealQuery
from gateway.journal.history import HistoryKey
from gateway.journal.journal import Journal
from gateway.journal.newest import Cut
from gateway.journal.queries import OperationQuery, PaymentQuery
from gateway.journal.records import RecordRef, RecordRefs
from gateway.normalise.states import DeliveryState, Outcome

ONE, TWO = frozenset(["10001"]), frozenset(["10001", "10002"])
PAGE = Cut(20)


class Question(NamedTuple):
    """`indexes`: those one of which finds the rows; PostgreSQL may take `rather` where its statistics say so."""

    ask: Any
    indexes: tuple[str, ...]
    rather: tuple[str, ...] = ()


def operations(*indexes: str, rather: tuple[str, ...] = (), **given: Any) -> Question:
    query = OperationQuery(**given)
    return Question(lambda journal: journal.operations.list(query, PAGE), indexes, rather)


def payments(*indexes: str, rather: tuple[str, ...] = (), **given: Any) -> Question:
    query = PaymentQuery(**given)
    return Question(lambda journal: journal.payments.list(query, PAGE), indexes, rather)


def reveals(*indexes: str, rather: tuple[str, ...] = (), **given: Any) -> Question:
    query = RevealQuery(**given)
    return Question(lambda journal: journal.audit.reveals(query, 20), indexes, rather)


def histories(*keys: HistoryKey) -> Question:
    return Question(lambda journal: journal.operations.histories(keys), ("ix_operations_record_id",))


RARE = {"mutations": ("retryPayment",)}
REVIEW = RecordRefs("Shenhe", "10001", ("7",))
QUESTIONS = {
    "all": operations("pk_operations", "sqlite_autoindex_operations_1"),
    "after another": Question(
        lambda journal: journal.operations.list(OperationQuery(), Cut(20, after="0")),
        ("pk_operations", "sqlite_autoindex_operations_1"),
    ),
    "community": operations("ix_operations_community_code_id", communities=ONE),
    "communities": operations("ix_operations_community_code_id", communities=TWO),
    "outcome": operations("ix_operations_state_id", outcome=Outcome.UNKNOWN, rather=("ix_operations_unresolved",)),
    "outcome of a community": operations(
        "ix_operations_community_code_state_id",
        communities=ONE,
        outcome=Outcome.UNKNOWN,
        rather=("ix_operations_unresolved", "ix_operations_state_id"),
    ),
    "outcome of communities": operations(
        "ix_operations_community_code_state_id",
        communities=TWO,
        outcome=Outcome.UNKNOWN,
        rather=("ix_operations_unresolved", "ix_operations_state_id"),
    ),
    "mutation": operations("ix_operations_mutation_id", **RARE),
    "mutations": operations("ix_operations_mutation_id", mutations=("retryPayment", "setModule")),
    "mutation of a community": operations(
        "ix_operations_community_code_mutation_id", communities=ONE, **RARE, rather=("ix_operations_mutation_id",)
    ),
    "mutation of communities": operations("ix_operations_community_code_mutation_id", communities=TWO, **RARE),
    "subject": operations("ix_operations_subject_id", subject="zhou"),
    "subject of a community": operations(
        "ix_operations_community_code_subject_id", communities=ONE, subject="zhou", rather=("ix_operations_subject_id",)
    ),
    "subject of communities": operations(
        "ix_operations_community_code_subject_id", communities=TWO, subject="zhou", rather=("ix_operations_subject_id",)
    ),
    "record": operations("ix_operations_record_id", records=REVIEW),
    "record of a community": operations("ix_operations_record_id", communities=ONE, records=REVIEW),
    "record and mutation": operations(
        "ix_operations_record_id", communities=TWO, records=REVIEW, mutations=("approveShenhe", "rejectShenhe")
    ),
    "period": operations("pk_operations", "sqlite_autoindex_operations_1", since=BEGIN, until=BEGIN.replace(minute=1)),
    "history": histories(*(HistoryKey("Shenhe", "10001", (str(number),)) for number in range(20))),
    "history of modules": histories(HistoryKey("Module", "10001", ("REPAIRS", "报修"), "REPAIRS")),
    "history of an unknown community": histories(HistoryKey("Shenhe", None, ("7",))),
    "payments": payments("pk_payments", "sqlite_autoindex_payments_1"),
    "payments of a community": payments("ix_payments_community_code_id", communities=ONE),
    "payments of communities": payments("ix_payments_community_code_id", communities=TWO),
    "state": payments(
        "ix_payments_state_id", state=DeliveryState.QUEUED, rather=("ix_payments_state_next_attempt_at",)
    ),
    "state of a community": payments(
        "ix_payments_community_code_state_id",
        communities=ONE,
        state=DeliveryState.QUEUED,
        rather=("ix_payments_state_id", "ix_payments_state_next_attempt_at"),
    ),
    "order": payments("uq_payments_order_number", "sqlite_autoindex_payments_2", communities=TWO, order_number="1"),
    "conflicting": payments("pk_payments", "sqlite_autoindex_payments_1", communities=TWO, conflicting=True),
    "reveals": reveals("pk_audit", "sqlite_autoindex_audit_1"),
    "reveals of a community": reveals("ix_audit_record_community_code_id", communities=ONE),
    "reveals of communities": reveals("ix_audit_record_community_code_id", communities=TWO),
    "reveals to a subject": reveals("ix_audit_subject_id", subject="zhou"),
    "reveals of a community to a subject": reveals(
        "ix_audit_record_community_code_subject_id", communities=ONE, subject="zhou", rather=("ix_audit_subject_id",)
    ),
    "reveals of a record": reveals(
        "ix_audit_record_ids", "pk_audit_records", "sqlite_autoindex_audit_1", record=RecordRef("Shenhe", "10001", "7")
    ),
}


async def test_queries_are_planned_by_their_indexes(journal: Journal) -> None:
    await fill(journal)
    wrong = {}
    for name, (ask, indexes, rather) in QUESTIONS.items():
        plans = await plans_of(journal, ask)
        assert plans.lines, name
        allowed = (*indexes, *(rather if plans.postgres else ()))
        if not any(index in str(plans) for index in allowed) or reads_whole_table(plans):
            wrong[name] = str(plans)
    assert not wrong, "\n\n".join(f"{name}\n{plan}" for name, plan in wrong.items())


def reads_whole_table(plans: Plans) -> bool:
    """SQLite says SCAN also of an index that is read in order until the page is full."""
    if plans.postgres:
        return "Seq Scan" in str(plans)
    scanned = [line for line in plans.lines if line.startswith("SCAN ") and "given" not in line]
    return any("USING" not in line for line in scanned)


async def test_plan_without_its_index_is_noticed(journal: Journal) -> None:
    await fill(journal, 300)

    def drop(connection: Connection) -> None:
        connection.execute(text("DROP INDEX ix_operations_subject_id"))

    await journal._database.write(drop)
    plans = await plans_of(journal, QUESTIONS["subject"].ask)

    assert "ix_operations_subject_id" not in str(plans)
