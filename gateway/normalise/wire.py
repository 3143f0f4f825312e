"""The readers of one deployment: made once, of the declarations and of what its profile adds to them."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, cast

from gateway.normalise.field import declared_fields
from gateway.normalise.person import PERSONAL_KEYS
from gateway.normalise.profile import NO_PROFILE, Profile
from gateway.normalise.records import Record
from gateway.normalise.table import ROWS, Rows, Table
from gateway.normalise.vocabulary import CLOSED_LISTS
from gateway.normalise.wire_enum import WireEnum

RecordT = TypeVar("RecordT", bound=Record)
MadeT = TypeVar("MadeT")


class Wire:
    """`words` has the spellings of each closed list. Masks know the profile's keys of personal data from now on."""

    def __init__(self, profile: Profile = NO_PROFILE) -> None:
        self.profile = profile
        self.words: Mapping[Any, Mapping[object, Any]] = {
            words: words.spellings(profile.words.get(name, {})) for name, words in CLOSED_LISTS.items()
        }
        self._made: dict[object, Any] = {}
        for rows in ROWS:
            self.table(rows)
            record: type[Record] = rows.record
            for attribute, declared in declared_fields(record).items():
                if declared.field.pii is not None:
                    more = profile.keys.get((record.__name__, attribute), ())
                    PERSONAL_KEYS.update(dict.fromkeys(map(str.lower, more), declared.field.pii))

    def table(self, rows: Rows[RecordT]) -> Table[RecordT]:
        """What reads these rows."""
        if rows not in self._made:
            self._made[rows] = Table(self, rows)
        table: Table[RecordT] = self._made[rows]
        return table

    def made(self, make: Callable[["Wire"], MadeT]) -> MadeT:
        """What else is made of the readers, once."""
        if make not in self._made:
            self._made[make] = make(self)
        made: MadeT = self._made[make]
        return made

    def word_type(self, enum: type[WireEnum], *, required: bool) -> Any:
        """A type for msgspec to decode: a spelling becomes its member, empty text None, any other text stays text. So
        does empty text where a word is `required`.

        msgspec looks texts up in an enum's table of values, without making a string of them, and gives what it finds
        there. So it reads the words of a row in half the time that it takes to read them as text and look them up.
        """
        words = self.words[enum]
        table = {text: words[text] for text in words if text or (text == "" and not required)}
        table |= {word: word for word in enum.misplaced}  # for an unknown word msgspec calls Python: 2 µs
        spelling = cast(Any, _Spelling)(f"{enum.__name__}Spelling", {str(text): text for text in table if text})
        spelling._value2member_map_ = table
        return spelling


class _Spelling(Enum):
    """Base of the types that `Wire.word_type` makes: text that is no spelling stays text."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return value


AS_DOCUMENTED = Wire()
"""Of a deployment without a profile."""
