"""Corrections change the submitted document and nothing else in it (quirk 116)."""

import json
from datetime import date
from typing import Any

import pytest
from collected_issues import CollectedIssues
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_rows import content, review
from readers import parse_shenhe

from gateway.normalise.corrections import ContentError, correction_problems, render_shenhe_content
from gateway.normalise.plausible import EARLIEST_BIRTH
from gateway.normalise.times import birth_date
from gateway.normalise.vocabulary import (
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


def test_uncorrected_content_stays_as_submitted() -> None:
    assert corrected(OLD) == OLD
    assert corrected(OLD, people={"name": "李白", "sex": None}, house={}) == {
        **OLD,
        "people": {**OLD["people"], "people_name": "李白"},
    }


def test_content_keys_stay_in_order() -> None:
    rendered = render_shenhe_content(json.dumps(OLD), {"people": {"name": "李白"}, "house": {"room": 1}})
    assert [list(part) for part in (json.loads(rendered), json.loads(rendered)["people"])] == [
        list(OLD),
        list(OLD["people"]),
    ]


def test_chinese_is_sent_unescaped() -> None:
    assert "李白" in render_shenhe_content(json.dumps(OLD), {"people": {"name": "李白"}})


def test_correction_uses_the_dialect_it_replaces() -> None:
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
def test_quirk_126_birth_date_is_written_in_its_form(submitted: object, written: object) -> None:
    document = content({"people_birth": submitted})
    assert corrected(document, people={"birth_date": date(1987, 5, 4)})["people"]["people_birth"] == written


def test_quirk_72_role_is_written_under_both_keys() -> None:
    document = content(house={"people_role": "业主"})
    house = corrected(document, house={"role": ResidentRole.SON})["house"]
    assert (house["people_house_role"], house["people_role"]) == ("儿子", "儿子")


def test_quirk_72_second_role_key_changes_for_a_role_only() -> None:
    document = content(house={"people_role": "业主"})
    assert corrected(document, house={"status": HouseStatus.RENTED})["house"]["people_role"] == "业主"
    assert "people_role" not in corrected(content(), house={"role": ResidentRole.SON})["house"]


@pytest.mark.parametrize("empty", [None, []])
def test_missing_part_is_created(empty: object) -> None:
    assert corrected({"people": {}, "job": empty}, people={"job_name": "医生"})["job"] == {"job_name": "医生"}
    assert corrected({}, house={"room": 101})["house"] == {"house_number": 101}


@pytest.mark.parametrize("raw", [None, "", "见前言", "[]", "5", '{"people":', '"见前言"'])
def test_quirk_115_116_placeholder_is_never_sent(raw: str | None) -> None:
    with pytest.raises(ContentError):
        render_shenhe_content(raw, {"people": {"name": "李白"}})


def test_non_object_part_is_not_overwritten() -> None:
    with pytest.raises(ContentError, match="house"):
        corrected(content() | {"house": "1栋"}, house={"room": 101})


@pytest.mark.parametrize(
    ("attribute", "value"), [("name", "李*"), ("phone", "199****0001"), ("id_card", "999302********2517")]
)
def test_masked_value_is_never_sent(attribute: str, value: str) -> None:
    with pytest.raises(ContentError) as refused:
        corrected(OLD, people={attribute: value})
    assert value not in str(refused.value)


def test_unrecognized_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="UNRECOGNIZED"):
        corrected(OLD, house={"role": ResidentRole.UNRECOGNIZED})


def test_content_encoded_twice_is_sent_encoded_once() -> None:
    rendered = render_shenhe_content(json.dumps(json.dumps(OLD)), {"house": {"room": 1}})
    assert json.loads(rendered)["house"]["house_number"] == 1


TODAY = date(2026, 11, 24)

