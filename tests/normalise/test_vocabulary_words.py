"""The tables of words are complete, unambiguous, and the same in both directions."""

from enum import StrEnum

import pytest

from gateway.normalise import vocabulary
from gateway.normalise.enum_words import WireWords
from gateway.normalise.issues import PERSON_PII
from gateway.normalise.words import ENUMS, FEE_TYPE, RESIDENT_ROLE, SHENHE_STATUS

WIRE = [words for words in ENUMS.values() if isinstance(words, WireWords)]


def test_every_enum_has_words() -> None:
    declared = {
        enum
        for enum in vars(vocabulary).values()
        if isinstance(enum, type) and issubclass(enum, StrEnum) and enum is not StrEnum
    }
    assert set(ENUMS) == declared


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_member_has_a_word_in_the_order_of_the_enum(enum: type[StrEnum]) -> None:
    assert list(ENUMS[enum].members) == list(enum)


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_description_is_english_then_chinese(enum: type[StrEnum]) -> None:
    words = ENUMS[enum]
    for thing in (words, *words.members.values()):
        english, chinese = thing.description.rsplit(" (", 1)
        assert english.isascii()
        assert not english.endswith(".")
        assert not chinese.isascii()


@pytest.mark.parametrize("words", WIRE, ids=lambda words: words.enum.__name__)
def test_what_is_sent_is_read_back(words: WireWords[StrEnum]) -> None:
    for member, word in words.members.items():
        if member is words.fallback:
            assert words.by_wire.get(word.label) is None
            continue
        assert words.by_wire[words.label(member)] is member
        if word.code is not None:
            assert words.by_wire[words.code(member)] is member


@pytest.mark.parametrize("words", WIRE, ids=lambda words: words.enum.__name__)
def test_no_spelling_stands_for_two_members(words: WireWords[StrEnum]) -> None:
    spellings = [
        spelling
        for member, word in words.members.items()
        if member is not words.fallback
        for spelling in (word.label, *word.also, *([word.code] if word.code else []))
    ]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize("words", WIRE, ids=lambda words: words.enum.__name__)
def test_the_fallback_cannot_be_sent(words: WireWords[StrEnum]) -> None:
    with pytest.raises(ValueError, match=words.fallback.name):
        words.label(words.fallback)


def test_a_member_without_a_number_has_none_to_send() -> None:
    with pytest.raises(ValueError, match="no number"):
        RESIDENT_ROLE.code(vocabulary.ResidentRole.OWNER)


def test_a_dictionary_shows_what_an_interface_needs() -> None:
    dictionary = SHENHE_STATUS.dictionary()
    assert (dictionary.name, dictionary.title) == ("ShenheStatus", "审核状态")
    assert [(entry.value, entry.label, entry.code) for entry in dictionary.entries] == [
        ("PENDING", "等待审核", "2"),
        ("APPROVED", "审核通过", "1"),
        ("REJECTED", "审核未通过", "0"),
        ("UNRECOGNIZED", "未识别", None),
    ]
    assert RESIDENT_ROLE.dictionary().entries[0].note == "业主本人"


def test_undeveloped_types_are_not_deprecated() -> None:
    assert not any(entry.deprecated for words in ENUMS.values() for entry in words.dictionary().entries)


def test_an_open_list_falls_back_on_a_member_of_its_own() -> None:
    assert FEE_TYPE.fallback is vocabulary.FeeType.OTHER


def test_the_personal_fields_are_those_of_the_contract() -> None:
    assert {name: kind.value for name, kind in PERSON_PII.items()} == {
        "name": "NAME",
        "phone": "PHONE",
        "idCard": "ID_CARD",
        "birthDate": "BIRTH",
        "registeredAddress": "ADDRESS",
        "photo": "PHOTO",
        "politicalStatus": "SENSITIVE_STATUS",
        "isVeteran": "SENSITIVE_STATUS",
        "receivesSubsistenceAllowance": "SENSITIVE_STATUS",
        "isPetitioner": "SENSITIVE_STATUS",
    }
