"""Masks of personal data for callers without `pii:read`."""

import json
import re
import sys
import time
from datetime import date
from operator import itemgetter
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_rows import applicant, content

from gateway.auth.masking import (
    LONGEST_CONTENT,
    LONGEST_SEARCHED,
    contains_mask,
    has_number,
    mask_content_raw,
    mask_text,
    may_have_number,
)
from gateway.normalise.masks import MASK
from gateway.normalise.people import PERSONAL_KEYS
from gateway.normalise.vocabulary import PiiKind

ID_NUMBER = "999302199211302517"
PHONE = "19900000001"

PHONES = st.integers(0, 99_999).map("199000{:05}".format)
ID_NUMBERS = st.builds(
    lambda area, born, order, check: f"999{area:03}{born:{'%Y' if check else '%y'}%m%d}{order:03}{check}",
    st.integers(0, 999),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)),
    st.integers(0, 999),
    st.sampled_from([*"0123456789Xx", ""]),
)
"""Of 18, and older ones of 15, which have no check digit."""

NUMBERS = PHONES | ID_NUMBERS
WORDS = st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="*"), max_size=12)
GAPS = st.sampled_from(["", " ", "-", " - ", "—", ".", "·", "\u200b", "\u00a0", "\u3000", "－", "_"])


@st.composite
def spelt(draw: st.DrawFn) -> tuple[str, str]:
    """A number, and one of the ways that people and forms write it."""
    number = draw(NUMBERS)
    how = draw(st.sampled_from(["plain", "full width", "grouped", "one by one", "with country"]))
    gap = draw(GAPS)
    if how == "full width":
        return number, "".join(chr(ord(letter) + 0xFEE0) for letter in number)
    if how == "grouped":
        cuts = sorted(draw(st.sets(st.integers(1, len(number) - 1), max_size=4)))
        return number, gap.join(number[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True))
    if how == "one by one":
        return number, gap.join(number)
    if how == "with country" and len(number) == 11:
        return number, draw(st.sampled_from(["+86", "86", "+86 ", "+86-", "(+86)", "0086 "])) + number
    return number, number


def bare(text: str) -> str:
    """A text as someone who looks for a number reads it: gaps closed, letters of one width."""
    return re.sub(r"[^\w*]|_", "", normalize("NFKC", text)).upper()


MASKS: list[tuple[PiiKind, str | None, tuple[object, ...]]] = [
    (PiiKind.PHONE, "199****0001", (PHONE, int(PHONE), "+86 199-0000-0001", f"86{PHONE}", " 199 0000\t0001 ")),
    (PiiKind.PHONE, "033****4567", ("0335-1234567",)),
    (PiiKind.PHONE, "****", ("1234567", "转 8001", "门卫那里可以找到他家人")),
    (PiiKind.ID_CARD, "999302********2517", (ID_NUMBER, "999302 19921130 2517", int(ID_NUMBER))),
    (PiiKind.ID_CARD, "999302********251X", ("99930219921130251x",)),
    (PiiKind.ID_CARD, "999302******251", ("999302921130251",)),
    (PiiKind.ID_CARD, "****", ("H1234567890", "X", "无")),
    *((PiiKind.NAME, f"{name[0]}*", (name,)) for name in ("李明", "欧阳娜娜", "阿依古丽·买买提", "𠮷田", "Li Ming")),
    (PiiKind.NAME, "*", ("\ud842田", "李", "*", "*明")),
    (PiiKind.ADDRESS, "河北省****", ("河北省秦皇岛市海港区秦皇小区98-3-4",)),
    (PiiKind.ADDRESS, "A座****", ("A座101",)),
    (PiiKind.ADDRESS, "****", ("98栋3单元4号", "北京")),
    (PiiKind.BIRTH, None, (date(1992, 11, 30), "19921130")),
    (PiiKind.PHOTO, None, ("https://photos.example/1.png",)),
    (PiiKind.SENSITIVE_STATUS, None, (True, "群众")),
]


@pytest.mark.parametrize(("kind", "masked", "values"), MASKS)
def test_each_kind_has_its_mask(kind: PiiKind, masked: str | None, values: tuple[object, ...]) -> None:
    assert [*map(kind.mask, values)] == [masked] * len(values)


def test_missing_value_text_or_content_is_not_masked() -> None:
    assert mask_text(None) is mask_content_raw(None) is None
    for kind in PiiKind:
        assert kind.mask(None) is None
        assert {kind.mask(""), kind.mask(" ")} <= {"", None}


