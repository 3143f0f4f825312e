"""All actions of the gateway, and how each of their writes is read back."""

from collections.abc import Mapping

from gateway.actions.announcement import AnnouncementActions
from gateway.actions.module import ModuleActions
from gateway.actions.order import OrderActions
from gateway.actions.payment import PaymentActions
from gateway.actions.repair import RepairActions
from gateway.actions.shenhe import ShenheActions
from gateway.actions.write import ReadsBack, Written, refused_write
from gateway.actions.writer import BulkWriter, Writer
from gateway.auth.principal import Principal
from gateway.events import EventBus
from gateway.journal.journal import Clock, Journal
from gateway.journal.records import UserError
from gateway.platforms.platforms import Platforms


class Actions:
    """One per process; who asks is an argument of every action."""

    def __init__(
        self,
        writer: Writer,
        platforms: Platforms,
        journal: Journal,
        events: EventBus,
        clock: Clock,
        *,
        sends_refuse_reason: bool,
    ) -> None:
        self._writer = writer
        wjdh = platforms.wjdh
        self.bulk = BulkWriter(writer, wjdh.slots.limit)
        self.shenhe = ShenheActions(writer, wjdh, events, clock, sends_reason=sends_refuse_reason)
        self.order = OrderActions(writer, wjdh, journal, events, clock)
        self.repair = RepairActions(writer, wjdh, events)
        self.module = ModuleActions(writer, platforms, events)
        self.announcement = AnnouncementActions(writer, wjdh, journal, clock)
        self.payment = PaymentActions(writer, journal, events)

    async def refuse(self, principal: Principal, mutation: str, *errors: UserError) -> Written:
        """Record a write that was refused before it could name its record."""
        return await self._writer.carry_out(principal, refused_write(mutation, *errors))

    @property
    def reading_back(self) -> Mapping[str, ReadsBack]:
        """By mutation, who reads its writes back later. Announcements cannot be, and payments need not be."""
        return {
            "approveShenhe": self.shenhe,
            "rejectShenhe": self.shenhe,
            "createOrder": self.order,
            "updateRepair": self.repair,
            "setModule": self.module,
            "syncModules": self.module,
        }
