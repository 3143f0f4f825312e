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
    AnnouncementMutations,
    ModuleMutations,
    RepairMutations,
    PaymentMutations,
    OrderMutations,
    ShenheMutations,
):
    """One class per entity; Strawberry lists the fields of the last base first."""
