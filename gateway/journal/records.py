"""What the journal keeps, as frozen records. All times are aware and in UTC.

Nothing here holds personal data in the clear, the reviewer's own words in `Operation.reason` apart: arguments are
kept as a keyed fingerprint, reveals as names of fields without their values.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from gateway.normalise.vocabulary import DeliveryState, OperationState, Outcome


def first_id(at: datetime) -> str:
    """The least identifier of this moment: those of earlier ones are below it. None is of a moment before 1970."""
    return str(UUID(int=max(0, int(at.timestamp() * 1000)) << 80))


def new_id(now: datetime) -> str:
    """A fresh UUID of version 7, as text: its first 48 bits are the milliseconds of `now`."""
    at, chance = f"{int(now.timestamp() * 1000):012x}", secrets.token_hex(10)
    variant = "89ab"[int(chance[0], 16) & 3]
    return f"{at[:8]}-{at[8:]}-7{chance[1:4]}-{variant}{chance[4:7]}-{chance[7:19]}"


RecordT = TypeVar("RecordT")


class Listed(msgspec.Struct, Generic[RecordT], frozen=True):
    """A part of a list, newest first. `has_more`: it goes on behind."""

    items: tuple[RecordT, ...]
    has_more: bool


class RecordRef(msgspec.Struct, frozen=True):
    """Which record: its public type name ("Shenhe"), its community, and what identifies it within its type, as text.

    `platform_id` is the platform's own identifier where there is one, the journal's id of what it keeps itself, and of
    houses and persons what the audit trail calls them (`gateway.actions.identity`).
    """

    type: str
    community_code: str | None
    platform_id: str


class RecordRefs(msgspec.Struct, frozen=True):
    """Several records of one type and community, each as `RecordRef` has it."""

    type: str
    community_code: str | None
    platform_ids: tuple[str, ...]


class UserError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of `userErrors`, as the caller got it. `field` is the path of input field names."""

    code: str
    message: str
    message_zh: str
    field: tuple[str, ...] | None = None
    rule: str | None = None
    min: str | None = None
    max: str | None = None
    upstream_message: str | None = None


MOST_READ_BACKS = 100
"""Of one operation: the first ones and the last are kept. An unclear write is read back every minute for a day."""


class OperationStep(msgspec.Struct, frozen=True):
    """A step of a write, and when it was taken."""

    state: OperationState
    at: datetime


class NewOperation(msgspec.Struct, frozen=True, kw_only=True):
    """A write that is to begin: of a record, if there is one already. Its key is the caller's own."""

    idempotency_key: str | None
    subject: str
    mutation: str
    fingerprint: str
    community_code: str | None
    reason: str | None = None
    record: RecordRef | None = None


class Operation(NewOperation, frozen=True, kw_only=True):
    """One write through the gateway, from the intent to its outcome.

    `expected` is what a reconciler looks for to learn whether the write took place; `answer` is what else the payload
    returned, so that a replay can return it again. Both are free JSON objects of the action's, without personal data.
    `check_at` is when an UNKNOWN write is to be read back; None: it cannot be, and stays UNKNOWN. `unknown_at` is when
    it became UNKNOWN, kept when its outcome is known. `read_backs`: when the platform's state was read since, at most
    `MOST_READ_BACKS` times.
    """

    id: str
    state: OperationState
    started_at: datetime
    sent_at: datetime | None
    unknown_at: datetime | None
    read_backs: tuple[datetime, ...]
    finished_at: datetime | None
    check_at: datetime | None
    expected: Mapping[str, Any] | None
    answer: Mapping[str, Any] | None
    user_errors: tuple[UserError, ...]

    @property
    def outcome(self) -> Outcome | None:
        """The public outcome; None while the write is under way."""
        is_under_way = self.state in (OperationState.RESERVED, OperationState.SENT)
        return None if is_under_way else Outcome(self.state.value)

    @property
    def timeline(self) -> tuple[OperationStep, ...]:
        """The steps whose time is known, in their order."""
        steps = (
            (OperationState.RESERVED, self.started_at),
            (OperationState.SENT, self.sent_at),
            (OperationState.UNKNOWN, self.unknown_at),
            *((OperationState.READ_BACK, at) for at in self.read_backs),
            (self.state, self.finished_at),
        )
        return tuple(OperationStep(state, at) for state, at in steps if at is not None)


