"""Corrections change the submitted document and nothing else in it (quirk 116)."""

import json
from datetime import date
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_rows import content, review
from readers import parse_shenhe

from gateway.actions.action import WriteRefusal
from gateway.normalise.records import Issues, declared_fields
from gateway.normalise.times import birth_date
from gateway.normalise.values import EARLIEST_BIRTH
from gateway.normalise.vocabulary import HouseStatus, ResidentRole, Sex
from gateway.normalise.wire import AS_DOCUMENTED
from gateway.shenhe.record import APPLICANTS, ShenheHouse, ShenhePeople
from gateway.shenhe.writes import correction_problem, render_shenhe_content

OLD = content(
    {"people_sex": 2, "people_birth": 723052800, "people_tuiyijunren": 0, "people_zhengzhimianmao": "1"},
    {"people_house_role": 1, "people_house_status": "1", "building_number": "1"},
    weather={"今天": [1.5, None, True, 12345678901234567890123]},
)


BORN = {"people": {"birth_date": date(1987, 5, 4)}}
TWO_ROLES = content(house={"people_role": "业主"})
SON = {"house": {"role": ResidentRole.SON}}
WRITTEN: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (OLD, {"people": {"name": "李白", "sex": None}, "house": {}}, {"people": {"people_name": "李白"}}),
    (
        OLD,
        {
            "people": {"birth_date": date(1987, 5, 4), "is_veteran": True, "is_petitioner": True, "sex": Sex.FEMALE},
            "house": {"building": 7, "unit": 8, "role": ResidentRole.TENANT},
        },
        {
            "people": {"people_birth": 547052400, "people_tuiyijunren": 1, "people_shangfang": "1", "people_sex": "女"},
            "house": {"building_number": "7", "unit_number": 8, "people_house_role": "租客"},
        },
    ),
    # quirk 126
    *(
        (content({"people_birth": submitted}), BORN, {"people": {"people_birth": written}})
        for submitted, written in (
            *(("19921130", "19870504"), (19921130, 19870504), ("723052800", "547052400"), (20620800, 547052400)),
            *((723052801, 547052400), (None, "19870504"), ("", "19870504"), ("19921331", "19870504"), (1992, 19870504)),
        )
    ),
    # quirk 72
    (TWO_ROLES, SON, {"house": {"people_house_role": "儿子", "people_role": "儿子"}}),
    (content(), SON, {"house": {"people_house_role": "儿子"}}),
    (
        TWO_ROLES,
        {"house": {"status": HouseStatus.RENTED}},
        {"house": {"people_house_status": HouseStatus.RENTED.label}},
    ),
    # parts that are missing
    *(
        ({"people": {}, "job": no}, {"people": {"job_name": "医生"}}, {"job": {"job_name": "医生"}})
        for no in (None, [])
    ),
    ({}, {"house": {"room": 101}}, {"house": {"house_number": 101}}),
]


@pytest.mark.parametrize(("document", "corrections", "written"), WRITTEN)
def test_correction_is_sent_in_its_form_and_the_rest_as_it_is(document, corrections, written):
    wanted = document | {part: (document.get(part) or {}) | values for part, values in written.items()}
    sent = json.dumps(wanted, ensure_ascii=False, separators=(",", ":"))
    for submitted in (json.dumps(document), json.dumps(json.dumps(document))):
        assert render_shenhe_content(submitted, corrections) == sent


NO_CONTENTS = (None, "", "见前言", "[]", "5", '{"people":', '"见前言"')
MASKED = {"name": "李*", "phone": "199****0001", "id_card": "999302********2517"}


@pytest.mark.parametrize(
    ("raw", "corrections"),
    [
        *((raw, {"people": {"name": "李白"}}) for raw in NO_CONTENTS),
        (json.dumps(content() | {"house": "1栋"}), {"house": {"room": 101}}),
        *((json.dumps(OLD), {"people": {attribute: value}}) for attribute, value in MASKED.items()),
    ],
)
def test_quirk_115_116_placeholder_is_never_sent(raw, corrections):
    with pytest.raises(WriteRefusal):
        render_shenhe_content(raw, corrections)


