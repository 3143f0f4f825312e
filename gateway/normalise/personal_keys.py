"""Which wire names hold personal data of which kind (document, preface 审核数据; 1.1.2.5; 4.1)."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.normalise.vocabulary import PiiKind

_KINDS = {
    "name": PiiKind.NAME,
    "phone": PiiKind.PHONE,
    "idcard": PiiKind.ID_CARD,
    "birth": PiiKind.BIRTH,
    "address": PiiKind.ADDRESS,
    "photo": PiiKind.PHOTO,
    "zhengzhimianmao": PiiKind.SENSITIVE_STATUS,
    "tuiyijunren": PiiKind.SENSITIVE_STATUS,
    "shangfang": PiiKind.SENSITIVE_STATUS,
    "dibao": PiiKind.SENSITIVE_STATUS,
}

PERSONAL_KEYS: Mapping[str, PiiKind] = MappingProxyType(
    {prefix + name: kind for prefix in ("", "people_", "member_") for name, kind in _KINDS.items()}
)
"""Wire name in lower case to kind: a review's people_*, a house member's member_*, a repair's bare name and phone."""
