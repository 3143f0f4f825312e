"""What a deployment's platforms do beyond their document. `gateway.normalise.wire` reads by it."""

from collections.abc import Mapping

import msgspec


class ListPaging(msgspec.Struct, frozen=True):
    """How a list pages. `page_size`: it cuts pages of this size, whatever it is asked for. Without `pages` it gives its
    first page, whichever is asked for.
    """

    page_size: int | None = None
    pages: bool = True


AS_DECLARED = ListPaging()


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """`words` by closed list and member, `keys` by record and attribute, `lists` by endpoint. `seen` has types
    (`observation.TYPES`) by record and key on the wire: what is known and not counted; lifetimes of tokens in seconds.
    None: the profile does not say.
    """

    words: Mapping[str, Mapping[str, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    keys: Mapping[tuple[str, str], tuple[str, ...]] = msgspec.field(default_factory=dict)
    seen: Mapping[tuple[str, str], frozenset[str]] = msgspec.field(default_factory=dict)
    lists: Mapping[str, ListPaging] = msgspec.field(default_factory=dict)
    not_found: tuple[str, ...] = ()
    wjdh_token_lifetime: float | None = None
    security_token_lifetime: float | None = None
    refuse_reasons: bool = True


NO_PROFILE = Profile()
