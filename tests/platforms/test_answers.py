"""What the clients make of an answer, one table of quirks: its value, or the error of its field."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from gateway.announcements import create_announcement
from gateway.errors import PlatformAuthError, ProtocolError, RefusedError
from gateway.journal.records import NewAnnouncement
from gateway.modules import read_modules, set_module
from gateway.normalise.records import HouseKey
from gateway.orders.reads import ORDERS
from gateway.orders.record import NewOrder, OrderQuery, Payer
from gateway.orders.writes import create_order
from gateway.payments.writes import deliver_payment
from gateway.people import read_house_owner, read_people
from gateway.platforms.platforms import Platforms
from gateway.repairs import REPAIRS, RepairQuery
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.shenhe.record import SHENHES, ShenheQuery

CODE = "10002"
ORDER = NewOrder(
    community_code=CODE,
    payer=Payer("house", OrderQuery(building=1, unit=1, floor=1, room=101)),
    title="物业费",
    amount=Decimal("12.50"),
)
ANNOUNCEMENT = NewAnnouncement(community_code=CODE, title="停水", content="明天停水")

CALLS: dict[str, Callable[[Platforms], Awaitable[Any]]] = {
    "shenheList": lambda platforms: SHENHES.read_page(platforms.wjdh, CODE, ShenheQuery()),
    "shenhe": lambda platforms: SHENHES.read_record(platforms.wjdh, 7),
    "order/list": lambda platforms: ORDERS.read_page(platforms.wjdh, CODE, OrderQuery()),
    "order/new": lambda platforms: create_order(platforms.wjdh, ORDER),
    "modules": lambda platforms: read_modules(platforms.wjdh, CODE),
    "module": lambda platforms: set_module(platforms.wjdh, CODE, "物业报修", True),
    "repair/list": lambda platforms: REPAIRS.read_page(platforms.wjdh, CODE, RepairQuery()),
    "repair": lambda platforms: REPAIRS.read_record(platforms.wjdh, 7),
    "announcement/new": lambda platforms: create_announcement(platforms.wjdh, ANNOUNCEMENT),
    "people": lambda platforms: read_people(platforms.security, "无此人", "19900099999"),
    "owner": lambda platforms: read_house_owner(platforms.security, HouseKey(CODE, 1, 1, 1, 101)),
    "callback": lambda platforms: deliver_payment(platforms.security, "2020", "1900000109", "4200000000202012131047"),
}
SECURITY = ("people", "owner", "callback")
RECORDS, LISTS = ("shenhe", "repair"), ("shenheList", "order/list", "modules", "repair/list")


class Row(NamedTuple):
    """What one of these endpoints answers, and what comes of the call: a value, or an error of this class."""

    endpoints: Sequence[str]
    body: str
    outcome: Any
    status: int | None = None


def data(text: str) -> str:
    return f'{{"code": 0, "data": {text}}}'


def failure(msg: str, code: object = 1) -> str:
    return f'{{"code": {code}, "msg": "{msg}", "message": "Order156", "data": ""}}'


ERROR_PAGE = '{"code": 0, "message": "页面错误！请稍后再试～"}'
NO_NUMBERS = ("0", '"0"', "-5", '"null"', '"订单创建成功"', "true", "2.0201213104759976e19", "[]", "null")
LOOKUP_ERRORS = (
    *("查询出错", "服务器开小差，请重试", "缺少参数", "查询失败", "您没有权限", "没有授权", "系统繁忙", "请稍后再试"),
    *("连接超时", "Server Error", "SQLSTATE[HY000]", "系统维护中", "暂停服务", "网络故障", "Service Unavailable"),
)

QUIRKS: dict[str, list[Row]] = {
    "3: code 0 alone acknowledges": [
        Row(["callback"], '{\n    "code": 0,\n}', None),
        *(
            Row(["callback"], body, ProtocolError)
            for body in ("{}", '{"msg": "ok"}', '{"data": 0}', "<html>ok</html>", "")
        ),
    ],
    "14: an error status of a write is unclear": [
        *(Row(["callback"], ERROR_PAGE, ProtocolError, status) for status in (302, 404, 405, 500)),
        *(
            Row(["module"], ERROR_PAGE, ProtocolError, status)
            for status in (302, 401, 403, 404, 405, 419, 422, 429, 500, 502, 503, 504)
        ),
        *(Row(["module"], f'{{"code": {code}}}', ProtocolError, 500) for code in (1, 2)),
        Row(["module"], failure("没有权限"), RefusedError, 403),
    ],
    "14: an error page is no data, and rows are": [
        *(Row(["modules", "shenhe"], ERROR_PAGE, ProtocolError, status) for status in (404, 500)),
        Row(["modules"], '{"code": 0, "message": "页面错误！", "data": []}', ProtocolError, 500),
        *(Row(["modules"], data('[{"module_name": "x", "module_status": 1}]'), 1, status) for status in (404, 500)),
    ],
    "15: a write needs a code": [
        Row(["order/new"], body, ProtocolError) for body in ('{"msg": "ok"}', '{"data": "20201213104759976889"}', "{}")
    ],
    "20, 22: an unknown payer is a refusal": [
        Row(["order/new"], failure(msg, code), RefusedError) for code, msg in ((2, "查无此人"), (3, "用户未注册"))
    ],
    "20: a house without an owner is none": [
        *(Row(["owner"], body, None) for body in (failure("", 2), '{"code": "2"}', data("null"), data("{}"))),
        Row(["owner"], failure("出错了"), RefusedError),
    ],
    "21: a callback is refused by its code": [
        Row(["callback"], '{"code": 1}', PlatformAuthError),
        Row(["callback"], '{"code": 2}', RefusedError),
    ],
    "23: an unknown person is none": [
        Row(["people"], body, None)
        for body in (
            failure("没查找到", 2),
            '{"code": 2, "msg": "未登录小程序", "data": null}',
            failure("没查找到", '"1"'),
            '{"code": 1}',
            data("[]"),
            data('""'),
        )
    ],
    "23: a failing look-up is an error": [Row(["people"], failure(msg), RefusedError) for msg in LOOKUP_ERRORS],
    "20, 23: a failure with data or a bad status is an error": [
        Row(["people", "owner"], body % code, RefusedError, status)
        for code in (1, 2)
        for body, status in (('{"code": %d, "data": {"people_name": "王芳"}}', None), ('{"code": %d}', 500))
    ],
    "31: a missing record is none": [
        Row(RECORDS, body, None)
        for body in (data("null"), data("[]"), '{"code": 0}', failure("没查找到", 2), failure("服务器开小差，请重试"))
    ],
    "31: a failure is no missing record": [
        *(
            Row(RECORDS, body, RefusedError)
            for body in (
                failure("您没有权限管理该小区，请核对授权信息"),
                '{"code": "1", "msg": "系统异常", "message": "SQLSTATE[HY000]", "data": ""}',
                failure("请重新建立智慧平台鉴权连接"),
                '{"code": 1, "message": "token值因各种原因而失效"}',
                failure("请稍后再试"),
                '{"code": 1, "message": "Server Error"}',
            )
        ),
        *(
            Row(RECORDS, body, RefusedError, 500)
            for body in ('{"code": 1}', failure("没查找到", 2), failure("服务器开小差，请重试"))
        ),
    ],
    "31, 182: another record is no answer": [
        Row(RECORDS, data(row), ProtocolError)
        for row in ('{"id": 8, "status": 0}', '{"status": 0}', '{"people": {}, "house": {}}')
    ],
    "57, 189: a redirect is not followed": [Row(["modules", "people"], "<html>", ProtocolError, 302)],
    "77: an order needs its number": [Row(["order/new"], data(number), ProtocolError) for number in NO_NUMBERS],
    "112: the id of an announcement may be text": [
        Row(["announcement/new"], data('"17"'), 17),
        Row(["announcement/new"], data("null"), ProtocolError),
    ],
    "an unknown shape": [Row([*RECORDS, *LISTS], data(value), ProtocolError) for value in ("42", '"见前言"', "true")],
}


@pytest.mark.parametrize("quirk", QUIRKS)
async def test_answer_has_its_outcome(platforms: Platforms, sandbox: Sandbox, quirk: str) -> None:
    for row, endpoint in [(each, endpoint) for each in QUIRKS[quirk] for endpoint in each.endpoints]:
        platform = "SECURITY" if endpoint in SECURITY else "WJDH"
        times = 2 if row.outcome is PlatformAuthError else 1
        sandbox.faults.set(platform, endpoint, Fault(FaultKind.BODY, status=row.status, body=row.body.encode()), times)
        calls = sandbox.count(platform, endpoint)
        if isinstance(row.outcome, type):
            with pytest.raises(row.outcome) as caught:
                await CALLS[endpoint](platforms)
            error: Any = caught.value
            assert (error.endpoint, error.sent) == (endpoint, row.outcome is not PlatformAuthError), row
            assert "见前言" not in f"{error!r} {error.extensions()}"
            if isinstance(error, RefusedError):
                assert f'"code": {error.upstream_code}' in row.body.replace('"1"', "1"), row
                assert (error.upstream_message or "") in row.body, row
                assert not error.retryable, row
        else:
            value = await CALLS[endpoint](platforms)
            assert (len(value) if isinstance(value, list | tuple) else value) == row.outcome, row
        assert sandbox.count(platform, endpoint) == calls + times, row
