"""Pseudonyms of single values: their form, and which are the same."""

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.normalise.house import house_of_label
from gateway.normalise.person import sex_of_id_card
from gateway.normalise.times import birth_date, midnight
from gateway.normalise.values import mobile_number
from gateway.normalise.verification import _SAME, has_valid_check_digit
from gateway.recording.characters import IDEOGRAPHS, SURNAMES
from gateway.recording.pseudonyms import Pseudonyms
from gateway.recording.values import Values
from gateway.sandbox.seed.people import check_digit

KEY = b"k" * 32
CODES = ["10002"]

BIRTHS = st.dates(date(1900, 1, 2), date(2026, 1, 1))
PHONES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEY)


@st.composite
def id_cards(draw: Any) -> str:
    body = f"{draw(st.integers(110000, 659999))}{draw(BIRTHS):%Y%m%d}{draw(st.integers(0, 999)):03}"
    return body + check_digit(body)


def form(text: str) -> list[str]:
    """The class of each character."""
    classes = (str.isspace, lambda each: each in "0123456789", str.isdigit, lambda each: "㐀" <= each <= "鿿")
    return [
        next((str(at) for at, fits in enumerate(classes) if fits(each)), "a" if each.isalnum() else each)
        for each in text
    ]


@given(TEXTS)
def test_texts_keep_their_form(text):
    new = pseudonyms().text(text)

    assert len(new) == len(text)
    assert [each.isalnum() for each in new] == [each.isalnum() for each in text]
    assert new.strip() == "" or new != text or not any(map(str.isalnum, text))


@given(st.text("李明王芳欧阳·张", min_size=2, max_size=6).filter(lambda name: name.strip("·")))
def test_names_have_a_surname_that_nobody_has(name):
    new = pseudonyms().name(name)

    assert form(new) == form(name)
    assert next(each for each in new if each != "·") in SURNAMES
    assert not set(new) & set("李明王芳欧阳张")


@pytest.mark.parametrize("name", ["李明", "阿依古丽·买买提", "王\U00020bb7", "John Smith", "李**", "李明（业主）"])
def test_blanks_and_case_of_names_do_not_count(name):
    new = pseudonyms()

    assert new.name(f" {name} ") == f" {new.name(name)} "
    assert new.name(name.upper()).upper() == new.name(name).upper()


@given(PHONES)
def test_phones_are_the_same_in_every_spelling(phone):
    new = pseudonyms()
    plain = new.phone(phone)

    assert re.fullmatch(r"199000[0-9]{5}", plain)
    assert plain != phone
    spellings = [f"+86 {phone}", f"86{phone}", f"{phone[:3]} {phone[3:7]} {phone[7:]}", f"{phone[:3]}-{phone[3:]}"]
    assert {mobile_number(new.phone(each)) for each in spellings} == {plain}
    assert [form(new.phone(each)) for each in spellings] == [form(each) for each in spellings]
    assert plain in new.text(f"请回电{phone}，谢谢")


def test_phones_are_told_apart():
    new = pseudonyms()
    assert len({new.phone(f"138{number:08}") for number in range(3000)}) == 3000


@pytest.mark.parametrize(
    "phone", ["0335-3012345", "03353012345转8001", "151****2234", "95588", "１３８１２３４５６７８"]
)
def test_other_phones_keep_their_form(phone):
    new = pseudonyms().phone(phone)

    assert form(new) == form(phone)
    assert new != phone
    assert new.replace("-", "").startswith(("0199", "19", "１９９０００")) or len(phone) < 7


@given(id_cards())
def test_id_cards_stay_right(number):
    new = pseudonyms().id_card(number)

    assert re.fullmatch(r"999[0-9]{14}[0-9X]", new)
    assert has_valid_check_digit(new)
    assert sex_of_id_card(new) is sex_of_id_card(number)
    born = pseudonyms().day(date(int(number[6:10]), int(number[10:12]), int(number[12:14])))
    assert new[6:14] == f"{born:%Y%m%d}" != number[6:14]


@given(id_cards(), st.integers(1, 10))
def test_wrong_check_digits_stay_wrong(number, by):
    wrong = number[:-1] + "10X98765432"[("10X98765432".index(number[-1]) + by) % 11]
    assert not has_valid_check_digit(pseudonyms().id_card(wrong))
    assert pseudonyms().id_card(wrong)[-1].isdecimal() or wrong.endswith("X")


@given(id_cards())
def test_id_cards_are_the_same_in_every_spelling(number):
    new = pseudonyms()
    same = _SAME["id_card"]
    others = [number.lower(), f"{number[:6]} {number[6:14]} {number[14:]}"]
    if number[6:8] == "19":
        others.append(number[:6] + number[8:17])

    assert all(same(new.id_card(number), new.id_card(other)) for other in others)
    assert [form(new.id_card(other)) for other in others] == [form(other) for other in others]


