"""Detectors of the quirks that concern answers, tokens, names and identifiers (docs/quirks.md, A to E)."""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.check.asking import Answer
from gateway.check.evidence import LISTS, NEWER, Evidence, Verdict, any_of, get_hints
from gateway.check.survey import get_part, listed
from gateway.check.writing import REPLY_KEPT, SWITCHED
from gateway.normalise.house import house_of_label
from gateway.normalise.person import sex_of_id_card

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"


class Detector(NamedTuple):
    """`find` says whether the quirk was seen; None: nothing showed it either way."""

    quirk: int
    title: str
    find: Callable[[Evidence], Verdict]


def _is_text_code(answer: Answer) -> bool:
    return isinstance(answer.body.get("code"), str)


def _is_dead(answer: Answer) -> bool:
    return answer.code == 9  # quirk 11


def _has_no_data(answer: Answer) -> bool:
    return answer.body.get("data") in (None, "", [], {})


def _urls(e: Evidence) -> list[str]:
    found = []
    for answer in e.successes(*LISTS):
        data = answer.data
        info = [answer.body.get(key) for key in ("links", "meta", "pages")]
        info.append(data.get("pages") if isinstance(data, dict) else None)
        found += [
            url
            for part in info
            if isinstance(part, dict)
            for url in part.values()
            if isinstance(url, str) and url.startswith("http")
        ]
    return found


def _foreign_urls(e: Evidence) -> Verdict:
    hosts = {urlsplit(url).hostname for url in _urls(e)}
    own = {"127.0.0.1", "localhost"}
    return any_of(host not in own and str(host).endswith((".test", "tc.mg.cool")) for host in hosts)


def _labels(e: Evidence) -> list[str]:
    rows = [*e.survey.rows("order/list"), *e.reviews()]
    labels = [row.get(key) for row in rows for key in ("house", "shenhe_house_introduction")]
    return [label for label in labels if isinstance(label, str) and label]


def _passes_check(number: str) -> bool:
    if sex_of_id_card(number) is None:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, number, strict=False))
    return CHECK_DIGITS[total % 11] == number[-1].upper()


def _shared_id_cards(e: Evidence) -> Verdict:
    names: dict[str, set[str]] = {}
    for number, name in e.id_cards():
        names.setdefault(number, set()).add(name)
    return any_of(len(each) > 1 for each in names.values())


def _own_members(e: Evidence) -> Verdict:
    return any_of(
        person.get("people_idcard") == member.get("member_idcard")
        for person in e.people()
        for house in person.get("houses") or ()
        if isinstance(house, dict)
        for member in house.get("members") or ()
        if isinstance(member, dict)
    )


def _foreign_content(e: Evidence) -> Verdict:
    found = []
    for answer in e.survey.of("shenheList"):
        for row in listed(answer):
            code = get_part(row, "house").get("community_identifier") if isinstance(row, dict) else None
            if code is not None and answer.community:
                found.append(str(code) != answer.community)
    return any_of(found)


def _loses_zeros(e: Evidence) -> Verdict:
    integers = any_of(
        verdict
        for record, key in (("Module", "community_identifier"), ("Residency", "xiaoqu"))
        if (verdict := e.type(record, key, "integer")) is not None
    )
    elsewhere = any_of(answer.succeeded for answer in e.probe("elsewhere"))
    return integers if elsewhere is None else bool(integers) or elsewhere


def _no_json_extra(e: Evidence) -> Verdict:
    return e.form("Order", "extra", "text in braces that is no JSON")


def _answers(e: Evidence, endpoint: str) -> Verdict:
    return any_of(answer.envelope is not None for answer in e.answers(endpoint))


def _both(one: list[Answer], other: list[Answer]) -> Verdict:
    return True if one and other else None


def _either(e: Evidence, question: str) -> Verdict:
    return some_of(e.token("WJDH", question), e.token("SECURITY", question))


def some_of(*verdicts: Verdict) -> Verdict:
    return any_of(verdict for verdict in verdicts if verdict is not None)


def all_of(*verdicts: Verdict) -> Verdict:
    return None if None in verdicts else all(verdicts)


