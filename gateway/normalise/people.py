"""People as the security platform knows them (document 1.1.2)."""

from collections.abc import Callable

import msgspec

from gateway.normalise.house import ResidencyWire, read_documented_residency, read_residency
from gateway.normalise.issues import PEOPLE_PII
from gateway.normalise.person import DocumentedPerson, PersonIssues, PersonWire, clean_person, read_person
from gateway.normalise.records import People
from gateway.normalise.shapes import ReadWire, one_row, rows_within
from gateway.normalise.values import is_blank, is_code
from gateway.normalise.vocabulary import DataProblem


class PeopleIssues(PersonIssues):
    pii = PEOPLE_PII
    of_any_community = "residencies"


class PeopleWire(DocumentedPerson, gc=False, kw_only=True):
    """A person as documented, with the houses."""

    houses: list[ResidencyWire] = msgspec.field(name="houses")


class PeopleAnswerWire(ReadWire, gc=False, kw_only=True):
    data: PeopleWire


_decode: Callable[[bytes], PeopleAnswerWire] = msgspec.json.Decoder(PeopleAnswerWire).decode


def decode_people(body: bytes) -> PeopleAnswerWire:
    """The body of the people look-up, where it came as documented. Raises msgspec.DecodeError for any other."""
    answer = _decode(body)
    for house in answer.data.houses:
        if not is_code(house.xiaoqu):  # a pattern of msgspec's takes 1 µs, this 0.1
            raise msgspec.ValidationError("expected the code of a community")
    return answer


def read_people(body: PeopleAnswerWire) -> People:
    """As `parse_people`, for a body that came as documented."""
    row = body.data
    residencies = tuple(map(read_documented_residency, row.houses))
    return clean_person(People, row, None, residencies) or read_person(People, row, PeopleIssues(), None, residencies)


def parse_people(data: object) -> People | None:
    """The `data` of the people look-up; None when it is empty: not found (quirk 23). Raises ShapeError."""
    row = one_row(data)
    if row is None:
        return None
    issues, houses = PeopleIssues(), row.get("houses")
    if is_blank(houses):  # which is not to live nowhere
        issues.add("residencies", houses, DataProblem.MISSING)
    rows = rows_within(houses, "residencies", issues) or ()
    residencies = tuple([residency for each in rows if (residency := read_residency(each, issues)) is not None])
    return read_person(People, msgspec.convert(row, PersonWire), issues, None, residencies)
