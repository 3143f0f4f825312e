"""Detectors of the quirks that concern words, types, times, lists and transport (docs/quirks.md, F to N)."""

import re
from typing import Any

from gateway.check.asking import Answer
from gateway.check.evidence import LISTS, Evidence, Verdict, any_of
from gateway.check.quirks_of_calls import Detector, all_of, both_keys, negated, some_of
from gateway.check.survey import listed, page_info
from gateway.normalise.times import time_at_start
from gateway.normalise.value_forms import DATE_WITH_WORDS, EIGHT_DIGITS, EPOCH, URL, YUAN_WITH_UNIT
from gateway.normalise.values import row_id
from gateway.normalise.vocabulary import FeeType, ModuleName, ShenheType

DAY = 86_400
MIDNIGHT_IN_CHINA, SUMMER_MIDNIGHT = 57_600, 54_000
"""Seconds of the day, in UTC, at which a day begins in China: as a rule, and in its summers of 1986 to 1991."""

LARGE = 1024 * 1024
UNDEVELOPED = tuple(each.label for each in ShenheType if each.name.startswith(("UNBIND", "CHANGE")))
LISTED_MODULES = {each.label for each in ModuleName}
LISTED_FEES = {each.label for each in FeeType}


def _introductions(e: Evidence) -> Verdict:
    rows = [row for row in e.reviews() if row.get("shenhe_type") and row.get("shenhe_action_introduction")]
    return any_of(str(row["shenhe_type"]) not in str(row["shenhe_action_introduction"]) for row in rows)


def _drift(e: Evidence) -> Verdict:
    states = next((answer.data for answer in e.successes("modules-sync") if isinstance(answer.data, dict)), None)
    if states is None:
        return None
    found = []
    for answer in e.successes("modules"):
        own = states.get(answer.community or "")
        if isinstance(own, dict):
            switches = {
                row.get("module_name"): row.get("module_status") for row in listed(answer) if isinstance(row, dict)
            }
            found.append(
                {name: str(int(bool(row_id(value)))) for name, value in switches.items()}
                != {k: str(v) for k, v in own.items()}
            )
    return any_of(found)


def _more_communities(e: Evidence) -> Verdict:
    answers = [answer.data for answer in e.successes("modules-sync") if isinstance(answer.data, dict)]
    return any_of(bool(data.keys() - set(e.survey.communities)) for data in answers)


def _links(e: Evidence, key: str) -> list[Any]:
    return [answer.body[key] for answer in e.successes("shenheList") if key in answer.body]


def _size(e: Evidence, purpose: str, expected: int) -> Verdict:
    sizes = [size for endpoint in LISTS if (size := e.page_size(endpoint, purpose)) is not None]
    return any_of(size != expected for size in sizes)


def _order_dates(e: Evidence) -> Verdict:
    numbers = [str(row["number"]) for row in e.survey.rows("order/list") if row.get("number")]
    return any_of(time_at_start(number) is not None for number in numbers)


def _get_repairs(e: Evidence, *purposes: str) -> set[int]:
    return {row_id(row.get("id")) or 0 for row in e.survey.rows("repair/list", *purposes)}


def _open_by_default(e: Evidence) -> Verdict:
    resolved = _get_repairs(e, "status 1, page 1")
    return None if not resolved else not resolved & _get_repairs(e, "page 1")


def _extra_values(e: Evidence) -> Verdict:
    from gateway.normalise.shapes import NotJsonError, read_json  # noqa: PLC0415

    found: list[bool] = []
    for row in e.survey.rows("order/list"):
        value = row.get("extra")
        try:
            value = read_json(value) if isinstance(value, str) else value
        except NotJsonError:
            value = None
        if isinstance(value, dict):
            found += [isinstance(each, int | float) for each in value.values()]
    return any_of(found)


def _nothing(e: Evidence) -> Verdict:
    return any_of(
        answer.body.get("pages", "") is None for answer in e.probe("nothing found", "order/list") if answer.code == 0
    )


def _beyond(e: Evidence) -> Verdict:
    return any_of(
        not listed(answer) and not row_id(page_info(answer).get("total"))
        for answer in e.probe("beyond", *LISTS)
        if answer.succeeded
    )


def _odd_text(e: Evidence) -> Verdict:
    texts = [row.get(key) for row in e.survey.rows("repair/list") for key in ("description", "possion")]
    return any_of(re.search(r'["\\\n\r]', text) is not None for text in texts if isinstance(text, str))


def _raw(e: Evidence, found: Any) -> Verdict:
    return any_of(found(answer.raw) for answer in e.answers() if answer.raw is not None)


def _is_wrapped(answer: Answer) -> bool:
    """Whether it was read, though it does not begin with its JSON, or is in no UTF-8."""
    if answer.envelope is None or answer.raw is None:
        return False
    return answer.raw.body.lstrip()[:1] not in (b"{", b"[") or "\ufffd" in answer.text