@settings(deadline=None)
@given(st.sampled_from(PiiKind), st.text() | NUMBERS | st.integers() | st.booleans() | st.dates())
def test_masked_value_stays_is_recognised_and_holds_no_number(kind: PiiKind, value: object) -> None:
    masked = kind.mask(value)

    assert kind.mask(masked) == masked
    if masked is not None and str(value).strip():
        assert contains_mask(masked)
        assert contains_mask(f" {masked}\n")
        assert not re.search(r"\d{11}", bare(masked))


def test_masks_are_found_in_any_text_and_other_stars_are_none() -> None:
    for text in ("请打199****0001", "证号999302********251X，旧证999302******251", "李*", " *", "****", "河北省****"):
        assert contains_mask(text), text
    for text in ("", "李明", PHONE, "约 2*3 米", "**急**请上门", "见 *注1*", "河北省秦皇岛市", "密码 ****** 已重置"):
        assert not contains_mask(text), text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("请联系19900000001，谢谢", "请联系199****0001，谢谢"),
        ("电话:199 0000 0001", "电话:199****0001"),
        ("电话:+86-199-0000-0001", "电话:+86-199****0001"),
        ("身份证999302199211302517", "身份证999302********2517"),
        ("身份证99930219921130251x。", "身份证999302********251X。"),
        ("身份证 999302 19921130 2517", "身份证 999302********2517"),
        ("旧证999302921130251", "旧证999302******251"),
        ("１９９０００００００１", "199****0001"),
        ("999302199211302517 19900000001", "999302********2517 199****0001"),
        ("1栋101 19900000001", "1栋101 199****0001"),
        ("二维码 00112233445566778899", "二维码 ****"),
        ('{"phone":"19900000001"}', '{"phone":"199****0001"}'),
        *(
            (text, text)
            for text in (
                *("晨曦家园1栋1单元1楼101号", "10002 1-1-1-101", "2020年11月18日11:01:46", "2020-11-18 2020-12-01"),
                *("100 200 300 400 500", "６０１室", "２０２０-１１-１８ ２０２０-１２-０１", "C:\\\\users"),
            )
        ),
    ],
)
def test_free_text_masking_removes_only_numbers(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@settings(deadline=None, max_examples=200)
@given(st.lists(spelt(), min_size=1, max_size=3), st.data())
def test_free_text_masks_numbers_in_any_spelling(numbers: list[tuple[str, str]], data: st.DataObject) -> None:
    text = data.draw(WORDS)
    for _, spelling in numbers:
        text += spelling + data.draw(WORDS) + "，" + data.draw(WORDS)

    found = bare(mask_text(text))

    for number, _ in numbers:
        assert number.upper() not in found


@settings(deadline=None)
@given(st.lists(st.none() | spelt().map(itemgetter(1)) | st.text(st.sampled_from("0123456789 -")) | st.text()))
def test_look_at_all_texts_overlooks_no_number(texts: list[str | None]) -> None:
    assert may_have_number(texts) or not any(map(has_number, texts))


def test_look_at_bytes_knows_every_digit_and_gap() -> None:
    characters = "".join(map(chr, range(sys.maxunicode + 1)))
    digits = re.findall(r"\d", characters)
    gaps = re.findall(r"[\s\-_./·()（）\u00ad\u2010-\u2015\u2212\uff0d-\uff0f\u200b-\u200f\u2060\ufeff]", characters)
    assert len(digits) > 500
    assert [digit for digit in digits if not may_have_number([digit * 11])] == []
    assert [gap for gap in gaps if not may_have_number([gap.join("13800000000")])] == []


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789 -*xX１9年")) | st.text())
def test_masked_text_is_fully_masked(text: str) -> None:
    masked = mask_text(text)

    assert mask_text(masked) == masked
    assert not re.search(r"\d{11}", masked)


def test_masked_number_ends_form_no_new_number() -> None:
    text = "13000000 " * 3 + "13000000000 and 19900001380 0000000"

    assert mask_text(text) == "13000000 13000000 13000000 130****0000 and 199****1380 0000000"
    assert mask_text(mask_text(text)) == mask_text(text)


@pytest.mark.parametrize("text", ["1 " * 50_000, "13000000 " * 10_000 + PHONE, "1-1-1-1    " * 10_000, "9" * 100_000])
def test_masking_is_linear_in_text_length(text: str) -> None:
    """At most 2 µs a character, whatever the text, and nothing is searched of a longer one."""
    started = time.thread_time()
    for start in range(0, len(text), LONGEST_SEARCHED):
        mask_text(text[start : start + LONGEST_SEARCHED])
    assert time.thread_time() - started < len(text) * 2e-6


def test_text_too_long_to_search_is_withheld() -> None:
    assert mask_text("x" * LONGEST_SEARCHED) == "x" * LONGEST_SEARCHED
    assert mask_text("x" * (LONGEST_SEARCHED + 1)) == "x" * (LONGEST_SEARCHED + 1)
    assert mask_text("1x2年" * LONGEST_SEARCHED) == MASK
    assert may_have_number(["1x2年" * LONGEST_SEARCHED])
    assert mask_content_raw(json.dumps(["x" * LONGEST_CONTENT])) == MASK


CONTENT = content(note=f"联系 {PHONE}", order_number=20201213110146000001, amount=0.01)
HIDDEN = ("birth", "photo", "zhengzhimianmao", "tuiyijunren", "shangfang", "dibao")
MASKED_CONTENT = CONTENT | {
    "people": applicant(
        people_phone="199****0001",
        people_name="李*",
        people_address="秦皇小****",
        people_idcard="999302********2517",
        **{f"people_{name}": None for name in HIDDEN},
    ),
    "note": "联系 199****0001",
    "order_number": MASK,
}


def test_review_content_is_masked_by_name_at_any_depth() -> None:
    once = json.dumps(CONTENT, ensure_ascii=False, indent=2)
    thrice = json.dumps(json.dumps(json.dumps(CONTENT)))
    inside = json.dumps({"content": json.dumps(CONTENT)})

    assert json.loads(mask_content_raw(once)) == MASKED_CONTENT
    assert json.loads(json.loads(json.loads(mask_content_raw(thrice)))) == MASKED_CONTENT
    assert json.loads(json.loads(mask_content_raw(inside))["content"]) == MASKED_CONTENT


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"PEOPLE_NAME": "李明"}, {"PEOPLE_NAME": "李*"}),
        ({"name": "李明", "phone": 19900000001}, {"name": "李*", "phone": "199****0001"}),
        ({"member_idcard": ID_NUMBER}, {"member_idcard": "999302********2517"}),
        ({"people_name": ["李明", "王芳"]}, {"people_name": ["李*", "王*"]}),
        ({"people_name": {"first": "李明"}}, {"people_name": {"first": "李*"}}),
        ({"people_phone": 19900000001.0}, {"people_phone": MASK}),
        ({"people_phone": ""}, {"people_phone": ""}),
        ({"people_phone": None}, {"people_phone": None}),
        ({PHONE: {"x": 1}}, {"199****0001": {"x": 1}}),
        (
            [PHONE, 19900000001, 19900000001.5, 1.5, True, None],
            ["199****0001"] * 2 + ["199****0001.5", 1.5, True, None],
        ),
        ({"note": "[李明]"}, {"note": MASK}),
        ({"note": '{"people_name":"李明"'}, {"note": MASK}),
        ({}, {}),
        (7, 7),
    ],
)
def test_odd_content_is_masked(value: object, masked: object) -> None:
    assert json.loads(mask_content_raw(json.dumps(value))) == masked


