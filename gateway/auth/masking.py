"""Personal data as a caller without `pii:read` may see it. Pure, and idempotent: a mask of a mask is itself.

What a mask leaves is for recognising a person one already knows, not for finding one: first character of a name, ends
of a number. What has no harmless part is withheld: birth, photo, sensitive status.
"""

from schema.normalise.vocabulary import PiiKind

MASK = "****"


def mask(kind: PiiKind, value: object) -> str | None:
    """The value as text with its middle starred, or None where the kind is withheld as a whole."""
    raise NotImplementedError


def mask_text(text: str) -> str:
    """Free text, or JSON text, with every phone and ID number in it masked, however they are spelt."""
    raise NotImplementedError


def mask_content_raw(raw: str) -> str:
    """A review's content as the platform sent it (preface 审核数据): JSON with every personal value masked."""
    raise NotImplementedError


def contains_mask(value: str) -> bool:
    """Whether a mask of ours is in what a caller wants to write: it must not reach a platform."""
    raise NotImplementedError
