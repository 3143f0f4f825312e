"""People of the security platform."""

from typing import Annotated

import strawberry

from gateway.context import Info, Lookup
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.loaders.people import PeopleKey
from gateway.normalise.people import People as PeopleRecord
from gateway.normalise.plausible import LONGEST_NAME
from gateway.normalise.values import mobile_number
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.types.costs import ONE_CALL
from schema.types.fields import needs
from schema.types.people import People


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
