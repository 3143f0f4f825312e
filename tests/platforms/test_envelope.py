"""The envelope of platform answers: a row for each numbered quirk, then what holds for any bytes."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import PlatformBusyError
from gateway.normalise.wire import AS_DOCUMENTED
from gateway.orders.record import ORDER_ROWS
from gateway.platforms.answer import CallError, Head, RawAnswer
from gateway.platforms.envelope import LONGEST_MENDED, LONGEST_MESSAGE, TOKEN_DEAD, Envelope, open_envelope

decode_orders = ORDER_ROWS.decode_list(AS_DOCUMENTED)

BOM = b"\xef\xbb\xbf"
NOTICE = (
    b"<br />\n<b>Notice</b>:  Undefined index: page in <b>/www/app/Page.php</b> on line <b>104</b><br />\n"
    b"<br />\n<b>Warning</b>:  count(): {0} in <b>/www/app/Page.php</b> on line <b>7</b><br />\n"
)


def opened(body: bytes | str, status: int = 200, decode: Any = None, **headers: str) -> Envelope:
    data = body.encode() if isinstance(body, str) else body
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return open_envelope(RawAnswer(Head(status, pairs), data), decode)


def gbk(text: str) -> bytes:
    return text.encode("gbk")


DEAD, ALIVE = {"token_is_dead": True}, {"token_is_dead": False}
GBK: dict[str, Any] = {"content_type": "text/html; charset=GBK"}
HOME = {"data": "李明住在晨曦家园"}
ESCAPED = r'{"code":0,"data":"\u674e\u660e\/"}'
QUOTED = '{\n "code": 0,\n "data": \'\n {"00001":{\n "绑定房屋":"1"\n }}\'\n}'

OPENED: list[Any] = [
    # the quirk, an answer, what the envelope has of it, and the status and headers
    *(
        (3, body, {"code": 0}, {})
        for body in ('{"code": 0,}', '{\n "code": 0,\n}', '{"code": 0, "data": [1, 2,\r\n],}')
    ),
    (3, '{"code": 0, "data": "a,} \\" ,]",}', {"data": 'a,} " ,]'}, {}),
    (4, QUOTED, {"data": '\n {"00001":{\n "绑定房屋":"1"\n }}'}, {}),
    (4, '{"code": 0, "data": "一\n二\t三"}', {"data": "一\n二\t三"}, {}),
    *((9, f'{{"code": {code}}}', {"code": 0}, {}) for code in ("0", '"0"', "0.0", '" 0 "', '"00"')),
    *((10, f'{{"code": 1, "token_expired": {value}}}', DEAD, {}) for value in ("0", '"0"')),
    *((10, f'{{"token_expired": {value}, "msg": ""}}', DEAD, {}) for value in ("0", '"0"')),
    *((10, f'{{"code": 1, "token_expired": {value}}}', ALIVE, {}) for value in ("1", '"1"', "null", '""')),
    (10, '{"code": 0, "token_expired": 0, "data": []}', ALIVE, {}),
    *((11, f'{{"code": {code}, "message": "token值因各种原因而失效"}}', DEAD, {}) for code in ("9", '"9"')),
    *(
        (14, '{"code": 0, "data": []}', {"code": 0}, {"status": status})
        for status in (200, 302, 400, 401, 404, 500, 503)
    ),
    *(
        (14, body, {"code": TOKEN_DEAD}, {"status": 401})
        for body in ("<html>", '{"message": "Unauthenticated."}', '{"code": "1", "msg": "没有登录"}')
    ),
    *((15, body, {"code": None}, {}) for body in ('{"data": [], "meta": {}}', '{"code": null}', '{"code": ""}')),
    (17, '{"code": 1, "msg": "获取订单列表成功", "data": [], "pages": null}', {"code": 1}, {}),
    (26, '{"code": 1, "msg": " 查无此人 ", "message": "没有通过phone查询到user表"}', {"msg": "查无此人"}, {}),
    (26, '{"code": 1, "message": "Se104"}', {"msg": None}, {}),
    (26, json.dumps({"code": 1, "msg": "长" * 5000}), {"msg": "长" * LONGEST_MESSAGE}, {}),
    *((32, f'{{"code": 1, "data": {data}}}', {"is_empty": True}, {}) for data in ("null", '""', "[]", "{}")),
    (32, '{"code": 1}', {"is_empty": True}, {}),
    (32, '{"code": 1, "data": 0}', {"is_empty": False}, {}),
    *((61, body, {"data": "李明/"}, {}) for body in (ESCAPED, '{"code":0,"data":"李明/"}')),
    (77, '{"code": 0, "data": 20201213104759976889}', {"data": 20201213104759976889}, {}),
    (77, '{"code": 0, "data": "4200000000202012131047599768",}', {"data": "4200000000202012131047599768"}, {}),
    (190, NOTICE + b'{"code": 0, "data": {"a": "}"}}', {"data": {"a": "}"}}, {"content_type": "text/html"}),
    *(
        (190, body, {"code": 0}, {})
        for body in (BOM + b'{"code": 0}', BOM + NOTICE + b'{"code": 0}\r\n', b'\0\0{"code": 0}\0')
    ),
    (190, gbk('{"code": 0, "data": "李明住在晨曦家园"}'), HOME, {}),
    (190, gbk('{"code": 0, "data": "李明住在晨曦家园"}'), HOME, GBK),
    # These bytes are UTF-8 as well, and mean something else in it.
    (190, gbk('{"code": 0, "data": "联通"}'), {"data": "联通"}, {"content_type": "text/html; charset=gb2312"}),
    (190, '{"code": 0, "data": "李明住'.encode()[:-1] + b'"}', {"data": "李明\ufffd"}, {}),
    (190, r'{"code": 0, "data": "\ud83d\ude00 \ud83d"}', {"data": "\U0001f600 \ufffd"}, {}),
    (192, '{"code": 0, "code": 1}', {"code": 1}, {}),
]


@pytest.mark.parametrize(("quirk", "body", "found", "given"), OPENED)
def test_quirk_is_read(quirk: int, body: bytes | str, found: dict[str, object], given: dict[str, Any]) -> None:
    envelope = opened(body, **given)
    assert {name: envelope.body["data"] if name == "data" else getattr(envelope, name) for name in found} == found, (
        quirk
    )


NO_CODES = ['"null"', "true", "[]", "{}", "0.5", '"zero"', '"٠"', "1000000000", "-1e300", "1e300"]
NO_CODES += ["1" + "0" * 20, '"' + "9" * 18 + '"']
DEEP = "[" * 100_000 + "]" * 100_000
UNESCAPED = '{"data": [{"id": 1, "shenhe_content": "{"people":{"user_id":1}}"}], "meta": {"total": 1}}'
UNCLOSED = '{"data": [{"id": 1, "shenhe_status": "等待审核, "created_at": "2020年"}], "meta": {"total": 1}}'
SEVERAL = [
    b'{"code": 1, "msg": ""}\n{"code": 0, "data": []}',
    b'{"code": 1, "data": [],}\n{"code": 0, "data": []}',
    b'{\n"code": 1,\n"data": [\n{"id": 1},\n{"code": 0, "data": []}',
]

NO_ANSWER: list[tuple[int, bytes | str, int]] = [
    # the quirk, what is no answer, and its status
    *((1, body, 200) for body in (UNESCAPED, UNCLOSED)),
    (4, '{"code": 0, "msg": "a\n\\q"}', 200),
    *((9, f'{{"code": {code}, "data": []}}', 200) for code in NO_CODES),
    (15, '{"message": "Server Error", "data": []}', 500),
    *((189, "<!DOCTYPE html><html>secret {\n</html>", status) for status in (200, 302, 404, 405, 419, 500)),
    *(
        (190, body, 200)
        for body in (b"", b"  \r\n", b"null", b"[]", b'"0"', b"0", b"\0", b"\xff\xfe{}", b"{", b'{"code": 0')
    ),
    *((192, before + body, 200) for before in (b"", NOTICE) for body in SEVERAL),
    *(
        (192, body % DEEP, 200)
        for body in ('{"code": 0, "data": %s}', '{"code": 0, "data": %s,}', "{'code': 0, 'data': %s}", "%s")
    ),
    *((192, f'{{"code": 0, "data": {value}}}', 200) for value in ("NaN", "Infinity", "1e999", "9" * 10_000)),
]


@pytest.mark.parametrize(("quirk", "body", "status"), NO_ANSWER)
def test_quirk_is_no_answer_and_is_not_quoted(quirk: int, body: bytes | str, status: int) -> None:
    with pytest.raises(CallError) as caught:
        opened(body, status, content_type="application/json")
    assert "secret" not in str(caught.value), quirk
    assert status == 200 or f"HTTP {status}" in str(caught.value), quirk


@pytest.mark.parametrize(
    ("status", "headers", "retry_after"),
    [
        (429, {"retry_after": "37"}, 37.0),
        (503, {"retry_after": "37"}, 37.0),
        (429, {"retry_after": "9" * 400}, 999_999_999.0),
        *((429, {"retry_after": value}, None) for value in ("soon", "-1", "Wed, 25 Nov 2026 08:00:00 GMT", "1e3", "")),
        *((status, {}, None) for status in (502, 504, 520, 522, 524, 599)),
    ],
)
def test_quirk_191_busy_answer_has_retry_after(status: int, headers: dict[str, str], retry_after: float | None) -> None:
    with pytest.raises(CallError) as caught:
        opened("<html>", status, **headers)
    error = caught.value.at("WJDH", "modules")
    assert isinstance(error, PlatformBusyError)
    assert (error.sent, error.retryable, error.extensions().get("retryAfter")) == (status != 429, True, retry_after)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "' + b'\\"' * 250_000 + b"}",
        b"{" + b"\n" * 500_000 + b"x}",
        b"{" + b", " * 250_000 + b"}",
        b"{" + b"'" * 500_001 + b"}",
        b"\n {" * 150_000 + b"}",
        NOTICE + b"{" + b"\xff" * 500_000 + b"}",
    ],
    ids=["escapes", "line breaks", "commas", "quotes", "starts", "no text"],
)
def test_quirk_192_repair_is_linear(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(CallError):
        opened(body)
    assert time.process_time() - started < 5.0  # half a second here; minutes if it were not linear


@pytest.mark.parametrize("before", [b"", NOTICE])
def test_long_answer_is_read_but_not_repaired(before: bytes) -> None:
    fill = b"x" * LONGEST_MENDED
    assert opened(b'{"code": 0, "data": "' + fill + b'"}').code == 0
    with pytest.raises(CallError):
        opened(before + b'{"code": 0, "data": "' + fill + b'",}')


class TestDocumented:
    """Answers that are read by the decoder of their endpoint first."""

    @pytest.mark.parametrize("data", ["null", '""', "[]", "{}"])
    @pytest.mark.parametrize("code", ["1", "null"])
    def test_quirk_010_032_dead_token_beside_empty_data(self, code: str, data: str) -> None:
        body = f'{{"code": {code}, "token_expired": 0, "data": {data}}}'
        assert opened(body, decode=decode_orders).token_is_dead

    def test_quirk_192_deep_nesting_is_no_success(self) -> None:
        with pytest.raises(CallError):
            opened(f'{{"code": 0, "data": [], "more": {DEEP}}}', decode=decode_orders)

    def test_bad_status_and_charset_precede_decoding(self) -> None:
        body = '{"data": [{"id": 4, "title": "水费"}]}'
        with pytest.raises(CallError):
            opened(body, 500, decode_orders)
        assert opened(body.encode("gb18030"), decode=decode_orders, **GBK).body == json.loads(body)


def test_envelope_repr_hides_its_data() -> None:
    assert repr(opened('{"code": 2, "data": {"people_phone": "19900000001"}}')) == "Envelope(code=2)"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@given(body=st.binary(), status=st.integers(100, 599), content_type=st.text())
def test_any_bytes_are_opened_or_refused(body: bytes, status: int, content_type: str) -> None:
    answer = RawAnswer(Head(status, [(b"content-type", content_type.encode())]), body)
    with contextlib.suppress(CallError):
        assert isinstance(open_envelope(answer), Envelope)


@given(
    code=JSON,
    token_expired=JSON,
    msg=JSON,
    data=JSON,
    status=st.integers(100, 599),
    ends=st.sampled_from(["", ",", "x"]),
)
def test_any_envelope_is_opened_or_refused(
    code: object, token_expired: object, msg: object, data: object, status: int, ends: str
) -> None:
    text = json.dumps({"code": code, "token_expired": token_expired, "msg": msg, "message": msg, "data": data})
    try:
        envelope = opened(text[:-1] + ends + "}", status)
    except CallError:
        return
    assert envelope.msg is None or isinstance(envelope.msg, str)
    assert {type(envelope.token_is_dead), type(envelope.is_empty), type(envelope.hints)} == {bool, str}


@given(JSON)
def test_repair_leaves_valid_json_unchanged(data: object) -> None:
    """Whatever strict JSON says is said as well with a notice before it and a comma too many."""
    strict = json.dumps({"code": 0, "data": data}, ensure_ascii=False)
    try:
        read = opened(strict)
    except (CallError, UnicodeEncodeError):
        return
    assert opened(NOTICE.decode() + strict[:-1] + ",}").body == read.body
