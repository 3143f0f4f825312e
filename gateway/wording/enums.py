"""Enums of the schema: each member has a Chinese and an English word, which interfaces and descriptions show."""

from enum import EnumType, StrEnum
from typing import Any, ClassVar, Self

import msgspec


class Word(msgspec.Struct, frozen=True):
    """What is said of one member of an enum: the Chinese word, as platforms write it and interfaces show it, and the
    English one, without a full stop.

    `code` is its number on the wire; `also` holds further spellings, and `misplaced` words of another list that may
    stand in its place. `note` is what the document remarks on it (column 补充).
    """

    label: str
    meaning: str
    code: str | None = None
    also: tuple[str, ...] = ()
    misplaced: tuple[str, ...] = ()
    note: str | None = None
    deprecated: bool = False


NOT_LISTED = Word(
    "未识别", "The platform sent a value that is not in this list; see dataIssues", note="仅用于显示，不能作为输入"
)


ENUMS: "dict[str, type[DescribedEnum]]" = {}
"""All that are declared, here and by entities, by name."""


class _Described(EnumType):
    """Has the value of a member be its name, beside the `Word` that it is declared with."""

    def __new__(cls, name: str, bases: tuple[type, ...], members: Any, **names: Any) -> Any:
        for member, word in members.items():
            if isinstance(word, Word):
                dict.__setitem__(members, member, (member, word))
        return super().__new__(cls, name, bases, members, **names)


class DescribedEnum(StrEnum, metaclass=_Described):
    """An enum of the schema, with its Chinese and English name."""

    chinese: ClassVar[str]
    english: ClassVar[str]
    word: Word
    _value_: str

    def __new__(cls, value: str, word: Word = NOT_LISTED) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.word = word
        return member

    def __init_subclass__(cls, chinese: str = "", english: str = "") -> None:
        super().__init_subclass__()
        cls.chinese = chinese
        cls.english = english
        if len(cls):
            ENUMS[cls.__name__] = cls

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
