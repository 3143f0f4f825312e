"""Answering and resolving repairs (document 4.3)."""

from gateway.actions.write import (
    Done,
    Found,
    MarkSent,
    ReadBack,
    RowRef,
    Write,
    WriteRefusal,
    Written,
    invalid,
    masked,
    refuse_if_any,
    user_error,
)
from gateway.actions.writer import Writer
from gateway.auth.principal import Principal, Scope
from gateway.events import EventBus, ReadsDropped
from gateway.journal.records import Operation
from gateway.normalise.repair import Repair
from gateway.normalise.states import UserErrorCode
from gateway.normalise.vocabulary import RepairStatus
from gateway.platforms.wjdh import Wjdh
from gateway.wording.writes import WriteWording

WRITTEN = ("status", "reply")
"""What an update changes: public field names."""


class RepairActions:
    """Set a repair's status, with or without a reply."""

    def __init__(self, writer: Writer, wjdh: Wjdh, events: EventBus) -> None:
        self._writer = writer
        self._wjdh = wjdh
        self._events = events

    async def update(
        self, principal: Principal, repair: RowRef, status: RepairStatus, reply: str | None, key: str | None
    ) -> Written:
        """Set the status; an absent reply keeps the old one (quirk 55). Raises GatewayError for faults."""
        return await self._writer.carry_out(principal, self.make_update(principal, repair, status, reply, key))

    def make_update(
        self, principal: Principal, repair: RowRef, status: RepairStatus, reply: str | None, key: str | None
    ) -> Write:
        principal.require(Scope.REPAIR_WRITE)

        async def perform(mark_sent: MarkSent) -> Done:
            refuse_if_any(invalid(masked(reply, "reply")))
            before = await self._wjdh.repair(repair.platform_id, repair.community_code)
            if before is None:
                raise WriteRefusal(user_error(UserErrorCode.NOT_FOUND, WriteWording.NO_SUCH(record="repair"), "id"))
            await mark_sent({"before": self._state(before), "after": self._state(before, status, reply)})
            await self._wjdh.update_repair(repair.platform_id, status, reply)
            return Done()

        return Write(
            mutation="updateRepair",
            arguments=[repair.platform_id, status, reply],
            community_code=repair.community_code,
            idempotency_key=key,
            record=repair.record(),
            perform=perform,
            read_back=self.read_back,
            on_change=self.on_change,
        )

    async def read_back(self, operation: Operation) -> ReadBack:
        """Whether the update of an operation took place, by the repair's status and reply now."""
        repair = RowRef.of(operation)
        now = await self._wjdh.repair(repair.platform_id, repair.community_code)
        if now is None or operation.expected is None or any(issue.field in WRITTEN for issue in now.data_issues):
            return ReadBack(Found.UNCLEAR)
        state = self._state(now)
        if state == operation.expected["after"]:
            return ReadBack(Found.APPLIED)
        return ReadBack(Found.NOT_APPLIED if state == operation.expected["before"] else Found.UNCLEAR)

    def _state(self, repair: Repair, status: RepairStatus | None = None, reply: str | None = None) -> list[str]:
        """What an update changes, as the journal may hold it. An absent reply keeps the one there is (quirk 55)."""
        return [(status or repair.status).value, self._writer.digest((reply or repair.reply or "").strip())]

    def on_change(self, operation: Operation) -> None:
        """What was read before is out of date."""
        self._events.publish(ReadsDropped(operation.community_code, ("repair/list", "repair")))
