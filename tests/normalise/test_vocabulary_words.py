"""The tables of words are complete, unambiguous, and the same in both directions."""

import pytest

from gateway.entities import LISTS  # noqa: F401 # which declare enums
from gateway.normalise.vocabulary import ResidentRole, WireEnum
from gateway.orders.record import FeeType
from gateway.shenhe.record import ShenheStatus
from gateway.wording.enums import ENUMS, DescribedEnum

WIRE = [enum for enum in ENUMS.values() if issubclass(enum, WireEnum)]

named = pytest.mark.parametrize("enum", WIRE, ids=lambda enum: enum.__name__)


@pytest.mark.parametrize("enum", ENUMS.values(), ids=lambda enum: enum.__name__)
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
    spellings = [spelt for word in words for spelt in (word.label, *word.also, *([word.code] if word.code else []))]
    assert len(spellings) == len(set(spellings))
    for spelling in ("wire_label", "wire_code"):
        with pytest.raises(ValueError, match=enum.fallback.name):
            getattr(enum.fallback, spelling)


def test_member_without_a_number_has_no_wire_code() -> None:
    with pytest.raises(ValueError, match="no number"):
        _ = ResidentRole.OWNER.wire_code


def test_members_have_labels_codes_and_notes() -> None:
    assert FeeType.fallback is FeeType.OTHER
    assert not any(member.word.deprecated for enum in ENUMS.values() for member in enum)
    assert ShenheStatus.chinese == "审核状态"
    assert [(member.value, member.label, member.word.code) for member in ShenheStatus] == [
        ("PENDING", "等待审核", "2"),
        ("APPROVED", "审核通过", "1"),
        ("REJECTED", "审核未通过", "0"),
        ("UNRECOGNIZED", "未识别", None),
    ]
    assert ResidentRole.OWNER.word.note == "业主本人"