NO_JSON = [
    *("", "李明 19900000001", "people_name=李明", '{"people_name":"李明"', '"李明"', "{'people_name': '李明'}"),
    *('{"people_name":"\ud83d"}', '{"people_name":"\\ud83d"}', '{"people_phone":1e999}', "[" * 2000 + "]" * 2000),
]


def test_non_json_content_is_masked_whole() -> None:
    for raw in NO_JSON:
        assert mask_content_raw(raw) in (MASK, json.dumps(MASK)), raw[:50]


PERSONAL = st.sampled_from(list(PERSONAL_KEYS))
SECRETS = st.text(st.sampled_from("甲乙丙丁戊己庚辛壬癸"), min_size=6, max_size=12)
OTHER_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | NUMBERS, inner, max_size=3),
    max_leaves=8,
)
CONTENTS = st.dictionaries(WORDS, st.dictionaries(PERSONAL, SECRETS | NUMBERS, max_size=4) | OTHER_JSON, max_size=4)


@settings(deadline=None)
@given(CONTENTS, st.booleans(), st.integers(0, 2), st.integers(0, 40))
def test_content_masking_hides_all_personal_values(
    given_content: dict[str, object], escaped: bool, layers: int, cut: int
) -> None:
    raw = json.dumps(given_content, ensure_ascii=escaped)
    personal = [
        value
        for part in given_content.values()
        if isinstance(part, dict)
        for name, value in part.items()
        if name in PERSONAL_KEYS and isinstance(value, str)
    ]
    for _ in range(layers):
        raw = json.dumps(raw)

    for sent in (raw, raw[: len(raw) - cut] if cut else raw):
        masked = mask_content_raw(sent)
        assert not any(value in masked for value in personal if len(value) > 1)
        assert not re.search(r"\d{11}", masked.replace(".", "x"))
        assert mask_content_raw(masked) == masked
