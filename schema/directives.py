"""The schema directives: what a field needs of its caller, and what personal data it holds."""

import strawberry
from strawberry.schema_directive import Location

from schema.normalise.vocabulary import PiiKind


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="requiresScope",
    description="The caller needs all of these scopes, wherever the field is reached from (权限范围).",
)
class RequiresScope:
    scopes: list[str] = strawberry.directive_field(name="scopes")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="pii",
    description="Personal data (个人信息): masked or withheld from a caller without the scope `pii:read`.",
)
class Pii:
    kind: PiiKind = strawberry.directive_field(name="kind")
