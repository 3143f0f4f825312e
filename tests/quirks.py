"""The quirks of single values as a table: what a platform sends, what the gateway shows, with which issues.

A row has the number of its quirk (docs/quirks.md), the record and the keys in which it differs from a clean one, fields
as GraphQL shows them, and the issues as "field PROBLEM" and the raw value.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from platform_rows import applicant, content, content_house, module, order, owner, person, repair, residency, review

ROWS: dict[str, Callable[[], dict[str, Any]]] = {
    "order": order,
    "review": review,
    "applicant": applicant,
    "applied_house": content_house,
    "person": person,
    "residency": residency,
    "owner": owner,
    "repair": repair,
    "module": module,
}
WITHIN = {"applicant": "content.people.", "applied_house": "content.house.", "residency": "residencies.0."}
"""Where in a record the fields of such a row are shown."""

AS_SENT = object()


class Case(NamedTuple):
    quirk: int | None
    kind: str
    sent: dict[str, Any]
    shown: dict[str, Any]
    issues: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, Any]:
        """The record as the platform sends it. A key whose value is … is left out."""
        part = {key: value for key, value in (ROWS[self.kind]() | self.sent).items() if value is not ...}
        match self.kind:
            case "applicant":
                return review(shenhe_content=json.dumps(content() | {"people": part}))
            case "applied_house":
                return review(shenhe_content=json.dumps(content() | {"house": part}))
            case "residency":
                return person(houses=[part])
        return part

    def read(self, get: Callable[[str], Any]) -> dict[str, Any]:
        return {path: get(WITHIN.get(self.kind, "") + path) for path in self.shown}


def each(quirk: int | None, place: str, field: str, shown: Any, values: Iterable[Any], issue: str = "") -> list[Case]:
    """What is shown of each of these values of one key, "order title"; the issue has the value as its raw text."""
    kind, key = place.split()
    return [
        Case(quirk, kind, {key: value}, {field: value if shown is AS_SENT else shown}, issues(issue, value))
        for value in values
    ]


def issues(issue: str, value: Any) -> tuple[str, ...]:
    if not issue or issue.endswith("MISSING"):
        return (issue,) if issue else ()
    return (f"{issue} {value if isinstance(value, str) else msgspec.json.encode(value).decode()}",)


def described(field: str, problem: str, raw: str | None) -> str:
    """An issue that was found, as this table writes it."""
    return f"{field} {problem}" if problem == "MISSING" and (raw or "").strip() == "" else f"{field} {problem} {raw}"


def details(quirk: int, shown: dict[str, str], extra: Iterable[Any]) -> list[Case]:
    pairs = [{"name": name, "value": value} for name, value in shown.items()]
    return each(quirk, "order extra", "details", pairs, extra)


HOUSE = {"house.communityCode": "10002", "house.building": 1, "house.unit": 1, "house.floor": 1, "house.room": 101}
OCCUPANT, POLITICS = "residency people_house_type", "person people_zhengzhimianmao"
OTHER_KEYS = {"building_number": 2, "unit_number": "3", "floor_number": "-1", "house_number": "104"}
NO_KEYS = dict.fromkeys(("louhao", "danyuan", "louceng", "fangjian"), ...)
MAX, MIN = 2**31 - 1, -(2**31)
HALVES = {"平米": "10", "半小时": "30"}
MOMENT = "2020-11-18T11:01:46+08:00"
ODD_WORDS = ("替换业主", "家属绑定", "租客")
ODD_STATES = (7, "7", 1.5, True, False, 1.0, "通过")
ODD_CODES = ("１０００２", "10002\u200b", "\ufeff10002", "晨曦家园", "100 02")
ODD_NUMBERS = ("1栋", "A1", "1.5", 1.5, True, [], {}, "²", "9" * 11, 1e300, MAX + 1, str(MAX + 1), MIN - 1, MIN - 1.0)
ODD_AMOUNTS = ("免费", "1,23元", "1.2.3", "1.2,5", "1 000", "一元", "1e3", "元", "NaN", "9" * 99, True, [1], {}, 1e300)
ODD_EXTRA = (
    *("{'单价': '3'}另收5元", "{'单价': '3'}{'税费': '5'}", "{'单价': '3'}}", "__import__('os').system('true')"),
    *("['单价' => ['3']]", "{'单价': '3',,}", "{,}", "['3', '5']"),
)
ODD_CONTENTS = ("见前言", '{"people":{"people_name":"李', "[1]", "5", "{}", [], 5, True, {"people": []}, "[" * 5000)
TWICE = json.dumps(json.dumps(content()))
ODD_MEMBERS = ["李明", *residency()["members"]]
TWINS = [*residency()["members"], *residency()["members"]]
TWIN_CARD = "999324198705041234"
ODD_TIMES = (
    *("2020年11月18日", "20201118", 20201118, "2020", 2020, "2020年13月18日11:01:46", "昨天", [], {}, True, 1e9),
    *("9" * 50, "0001-01-01T00:00+14:00", 0, "0", "0001-01-01T00:00:00Z", "0001年01月01日00:00:00"),
    *("1900-12-31 23:59:59", "1900年01月01日00:00:00", "2020年11月18日24:00:00", "2020年11月1８日11:01:46"),
    -62135596800,
)
ODD_BIRTHS = (
    *("见前言", "00000000", 0, "0", "1992-13-30", True, [], {}, 10**15, 1e300, "9" * 99),
    *("1992", 1992, "199211", 199211, 1992.0, "-1"),
)
NO_MOMENTS = (
    *(None, "", "2020121310475", "20201213 10475976889", "20200230104759976889", "20201313104759976889"),
    *("20201213240000000000", "20201213106059976889", "20201213104760976889", "00000000000000000000"),
    *("18991213104759976889", "２０２０１２１３１０４７５９", "2020-12-13T10:47:59", "null"),
)
AT_101 = "10002 1栋1单元1楼101号"
UNIT = "栋1单元1楼101号"
ODD_LABELS = (
    *("晨曦家园", "1栋1单元101号", f"1{UNIT}门口", "栋单元楼号", "1" * 300),
    *(
        odd + UNIT
        for odd in ("A1", "10-1", "1.5", "Ａ1", "１2", "①2", "1．5", "10－1", "10—1", "10#1", "10 1", "1\u200b2")
    ),
)

CASES: tuple[Case, ...] = (
    # identifiers
    *each(65, "residency xiaoqu", "house.communityCode", "00001", ["00001"]),
    *each(65, "module community_identifier", "communityCode", "00001", [1, "1", "00001"]),
    *each(65, "module community_identifier", "communityCode", "00001", ["00002"], "communityCode CONTRADICTORY"),
    *(
        Case(65, "person", {"houses": [odd, residency()]}, {"residencies.#": 1}, issues("residencies MALFORMED", odd))
        for odd in (residency(xiaoqu=code) for code in ODD_CODES)
    ),
    *(Case(64, "residency", {"community_identifier": "10002", "xiaoqu": blank}, HOUSE) for blank in (..., None, " ")),
    Case(66, "applied_house", {"community_identifier": "1"}, {"communityCode": "1", "house.communityCode": "10002"}),
    Case(67, "residency", NO_KEYS | OTHER_KEYS, {"house.address": "10002 2栋3单元-1楼104号"}),
    Case(
        67,
        "residency",
        {"community_identifier": "10003", "house_number": 102, "floor_number": "1"},
        HOUSE,
        ("communityCode CONTRADICTORY 10003", "room CONTRADICTORY 102"),
    ),
    Case(
        67,
        "residency",
        {"danyuan": "", "fangjian": None},
        HOUSE | {"house.unit": None, "house.room": None, "house.address": None},
        ("room MISSING", "unit MISSING"),
    ),
    *each(68, "residency louhao", "house.address", AT_101, ["1", 1, " 1 ", "01", 1.0]),
    *each(68, "residency louhao", "house.building", MAX, [MAX, str(MAX), float(MAX)]),
    *each(68, "residency louhao", "house.building", MIN, [MIN, str(MIN), float(MIN)]),
    *each(68, "residency louhao", "house.building", None, ODD_NUMBERS, "building MALFORMED"),
    *each(70, "applied_house id", "house.address", "10002 1栋1单元2楼201号", ["4"]),
    Case(71, "review", {"id": ..., "shenhe_id": 2}, {"platformId": 2}),
    *each(71, "review shenhe_id", "platformId", 1, [1, None, "", " "]),
    *each(71, "review shenhe_id", "platformId", 1, [2, "x", 0, True, "１", [2]], "platformId CONTRADICTORY"),
    *(
        Case(71, "review", {"id": odd, "shenhe_id": 1}, {"platformId": 1}, issues("platformId CONTRADICTORY", odd))
        for odd in ("x", 0, True, "１", [2])
    ),
    *(Case(71, "review", {"id": blank, "shenhe_id": 1}, {"platformId": 1}) for blank in (None, "", " ")),
    Case(72, "owner", {"people_house_role": ..., "people_role": "租客"}, {"role": "TENANT"}),
    *each(72, "owner people_role", "role", "OWNER", ["租客"], "role CONTRADICTORY"),
    Case(72, "owner", {"people_house_role": 1, "people_role": "租客"}, {"role": "TENANT"}, ("role LEGACY_CODE 1",)),
    Case(74, "residency", {}, HOUSE | {"members.0.role": "FATHER", "members.0.idCard": TWIN_CARD}),
    *each(77, "order number", "number", "20201213104759976889", ["20201213104759976889", 20201213104759976889]),
    *each(77, "order number", "number", None, [2.0201213104759976e19], "number MALFORMED"),
    *each(78, "person people_phone", "phone", "19900000002", [19900000002]),
    *each(79, "order shop_number", "shopNumber", AS_SENT, [None, "0012"]),
    *each(84, "person people_idcard", "idCard", AS_SENT, ["99930219921130251X", "1"]),
    *each(87, "person people_name", "name", AS_SENT, ["𠮷田", "阿依古丽·买买提", 'O\'Neil "x" \\']),
    # words
    *each(88, "applied_house people_house_role", "role", "UNRECOGNIZED", [1], "role LEGACY_CODE"),
    Case(
        88,
        "applied_house",
        {"people_house_status": "1", "people_house_use": "1", "people_house_xingzhi": "1", "people_house_type": "1"},
        {"role": "OWNER"},
        tuple(f"{field} LEGACY_CODE 1" for field in ("occupantType", "ownership", "status", "use")),
    ),
    *each(89, "applicant people_sex", "sex", "MALE", [2], "sex LEGACY_CODE"),
    *(
        Case(89, "applicant", {"people_sex": "1", "people_idcard": card}, {"sex": sex}, ("sex LEGACY_CODE 1",))
        for card, sex in (
            ("99930219921130252X", "FEMALE"),
            *((odd, "UNRECOGNIZED") for odd in ("12", "99930219921130252", None, "99930219921130２517")),
        )
    ),
    *each(89, "applicant people_sex", "sex", "UNRECOGNIZED", ["外星"], "sex UNRECOGNIZED_VALUE"),
    *each(90, "person people_nation", "nation", "汉族", ["汉", "汉族", " 汉 "]),
    *each(90, "person people_nation", "nation", "回族", ["回族"]),
    *each(90, "person people_nation", "nation", None, ["", " ", "\u3000", None]),
    *each(90, "person people_nation", "nation", None, [1, "01", "０１", " 1 "], "nation LEGACY_CODE"),
    *each(91, POLITICS, "politicalStatus", "MASSES", ["群众"]),
    *each(91, POLITICS, "politicalStatus", "PARTY_MEMBER", ["党员"]),
    *each(91, POLITICS, "politicalStatus", "UNRECOGNIZED", ["1"], "politicalStatus LEGACY_CODE"),
    *each(92, OCCUPANT, "occupantType", "OWNER", ["业主绑定", " 业主绑定 "], "occupantType CONTRADICTORY"),
    *each(92, OCCUPANT, "occupantType", "TENANT", ["租客绑定"], "occupantType CONTRADICTORY"),
    *each(92, OCCUPANT, "occupantType", "UNRECOGNIZED", ODD_WORDS, "occupantType UNRECOGNIZED_VALUE"),
    *each(93, OCCUPANT, "occupantType", "UNRECOGNIZED", ["1"], "occupantType LEGACY_CODE"),
    *each(93, OCCUPANT, "occupantType", "TENANT", ["租户"]),
    *each(93, "residency people_house_role", "role", "TENANT", ["租客"]),
    *each(93, "residency people_house_role", "role", "UNRECOGNIZED", ["租户"], "role UNRECOGNIZED_VALUE"),
    *each(95, "residency people_house_use", "house.use", "BUSINESS", ["经营"]),
    *each(95, "residency people_house_use", "house.use", "COMMERCE", ["商业"]),
    *each(96, "review shenhe_type", "type", "UNBIND_FAMILY", ["家属解绑"]),
    *each(97, "review shenhe_type", "type", "UNRECOGNIZED", [3], "type LEGACY_CODE"),
    *each(98, "review shenhe_status", "status", "PENDING", ["等待审核", 2, "2"]),
    *each(98, "review shenhe_status", "status", "APPROVED", [1, "审核通过"]),
    *each(98, "review shenhe_status", "status", "REJECTED", [0, "审核未通过", " 审核未通过 "]),
    *each(98, "review shenhe_status", "status", "UNRECOGNIZED", ODD_STATES, "status UNRECOGNIZED_VALUE"),
    *each(98, "review shenhe_status", "status", "UNRECOGNIZED", [[1], {}, {"status": 1}], "status MALFORMED"),
    *each(106, "review shenhe_status", "status", "UNRECOGNIZED", [None, ""], "status MISSING"),
    *each(99, "order status", "status", "OPEN", ["进行中", 1]),
    *each(99, "order status", "status", "CLOSED", ["0", "已关闭"]),
    *each(100, "repair status", "status", "OPEN", [0, "0", False, "未解决", "未处理"]),
    *each(100, "repair status", "status", "RESOLVED", [1, "1", True, "已解决", "已处理"]),
    *each(100, "repair reply", "status", "OPEN", ["测试"]),
    *each(101, "order paied", "paymentStatus", "PAID", ["已付款", True, 1]),
    *each(101, "order paied", "paymentStatus", "UNPAID", ["未付款", "0"]),
    *each(101, "order paied", "paymentStatus", "UNRECOGNIZED", ["部分付款", 2], "paymentStatus UNRECOGNIZED_VALUE"),
    *each(102, "module module_status", "enabled", True, [1, "1", True, "开启"]),
    *each(102, "module module_status", "enabled", False, [0, "0", False, "关闭"]),
    *each(102, "module module_status", "enabled", None, [2], "enabled MALFORMED"),
    *each(102, "module module_status", "enabled", None, [None], "enabled MISSING"),
    *each(103, "order title", "feeType", "PROPERTY", ["物业费"]),
    *each(103, "order title", "feeType", "TEMPORARY_PARKING", ["临时停车费"]),
    *each(103, "order title", "feeType", "OTHER", ["测试费2"]),
    *each(107, "review shenhe_type", "actionIntroduction", "业主正在申请：业主绑定", ["租客绑定"]),
    *each(107, "review shenhe_house_introduction", "content.house.room", 201, ["晨曦家园1栋1单元1楼102号"]),
    *each(108, "module module_name", "label", AS_SENT, ["社区团购"], "name UNRECOGNIZED_VALUE"),
    *each(108, "module module_name", "name", "UNRECOGNIZED", ["社区团购"], "name UNRECOGNIZED_VALUE"),
    # amounts
    *(
        Case(109, "order", {"amount": sent}, {"amount.yuan": yuan, "amount.fen": fen, "amount.text": text})
        for sent, yuan, fen, text in (
            ("0.01元", "0.01", 1, "¥0.01"),
            (0.01, "0.01", 1, "¥0.01"),
            ("1,234.50元", "1234.50", 123450, "¥1234.50"),
            (30, "30.00", 3000, "¥30.00"),
            (1.1, "1.10", 110, "¥1.10"),
            (4.35, "4.35", 435, "¥4.35"),
            ("￥ 12", "12.00", 1200, "¥12.00"),
            (" 007.100 元 ", "7.10", 710, "¥7.10"),
            ("-5元", "-5.00", -500, "-¥5.00"),
            ("21474836.47元", "21474836.47", 2147483647, "¥21474836.47"),
            ("21474836.48元", "21474836.48", None, "¥21474836.48"),
            ("0.005元", "0.005", None, "¥0.005"),
            (1e-3, "0.001", None, "¥0.001"),
        )
    ),
    *each(109, "order amount", "amount", None, ODD_AMOUNTS, "amount MALFORMED"),
    # texts, flags and parts
    *details(7, {"单价": "100元/平方", "最低缴费比例": "70%"}, [order()["extra"]]),
    *details(7, {"表号": "0012"}, ["{'表号':0012}", "['表号' => 0012]", "{'表号':'0012'}"]),
    *each(7, "order extra", "details", None, ODD_EXTRA, "details MALFORMED"),
    *details(110, HALVES, ["array('平米' => '10', '半小时' => 30,)", "['平米' => \"10\", '半小时' => 30]", HALVES]),
    *details(111, HALVES, [json.dumps(HALVES), json.dumps(json.dumps(HALVES)), "{'平米': '10', '半小时': 30}"]),
    *details(111, {"单价": "30.00"}, ["{'单价':30.00}", '{"单价":30.00}', "['单价' => 30.00]"]),
    *details(118, {}, [None, "", " ", [], {}, "[]", "{}", "null"]),
    *each(118, "order remark", "remark", None, [None]),
    *each(149, "order house", "address", None, [None]),
    *each(None, "order title", "title", "2020", [2020]),
    *each(None, "order title", "title", "", [""], "title MISSING"),
    *each(None, "order title", "title", "", [["物业费"], True], "title MALFORMED"),
    Case(
        118,
        "order",
        dict.fromkeys(set(order()) - {"id"}, ...),
        {"title": "", "feeType": "OTHER", "amount": None},
        ("amount MISSING", "paymentStatus MISSING", "status MISSING", "title MISSING"),
    ),
    *each(118, "repair name", "reporter.name", None, [None, "", " "], "reporter.name MISSING"),
    *each(118, "repair phone", "reporter.phone", None, [None, "", " "], "reporter.phone MISSING"),
    *each(117, "person people_dibao", "receivesSubsistenceAllowance", False, ["0", 0, False, "否"]),
    *each(117, "person people_shangfang", "isPetitioner", True, ["1", 1, True, "是", " 1 "]),
    *each(117, "person people_tuiyijunren", "isVeteran", None, [2, "yes?", [], {}, [1]], "isVeteran MALFORMED"),
    *each(119, "person people_photo", "photo", AS_SENT, ["www"]),
    *each(124, "repair description", "description", AS_SENT, [' "引号"\\n\n反斜杠\\ ']),
    *each(85, "applicant user_id", "userId", AS_SENT, [5]),
    *each(61, "review shenhe_content", "content.people.name", "李明", [content(), TWICE, json.dumps(content())]),
    *each(61, "review shenhe_content", "content.house.room", 201, [content(), TWICE, json.dumps(content())]),
    *each(114, "review shenhe_content", "content.raw", AS_SENT, [TWICE]),
    *each(114, "review shenhe_content", "content.house", None, ODD_CONTENTS, "content MALFORMED"),
    *each(114, "review shenhe_content", "content.people", None, ODD_CONTENTS, "content MALFORMED"),
    *each(114, "review shenhe_content", "content", None, [None, "", " "], "content MISSING"),
    Case(
        114,
        "review",
        {"shenhe_content": content(job="程序员", company=[]) | {"house": "1栋"}},
        {"content.people.jobName": "程序员", "content.people.companyName": None, "content.house": None},
        ("content.house MALFORMED 1栋",),
    ),
    Case(114, "review", {"shenhe_content": content() | {"house": []}}, {"content.house": None}),
    Case(82, "residency", {"members": TWINS}, {"members.0.idCard": TWIN_CARD, "members.1.idCard": TWIN_CARD}),
    *each(73, "residency members", "members", None, [None, ""]),
    *each(73, "residency members", "members", [], [[], {}]),
    *each(73, "residency members", "members.#", 1, [ODD_MEMBERS], "members MALFORMED"),
    *each(73, "residency members", "members", None, ["王建国"], "members MALFORMED"),
    *each(73, "person houses", "residencies", [], [[]]),
    *each(73, "person houses", "residencies", [], [..., None, " "], "residencies MISSING"),
    *each(73, "person houses", "residencies", [], [7], "residencies MALFORMED"),
    Case(73, "person", {"houses": [{"a": 1}]}, {"residencies": []}, ('residencies MISSING {"a":1}',)),
    Case(
        73,
        "person",
        {"houses": [{"xiaoqu": "10002"}]},
        {"residencies.0.role": "UNRECOGNIZED"},
        ("building MISSING", "floor MISSING", "role MISSING", "room MISSING", "unit MISSING"),
    ),
    *each(None, "owner people_phone", "phone", None, [None], "phone MISSING"),
    # times
    *each(125, "review created_at", "createdAt", MOMENT, ["2020年11月18日11:01:46", "2020年11月18日 11:01:46", MOMENT]),
    *each(125, "review created_at", "createdAt", MOMENT, ["2020年11月18日11时01分46秒", " 2020年11月18日11:01:46\n"]),
    *each(125, "review created_at", "createdAt", MOMENT, ["2020-11-18 11:01:46", "2020/11/18 11:01:46", 1605668506]),
    *each(125, "review created_at", "createdAt", MOMENT, ["2020-11-18T03:01:46.000000Z", "2020-11-18T11:01:46.000000"]),
    *each(125, "review created_at", "createdAt", MOMENT, ["1605668506"]),
    *each(125, "review created_at", "createdAt", "1901-01-01T00:00:00+08:00", ["1901-01-01 00:00:00"]),
    *each(128, "review created_at", "createdAt", "1990-07-01T12:00:00+09:00", ["1990年07月01日12:00:00"]),
    *each(125, "review created_at", "createdAt", None, ODD_TIMES, "createdAt MALFORMED"),
    *each(126, "person people_birth", "birthDate", "1992-11-30", ["19921130", 19921130, "1992-11-30"]),
    *each(126, "person people_birth", "birthDate", "1900-01-01", ["1900-01-01 00:00:00", "1900年01月01日"]),
    *each(127, "person people_birth", "birthDate", "1992-11-30", [723052800, "723052800", 723052800.0]),
    *each(128, "person people_birth", "birthDate", "1987-05-04", [547052400]),
    *each(129, "person people_birth", "birthDate", "1970-01-01", [-28800, "-28800"]),
    *each(129, "person people_birth", "birthDate", "1950-01-01", [-631180800, "-631180800"]),
    *each(130, "person people_birth", "birthDate", "1970-08-28", ["20620800", "19700828"]),
    *each(130, "person people_birth", "birthDate", "1970-08-19", ["19921331"], "birthDate MALFORMED"),
    *each(126, "person people_birth", "birthDate", None, ODD_BIRTHS, "birthDate MALFORMED"),
    *each(184, "person people_birth", "birthDate", "1987-05-04", ["19870504"]),
    *each(131, "order number", "createdAt", "2020-12-13T10:47:59+08:00", ["20201213104759976889", "20201213104759"]),
    *each(131, "order number", "createdAt", "2020-12-13T23:59:59+08:00", ["20201213235959000001"]),
    *each(131, "order number", "createdAt", "2024-02-29T00:00:00+08:00", ["20240229000000-A7"]),
    *each(128, "order number", "createdAt", "1987-06-01T12:00:00+09:00", ["19870601120000000001"]),
    *each(131, "order number", "createdAt", None, NO_MOMENTS),
    # labels of houses
    *each(86, "order house", "house.address", AT_101, [f"晨曦家园1{UNIT}", f"晨曦家园（2期）1{UNIT}"]),
    *each(86, "order house", "house.address", AT_101, [f"𠮷家园 1{UNIT}"]),
    *each(86, "order house", "house.address", "10002 12栋3单元-1楼2号", ["晨曦家园二期12栋3单元-1楼2号"]),
    *each(81, "order house", "house.address", "10002 1栋2单元3楼301号", ["晨熙家园1幢2单元3层301室 "]),
    *each(86, "order house", "house", None, ODD_LABELS, "house MALFORMED"),
    *each(86, "order house", "address", AS_SENT, ODD_LABELS, "house MALFORMED"),
)