PROBLEMS = [
    *(
        ("people", "name", name)
        for name in ("", " ", "李*明", "李\n明", "李\u200b明", "\u200b", "19900000001", "大" * 65)
    ),
    *(
        ("people", "phone", phone)
        for phone in ("", "x", "0335", "1" * 21, "１９９０００００００１", "199*0001", "\u202d19900000001")
    ),
    *(
        ("people", "id_card", number)
        for number in ("", "x", "99930219921130251", "9993021992113025170", "999302199211302５17")
    ),
    *(("people", "id_card", number) for number in ("99930219921130251Y", "9993021992113X2517", "护照", "999 302")),
    *(
        ("people", "birth_date", day)
        for day in (date(1, 1, 1), date(1899, 12, 31), date(2026, 11, 25), date(9999, 1, 1))
    ),
    *(("people", "nation", nation) for nation in ("1", " 1", "１")),
    *(("house", "community_code", code) for code in ("", "a b", "10002 ", "一", "1" * 33)),
    *(("house", part, number) for part in ("building", "unit") for number in (-1, 100_000)),
    *(("house", part, number) for part in ("floor", "room") for number in (-100_000, 100_000)),
]

PLAUSIBLE = [
    *(
        ("people", "name", name)
        for name in ("李", " 李明 ", "古丽娜尔·艾力", "𠮷\U0002a6d6", "Anne-Marie O'Neill", "王\ue000")
    ),
    *(("people", "phone", phone) for phone in ("19900000001", " 19900000001", "+86 199 0000 0001", "3012345")),
    *(
        ("people", "phone", phone)
        for phone in ("0335-3012345转8001", "(0335)3012345", "（0335）3012345", "+852 99990001")
    ),
    *(("people", "id_card", number) for number in ("999302199211302517", "99930219921130251x", "999302921130251")),
    *(
        ("people", "id_card", number)
        for number in ("E99900001", "999000001", "H9990000100", "A999001(3)", "军字第9990001号")
    ),
    *(("people", "birth_date", day) for day in (date(1900, 1, 1), date(1969, 12, 31), date(1970, 1, 1), TODAY)),
    *(("people", "nation", nation) for nation in ("", "汉", "回族")),
    *(("people", attribute, "") for attribute in ("registered_address", "photo", "job_name", "company_name")),
    *(("people", "photo", photo) for photo in ("www", "https://a.example/1.png")),
    *(("house", "community_code", code) for code in ("00001", "10002", "A1")),
    *(("house", part, number) for part in ("building", "unit") for number in (0, 99_999)),
    *(("house", "floor", number) for number in (-2, 0, 33)),
    *(("house", "room", number) for number in (-101, 0, 99_999)),
]


def problems(part: str, attribute: str, value: object) -> list[tuple[str, str]]:
    return [found[:2] for found in correction_problems({part: {attribute: value}}, TODAY)]


@pytest.mark.parametrize(("part", "attribute", "value"), PROBLEMS)
def test_implausible_correction_is_a_problem(part: str, attribute: str, value: object) -> None:
    assert problems(part, attribute, value) == [(part, attribute)]


@pytest.mark.parametrize(("part", "attribute", "value"), PLAUSIBLE)
def test_plausible_correction_is_no_problem(part: str, attribute: str, value: object) -> None:
    assert problems(part, attribute, value) == []


def test_correction_problem_does_not_repeat_the_input() -> None:
    for part, attribute, value in PROBLEMS:
        [(_, _, problem)] = correction_problems({part: {attribute: value}}, TODAY)
        assert not isinstance(value, str) or len(value) < len("199") or value not in problem(field=attribute)


NUMBERS = st.integers(-(2**31), 2**31 - 1)
TEXTS = st.text(st.characters(codec="utf-8"))
PHONES = TEXTS | st.from_regex(r"[ +(]?[0-9()+转 -]{4,22} ?", fullmatch=True)
ID_CARDS = TEXTS | st.from_regex(r"999[0-9]{14}[0-9Xx]|[A-H]?[0-9]{5,15}", fullmatch=True)

