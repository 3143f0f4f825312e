"""The payments command: where the deliveries of payment notifications stand, and the dead ones tried again."""

import os
import pwd
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from gateway.actions.payment import PaymentActions
from gateway.actions.writer import Writer
from gateway.auth.node_ids import InvalidNodeIdError, NodeIds, read_id_key
from gateway.auth.principal import Principal, Scope
from gateway.commands.columns import age, table
from gateway.errors import GatewayError
from gateway.events import EventBus
from gateway.journal.journal import Journal, open_journal, utc_now
from gateway.journal.listing import Cut, PaymentQuery
from gateway.journal.records import Payment
from gateway.normalise.states import DeliveryState, Outcome
from gateway.settings import Settings

PART = 500
"""Payments that are read at once."""

SHOWN = ("id", "order_number", "state", "attempts", "last_error", "community_code", "received_at", "next_attempt_at")
"""The fields of a payment that are printed as JSON: those that no person is known by."""

HEAD = ("id", "order", "state", "attempts", "last error", "community", "received", "next attempt")

_NONE = "no payments that are {states}\n"


async def list_payments(settings: Settings, states: Sequence[str], *, as_json: bool) -> int:
    """Print the payments of these states, newest first: a table, or a JSON object a line. Returns 0.

    Raises JournalError when the journal cannot be read, or there is none.
    """
    async with open_journal(settings, make=False) as journal:
        found = [payment for state in states async for payment in _payments(journal, DeliveryState(state))]
    if as_json:
        for payment in found:
            line = msgspec.json.encode({name: getattr(payment, name) for name in SHOWN})
            sys.stdout.write(f"{line.decode()}\n")
    elif found:
        now = utc_now()
        sys.stdout.write(table(HEAD, (_row(payment, now) for payment in found)))
    if not found:
        sys.stderr.write(_NONE.format(states=" or ".join(states)))
    return 0


async def retry_payments(settings: Settings, ids: Sequence[str], *, all_dead: bool, confirmed: bool) -> int:
    """Queue these dead payments again, or all; the gateway that runs delivers them. Returns 1 where one was not queued.

    An id is that of the log and of `list_payments`, or the API's. The journal has an operation for each, of a subject
    that names who did it at the command line. Raises ValueError for an id that is none, JournalError, SettingsError.
    """
    key = read_id_key(settings)
    async with open_journal(settings, make=False) as journal:
        await journal.require_key(NodeIds(key).check_value)
        wanted = [_journal_id(NodeIds(key), id_) for id_ in ids]
        if all_dead:
            wanted = [payment.id async for payment in _payments(journal, DeliveryState.DEAD)]
            if not wanted:
                sys.stderr.write(_NONE.format(states=DeliveryState.DEAD))
                return 0
        known = await journal.payments.by_ids(wanted)
        if not confirmed and not _confirm(len(wanted)):
            return 1
        events = EventBus()
        writer = Writer(journal, key, utc_now)
        actions = PaymentActions(writer, journal, events)
        async with events.bridge(journal.notifier):
            results = [await _retry(actions, id_, known.get(id_)) for id_ in wanted]
        await writer.drain()
    return 0 if all(results) else 1


def operator() -> str:
    """The subject of what is done at the command line: the account that runs it."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, under any number
        name = str(os.getuid())
    return f"command line: {name}"


async def _retry(actions: PaymentActions, id_: str, payment: Payment | None) -> bool:
    """Whether it is queued again; prints what came of it."""
    principal = Principal(operator(), frozenset({Scope.PAYMENT_WRITE}), None, expires_at=0)
    try:
        written = await actions.retry(principal, payment)
    except GatewayError as error:
        sys.stdout.write(f"{id_}: {error.message}\n")
        return False
    is_queued = written.outcome is Outcome.CONFIRMED
    said = "queued" if is_queued else " ".join(error.message for error in written.user_errors)
    sys.stdout.write(f"{id_}: {said}\n")
    return is_queued


async def _payments(journal: Journal, state: DeliveryState) -> AsyncIterator[Payment]:
    """All of this state, newest first."""
    last: str | None = None
    while True:
        part = await journal.payments.list(PaymentQuery(state=state), Cut(PART, after=last))
        for payment in part.items:
            yield payment
        if not part.has_more:
            return
        last = part.items[-1].id


def _row(payment: Payment, now: datetime) -> Sequence[object]:
    due = payment.next_attempt_at
    return (
        payment.id,
        payment.order_number,
        payment.state.value,
        payment.attempts,
        payment.last_error,
        payment.community_code,
        f"{age(now - payment.received_at)} ago",
        None if due is None else "now" if due <= now else f"in {age(due - now)}",
    )


def _journal_id(ids: NodeIds, text: str) -> str:
    """Raises ValueError."""
    try:
        return str(UUID(text))
    except ValueError:
        pass
    try:
        node = ids.decode(text)
    except InvalidNodeIdError as error:
        raise ValueError(f"{text}: {error}") from None
    if node.type_name != "Payment":
        raise ValueError(f"{text}: not the id of a payment")
    return str(node.parts[0])


def _confirm(amount: int) -> bool:
    sys.stderr.write(f"Deliver {amount} payment{'' if amount == 1 else 's'} again? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
