"""Enums that say of themselves what they mean and how platforms spell them.

    class Sex(WireEnum, chinese="性别", english="Sex"):
        MALE = "MALE", Word("男", "Male")
        UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED

A member is its name as text. Its label, meaning, spellings and note are declared with it and nowhere else.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any, ClassVar, Self, cast

import msgspec


class Word(msgspec.Struct, frozen=True):
    """What is said of one member of an enum.

    `label` is the Chinese word, as platforms write it and interfaces show it; `meaning` the English one, without a full
    stop. `code` is the member's number on the wire, if it has one; `also` holds further spellings that platforms use,
    and `misplaced` words of another list that name the member where they stand in its place. `note` is what the
    document remarks on it (column 补充).
    """

    label: str
    meaning: str
    code: str | None = None
    also: tuple[str, ...] = ()
    misplaced: tuple[str, ...] = ()
    note: str | None = None
    deprecated: bool = False


NOT_LISTED = Word(
    "未识别",
    "The platform sent a value that is not in this list: a DataIssue holds it",
    note="仅用于显示，不能作为输入",
)


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


class DescribedEnum(StrEnum):
    """An enum of the schema, with its Chinese and English name."""

    chinese: ClassVar[str]
    english: ClassVar[str]
    word: Word

    def __new__(cls, value: str, word: Word = NOT_LISTED) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.word = word
        return member

    def __init_subclass__(cls, chinese: str = "", english: str = "") -> None:
        super().__init_subclass__()
        cls.chinese = chinese
        cls.english = english

    @property
    def label(self) -> str:
        """The Chinese word."""
        return self.word.label

    @property
    def description(self) -> str:
        """For the schema: "Owner in person (业主)."."""
        return f"{self.word.meaning} ({self.word.label})."

    @classmethod
    def describe(cls) -> str:
        """For the schema: "Role of a resident in a house (居民角色)."."""
        return f"{cls.english} ({cls.chinese})."

    @classmethod
    def dictionary(cls) -> Dictionary:
        """All members, in order, as labels for interfaces."""
        words = [(member.value, member.word) for member in cls]
        entries = [DictionaryEntry(value, word.label, word.code, word.note, word.deprecated) for value, word in words]
        return Dictionary(cls.__name__, cls.chinese, tuple(entries))


class _Spelling(Enum):
    """Base of the types that `WireEnum.spelling` makes: text that is no spelling stays text."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return value


class WireEnum(DescribedEnum):
    """An enum whose members platforms send and take.

    `fallback`, the last member, is what an unknown word becomes; it has no spelling. `by_wire` finds a member by any of
    its spellings, all of them text; null and empty text are None. `by_value` finds it by non-empty text or a number,
    for rows whose types were checked: to a dictionary, true is 1, and so is 1.0.

    `numbered`: the document numbers the members. Where it does not, a number is a code of the old, undocumented
    numbering (quirk 88). `boolean`: the numbers are 0 and 1, so that false and true may come instead. `misplaced` finds
    a member by a word of another list, which is an issue.
    """

    fallback: ClassVar[Any]
    by_wire: ClassVar[dict[object, Any]]
    by_value: ClassVar[dict[object, Any]]
    misplaced: ClassVar[Mapping[object, Any]]
    numbered: ClassVar[bool]
    boolean: ClassVar[bool]

    def __init_subclass__(cls, chinese: str = "", english: str = "") -> None:
        super().__init_subclass__(chinese, english)
        *listed, cls.fallback = cls
        cls.by_wire, cls.by_value = {}, {}
        cls.misplaced = {word: member for member in listed for word in member.word.misplaced}
        cls._spell(listed, {})

    @classmethod
    def respell(cls, more: Mapping[Any, Sequence[str]]) -> None:
        """Take these spellings of members besides the declared ones, and no others. One of the fallback is a word that
        is known though no member means it: it is no issue.

        The look-up tables stay the same objects; what was generated from them is to be generated again.
        """
        *listed, _ = cls
        cls._spell(listed, more)

    @classmethod
    def _spell(cls, listed: Sequence[Any], more: Mapping[Any, Sequence[str]]) -> None:
        """Fill the look-up tables."""
        spellings: dict[object, Any] = {}
        for member in listed:
            spellings.update(dict.fromkeys((member.label, *member.word.also), member))
        codes: dict[object, Any] = {member.word.code: member for member in listed if member.word.code is not None}
        for member, also in more.items():
            spellings.update(dict.fromkeys(also, member))
        numbers: dict[object, Any] = {int(str(code)): member for code, member in codes.items()}
        cls.by_wire.clear()
        cls.by_wire.update({None: None, "": None, **spellings, **codes})
        cls.by_value.clear()
        cls.by_value.update({**spellings, **codes, **numbers})
        cls.numbered = bool(codes)
        cls.boolean = set(codes) == {"0", "1"}

    @classmethod
    def spelling(cls, *, required: bool = False) -> Any:
        """A type for msgspec to decode: a spelling becomes its member, empty text None, any other text stays text. So
        does empty text where a word is `required`.

        msgspec looks texts up in an enum's table of values, without making a string of them, and gives what it finds
        there. So it reads the words of a row in half the time that it takes to read them as text and look them up.
        """
        table = {text: cls.by_wire[text] for text in cls.by_wire if text or (text == "" and not required)}
        table |= {word: word for word in cls.misplaced}  # for an unknown word msgspec calls Python: 2 µs
        spelling = cast(Any, _Spelling)(f"{cls.__name__}Spelling", {str(text): text for text in table if text})
        spelling._value2member_map_ = table
        return spelling

    @property
    def wire_label(self) -> str:
        """The word to send. Raises ValueError for the fallback: it names nothing."""
        if self is self.fallback:
            raise ValueError(f"{self!r} cannot be sent")
        return self.label

    @property
    def wire_code(self) -> str:
        """The number to send, as form text. Raises ValueError for the fallback, and a member without one."""
        code = self.word.code
        if code is None:
            raise ValueError(f"{self!r} has no number")
        return code