@pytest.mark.parametrize("number", ["999302********2517", "E12345678", "99930219921345251", "护照E123"])
def test_other_documents_keep_their_form(number):
    new = pseudonyms().id_card(number)

    assert form(new) == form(number)
    assert new != number


class Silent:
    found = ()

    def __init__(self) -> None:
        self.problems: list[Any] = []

    def add(self, _path: str, _value: object, problem: Any) -> None:
        self.problems.append(problem)


def read_birth(value: object) -> tuple[date | None, list[Any]]:
    issues = Silent()
    return birth_date(value, "birth", issues), issues.problems  # type: ignore[arg-type] # as far as it is used


@given(BIRTHS)
def test_births_are_the_same_day_in_every_form(born):
    new = pseudonyms()
    forms = [f"{born:%Y%m%d}", str(midnight(born)), f"{born:%Y-%m-%d}", f"{born.year}年{born.month}月{born.day}日"]

    day = new.day(born)
    assert {read_birth(new.birth(each)) == (day, []) for each in forms} == {True}
    assert day != born
    assert day.year // 5 == born.year // 5
    assert day.year <= born.year


@pytest.mark.parametrize("value", ["19921345", "1980-02-30", "1981-02-29", "不详", "0", "-1", "199211", "37123200"])
def test_births_that_are_wrong_stay_wrong(value):
    found, problems = read_birth(value)
    new, new_problems = read_birth(pseudonyms().birth(value))

    assert problems == new_problems
    assert (found is None) == (new is None)


@given(TEXTS)
def test_no_text_fails(value):
    values = Values(KEY, CODES)
    for key in (
        "people_name",
        "people_phone",
        "people_idcard",
        "people_birth",
        "people_photo",
        "house",
        "amount",
        "msg",
    ):
        assert values.value(key, value) == Values(KEY, CODES).value(key, value)
    values.key(value, ("extra",))


def test_labels_name_the_same_house():
    values = Values(KEY)
    new = values.value("house", "晨曦家园1栋2单元-1楼101号")

    assert house_of_label(new, "10002") == house_of_label("晨曦家园1栋2单元-1楼101号", "10002")
    assert "晨曦" not in new
    assert house_of_label(values.value("house", "A1栋2单元1楼101号"), "1") is None


def test_characters_are_no_names():
    assert len(set(IDEOGRAPHS)) == 512
    assert not set(IDEOGRAPHS) & set(SURNAMES)
    assert not set(IDEOGRAPHS) & set(
        "赵钱孙李周吴郑王冯陈卫蒋沈韩杨朱秦许何吕张孔曹严华魏陶谢邹苏潘范彭马方任袁史唐罗于傅齐"
    )
    assert not set(IDEOGRAPHS) & set("栋幢号楼单元层室")


def test_codes_of_own_communities_are_kept_however_long():
    code = "110105001001"
    own, other = Values(KEY, [code]), Values(KEY)

    assert own.value("xiaoqu", code) == own.key(code, ("data",)) == code
    assert other.value("xiaoqu", code) == other.key(code, ("data",)) != code


def test_another_key_makes_other_pseudonyms():
    assert Pseudonyms(b"1" * 32).name("王建国") != Pseudonyms(b"2" * 32).name("王建国")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("people_house_use", "住宅"),
        ("title", "物业费"),
        ("status", "2"),
        ("amount", "1,280.50元"),
        ("amount", "1280.5"),
        ("created_at", "0000-00-00 00:00:00"),
        ("updated_at", "1605668506"),
        ("path", "https://platform.invalid/api/v1/orders/list?page=2"),
        ("created_at", "2020年11月18日11:01:46"),
        ("number", "20201213104759976889"),
        ("xiaoqu", "10002"),
        ("fangjian", "-101"),
        ("msg", "没查找到"),
    ],
)
def test_what_is_not_personal_is_kept(key, value):
    assert Values(KEY).value(key, value) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("people_house_use", "李明"),
        ("title", "李明的水费"),
        ("status", "13812345678"),
        ("amount", "李明 1元"),
        ("created_at", "李明"),
        ("created_at", "13812345678"),
        ("amount", "13812345678"),
        ("next", "https://tc.mg.cool/13812345678?page=2"),
        ("number", "13812345678"),
        ("xiaoqu", "13812345678"),
        ("id", "13812345678"),
        ("people_name", "文化"),
        ("from", "13812345678"),
        ("nobody_knows", "李明"),
        ("path", "https://tc.mg.cool/a?phone=13812345678"),
        ("msg", "没有查找到李明（13812345678）"),
    ],
)
def test_what_may_be_personal_is_replaced(key, value):
    new = Values(KEY).value(key, value)
    assert not [each for each in ("李明", "13812345678", "文化") if each in new]
