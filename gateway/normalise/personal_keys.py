"""Which wire names hold personal data of which kind (document, preface 审核数据; 1.1.2.5; 4.1)."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.normalise.field import declared_fields
from gateway.normalise.person import Person
from gateway.normalise.vocabulary import PiiKind

_KINDS = {
    key.removeprefix("people_"): declared.field.pii
    for declared in declared_fields(Person).values()
    for key in declared.field.keys
    if declared.field.pii is not None
}

PERSONAL_KEYS: Mapping[str, PiiKind] = MappingProxyType(
    {prefix + name: kind for prefix in ("", "people_", "member_") for name, kind in _KINDS.items()}
)
"""Wire name in lower case to kind: a review's people_*, a house member's member_*, a repair's bare name and phone."""
