"""People as the security platform knows them (document 1.1.2)."""

from typing import Annotated

import msgspec

from gateway.normalise.field import Field, Kind
from gateway.normalise.house import RESIDENCIES, Residency, read_residencies
from gateway.normalise.person import Person
from gateway.normalise.table import Rows
from gateway.normalise.vocabulary import PiiKind, PlatformName

RESIDENCIES_OF_PERSON = Kind(
    read=read_residencies, wire=list, rows=RESIDENCIES, absent=msgspec.NODEFAULT, required=True
)


class People(Person, frozen=True, gc=False):
    """A person as the security platform knows them (1.1.2)."""

    residencies: Annotated[
        tuple[Residency, ...],
        Field(key="houses", kind=RESIDENCIES_OF_PERSON, pii=PiiKind.SENSITIVE_STATUS, of_any_community=True),
    ] = ()


PEOPLE = Rows(People, PlatformName.SECURITY)
