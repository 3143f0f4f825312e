"""The tables of words are complete, unambiguous, and the same in both directions."""

import pytest

from gateway.entities import LISTS  # noqa: F401 # which declare enums
from gateway.normalise.vocabulary import ResidentRole, WireEnum
from gateway.orders.record import OrderQuery
from gateway.platforms.wjdh import query_form
from gateway.shenhe.record import ShenheQuery, ShenheType
from gateway.wording.enums import ENUMS

WIRE = [enum for enum in ENUMS.values() if issubclass(enum, WireEnum)]

named = pytest.mark.parametrize("enum", WIRE, ids=lambda enum: enum.__name__)


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


def test_filter_sends_what_is_set_and_has_a_word() -> None:
    assert query_form(ShenheQuery()) == {}
    assert query_form(OrderQuery(building=0)) == {"louhao": "0"}  # quirk 151
    with pytest.raises(ValueError, match="cannot be sent"):
        query_form(ShenheQuery(type=ShenheType.UNRECOGNIZED))
    with pytest.raises(ValueError, match="no number"):
        _ = ResidentRole.OWNER.wire_code
