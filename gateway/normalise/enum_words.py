"""What is said of an enum: the Chinese and English words of its members, and how platforms spell them."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar, cast

import msgspec

EnumT = TypeVar("EnumT", bound=StrEnum)


class Word(msgspec.Struct, frozen=True):
    """One member of an enum.

    `label` is the Chinese word, as platforms write it and interfaces show it; `meaning` the English one, without a full
    stop. `code` is the member's number on the wire, if it has one; `also` holds further spellings that platforms use.
    `note` is what the document remarks on it (column 补充).
    """

    label: str
    meaning: str
    code: str | None = None
    also: tuple[str, ...] = ()
    note: str | None = None
    deprecated: bool = False

    @property
    def description(self) -> str:
        """For the schema: "Owner in person (业主)"."""
        return f"{self.meaning} ({self.label})"


class DictionaryEntry(msgspec.Struct, frozen=True):
    """One value of a dictionary, as an interface shows it."""

    value: str
    label: str
    code: str | None
    note: str | None
    deprecated: bool


class Dictionary(msgspec.Struct, frozen=True):
    """An enum as labels for interfaces. `name` is the enum's public name, `title` its Chinese one."""

    name: str
    title: str
    entries: tuple[DictionaryEntry, ...]


class _Spelling(Enum):
    """Base of the types that `WireWords.spelling` makes: text that is no spelling stays text."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return value


class EnumWords(Generic[EnumT]):
    """The words of an enum and of all of its members, in order."""

    def __init__(self, enum: type[EnumT], title: str, meaning: str, members: Mapping[EnumT, Word]) -> None:
        self.enum = enum
        self.title = title
        self.meaning = meaning
        self.members = members

    @property
    def description(self) -> str:
        """For the schema: "Role of a resident in a house (居民角色)"."""
        return f"{self.meaning} ({self.title})"

    def dictionary(self) -> Dictionary:
        entries = tuple(
            DictionaryEntry(member.value, word.label, word.code, word.note, word.deprecated)
            for member, word in self.members.items()
        )
        return Dictionary(self.enum.__name__, self.title, entries)


class WireWords(EnumWords[EnumT]):
    """The words of an enum that platforms send and take.

    `by_wire` finds a member by any of its spellings, all of them text; null and empty text are None. `fallback` is what
    an unknown word becomes, and has no spelling. `numbered` says that the document numbers the members: where it does
    not, a number is a code of the old, undocumented numbering (quirk 88). `boolean` says that the numbers are 0 and 1,
    so that false and true may come instead.

    `by_value` finds a member by a non-empty text or a number, for rows whose types were checked: to a dictionary, true
    is 1, and so is 1.0.
    """

    def __init__(
        self, enum: type[EnumT], title: str, meaning: str, members: Mapping[EnumT, Word], fallback: EnumT
    ) -> None:
        super().__init__(enum, title, meaning, members)
        self.fallback = fallback
        spellings: dict[object, EnumT] = {}
        codes = set()
        for member, word in members.items():
            if member is fallback:
                continue
            spellings.update(dict.fromkeys((word.label, *word.also), member))
            if word.code is not None:
                spellings[word.code] = member
                codes.add(word.code)
        self.by_wire: dict[object, EnumT | None] = {None: None, "": None, **spellings}
        self.by_value: dict[object, EnumT] = {**spellings, **{int(code): spellings[code] for code in codes}}
        self.numbered = bool(codes)
        self.boolean = codes == {"0", "1"}

    def spelling(self, *, required: bool = False) -> Any:
        """A type for msgspec to decode: a spelling becomes its member, empty text None, any other text stays text. So
        does empty text where a word is `required`.

        msgspec looks texts up in an enum's table of values, without making a string of them, and gives what it finds
        there. So it reads the words of a row in half the time that it takes to read them as text and look them up.
        """
        table = {text: self.by_wire[text] for text in self.by_wire if text or (text == "" and not required)}
        spelling = cast(Any, _Spelling)(f"{self.enum.__name__}Spelling", {str(text): text for text in table if text})
        spelling._value2member_map_ = table
        return spelling

    def label(self, member: EnumT) -> str:
        """The word to send. Raises ValueError for the fallback: it names nothing."""
        return self._sendable(member).label

    def code(self, member: EnumT) -> str:
        """The number to send, as form text. Raises ValueError for a member without one."""
        code = self._sendable(member).code
        if code is None:
            raise ValueError(f"{self.enum.__name__}.{member.name} has no number")
        return code

    def _sendable(self, member: EnumT) -> Word:
        if member is self.fallback:
            raise ValueError(f"{self.enum.__name__}.{member.name} cannot be sent")
        return self.members[member]
