"""Which operations and payments are asked for, and the statements that find them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Select, Table, func, select

from gateway.journal.identifiers import first_id
from gateway.journal.newest import Conditions
from gateway.journal.records import RecordRefs
from gateway.journal.tables import operations, payment_conflicts, payments
from gateway.normalise.states import DeliveryState, Outcome

_TICKS = timedelta(milliseconds=2)
"""Identifiers distinguish milliseconds."""


class OperationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Operations of these communities (None: of all, and of none), begun from `since` on and before `until`.

    `records` are all names of one record.
    """

    communities: frozenset[str] | None = None
    outcome: Outcome | None = None
    mutations: tuple[str, ...] | None = None
    subject: str | None = None
    records: RecordRefs | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def table(self) -> Table:
        return operations

    @property
    def leading(self) -> Mapping[str, Sequence[str]] | None:
        """The columns that an index of these operations begins with, and the values that they may have. A record has
        few operations: they are found by the record.
        """
        if self.records is not None:
            return None
        found: dict[str, Sequence[str]] = {}
        if self.communities is not None:
            found["community_code"] = sorted(self.communities)
        if self.subject is not None:
            found["subject"] = [self.subject]
        elif self.outcome in (Outcome.REFUSED, Outcome.UNKNOWN):
            found["state"] = [self.outcome.value]
        elif self.mutations is not None:
            found["mutation"] = self.mutations
        elif self.outcome is not None:
            found["state"] = [self.outcome.value]
        return found

    def conditions(self) -> Conditions:
        """What is asked for besides."""
        leading, found = self.leading or (), between(operations, "started_at", self.since, self.until)
        if self.outcome is not None and "state" not in leading:
            found.append(operations.c.state == self.outcome.value)
        if self.subject is not None and "subject" not in leading:
            found.append(operations.c.subject == self.subject)
        if self.mutations is not None and "mutation" not in leading:
            found.append(operations.c.mutation.in_(self.mutations))
        if self.records is not None:
            found += _of_records(self.records)
            if self.communities is not None:
                found.append(among(operations.c.community_code, self.communities))
        return found


class PaymentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Payments of these communities (None: of all, and of none), received from `since` on and before `until`.

    `conflicting`: with conflicts, or without any.
    """

    communities: frozenset[str] | None = None
    state: DeliveryState | None = None
    conflicting: bool | None = None
    order_number: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def table(self) -> Table:
        return payments

    @property
    def leading(self) -> Mapping[str, Sequence[str]] | None:
        """As of operations: there is one payment of an order, and few have conflicts."""
        if self.order_number is not None or self.conflicting:
            return None
        found: dict[str, Sequence[str]] = {}
        if self.communities is not None:
            found["community_code"] = sorted(self.communities)
        if self.state is not None:
            found["state"] = [self.state.value]
        return found

    def conditions(self) -> Conditions:
        """What is asked for besides."""
        leading, found = self.leading or (), between(payments, "received_at", self.since, self.until)
        if self.state is not None and "state" not in leading:
            found.append(payments.c.state == self.state)
        if self.order_number is not None:
            found.append(payments.c.order_number == self.order_number)
        if self.conflicting is not None:
            conflicts = select(payment_conflicts.c.payment_id)
            found.append(payments.c.id.in_(conflicts) if self.conflicting else payments.c.id.not_in(conflicts))
        if self.communities is not None and "community_code" not in leading:
            found.append(among(payments.c.community_code, self.communities))
        return found


def counted(query: OperationQuery | PaymentQuery) -> Select[Any]:
    """How many there are."""
    leading = [query.table.c[name].in_(values) for name, values in (query.leading or {}).items()]
    return select(func.count()).select_from(query.table).where(*leading, *query.conditions())


def among(community_code: Column[str], communities: frozenset[str]) -> ColumnElement[bool]:
    """Whether it is one of these, for few rows that are found by something else: written so that SQLite, which keeps no
    statistics, does not find them by this.
    """
    return func.coalesce(community_code, "").in_(sorted(communities))


def within(community_code: Column[str], code: str) -> ColumnElement[bool]:
    """Whether it is this community or unknown; written as in `among`."""
    return func.coalesce(community_code, code) == code


def between(table: Table, name: str, since: datetime | None, until: datetime | None) -> Conditions:
    """Identifiers are sorted by this time, to the millisecond: they lead to the rows, the time itself decides."""
    found: Conditions = []
    if since is not None:
        found += [table.c.id >= first_id(since.astimezone(UTC)), table.c[name] >= since]
    if until is not None:
        found += [table.c.id < first_id(until.astimezone(UTC) + _TICKS), table.c[name] < until]
    return found


def _of_records(records: RecordRefs) -> Conditions:
    """A row that was written by its bare number is the same row."""
    found: Conditions = [
        operations.c.record_type == records.type,
        operations.c.record_id.in_(records.platform_ids),
    ]
    if records.community_code is not None:
        found.append(within(operations.c.record_community_code, records.community_code))
    return found
