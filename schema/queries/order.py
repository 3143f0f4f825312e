"""Payment orders."""

from typing import Annotated

import strawberry

from gateway.context import Info
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.execution.load import Load
from gateway.loaders.order import OrderKey
from gateway.normalise.order import Order as OrderRecord
from gateway.wording.inputs import InputWording
from schema.types.arguments import CommunityCode, community
from schema.types.costs import ANY_RECORD
from schema.types.fields import needs
from schema.types.order import Order

LONGEST_NUMBER = 64


@strawberry.type
class OrderQueries:
    @strawberry.field(
        description="One order by its number; null when the community has none. Looked for page by page from the "
        "newest, since the platform cannot be asked for one: beyond a bound that is an error, never null (订单).",
        directives=needs(["order:read"]),
        graphql_type=Order | None,
        metadata=ANY_RECORD,
    )
    def order(
        self,
        info: Info,
        community_code: CommunityCode,
        number: Annotated[str, strawberry.argument(description="The order's number (订单编号).")],
    ) -> Load[OrderKey, OrderRecord | None] | None:
        refuse_input(find_violations(community, community_code), find_violations(_require_number, number))
        code = str(community_code)
        return (
            Load(info.context.loaders.order, OrderKey(code, number.strip()))
            if info.context.principal.sees(code)
            else None
        )


def _require_number(number: str) -> None:
    """Raises UserInputError."""
    if not number.strip() or len(number) > LONGEST_NUMBER:
        raise UserInputError("number", InputWording.LENGTH(field="number", min=1, max=LONGEST_NUMBER))
