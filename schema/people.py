"""People of the security platform, where they live, and with whom (document 1.1.2)."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.actions.identity import RESIDENCY
from gateway.context import Info, Lookup
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.loaders.lookups import PeopleKey
from gateway.normalise.house import Residency as ResidencyRecord
from gateway.normalise.people import People as PeopleRecord
from gateway.normalise.person import Member as MemberRecord
from gateway.normalise.person import Person as PersonRecord
from gateway.normalise.plausible import LONGEST_NAME
from gateway.normalise.values import mobile_number
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.arguments import CommunityCode
from schema.connection import Window
from schema.costs import ASSUMED_HOUSES, ASSUMED_MEMBERS, ONE_CALL, costs
from schema.fields import hashed_id, masked_names, needs, plain, record_interface, record_type
from schema.order import ORDERS, FilterOrders, decided_filters
from schema.record import DataIssue, data_issues
from schema.record_list import SliceLoad

if TYPE_CHECKING:
    from schema.house import House


@record_interface(PersonRecord, description="A natural person (自然人).")
class Person:
    data_issues: list[DataIssue] = data_issues()

    @strawberry.field(
        description="Names of the fields that are masked or withheld from this caller: what is null here and not named "
        "is absent (脱敏字段)."
    )
    def masked_fields(root: strawberry.Parent[PersonRecord], info: Info) -> list[str]:
        return masked_names(root, info)


@record_type(ResidencyRecord, description="A person's place in a house (居住关系).", identity=RESIDENCY)
class Residency:
    house: Annotated["House", strawberry.lazy("schema.house")] = plain("The house (房屋).")
    members: list["Member"] | None = plain(
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


@record_type(MemberRecord, description="A member of a house, as the security platform lists them (房屋成员).")
class Member(Person):
    id: strawberry.ID = hashed_id(
        "Member",
        ("name", "phone", "id_card", "role"),
        "Stable for the same member, for caches; reveals nothing and is no node (标识).",
    )

    @strawberry.field(
        description="The member's own record, looked up by name and phone; null when security has none, or one of them "
        "is missing (本人记录).",
        directives=needs(["people:read"]),
        graphql_type=People | None,
        metadata=ONE_CALL,
    )
    def people(root: strawberry.Parent[MemberRecord], info: Info) -> Load[PeopleKey, PeopleRecord | None] | None:
        return load_people(info, root.name, root.phone)


def load_people(info: Info, name: str | None, phone: str | None) -> Load[PeopleKey, PeopleRecord | None] | None:
    """The security platform's record of a person; None when name or phone, which it needs, is missing."""
    if not name or not phone:
        return None
    return Load(info.context.loaders.people, PeopleKey(name, mobile_number(phone)))


@strawberry.type
class PeopleQueries:
    @strawberry.field(
        description="A person by full name and phone, both exact; null when security does not know them (人员).",
        directives=needs(["people:read"]),
        graphql_type=People | None,
        metadata=ONE_CALL,
    )
    def people(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="Full name (姓名).")],
        phone: Annotated[str, strawberry.argument(description="Phone number (手机号码).")],
    ) -> Lookup[PeopleKey, PeopleRecord | None]:
        refuse_input(
            [
                Violation((argument,), InputWording.LENGTH(field=argument, min=1, max=LONGEST_NAME))
                for argument, value in (("name", name), ("phone", phone))
                if not value.strip() or len(value) > LONGEST_NAME
            ]
        )
        key = PeopleKey(name.strip(), mobile_number(phone.strip()))
        return info.context.counted(Load(info.context.loaders.people, key))
