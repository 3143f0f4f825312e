"""Houses."""

from typing import Annotated

import strawberry

from gateway.context import Info
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.normalise import records
from gateway.normalise.house import House as HouseRecord
from schema.types.arguments import community
from schema.types.fields import needs
from schema.types.house import House, HouseAddressInput, house_at

Address = Annotated[HouseAddressInput, strawberry.argument(description="The full address (房屋地址).")]


@strawberry.type
class HouseQueries:
    @strawberry.field(
        description="The house at an address; null when the caller may not see its community. An address, not a proof "
        "that it exists: no platform lists houses (房屋).",
        directives=needs(["people:read"]),
        graphql_type=House | None,
    )
    def house(self, info: Info, address: Address) -> HouseRecord | None:
        code = address.community_code
        key = records.HouseKey(code, address.building, address.unit, address.floor, address.room)
        try:
            community(code, "address.communityCode")
            house = house_at(key, "address.")
        except UserInputError:
            code_is_wrong = find_violations(community, code, "address.communityCode")
            refuse_input(code_is_wrong, find_violations(house_at, key, "address."))
            raise
        return house if info.context.principal.sees(code) else None