class Numbers(NamedTuple):
    """The three numbers of a payment notification (document 2.2): no amount and no time (quirk 161)."""

    order_number: str
    shop_number: str
    weixin_number: str


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment notification and where its delivery stands.

    `lease_token` is the fencing number of the last claim: without it the row cannot be marked. `last_error`
    is a code such as UPSTREAM_TIMEOUT. `next_attempt_at` is None unless QUEUED.
    """

    id: str
    order_number: str
    shop_number: str
    weixin_number: str
    community_code: str | None
    state: DeliveryState
    attempts: int
    received_at: datetime
    delivered_at: datetime | None
    next_attempt_at: datetime | None
    last_error: str | None
    lease_owner: str | None
    lease_token: int
    lease_until: datetime | None

    @property
    def numbers(self) -> Numbers:
        return Numbers(self.order_number, self.shop_number, self.weixin_number)


class NotifiedOrder(msgspec.Struct, frozen=True, gc=False):
    """What a comparison with a list of orders needs of a payment."""

    id: str
    order_number: str
    state: DeliveryState
    received_at: datetime


class ReceiptKind(StrEnum):
    """NEW: kept now. SAME: kept before, with the very same numbers. CONFLICT: the order or the WeChat
    number is known with other numbers; nothing changed, and the attempt is recorded.
    """

    NEW = "NEW"
    SAME = "SAME"
    CONFLICT = "CONFLICT"


class Receipt(msgspec.Struct, frozen=True):
    """The answer to `receive`: the row kept, or the one that stands in the way."""

    kind: ReceiptKind
    payment: Payment


class Unverified(msgspec.Struct, frozen=True):
    """A notification whose token the security platform is asked about, by delivering `to_deliver` with it: the same
    numbers, or those of the payment that they contradict. `token` is the token's keyed digest.
    """

    id: str
    numbers: Numbers
    to_deliver: Numbers
    token: str
    received_at: datetime


class PaymentConflict(msgspec.Struct, frozen=True, kw_only=True):
    """A notification that contradicted `payment_id`: from whom, when first, its three numbers and their SHA-256."""

    payment_id: str
    subject: str
    payload_hash: str
    received_at: datetime
    order_number: str
    shop_number: str
    weixin_number: str


class NewAnnouncement(msgspec.Struct, frozen=True, kw_only=True):
    """An announcement to create (5.1.2). The images travel joined by commas, so none may hold one (quirk 120)."""

    community_code: str
    title: str
    content: str
    weight: int = 0
    pinned: bool = False
    published: bool = True
    manager: str | None = None
    logo: str | None = None
    images: tuple[str, ...] = ()


class Announcement(NewAnnouncement, frozen=True, kw_only=True):
    """One published through this gateway: the platform has no way to read it back (quirk 169)."""

    id: str
    platform_id: int
    created_at: datetime


SHENHE_CHANGED = "shenhe.changed"
REPAIR_CHANGED = "repair.changed"
PAYMENT = "payment"
OPERATION = "operation"
"""The topics of events."""

PLACED = "PLACED"
"""The status of the event by which those learn of a payment who could not see it before its community was known."""


class GapKind(StrEnum):
    """Why changes of a list, or payments, may have gone unnoticed before this. STARTED: a list is watched from here on,
    as its first subscriber asked for. LATE: it is watched again, or the first polls failed, or not all of it is seen;
    or no gateway was there to receive payments.
    """

    STARTED = "STARTED"
    LATE = "LATE"


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be noted of a record: ids only, no personal data.

    `kind` is a ChangeKind, a PaymentEventKind or, where `record_id` is None, a GapKind. `status` is what the record has
    become. `audience` is whose it is where it is one caller's own. `written`: it was done through a gateway of this
    journal; else a watch has found it. `missed`: between the event before and this one changes may have gone unnoticed.
    """

    topic: str
    kind: str
    community_code: str | None = None
    record_id: str | None = None
    audience: str | None = None
    status: str | None = None
    written: bool = False
    missed: bool = False


class NotedEvent(NewEvent, frozen=True, kw_only=True):
    """An event of the journal. The `sequence` orders all of them."""

    sequence: int
    at: datetime


class Start(msgspec.Struct, frozen=True):
    """Where a subscription begins: after the event of this number. `watched`: the communities whose list is, by then.

    `epoch` names the journal; `forgotten` is the number of the latest event that is not kept any more.
    """

    epoch: str
    position: int
    forgotten: int
    watched: frozenset[str]


class AuditAction(StrEnum):
    """REVEALED: shown unmasked. DENIED: asked for without the scope."""

    REVEALED = "REVEALED"
    DENIED = "DENIED"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who was shown, or denied, what: `count` times from one writing of the trail to the next, the last time `at`.

    REVEALED: `records` were shown together, as on a page. They are what the public ids name, persons and members by the
    very hash that is their public id; None for what has no id. `fields` are the public paths from there that held
    personal data in each of them. DENIED: `fields` names the field that needs `missing_scope`. `operation_name` and
    `request_id` are those of the last time.
    """

    id: str
    at: datetime
    subject: str
    action: AuditAction
    records: RecordRefs | None
    fields: tuple[str, ...]
    count: int
    missing_scope: str | None
    operation_name: str | None
    request_id: str
