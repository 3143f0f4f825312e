"""Collecting what did not arrive as documented, and which fields of a record are personal data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import msgspec

from gateway.normalise.records import DataIssue
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName

PERSON_PII: Mapping[str, PiiKind] = MappingProxyType(
    {
        "name": PiiKind.NAME,
        "phone": PiiKind.PHONE,
        "birthDate": PiiKind.BIRTH,
        "registeredAddress": PiiKind.ADDRESS,
        "idCard": PiiKind.ID_CARD,
        "photo": PiiKind.PHOTO,
        "politicalStatus": PiiKind.SENSITIVE_STATUS,
        "isVeteran": PiiKind.SENSITIVE_STATUS,
        "receivesSubsistenceAllowance": PiiKind.SENSITIVE_STATUS,
        "isPetitioner": PiiKind.SENSITIVE_STATUS,
    }
)
"""The personal data of a person, by public field name."""

PEOPLE_PII: Mapping[str, PiiKind] = MappingProxyType({**PERSON_PII, "residencies": PiiKind.SENSITIVE_STATUS})
"""As PERSON_PII; an unreadable list of residencies holds all kinds at once, and is withheld whole."""

HOUSE_PII: Mapping[str, PiiKind] = MappingProxyType({"members": PiiKind.SENSITIVE_STATUS})
"""A house has no personal data of its own; an unreadable list of members is withheld whole."""

OWNER_PII: Mapping[str, PiiKind] = MappingProxyType({"phone": PiiKind.PHONE})
"""The personal data of a house owner, by public field name."""

REPAIR_PII: Mapping[str, PiiKind] = MappingProxyType({"reporter.name": PiiKind.NAME, "reporter.phone": PiiKind.PHONE})
"""The personal data of a repair, by public field path."""

SHENHE_PII: Mapping[str, PiiKind] = MappingProxyType(
    dict.fromkeys(("content", "content.people", "content.house"), PiiKind.SENSITIVE_STATUS)
)
"""The parts of a review that hold all kinds of personal data at once: withheld whole where unreadable."""


class Issues:
    """The issues of one record while it is read. Each record's reader has a subclass that says whose data it reads."""

    platform: ClassVar[PlatformName]
    pii: ClassVar[Mapping[str, PiiKind]] = MappingProxyType({})
    of_any_community: ClassVar[str | None] = None
    """The field whose value may tell of any community, not only of that of the record; None: there is none."""

    found: tuple[DataIssue, ...] = ()

    def add(self, field: str, value: object, problem: DataProblem) -> None:
        """Note what the platform sent as `value` for the field with this public path."""
        raw = value if isinstance(value, str) else raw_text(value)
        is_of_any = field == self.of_any_community
        self.found += (DataIssue(field, raw, problem, self.platform, self.pii.get(field), is_of_any),)


def raw_text(value: object) -> str | None:
    """A decoded JSON value as text: strings as they are, None for null, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return msgspec.json.encode(value).decode()
