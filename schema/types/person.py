"""A natural person: what registered people, house members and applicants have in common."""

import strawberry

from gateway.context import Info
from gateway.normalise.person import Person as PersonRecord
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import masked_names, record_interface


@record_interface(PersonRecord, description="A natural person (自然人).")
class Person:
    data_issues: list[DataIssue] = data_issues()

    @strawberry.field(
        description="Names of the fields that are masked or withheld from this caller: what is null here and not named "
        "is absent (脱敏字段)."
    )
    def masked_fields(root: strawberry.Parent[PersonRecord], info: Info) -> list[str]:
        return masked_names(root, info)
