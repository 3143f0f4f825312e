"""The readers of one deployment: made once, of the declarations and of what its profile adds to them."""

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any, TypeVar, cast

import msgspec

from gateway.normalise.people import PERSONAL_KEYS
from gateway.normalise.records import Field, Record, declared_fields
from gateway.normalise.table import ROWS, Rows, Table
from gateway.normalise.vocabulary import Switch, WireEnum


class ListPaging(msgspec.Struct, frozen=True):
    """How a list pages. `page_size`: it cuts pages of this size, whatever it is asked for. Without `pages` it gives its
    first page, whichever is asked for.
    """

    page_size: int | None = None
    pages: bool = True


AS_DECLARED = ListPaging()


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """`words` by closed list and member, `keys` by record and path of the field, `lists` by endpoint. `seen` has types
    (`observation.TYPES`) by record and key on the wire: what is known and not counted; `token_lifetimes` in
    seconds by platform.
    """

    words: Mapping[str, Mapping[str, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    keys: Mapping[str, Mapping[str, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    seen: Mapping[str, Mapping[str, Collection[str]]] = msgspec.field(default_factory=dict)
    lists: Mapping[str, ListPaging] = msgspec.field(default_factory=dict)
    not_found: tuple[str, ...] = ()
    token_lifetimes: Mapping[str, float] = msgspec.field(default_factory=dict)
    refuse_reasons: bool = True

    def more_keys(self, record: type, declared: Field) -> tuple[str, ...]:
        """The keys that a field of this record comes under besides its own."""
        return self.keys.get(record.__name__, {}).get(declared.path, ())


NO_PROFILE = Profile()


RecordT = TypeVar("RecordT", bound=Record)


class Wire:
    """`words` has the spellings of each closed list, `made` the readers of rows and what else is made of a wire, each
    made when it is asked for first: entities declare lists of their own. Masks know the profile's keys of personal data
    from now on.
    """

    table: Callable[[Rows[RecordT]], Table[RecordT]]
    """What reads these rows."""

    def __init__(self, profile: Profile = NO_PROFILE) -> None:
        self.profile = profile
        self.words: dict[type[WireEnum] | Switch, Mapping[object, Any]] = _Made(
            lambda words: words.spellings(profile.words.get(words.__name__, {}))
        )
        self.made: dict[Any, Any] = _Made(lambda make: make(self))
        self.table = self.made.__getitem__
        for rows in ROWS.values():
            self.table(rows)
            record: type[Record] = rows.record
            for declared in declared_fields(record).values():
                if declared.pii is not None:
                    PERSONAL_KEYS.update(
                        dict.fromkeys(map(str.lower, profile.more_keys(record, declared)), declared.pii)
                    )

    def word_type(self, words: type[WireEnum] | Switch, *, required: bool) -> Any:
        """A type for msgspec to decode: a spelling, text or number, becomes what it stands for, empty text None. What
        is no spelling stays what it is, and so does empty text where a word is `required`.

        msgspec looks values up in an enum's table without making objects of them: half the time of doing so here.
        """
        meanings = self.words[words].items()
        texts: dict[Any, Any] = {
            text: meant for text, meant in meanings if isinstance(text, str) and (text or not required)
        }
        numbers = {number: meant for number, meant in meanings if isinstance(number, int)}
        if isinstance(words, Switch):
            return _spelling("Texts", texts) | _spelling("Numbers", numbers) | bool
        texts |= {word: word for word in words.misplaced}  # for an unknown word msgspec calls Python: 2 µs
        spelt = _spelling("Texts", texts) | (_spelling("Numbers", numbers) if numbers else int)
        return spelt | bool if words.boolean else spelt


class _Made(dict[Any, Any]):
    """What is made of its key when it is asked for first."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make

    def __missing__(self, key: Any) -> Any:
        made = self[key] = self._make(key)
        return made


class _Spelling(Enum):
    """Base of the types that `Wire.word_type` makes: what is no spelling stays what it is."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return value


def _spelling(name: str, meanings: Mapping[Any, Any]) -> Any:
    """An enum that msgspec makes of these spellings what they mean."""
    spelling = cast(Any, _Spelling)(name, {f"spelling {number}": text for number, text in enumerate(meanings)})
    spelling._value2member_map_ = meanings
    return spelling


AS_DOCUMENTED = Wire()
"""Of a deployment without a profile."""
