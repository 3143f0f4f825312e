"""Writes as clients ask for them, and the documented forms (quirks 55, 62, 80, 98, 110, 120, 121)."""

import json
from typing import Any

HOUSE = {"building": 1, "unit": 1, "floor": 1, "room": 101}
PASTED = (
    "+86 199-0000-0002",
    "0086 199 0000 0002",
    "86-19900000002",
    "(+86)１９９００００００02",
    " 199 0000\u30000002 ",
    "\u202d+86\u00a0199\u20110000\u20110002\u202c",
)
"""A phone number, as people paste it."""

HOUSE_101 = {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101"}
PAYERS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    ({"house": HOUSE}, "house", HOUSE_101),
    ({"phone": {"phone": " 19900000002", "name": "王芳\u3000"}}, "phone", {"phone": "19900000002", "name": "王芳"}),
    *(({"phone": {"phone": phone}}, "phone", {"phone": "19900000002"}) for phone in PASTED),
    ({"idCard": "９９９302 19921130·2226"}, "idcard", {"idcard": "999302199211302226"}),
    ({"carNumber": " gk·12001 "}, "car_number", {"number": "GK12001"}),
    ({"parkingNumber": "A011"}, "parking_number", {"number": "A011"}),
]
DETAILS = [
    {"name": "单价", "value": '"10"'},
    {"name": "最低", "value": "70%"},
    {"name": "面积", "value": "89.50", "numeric": True},
    {"name": "编号", "value": "12345678901234567890", "numeric": True},
]
ENCODED = '{"单价":"\\"10\\"","最低":"70%","面积":89.50,"编号":12345678901234567890}'


def text(value: dict[str, str]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


ORDER, CHARGED = ({name: "10002", "title": "水费", "amount": "30"} for name in ("communityCode", "xiaoqu"))
MODULE = {"communityCode": "10002", "name": "COMPLAINTS"}
NOTICE, PUBLISHED = ({name: "10002", "title": "停水", "content": "明天"} for name in ("communityCode", "xiaoqu"))
SENT: list[tuple[str, dict[str, Any], str, dict[str, str]]] = [
    *(
        ("createOrder", ORDER | {"payer": payer}, "order/new", CHARGED | {"type": kind, "identifier": text(identifier)})
        for payer, kind, identifier in PAYERS
    ),
    (
        "createOrder",
        ORDER | {"payer": {"house": HOUSE}, "remark": "2020年", "details": DETAILS, "manager": "晨曦家园物业"},
        "order/new",
        CHARGED
        | {"type": "house", "identifier": text(HOUSE_101)}
        | {"remark": "2020年", "extra": ENCODED, "manager": "晨曦家园物业"},
    ),
    *(
        (
            "setModule",
            MODULE | {"enabled": status == "1"},
            "module",
            {"xiaoqu": "10002", "module_name": "投诉建议", "module_status": status},
        )
        for status in "01"
    ),
    (
        "createAnnouncement",
        NOTICE | {"weight": 3, "pinned": True, "images": ["a.png", "b.png"], "manager": "物业", "logo": "l.png"},
        "announcement/new",
        PUBLISHED
        | {"order": "3", "top": "1", "status": "1", "images": "a.png,b.png", "manager": "物业", "logo": "l.png"},
    ),
    (
        "createAnnouncement",
        NOTICE | {"published": False},
        "announcement/new",
        PUBLISHED | {"order": "0", "top": "0", "status": "0"},
    ),
    ("updateRepair", {"status": "RESOLVED"}, "repair/update", {"status": "1"}),
    ("updateRepair", {"status": "OPEN", "reply": "已派人"}, "repair/update", {"status": "0", "reply": "已派人"}),
    ("approveShenhe", {}, "shenhe/update", {"status": "1"}),
    ("rejectShenhe", {"reason": "无"}, "shenhe/update", {"status": "0", "shenhe_refuse_reason": "无"}),
]
"""By mutation, its input, the endpoint and the form, but for the key, and the number of a record."""