DETECTORS = (
    Detector(
        88,
        "roles come in the old numbering",
        lambda e: e.digits_for_word("people_house_role", "people_role", "member_role"),
    ),
    Detector(89, "sex comes as a number", lambda e: e.digits_for_word("people_sex", "member_sex")),
    Detector(
        90,
        "nation comes as 汉, or as a number",
        lambda e: any_of(
            str(row.get("people_nation")) == "汉" or str(row.get("people_nation")).isdecimal() for row in e.people()
        ),
    ),
    Detector(
        91,
        "political status comes as a number",
        lambda e: e.digits_for_word("people_zhengzhimianmao", "member_zhengzhimianmao"),
    ),
    Detector(
        92,
        "the kind of occupant is a type of review",
        lambda e: any_of(
            word in {each.label for each in ShenheType}
            for word in e.survey.observer.words("ShenheHouse", "people_house_type")
        ),
    ),
    Detector(
        93,
        "租客 and 租户 both come",
        lambda e: some_of(
            e.word("ShenheHouse", "people_house_type", "租户"), e.word("Residency", "people_house_type", "租户")
        ),
    ),
    Detector(96, "shenhe_type is text", lambda e: e.type("Shenhe", "shenhe_type", "string")),
    Detector(
        97, "types of reviews come that were not developed", lambda e: e.word("Shenhe", "shenhe_type", *UNDEVELOPED)
    ),
    Detector(
        98,
        "shenhe_status is a word here and a number there",
        lambda e: all_of(
            e.form("Shenhe", "shenhe_status", "text"),
            some_of(e.type("Shenhe", "shenhe_status", "integer"), e.form("Shenhe", "shenhe_status", "digits")),
        ),
    ),
    Detector(
        99,
        "the status of orders is a word, its filter a number",
        lambda e: e.word("Order", "status", "进行中", "已关闭"),
    ),
    Detector(
        100,
        "the status of repairs is a number or one of two pairs of words",
        lambda e: e.word("Repair", "status", "0", "1", "未处理", "已处理"),
    ),
    Detector(101, "paied comes as words or numbers", lambda e: e.type("Order", "paied", "string", "integer")),
    Detector(
        102,
        "module_status comes as number, text or boolean",
        lambda e: e.type("Module", "module_status", "integer", "string"),
    ),
    Detector(
        103,
        "titles of fees are no closed list",
        lambda e: any_of(
            row.get("title") not in LISTED_FEES for row in e.survey.rows("order/list") if row.get("title")
        ),
    ),
    Detector(106, "words that no list has", lambda e: e.unknown_word()),
    Detector(107, "introductions contradict the type", _introductions),
    Detector(
        108,
        "modules besides the nine",
        lambda e: any_of(row.get("module_name") not in LISTED_MODULES for row in e.survey.rows("modules")),
    ),
    Detector(
        109,
        "amounts are text with a unit, or numbers",
        lambda e: some_of(e.form("Order", "amount", YUAN_WITH_UNIT), e.type("Order", "amount", "number", "integer")),
    ),
    Detector(111, "values of extra are numbers", _extra_values),
    Detector(
        112,
        "data is JSON text",
        lambda e: any_of(isinstance(answer.body.get("data"), str) for answer in e.successes() if answer.data),
    ),
    Detector(
        113,
        "an empty object comes as an array",
        lambda e: any_of(value == [] for key in ("links", "meta") for value in _links(e, key)),
    ),
    Detector(
        114,
        "the content of reviews comes in several forms",
        lambda e: bool(e.content_forms() - {"text"}) if e.content_forms() else None,
    ),
    Detector(
        115,
        "the content of a review is 见前言",
        lambda e: "placeholder" in e.content_forms() if e.content_forms() else None,
    ),
    Detector(
        117,
        "flags are text here and numbers there",
        lambda e: some_of(
            e.type("People", "people_tuiyijunren", "string"), e.type("ShenhePeople", "people_tuiyijunren", "string")
        ),
    ),
    Detector(
        118,
        "a reply, a remark or extra is null",
        lambda e: some_of(
            *(
                e.type(record, key, "null")
                for record, key in (("Repair", "reply"), ("Order", "remark"), ("Order", "extra"))
            )
        ),
    ),
    Detector(
        119,
        "people_photo is no URL",
        lambda e: any_of(
            verdict
            for record in ("People", "ShenhePeople")
            if (seen := e.survey.observer.records.get(record)) is not None and "people_photo" in seen.keys
            for verdict in [any(form not in (URL, "empty") for form in seen.keys["people_photo"].forms)]
        ),
    ),
    Detector(124, "descriptions have quotes, backslashes or line breaks", _odd_text),
    Detector(
        125,
        "times are written with 年月日, without a zone",
        lambda e: some_of(e.form("Shenhe", "created_at", DATE_WITH_WORDS), e.form("Repair", "date", DATE_WITH_WORDS)),
    ),
    Detector(
        126,
        "births are eight digits here and epochs there",
        lambda e: some_of(
            e.form("People", "people_birth", EPOCH),
            e.form("Member", "member_birth", EPOCH),
            e.form("ShenhePeople", "people_birth", EPOCH),
        ),
    ),
    Detector(
        127,
        "epochs of births are midnight in China",
        lambda e: any_of(each % DAY == MIDNIGHT_IN_CHINA for each in e.births()),
    ),
    Detector(
        128,
        "epochs of births know China's summer time",
        lambda e: any_of(each % DAY == SUMMER_MIDNIGHT for each in e.births()),
    ),
    Detector(129, "epochs of births are negative", lambda e: any_of(each < 0 for each in e.births())),
    Detector(
        130,
        "births are eight digits",
        lambda e: some_of(
            e.form("People", "people_birth", EIGHT_DIGITS), e.form("Member", "member_birth", EIGHT_DIGITS)
        ),
    ),
    Detector(131, "order numbers begin with a time", _order_dates),
    Detector(
        133,
        "three shapes of pages",
        lambda e: any_of(bool(page_info(answer)) for endpoint in LISTS for answer in e.successes(endpoint)),
    ),
    Detector(134, "order/list has pages, and turns them", lambda e: e.turns_pages("order/list")),
    Detector(135, "the size of a page without per_page is not 20", lambda e: _size(e, "no size", 20)),
    Detector(
        136,
        "per_page comes back as text",
        lambda e: any_of(isinstance(info.get("per_page"), str) for _, info in e.pages(*LISTS)),
    ),
    Detector(137, "pages contradict their rows", lambda e: e.contradictory_pages()),
    Detector(138, "pages is null where nothing is found", _nothing),
    Detector(139, "a page beyond the end looks like nothing found", _beyond),
    Detector(
        140,
        "pages have URLs that their table lacks",
        lambda e: any_of("next_page_url" in info for _, info in e.pages("order/list", "repair/list")),
    ),
    Detector(
        141,
        "prev is null on the first page",
        lambda e: any_of(
            value.get("prev", "") is None
            for answer in e.probe("page 1", "shenheList")
            for value in [answer.body.get("links")]
            if isinstance(value, dict)
        ),
    ),
    Detector(
        142,
        "lists go in different directions",
        lambda e: (
            all_of(*(None if e.direction(each) is None else True for each in LISTS))
            and len({e.direction(each) for each in LISTS}) > 1
        ),
    ),
    Detector(
        143,
        "per_page has no maximum below 500",
        lambda e: any_of(
            row_id(page_info(answer).get("per_page")) == 500
            for answer in e.probe("many a page", "shenheList", "repair/list")
        ),
    ),
    Detector(146, "repair/list without a status gives open ones alone", _open_by_default),
    Detector(
        147,
        "a filter by unit without its building is refused, or ignored",
        lambda e: any_of(answer.code not in (None, 0) for answer in e.probe("incomplete house", "order/list")),
    ),
    Detector(
        151,
        "an empty filter is no filter",
        lambda e: any_of(
            row_id(page_info(answer).get("total")) == row_id(page_info(plain).get("total"))
            for answer in e.probe("empty filter", "shenheList")
            for plain in e.probe("no size", "shenheList")
            if answer.succeeded and plain.succeeded
        ),
    ),
    Detector(
        152,
        "the filter by title is exact",
        lambda e: any_of(not listed(answer) for answer in e.probe("cut title", "order/list") if answer.succeeded),
    ),
    Detector(
        153,
        "lists need a community",
        lambda e: any_of(not answer.succeeded for answer in e.probe("no community", *LISTS)),
    ),
    Detector(165, "orders are closed", lambda e: e.word("Order", "status", "已关闭", "0")),
    Detector(166, "modules differ between the platforms", _drift),
    Detector(167, "modules-sync has communities that are not configured", _more_communities),
    Detector(
        174,
        "owner gives a phone and no name",
        lambda e: all_of(e.has("HouseOwner", "people_phone"), negated(e.has("HouseOwner", "people_name"))),
    ),
    Detector(
        175,
        "rows do not say their community",
        lambda e: negated(
            some_of(*(e.has(record, "xiaoqu", "community_identifier") for record in ("Shenhe", "Order", "Repair")))
        ),
    ),
    Detector(
        183,
        "people finds by the phone alone",
        lambda e: any_of(answer.code == 0 and bool(answer.data) for answer in e.probe("phone alone", "people")),
    ),
    Detector(
        186,
        "personal data travels in reviews and people",
        lambda e: some_of(both_keys(e, ("ShenhePeople", "people_idcard")), both_keys(e, ("People", "people_idcard"))),
    ),
    Detector(
        189,
        "answers are HTML",
        lambda e: e.each(e.answers(), lambda a: a.envelope is None and a.text.lstrip().startswith("<")),
    ),
    Detector(
        190,
        "notices or a BOM before the JSON, or another charset than UTF-8",
        lambda e: e.each(e.answers(), _is_wrapped),
    ),
    Detector(191, "calls are throttled (429)", lambda e: _raw(e, lambda raw: raw.head.status == 429)),
    Detector(192, "answers above one megabyte", lambda e: _raw(e, lambda raw: len(raw.body) > LARGE)),
    Detector(
        194,
        "bodies come in chunks, without a length",
        lambda e: _raw(e, lambda raw: raw.head.header(b"transfer-encoding") is not None),
    ),
)