def negated(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict


def both_keys(e: Evidence, *keys: tuple[str, str]) -> Verdict:
    return all_of(*(e.has(record, key) for record, key in keys))


def _refused_communities(e: Evidence) -> Verdict:
    pages = [answer for answer in e.answers(*LISTS) if answer.purpose == "page 1"]
    return e.each(pages, lambda answer: answer.code not in (None, 0) and "权限" in get_hints(answer))


DETECTORS = (
    Detector(1, "shenheList is no strict JSON", lambda e: e.not_strict(e.answers("shenheList"))),
    Detector(
        2,
        "shenheList is no JSON, and cannot be mended",
        lambda e: e.each(e.answers("shenheList"), lambda answer: answer.failure == "BadAnswerError"),
    ),
    Detector(
        4,
        "modules-sync has its data as JSON text",
        lambda e: e.each(e.successes("modules-sync"), lambda answer: isinstance(answer.body.get("data"), str)),
    ),
    Detector(
        5,
        "repair/list has no message",
        lambda e: e.each(e.successes("repair/list"), lambda answer: "message" not in answer.body),
    ),
    Detector(7, "extra of an order is no JSON", _no_json_extra),
    Detector(9, "code comes as text", lambda e: e.each([a for a in e.answers() if "code" in a.body], _is_text_code)),
    Detector(
        10,
        "token_expired is 1 while the token is valid",
        lambda e: e.each(
            [answer for answer in e.successes() if "token_expired" in answer.body],
            lambda answer: str(answer.body["token_expired"]) == "1",
        ),
    ),
    Detector(11, "wjdh answers code 9 to a dead token", lambda e: e.each(e.dead_tokens("WJDH"), _is_dead)),
    Detector(12, "security answers code 9 to a dead token", lambda e: e.each(e.dead_tokens("SECURITY"), _is_dead)),
    Detector(
        13,
        "code 9 comes as text",
        lambda e: e.each([answer for answer in e.answers() if _is_dead(answer)], _is_text_code),
    ),
    Detector(
        14,
        "refusals come with HTTP 200",
        lambda e: e.each(e.refusals(), lambda answer: answer.raw is not None and answer.raw.head.status == 200),
    ),
    Detector(
        15,
        "shenheList succeeds without a code",
        lambda e: e.each(e.successes("shenheList"), lambda answer: answer.code is None),
    ),
    Detector(
        16,
        "security says nothing of token_expired",
        lambda e: e.each(
            e.successes("people", "owner", "modules-sync"), lambda answer: "token_expired" not in answer.body
        ),
    ),
    Detector(17, "order/list refuses with a text of success", lambda e: e.speaks(e.refusals("order/list"), "成功")),
    Detector(
        20,
        "code 2 stands for what is not found",
        lambda e: e.each(e.probe("no house", "owner") + e.probe("nobody", "people"), lambda answer: answer.code == 2),
    ),
    Detector(
        23,
        "people answers nobody with code 2, or with 1 and no data",
        lambda e: e.each(e.probe("nobody", "people"), lambda answer: answer.code in (1, 2) and _has_no_data(answer)),
    ),
    Detector(
        25,
        "the security login has no code",
        lambda e: e.each(
            [answer for answer in e.answers("token") if "token" in answer.body],
            lambda answer: "code" not in answer.body or "msg" not in answer.body,
        ),
    ),
    Detector(26, "refusals speak of tables or codes within the platform", lambda e: e.leaks()),
    Detector(
        27,
        "message carries a machine's code",
        lambda e: e.each(
            [answer for answer in e.answers() if isinstance(answer.body.get("message"), str)],
            lambda answer: re.search(r"[A-Za-z]+[0-9]{2,}", answer.body["message"]) is not None,
        ),
    ),
    Detector(
        28,
        "an unknown community is answered with an invitation to retry",
        lambda e: e.speaks(e.probe("unknown community") + e.probe("no id"), "重试", "开小差"),
    ),
    Detector(
        29,
        "msg or message where no table has them",
        lambda e: e.each(e.successes(*NEWER), lambda answer: "msg" in answer.body or "message" in answer.body),
    ),
    Detector(
        31,
        "an id that does not exist is a success without data",
        lambda e: e.each(e.probe("no record"), lambda answer: answer.code == 0 and _has_no_data(answer)),
    ),
    Detector(32, "refusals leave data out, or empty", lambda e: e.each(e.refusals(), _has_no_data)),
    Detector(
        36,
        "wjdh takes its token as a header, security as a field",
        lambda e: _both(e.successes("shenheList", "order/list"), e.successes("people", "owner", "modules-sync")),
    ),
    Detector(
        37,
        "the logins give access_token and token",
        lambda e: _both(
            [a for a in e.answers("secret") if "access_token" in a.body],
            [a for a in e.answers("token") if "token" in a.body],
        ),
    ),
    Detector(
        38,
        "token_type is Bearer",
        lambda e: e.each(
            [a for a in e.answers("secret") if "token_type" in a.body], lambda a: a.body["token_type"] in ("Bearer",)
        ),
    ),
    Detector(
        39,
        "expires_in is a number",
        lambda e: e.each(
            [a for a in e.answers("secret") if "expires_in" in a.body], lambda a: type(a.body["expires_in"]) is int
        ),
    ),
    Detector(
        40,
        "the security login gives no lifetime",
        lambda e: e.each(
            [a for a in e.answers("token") if "token" in a.body],
            lambda a: not {"expires_in", "expires", "ttl"} & a.body.keys(),
        ),
    ),
    Detector(42, "a login ends the tokens before it", lambda e: _either(e, "login ends earlier tokens")),
    Detector(
        43,
        "the token of /wjdh/secret serves the other paths",
        lambda e: any_of(True for _ in e.successes("order/list")),
    ),
    Detector(46, "a configured community is refused", _refused_communities),
    Detector(47, "the printed test secret is used", lambda e: e.survey.uses_printed_secret),
    Detector(
        48,
        "wjdh's token is a JWT",
        lambda e: e.each(
            [a for a in e.answers("secret") if isinstance(a.body.get("access_token"), str)],
            lambda a: a.body["access_token"].count(".") == 2,
        ),
    ),
    Detector(49, "orders are listed under order/list", lambda e: _answers(e, "order/list")),
    Detector(
        50,
        "repair/list is under wjdh, repair is not",
        lambda e: _both(e.successes("repair/list"), e.successes("repair")),
    ),
    Detector(
        51,
        "order is without wjdh, shenheList with it",
        lambda e: _both(e.successes("order/list"), e.successes("shenheList")),
    ),
    Detector(52, "modules are listed under wjdh/modules", lambda e: _answers(e, "modules")),
    Detector(53, "POST reads", lambda e: _answers(e, "shenheList")),
    Detector(54, "PUT takes a form", lambda e: e.survey.writes.get(SWITCHED)),
    Detector(55, "an absent reply keeps the old one", lambda e: e.survey.writes.get(REPLY_KEPT)),
    Detector(57, "pages name machines of developers", _foreign_urls),
    Detector(
        58,
        "URLs of pages have nothing but the page",
        lambda e: any_of(urlsplit(url).query.startswith("page=") and "&" not in url for url in _urls(e) if "?" in url),
    ),
    Detector(
        61,
        "Chinese or slashes come escaped",
        lambda e: e.each(e.successes(), lambda answer: "\\u" in answer.text or "\\/" in answer.text),
    ),
    Detector(
        63,
        "a Chinese filter is understood in UTF-8",
        lambda e: any_of(
            2 * sum(row.get("shenhe_type") == answer.form["type"] for row in listed(answer)) > len(listed(answer))
            for answer in e.probe("Chinese filter")
            if answer.succeeded and listed(answer)
        ),
    ),
    Detector(64, "modules answers community_identifier", lambda e: e.has("Module", "community_identifier")),
    Detector(65, "community codes are numbers, or lose their zeros", _loses_zeros),
    Detector(66, "the content of a review names another community", _foreign_content),
    Detector(
        67,
        "houses have both spellings of their numbers",
        lambda e: both_keys(e, ("Residency", "louhao"), ("ShenheHouse", "building_number")),
    ),
    Detector(
        68,
        "numbers of houses are texts here and numbers there",
        lambda e: all_of(e.type("Residency", "louhao", "string"), e.type("ShenheHouse", "building_number", "integer")),
    ),
    Detector(70, "the id of the house in a content is text", lambda e: e.type("ShenheHouse", "id", "string")),
    Detector(71, "a review is keyed shenhe_id", lambda e: e.has("Shenhe", "shenhe_id")),
    Detector(
        72,
        "people_role and people_house_role both come, or the second of the two",
        lambda e: some_of(e.has("Residency", "people_house_role"), e.has("ShenheHouse", "people_house_role")),
    ),
    Detector(73, "members are within houses, with what the table lacks", lambda e: e.has("Member", "member_idcard")),
    Detector(74, "what is said of a house is within houses", lambda e: e.has("Residency", "people_house_use")),
    Detector(
        75,
        "possion, paied and other misspelt names",
        lambda e: some_of(e.has("Repair", "possion"), e.has("Order", "paied")),
    ),
    Detector(76, "orders have a number besides their id", lambda e: e.has("Order", "number")),
    Detector(77, "order numbers come as numbers", lambda e: e.type("Order", "number", "integer", "number")),
    Detector(78, "phones are text", lambda e: e.type("ShenhePeople", "people_phone", "string")),
    Detector(79, "shop_number is null", lambda e: e.type("Order", "shop_number", "null")),
    Detector(80, "modules have an id", lambda e: e.has("Module", "id")),
    Detector(82, "one identity number has several names", _shared_id_cards),
    Detector(83, "a person is a member of the own house", _own_members),
    Detector(
        84,
        "identity numbers fail the check digit",
        lambda e: any_of(not _passes_check(number) for number, _ in e.id_cards()),
    ),
    Detector(85, "people have no id", lambda e: negated(e.has("People", "id", "user_id"))),
    Detector(
        86,
        "labels of houses end in 栋, 单元, 楼, 号",
        lambda e: any_of(house_of_label(each, "1") is not None for each in _labels(e)),
    ),
    Detector(
        87,
        "names have a dot, or characters beyond the BMP",
        lambda e: any_of("·" in name or any(ord(each) > 0xFFFF for each in name) for _, name in e.id_cards()),
    ),
)
