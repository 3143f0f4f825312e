"""What a deployment's platforms do beyond their document, added to the declarations.

`use_profile` adds its words and keys to the vocabulary and the tables, from which all readers are generated again. One
process has one profile.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from gateway.normalise import house, module, order, people, repair, shenhe, shenhe_content, vocabulary
from gateway.normalise.field import set_more_keys
from gateway.normalise.generated import generate_again
from gateway.normalise.vocabulary import SWITCHES, respell_switch
from gateway.normalise.wire_enum import WireEnum

RECORD_MODULES = (house, module, order, people, repair, shenhe, shenhe_content)
"""Imported so that every table is there."""

ENUMS: Mapping[str, type[WireEnum]] = MappingProxyType(
    {
        name: kind
        for name, kind in vars(vocabulary).items()
        if isinstance(kind, type) and issubclass(kind, WireEnum) and kind is not WireEnum
    }
)


class ListPaging(msgspec.Struct, frozen=True):
    """How a list pages. `page_size`: it cuts pages of this size, whatever it is asked for. Without `pages` it gives its
    first page, whichever is asked for.
    """

    page_size: int | None = None
    pages: bool = True


AS_DECLARED = ListPaging()


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """`words` by enum and member, `switches` by table and value, `keys` by record and attribute, `lists` by endpoint.
    `seen` has types (`value_forms.TYPES`) by record and key on the wire: what is known and not counted;
    lifetimes of tokens in seconds. None: the profile does not say.
    """

    words: Mapping[str, Mapping[str, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    switches: Mapping[str, Mapping[bool, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    keys: Mapping[tuple[str, str], tuple[str, ...]] = msgspec.field(default_factory=dict)
    seen: Mapping[tuple[str, str], frozenset[str]] = msgspec.field(default_factory=dict)
    lists: Mapping[str, ListPaging] = msgspec.field(default_factory=dict)
    not_found: tuple[str, ...] = ()
    wjdh_token_lifetime: float | None = None
    security_token_lifetime: float | None = None
    refuse_reasons: bool = True


NO_PROFILE = Profile()

_used = NO_PROFILE
_NOTHING: frozenset[str] = frozenset()


def use_profile(profile: Profile) -> None:
    """Add what it says to the declarations, in place of what another one said before."""
    global _used  # noqa: PLW0603 # the declarations are the process's own
    if profile == _used:
        return
    for name, enum in ENUMS.items():
        enum.respell({enum(member): words for member, words in profile.words.get(name, {}).items()})
    for name in SWITCHES:
        respell_switch(name, profile.switches.get(name, {}))
    set_more_keys(profile.keys)
    generate_again()
    _used = profile


def seen_types(record: str, key: str) -> frozenset[str]:
    """The types under a key of a record that the profile in use says are known."""
    return _used.seen.get((record, key), _NOTHING)
