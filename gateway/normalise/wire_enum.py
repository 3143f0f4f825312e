"""Enums that say of themselves what they mean and how platforms spell them.

    class Sex(WireEnum, chinese="性别", english="Sex"):
        MALE = "MALE", Word("男", "Male")
        UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED

A member is its name as text. Its label, meaning, spellings and note are declared with it and nowhere else.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self

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


class WireEnum(DescribedEnum):
    """An enum whose members platforms send and take.

    `fallback`, the last member, is what an unknown word becomes; it has no spelling. `by_wire` finds a member by any of
    its declared spellings, texts, and numbers where it has one; null and empty text are None. Look up what is text, or
    was checked to be a number: to a dictionary, true is 1, and so is 1.0.

    `numbered`: the document numbers the members. Where it does not, a number is a code of the old, undocumented
    numbering (quirk 88). `boolean`: the numbers are 0 and 1, so that false and true may come instead. `misplaced` finds
    a member by a word of another list, which is an issue.
    """

    fallback: ClassVar[Any]
    by_wire: ClassVar[Mapping[object, Any]]
    misplaced: ClassVar[Mapping[object, Any]]
    numbered: ClassVar[bool]
    boolean: ClassVar[bool]

    def __init_subclass__(cls, chinese: str = "", english: str = "") -> None:
        super().__init_subclass__(chinese, english)
        *listed, cls.fallback = cls
        words: dict[object, Any] = {word: member for member in listed for word in (member.label, *member.word.also)}
        codes: dict[Any, Any] = {member.word.code: member for member in listed if member.word.code is not None}
        cls.by_wire = {None: None, "": None, **words, **codes, **{int(code): codes[code] for code in codes}}
        cls.misplaced = {word: member for member in listed for word in member.word.misplaced}
        cls.numbered = bool(codes)
        cls.boolean = set(codes) == {"0", "1"}

    @classmethod
    def spellings(cls, more: Mapping[str, Iterable[str]]) -> dict[object, Any]:
        """`by_wire`, with these spellings of members besides the declared ones. One of the fallback is a word that is
        known though no member means it: it is no issue.
        """
        return {**cls.by_wire, **{word: cls(name) for name, words in more.items() for word in words}}

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


class Switch:
    """A yes or no: `by_wire` has its spellings, text or number, as a `WireEnum` has its own."""

    def __init__(self, off: Iterable[object], on: Iterable[object]) -> None:
        words: dict[object, bool | None] = {None: None, "": None}
        self.by_wire: Mapping[object, bool | None] = words | dict.fromkeys(off, False) | dict.fromkeys(on, True)

    def __iter__(self) -> Iterator[str]:
        """The names of both in a profile."""
        return iter(("true", "false"))

    def spellings(self, more: Mapping[str, Iterable[str]]) -> dict[object, bool | None]:
        """`by_wire`, with these spellings as well."""
        return {**self.by_wire, **{word: name == "true" for name, words in more.items() for word in words}}
