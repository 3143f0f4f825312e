"""The tables of words are complete, unambiguous, and the same in both directions."""

import pytest

from gateway.normalise.field import personal_paths
from gateway.normalise.person import Person
from gateway.normalise.vocabulary import FeeType, ResidentRole, ShenheStatus
from gateway.normalise.wire_enum import DescribedEnum, WireEnum
from schema.fields import ENUMS

WIRE = [enum for enum in ENUMS if issubclass(enum, WireEnum)]

named = pytest.mark.parametrize("enum", WIRE, ids=lambda enum: enum.__name__)


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_descriptions_are_english_then_chinese(enum: type[DescribedEnum]) -> None:
    for description in (enum.describe(), *(member.description for member in enum)):
        english, chinese = description.removesuffix(").").rsplit(" (", 1)
        assert english.isascii()
        assert not english.endswith(".")
        assert not chinese.isascii()


@named
def test_sent_words_are_read_back(enum: type[WireEnum]) -> None:
    for member in enum:
        if member is enum.fallback:
            assert enum.by_wire.get(member.label) is None
            continue
        assert enum.by_wire[member.wire_label] is member
        if member.word.code is not None:
            assert enum.by_wire[member.wire_code] is member


@named
def test_spellings_are_unambiguous(enum: type[WireEnum]) -> None:
    words = [member.word for member in enum if member is not enum.fallback]
    spellings = [
        spelling for word in words for spelling in (word.label, *word.also, *([word.code] if word.code else []))
    ]
    assert len(spellings) == len(set(spellings))


@named
def test_fallback_word_cannot_be_sent(enum: type[WireEnum]) -> None:
    for spelling in ("wire_label", "wire_code"):
        with pytest.raises(ValueError, match=enum.fallback.name):
            getattr(enum.fallback, spelling)


def test_member_without_a_number_has_no_wire_code() -> None:
    with pytest.raises(ValueError, match="no number"):
        _ = ResidentRole.OWNER.wire_code


def test_dictionary_has_labels_codes_and_notes() -> None:
    dictionary = ShenheStatus.dictionary()
    assert (dictionary.name, dictionary.title) == ("ShenheStatus", "审核状态")
    assert [(entry.value, entry.label, entry.code) for entry in dictionary.entries] == [
        ("PENDING", "等待审核", "2"),
        ("APPROVED", "审核通过", "1"),
        ("REJECTED", "审核未通过", "0"),
        ("UNRECOGNIZED", "未识别", None),
    ]
    assert ResidentRole.dictionary().entries[0].note == "业主本人"


def test_undeveloped_types_are_not_deprecated() -> None:
    assert not any(entry.deprecated for enum in ENUMS for entry in enum.dictionary().entries)


def test_open_list_has_its_own_fallback() -> None:
    assert FeeType.fallback is FeeType.OTHER


def test_personal_fields_are_those_of_the_contract() -> None:
    assert {name: kind.value for name, kind in personal_paths(Person).items()} == {
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