TODAY = date(2026, 11, 24)
OTHER_CARDS = ("E99900001", "999000001", "H9990000100", "A999001(3)", "军字第9990001号")
PROBLEMS: dict[tuple[str, str], tuple[Any, ...]] = {
    ("people", "name"): ("", " ", "李*明", "李\n明", "李\u200b明", "\u200b", "19900000001", "大" * 65),
    ("people", "phone"): (*("", "x", "0335", "1" * 21, "１９９０００００００１", "199*0001", "\u202d19900000001"),),
    ("people", "id_card"): (
        *("", "x", "99930219921130251", "9993021992113025170", "999302199211302５17", "99930219921130251Y"),
        *("9993021992113X2517", "护照", "999 302"),
    ),
    ("people", "birth_date"): (date(1, 1, 1), date(1899, 12, 31), date(2026, 11, 25), date(9999, 1, 1)),
    ("people", "nation"): ("1", " 1", "１"),
    ("house", "community_code"): ("", "a b", "10002 ", "一", "1" * 33),
    **{("house", part): (-1, 100_000) for part in ("building", "unit")},
    **{("house", part): (-100_000, 100_000) for part in ("floor", "room")},
}
PLAUSIBLE: dict[tuple[str, str], tuple[Any, ...]] = {
    ("people", "name"): ("李", " 李明 ", "古丽娜尔·艾力", "𠮷\U0002a6d6", "Anne-Marie O'Neill", "王\ue000"),
    ("people", "phone"): (
        *("19900000001", " 19900000001", "+86 199 0000 0001", "3012345", "0335-3012345转8001", "(0335)3012345"),
        *("（0335）3012345", "+852 99990001"),
    ),
    ("people", "id_card"): ("999302199211302517", "99930219921130251x", "999302921130251", *OTHER_CARDS),
    ("people", "birth_date"): (date(1900, 1, 1), date(1969, 12, 31), date(1970, 1, 1), TODAY),
    ("people", "nation"): ("", "汉", "回族"),
    **{("people", attribute): ("",) for attribute in ("registered_address", "job_name", "company_name")},
    ("people", "photo"): ("", "www", "https://a.example/1.png"),
    ("house", "community_code"): ("00001", "10002", "A1"),
    **{("house", part): (0, 99_999) for part in ("building", "unit")},
    ("house", "floor"): (-2, 0, 33),
    ("house", "room"): (-101, 0, 99_999),
}


@pytest.mark.parametrize(("part", "attribute"), PLAUSIBLE)
def test_implausible_correction_is_a_problem_without_the_value(part, attribute):
    for value in PROBLEMS.get((part, attribute), ()):
        problem = correction_problem(part, attribute, value, TODAY)
        assert problem, value
        assert not isinstance(value, str) or len(value) < len("199") or value not in problem(field=attribute)
    for value in PLAUSIBLE[part, attribute]:
        assert not correction_problem(part, attribute, value, TODAY), value


BY_TYPE: dict[type, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(codec="utf-8")),
    int: st.integers(-(2**31), 2**31 - 1),
    bool: st.booleans(),
    date: st.dates(),
}
SPELT = {
    "phone": st.from_regex(r"[ +(]?[0-9()+转 -]{4,22} ?", fullmatch=True),
    "id_card": st.from_regex(r"999[0-9]{14}[0-9Xx]|[A-H]?[0-9]{5,15}", fullmatch=True),
}


def corrections_of(part: str, record: type) -> dict[str, st.SearchStrategy[Any]]:
    """Any value of the type of each field that may be corrected, and the plausible ones above."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    for name in [name for name, field in declared_fields(record).items() if field.correction]:
        type_ = get_args(get_type_hints(record)[name])[0]
        values = BY_TYPE[type_] if type_ in BY_TYPE else st.sampled_from([*type_][:-1])
        plausible = st.sampled_from(PLAUSIBLE[part, name]) if (part, name) in PLAUSIBLE else st.nothing()
        found[name] = values | SPELT.get(name, st.nothing()) | plausible
    return found


PEOPLE, HOUSE = corrections_of("people", ShenhePeople), corrections_of("house", ShenheHouse)
WITHOUT_BLANKS = {"name", "phone", "id_card", "nation"}


def accepted_corrections(part: str, corrections: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in corrections.items() if not correction_problem(part, name, value, TODAY)}


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
        issues = Issues(AS_DOCUMENTED.table(APPLICANTS))
        assert birth_date(rendered["people"]["people_birth"], "birthDate", issues) == birth
        assert issues.found == ()
