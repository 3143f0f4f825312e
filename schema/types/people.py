"""People of the security platform, where they live, and with whom (document 1.1.2)."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.actions.identity import RESIDENCY
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.normalise.house import Residency as ResidencyRecord
from gateway.normalise.people import People as PeopleRecord
from gateway.normalise.values import mobile_number
from schema.types.arguments import CommunityCode
from schema.types.connection import Window
from schema.types.costs import ASSUMED_HOUSES, ASSUMED_MEMBERS, costs
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import masked_names, plain, record_type
from schema.types.identity import hashed_id
from schema.types.order import ORDERS, FilterOrders, decided_filters
from schema.types.person import Person
from schema.types.record_list import SliceLoad

if TYPE_CHECKING:
    from schema.types.house import House, Member


@record_type(ResidencyRecord, description="A person's place in a house (居住关系).", identity=RESIDENCY)
class Residency:
    house: Annotated["House", strawberry.lazy("schema.types.house")] = plain("The house (房屋).")
    members: list[Annotated["Member", strawberry.lazy("schema.types.house")]] | None = plain(
        "The members of the house, as this person's record lists them; null when it does not (房屋成员).",
        "people:read",
        metadata=costs(items=ASSUMED_MEMBERS),
    )
    data_issues: list[DataIssue] = data_issues()


@record_type(PeopleRecord, description="A person as the security platform knows them (人员).")
class People(Person):
    id: strawberry.ID = hashed_id(
        "People",
        ("name", "phone"),
        "Stable for the same person, for caches; reveals nothing and is no node (标识).",
    )

    @strawberry.field(
        description="Where this person lives, in the communities that the caller may see; when others are left out, "
        '`maskedFields` names "residencies". A house of no known community stands in `dataIssues` alone (居住房屋).',
        metadata=costs(items=ASSUMED_HOUSES),
    )
    def residencies(root: strawberry.Parent[PeopleRecord], info: Info) -> list[Residency]:
        sees = info.context.principal.sees
        return [residency for residency in root.residencies if sees(residency.house.community_code)]  # type: ignore[misc] # records stand for their types

    @strawberry.field(description="Names of the fields that are masked, withheld or cut for this caller (脱敏字段).")
    def masked_fields(root: strawberry.Parent[PeopleRecord], info: Info) -> list[str]:
        names = masked_names(root, info)
        sees = info.context.principal.sees
        if not all(sees(residency.house.community_code) for residency in root.residencies):
            names.append("residencies")
        return names

    @ORDERS.connection_field(
        "Orders of one community that name this person, looked for by name and phone, so the filter names neither; "
        "null when one of them is missing (订单).",
    )
    def orders(
        root: strawberry.Parent[PeopleRecord],
        info: Info,
        part: Window,
        community_code: CommunityCode,
        filter: FilterOrders = None,
    ) -> SliceLoad | None:
        if root.name is None or root.phone is None:
            return None
        if decided := decided_filters(filter, "person", "name", "phone"):
            refuse_input(decided, ORDERS.wrong_filter(filter))
        return ORDERS.load(info, community_code, filter, part, name=root.name, phone=mobile_number(root.phone))