PEOPLE = {
    "name": TEXTS,
    "phone": PHONES,
    "sex": st.sampled_from([Sex.MALE, Sex.FEMALE]),
    "nation": TEXTS | st.sampled_from(["汉族", "汉", "回族"]),
    "birth_date": st.dates(),
    "registered_address": TEXTS,
    "id_card": ID_CARDS,
    "photo": TEXTS,
    "political_status": st.sampled_from(list(PoliticalStatus)[:-1]),
    "is_veteran": st.booleans(),
    "receives_subsistence_allowance": st.booleans(),
    "is_petitioner": st.booleans(),
    "job_name": TEXTS,
    "company_name": TEXTS,
}
HOUSE = {
    "community_code": TEXTS | st.from_regex(r"[0-9A-Z]{1,9}", fullmatch=True),
    "building": NUMBERS | st.integers(-1, 99),
    "unit": NUMBERS | st.integers(-1, 9),
    "floor": NUMBERS | st.integers(-3, 40),
    "room": NUMBERS | st.integers(-101, 4001),
    "role": st.sampled_from(list(ResidentRole)[:-1]),
    "status": st.sampled_from(list(HouseStatus)[:-1]),
    "use": st.sampled_from(list(HouseUse)[:-1]),
    "ownership": st.sampled_from(list(HouseOwnership)[:-1]),
    "occupant_type": st.sampled_from(list(OccupantType)[:-1]),
}
WITHOUT_BLANKS = {"name", "phone", "id_card", "nation"}


def accepted_corrections(part: str, corrections: dict[str, object]) -> dict[str, object]:
    wrong = {found.attribute for found in correction_problems({part: corrections}, TODAY)}
    return {attribute: value for attribute, value in corrections.items() if attribute not in wrong}


def as_read(attribute: str, value: object) -> object:
    """The correction, as the gateway shows it afterwards."""
    if type(value) is str:
        value = (value.strip() if attribute in WITHOUT_BLANKS else value) or None
    return "汉族" if attribute == "nation" and value == "汉" else value


@settings(max_examples=200, deadline=None)
@given(
    submitted=st.sampled_from([content(), OLD, {}]),
    people=st.fixed_dictionaries({}, optional=PEOPLE),
    house=st.fixed_dictionaries({}, optional=HOUSE),
)
def test_accepted_correction_is_read_back(
    submitted: dict[str, Any], people: dict[str, object], house: dict[str, object]
) -> None:
    people, house = accepted_corrections("people", people), accepted_corrections("house", house)
    before = parse_shenhe(review(shenhe_content=json.dumps(submitted)), "10002").content
    rendered = render_shenhe_content(json.dumps(submitted), {"people": people, "house": house})
    after = parse_shenhe(review(shenhe_content=rendered), "10002").content
    for corrections, was, now in ((people, before.people, after.people), (house, before.house, after.house)):
        for attribute in () if now is None else now.__struct_fields__:
            if attribute not in ("data_issues", "review"):
                kept = getattr(was, attribute, None)
                wanted = as_read(attribute, corrections[attribute]) if attribute in corrections else kept
                if attribute != "sex" or "sex" in corrections or "id_card" not in corrections:  # which may contain it
                    assert getattr(now, attribute) == wanted, attribute


@pytest.mark.parametrize("submitted", ["19921130", 19921130, "723052800", 723052800, None])
def test_quirk_130_birth_dates_round_trip_in_every_form(submitted: object) -> None:
    document = json.dumps({"people": {"people_birth": submitted}})
    for day in range(EARLIEST_BIRTH.toordinal(), TODAY.toordinal() + 1, 1 if isinstance(submitted, int) else 7):
        birth = date.fromordinal(day)
        rendered = json.loads(render_shenhe_content(document, {"people": {"birth_date": birth}}))
        issues = CollectedIssues()
        assert birth_date(rendered["people"]["people_birth"], "birthDate", issues) == birth
        assert issues.found == ()
