"""The root of all writes."""

import strawberry

from schema.mutations.announcement import AnnouncementMutations
from schema.mutations.module import ModuleMutations
from schema.mutations.order import OrderMutations
from schema.mutations.payment import PaymentMutations
from schema.mutations.repair import RepairMutations
from schema.mutations.shenhe import ShenheMutations


@strawberry.type(description="All writes (变更).")
class Mutation(
    ShenheMutations,
    OrderMutations,
    PaymentMutations,
    RepairMutations,
    ModuleMutations,
    AnnouncementMutations,
):
    """One class per entity."""
