"""Corrections go into the document as it was submitted, and nothing else changes (quirk 116, issue of writes)."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_rows import content, review

from schema.normalise.corrections import ContentError, render_shenhe_content
from schema.normalise.shenhe import parse_shenhe
from schema.normalise.vocabulary import (
    HouseOwnership,
    HouseStatus,
    HouseUse,
    OccupantType,
    PoliticalStatus,
    ResidentRole,
    Sex,
)

OLD = content(
    {"people_sex": 2, "people_birth": 723052800, "people_tuiyijunren": 0, "people_zhengzhimianmao": "1"},
    {"people_house_role": 1, "people_house_status": "1", "building_number": "1"},
    weather={"今天": [1.5, None, True, 12345678901234567890123]},
)


def corrected(document: dict[str, Any], **corrections: dict[str, object]) -> dict[str, Any]:
    rendered: dict[str, Any] = json.loads(render_shenhe_content(json.dumps(document), corrections))
    return rendered


def test_what_is_not_corrected_stays_as_submitted() -> None:
    assert corrected(OLD) == OLD
    assert corrected(OLD, people={"name": "李白", "sex": None}, house={}) == {
        **OLD,
        "people": {**OLD["people"], "people_name": "李白"},
    }


def test_keys_keep_their_order() -> None:
    rendered = render_shenhe_content(json.dumps(OLD), {"people": {"name": "李白"}, "house": {"room": 1}})
    assert [list(part) for part in (json.loads(rendered), json.loads(rendered)["people"])] == [
        list(OLD),
        list(OLD["people"]),
    ]


def test_chinese_is_sent_as_it_is_written() -> None:
    assert "李白" in render_shenhe_content(json.dumps(OLD), {"people": {"name": "李白"}})


def test_a_correction_is_written_in_the_dialect_of_what_it_replaces() -> None:
    corrections = {
        "people": {"birth_date": date(1987, 5, 4), "is_veteran": True, "is_petitioner": True, "sex": Sex.FEMALE},
        "house": {"building": 7, "unit": 8, "role": ResidentRole.TENANT},
    }
    people, house = (corrected(OLD, **corrections)[part] for part in ("people", "house"))
    assert (people["people_birth"], people["people_tuiyijunren"], people["people_shangfang"]) == (547052400, 1, "1")
    assert (people["people_sex"], house["people_house_role"]) == ("女", "租客")
    assert (house["building_number"], house["unit_number"]) == ("7", 8)


@pytest.mark.parametrize(
    ("submitted", "written"),
    [
        *(("19921130", "19870504"), (19921130, 19870504), ("723052800", "547052400"), (20620800, 547052400)),
        (723052801, 547052400),
        *((None, "19870504"), ("", "19870504"), ("19921331", "19870504"), (1992, 19870504)),
    ],
)
def test_quirk_126_a_birth_keeps_its_form(submitted: object, written: object) -> None:
    document = content({"people_birth": submitted})
    assert corrected(document, people={"birth_date": date(1987, 5, 4)})["people"]["people_birth"] == written


def test_quirk_72_a_role_is_written_under_both_keys_where_both_are_read() -> None:
    document = content(house={"people_role": "业主"})
    house = corrected(document, house={"role": ResidentRole.SON})["house"]
    assert (house["people_house_role"], house["people_role"]) == ("儿子", "儿子")


def test_quirk_72_the_second_key_is_touched_only_where_it_stands_and_for_a_role() -> None:
    document = content(house={"people_role": "业主"})
    assert corrected(document, house={"status": HouseStatus.RENTED})["house"]["people_role"] == "业主"
    assert "people_role" not in corrected(content(), house={"role": ResidentRole.SON})["house"]


@pytest.mark.parametrize("empty", [None, []])
def test_a_part_that_was_left_out_is_made(empty: object) -> None:
    assert corrected({"people": {}, "job": empty}, people={"job_name": "医生"})["job"] == {"job_name": "医生"}
    assert corrected({}, house={"room": 101})["house"] == {"house_number": 101}


@pytest.mark.parametrize("raw", [None, "", "见前言", "[]", "5", '{"people":', '"见前言"'])
def test_quirk_115_116_a_placeholder_is_never_sent(raw: str | None) -> None:
    with pytest.raises(ContentError):
        render_shenhe_content(raw, {"people": {"name": "李白"}})


def test_a_part_that_is_no_object_is_not_overwritten() -> None:
    with pytest.raises(ContentError, match="house"):
        corrected(content() | {"house": "1栋"}, house={"room": 101})


@pytest.mark.parametrize(
    ("attribute", "value"), [("name", "李*"), ("phone", "199****0001"), ("id_card", "999302********2517")]
)
def test_a_masked_value_is_never_sent(attribute: str, value: str) -> None:
    with pytest.raises(ContentError) as refused:
        corrected(OLD, people={attribute: value})
    assert value not in str(refused.value)


def test_unrecognized_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="UNRECOGNIZED"):
        corrected(OLD, house={"role": ResidentRole.UNRECOGNIZED})


def test_content_encoded_twice_is_sent_encoded_once() -> None:
    rendered = render_shenhe_content(json.dumps(json.dumps(OLD)), {"house": {"room": 1}})
    assert json.loads(rendered)["house"]["house_number"] == 1


NUMBERS = st.integers(-(2**31), 2**31 - 1)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=1).filter(
    lambda text: text == text.strip()
)
DATES = st.dates(date(1900, 1, 1), date(2100, 1, 1))
PEOPLE = {
    "name": TEXTS,
    "phone": TEXTS,
    "sex": st.sampled_from([Sex.MALE, Sex.FEMALE]),
    "nation": st.sampled_from(["汉族", "回族"]),
    "birth_date": DATES,
    "registered_address": TEXTS,
    "id_card": st.from_regex(r"999[0-9]{13}[13579][0-9X]", fullmatch=True),  # of men, as the submitted ones
    "photo": TEXTS,
    "political_status": st.sampled_from(list(PoliticalStatus)[:-1]),
    "is_veteran": st.booleans(),
    "receives_subsistence_allowance": st.booleans(),
    "is_petitioner": st.booleans(),
    "job_name": TEXTS,
    "company_name": TEXTS,
}
HOUSE = {
    "community_code": TEXTS,
    "building": NUMBERS,
    "unit": NUMBERS,
    "floor": NUMBERS,
    "room": NUMBERS,
    "role": st.sampled_from(list(ResidentRole)[:-1]),
    "status": st.sampled_from(list(HouseStatus)[:-1]),
    "use": st.sampled_from(list(HouseUse)[:-1]),
    "ownership": st.sampled_from(list(HouseOwnership)[:-1]),
    "occupant_type": st.sampled_from(list(OccupantType)[:-1]),
}


@settings(max_examples=60, deadline=None)
@given(
    submitted=st.sampled_from([content(), OLD, {}]),
    people=st.fixed_dictionaries({}, optional=PEOPLE),
    house=st.fixed_dictionaries({}, optional=HOUSE),
)
def test_what_is_written_is_read_back(
    submitted: dict[str, Any], people: dict[str, object], house: dict[str, object]
) -> None:
    before = parse_shenhe(review(shenhe_content=json.dumps(submitted)), "10002").content
    rendered = render_shenhe_content(json.dumps(submitted), {"people": people, "house": house})
    after = parse_shenhe(review(shenhe_content=rendered), "10002").content
    for corrections, was, now in ((people, before.people, after.people), (house, before.house, after.house)):
        for attribute in () if now is None else now.__struct_fields__:
            if attribute not in ("data_issues", "review", "reviewed_in"):
                wanted = corrections.get(attribute, getattr(was, attribute, None))
                assert getattr(now, attribute) == wanted, attribute
