"""People as the security platform knows them (document 1.1.2)."""

import msgspec

from schema.normalise.house import read_residency
from schema.normalise.issues import PEOPLE_PII
from schema.normalise.person import PersonIssues, PersonWire, read_person
from schema.normalise.records import People
from schema.normalise.shapes import one_row, rows_within


class PeopleIssues(PersonIssues):
    pii = PEOPLE_PII


def parse_people(data: object) -> People | None:
    """The `data` of the people look-up; None when it is empty: not found (quirk 23). Raises ShapeError."""
    row = one_row(data)
    if row is None:
        return None
    issues = PeopleIssues()
    residencies = rows_within(row.get("houses"), "residencies", issues) or ()
    return read_person(People, msgspec.convert(row, PersonWire), issues, tuple(map(read_residency, residencies)))
