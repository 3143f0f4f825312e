"""The schema directives: what a field needs of its caller, and what personal data it holds.

`note` says in a sentence what a directive does: introspection shows descriptions alone.
"""

import strawberry
from strawberry.schema_directive import Location

from gateway.auth.masking import masker
from gateway.normalise.vocabulary import PiiKind


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="requiresScope",
    description="The caller needs all of these scopes, wherever the field is reached from (权限范围).",
)
class RequiresScope:
    scopes: list[str] = strawberry.directive_field(name="scopes")

    @property
    def note(self) -> str:
        names = " and ".join(f"`{scope}`" for scope in self.scopes)
        return f"Needs the scope{'s' if len(self.scopes) > 1 else ''} {names}."


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="pii",
    description="Personal data (个人信息): masked or withheld from a caller without the scope `pii:read`.",
)
class Pii:
    kind: PiiKind = strawberry.directive_field(name="kind")

    @property
    def note(self) -> str:
        return f"{'Null' if masker(self.kind) is None else 'Masked'} without the scope `pii:read`."
