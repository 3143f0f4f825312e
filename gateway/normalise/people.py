"""People as the security platform knows them (document 1.1.2)."""

from typing import Annotated

import msgspec

from gateway.normalise.field import Field, Kind
from gateway.normalise.generated import Lazy
from gateway.normalise.house import RESIDENCIES, Residency, read_residencies
from gateway.normalise.person import Person
from gateway.normalise.shapes import documented_body, one_row
from gateway.normalise.table import Table
from gateway.normalise.vocabulary import PiiKind, PlatformName

RESIDENCIES_OF_PERSON = Kind(
    wire=Lazy(lambda: list[RESIDENCIES.documented]),  # type: ignore[name-defined] # made of the declarations
    absent=msgspec.NODEFAULT,
    read=read_residencies,
    required=True,
)


class People(Person, frozen=True, gc=False):
    """A person as the security platform knows them (1.1.2)."""

    residencies: Annotated[
        tuple[Residency, ...],
        Field(key="houses", kind=RESIDENCIES_OF_PERSON, pii=PiiKind.SENSITIVE_STATUS, of_any_community=True),
    ] = ()


PEOPLE = Table(People, PlatformName.SECURITY)

decode_people = documented_body(lambda: PEOPLE.documented)
"""The body of the people look-up, where it came as documented. Raises msgspec.DecodeError for any other."""


def parse_people(data: object) -> People | None:
    """The `data` of the people look-up; None when it is empty: not found (quirk 23). Raises ShapeError."""
    row = one_row(data)
    return None if row is None else PEOPLE.read(row, [])
