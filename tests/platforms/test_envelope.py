"""The envelope of platform answers: one test per numbered quirk."""

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.normalise.order import decode_orders
from gateway.platforms.answer import Head, RawAnswer
from gateway.platforms.envelope import (
    LONGEST_MENDED,
    LONGEST_MESSAGE,
    TOKEN_DEAD,
    BadAnswerError,
    BusyAnswerError,
    Envelope,
    open_envelope,
)

NOTICE = (
    b"<br />\n<b>Notice</b>:  Undefined index: page in <b>/www/app/Page.php</b> on line <b>104</b><br />\n"
    b"<br />\n<b>Warning</b>:  count(): {0} in <b>/www/app/Page.php</b> on line <b>7</b><br />\n"
)


def opened(body: bytes | str, status: int = 200, **headers: str) -> Envelope:
    data = body.encode() if isinstance(body, str) else body
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return open_envelope(RawAnswer(Head(status, pairs), data))


def test_quirk_003_trailing_comma_is_accepted() -> None:
    for body in ('{"code": 0,}', '{\n    "code": 0,\n}', '{"code": 0, "data": [1, 2,\r\n],}'):
        assert opened(body).code == 0


def test_quirk_003_commas_within_texts_are_unchanged() -> None:
    assert opened('{"code": 0, "data": "a,} \\" ,]",}').body["data"] == 'a,} " ,]'


def test_quirk_004_single_quoted_data_is_text() -> None:
    body = '{\n    "code": 0,\n    "data": \'\n    {"00001":{\n        "绑定房屋":"1"\n    }}\'\n}'
    assert json.loads(opened(body).body["data"]) == {"00001": {"绑定房屋": "1"}}


def test_quirk_004_irreparable_text_is_no_answer() -> None:
    with pytest.raises(BadAnswerError):
        opened('{"code": 0, "msg": "a\n\\q"}')


def test_quirk_004_raw_line_breaks_in_texts_are_preserved() -> None:
    assert opened('{"code": 0, "data": "一\n二\t三"}').body["data"] == "一\n二\t三"


@pytest.mark.parametrize("code", ["0", '"0"', "0.0", '" 0 "', '"00"'])
def test_quirk_009_every_spelling_of_zero_is_success(code: str) -> None:
    assert opened(f'{{"code": {code}}}').code == 0


@pytest.mark.parametrize("code", ['"null"', "true", "[]", "{}", "0.5", '"zero"', '"٠"', "1000000000", "-1e300"])
def test_quirk_009_non_numeric_code_is_no_answer(code: str) -> None:
    with pytest.raises(BadAnswerError):
        opened(f'{{"code": {code}, "data": []}}')


@pytest.mark.parametrize("token_expired", ["0", '"0"'])
def test_quirk_010_token_expired_zero_means_expired(token_expired: str) -> None:
    assert opened(f'{{"code": 1, "token_expired": {token_expired}}}').token_is_dead
    assert opened(f'{{"token_expired": {token_expired}, "msg": ""}}').token_is_dead


@pytest.mark.parametrize("data", ["null", '""', "[]", "{}"])
@pytest.mark.parametrize("code", ["1", "null"])
def test_quirk_010_032_dead_token_beside_empty_data(code: str, data: str) -> None:
    body = f'{{"code": {code}, "token_expired": 0, "data": {data}}}'
    assert open_envelope(RawAnswer(Head(200, []), body.encode()), decode_orders).token_is_dead


@pytest.mark.parametrize("token_expired", ["1", '"1"', "null", '""'])
def test_quirk_010_other_token_expired_means_alive(token_expired: str) -> None:
    assert not opened(f'{{"code": 1, "token_expired": {token_expired}}}').token_is_dead


def test_quirk_010_success_ignores_token_expired() -> None:
    assert not opened('{"code": 0, "token_expired": 0, "data": []}').token_is_dead


@pytest.mark.parametrize("code", ["9", '"9"'])
def test_quirk_011_013_code_nine_is_a_dead_token(code: str) -> None:
    assert opened(f'{{"code": {code}, "token_expired": "0", "message": "token值因各种原因而失效"}}').token_is_dead


@pytest.mark.parametrize("status", [200, 302, 400, 404, 500, 503])
def test_quirk_014_body_precedes_the_status(status: int) -> None:
    assert opened('{"code": 0, "data": []}', status).code == 0


def test_quirk_014_401_without_success_is_a_dead_token() -> None:
    assert opened("<html>", 401).code == TOKEN_DEAD
    assert opened('{"message": "Unauthenticated."}', 401).code == TOKEN_DEAD
    assert opened('{"code": "1", "msg": "没有登录"}', 401).code == TOKEN_DEAD
    assert opened('{"code": 0}', 401).code == 0


def test_quirk_015_answer_without_code_is_opened() -> None:
    envelope = opened('{"data": [], "links": {}, "meta": {}}')
    assert envelope.code is None
    assert opened('{"code": null, "data": []}').code is None
    assert opened('{"code": "", "data": []}').code is None


def test_quirk_015_bad_status_counts_without_a_code() -> None:
    with pytest.raises(BadAnswerError, match="HTTP 500"):
        opened('{"message": "Server Error", "data": []}', 500)


def test_quirk_017_code_precedes_message() -> None:
    assert opened('{"code": 1, "msg": "获取订单列表成功", "data": [], "pages": null}').code == 1


def test_quirk_026_msg_is_public_and_message_is_not() -> None:
    envelope = opened('{"code": 1, "msg": " 查无此人 ", "message": "没有通过phone查询到user表"}')
    assert envelope.msg == "查无此人"
    assert opened('{"code": 1, "message": "Se104"}').msg is None
    assert len(opened(json.dumps({"code": 1, "msg": "长" * 5000})).msg or "") == LONGEST_MESSAGE


@pytest.mark.parametrize("data", ["null", '""', "[]", "{}"])
def test_quirk_032_empty_data_has_several_forms(data: str) -> None:
    assert opened(f'{{"code": 1, "data": {data}}}').is_empty
    assert opened('{"code": 1}').is_empty
    assert not opened('{"code": 1, "data": 0}').is_empty


def test_quirk_061_escaped_and_plain_chinese_are_equal() -> None:
    escaped, plain = opened(r'{"code":0,"data":"\u674e\u660e\/"}'), opened('{"code":0,"data":"李明/"}')
    assert escaped.body == plain.body


def test_quirk_077_long_numbers_are_exact() -> None:
    assert opened('{"code": 0, "data": 20201213104759976889}').body["data"] == 20201213104759976889
    assert opened('{"code": 0, "data": "4200000000202012131047599768",}').body["data"][-4:] == "9768"


@pytest.mark.parametrize("status", [200, 302, 404, 405, 419, 500])
def test_quirk_189_html_is_no_answer_and_is_not_quoted(status: int) -> None:
    with pytest.raises(BadAnswerError) as caught:
        opened("<!DOCTYPE html><html>secret {\n</html>", status, content_type="application/json")
    assert str(caught.value) == f"The platform answered HTTP {status}, and not in its protocol."


def test_quirk_190_php_notices_before_json_are_skipped() -> None:
    assert opened(NOTICE + b'{"code": 0, "data": {"a": "}"}}', content_type="text/html").body["data"] == {"a": "}"}


def test_quirk_190_byte_order_mark_is_skipped() -> None:
    assert opened(b"\xef\xbb\xbf" + b'{"code": 0}').code == 0
    assert opened(b"\xef\xbb\xbf" + NOTICE + b'{"code": 0}\r\n').code == 0
    assert opened(b'\0\0{"code": 0}\0').code == 0


def test_quirk_190_gbk_is_read_when_declared_or_not_utf8() -> None:
    body = '{"code": 0, "data": "李明住在晨曦家园"}'.encode("gbk")
    assert opened(body).body["data"] == "李明住在晨曦家园"
    assert opened(body, content_type="text/html; charset=GBK").body["data"] == "李明住在晨曦家园"
    # These bytes are UTF-8 as well, and mean something else in it.
    assert opened('{"code": 0, "data": "联通"}'.encode("gbk"), content_type="text/html; charset=gb2312").body == {
        "code": 0,
        "data": "联通",
    }


def test_quirk_190_one_broken_character_is_still_utf8() -> None:
    body = '{"code": 0, "data": "李明住在晨曦家园'.encode()[:-1] + b'"}'
    assert opened(body).body["data"] == "李明住在晨曦家\ufffd"


@pytest.mark.parametrize(
    "body", [b"", b"  \r\n", b"null", b"[]", b'"0"', b"0", b"\0", b"\xff\xfe{}", b"{", b'{"code": 0']
)
def test_quirk_190_null_lists_and_fragments_are_no_answer(body: bytes) -> None:
    with pytest.raises(BadAnswerError):
        opened(body)


@pytest.mark.parametrize("before", [b"", NOTICE])
@pytest.mark.parametrize(
    "body",
    [
        b'{"code": 1, "msg": ""}\n{"code": 0, "data": []}',
        b'{"code": 1, "data": [],}\n{"code": 0, "data": []}',
        b'{\n"code": 1,\n"data": [\n{"id": 1},\n{"code": 0, "data": []}',
    ],
    ids=["two", "two, one of them to be mended", "cut"],
)
def test_quirk_190_192_several_objects_are_no_answer(before: bytes, body: bytes) -> None:
    with pytest.raises(BadAnswerError):
        opened(before + body)


@pytest.mark.parametrize("status", [429, 503])
def test_quirk_191_busy_answer_has_retry_after(status: int) -> None:
    with pytest.raises(BusyAnswerError) as caught:
        opened('{"message": "Too Many Attempts."}', status, retry_after="37")
    assert caught.value.retry_after == 37.0


@pytest.mark.parametrize("status", [502, 504, 520, 522, 524, 599])
def test_proxy_failure_is_no_answer_of_the_platform(status: int) -> None:
    with pytest.raises(BusyAnswerError) as caught:
        opened("<html>", status)
    assert caught.value.status == status


def test_quirk_191_long_retry_after_is_a_number() -> None:
    with pytest.raises(BusyAnswerError) as caught:
        opened("<html>", 429, retry_after="9" * 400)
    assert caught.value.retry_after == 999_999_999.0


@pytest.mark.parametrize("value", ["soon", "-1", "Wed, 25 Nov 2026 08:00:00 GMT", "1e3", ""])
def test_quirk_191_invalid_retry_after_is_ignored(value: str) -> None:
    with pytest.raises(BusyAnswerError) as caught:
        opened("<html>", 429, retry_after=value)
    assert caught.value.retry_after is None


def test_quirk_192_deep_nesting_is_a_protocol_error() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    for body in (
        f'{{"code": 0, "data": {deep}}}',
        f'{{"code": 0, "data": {deep},}}',
        f"{{'code': 0, 'data': {deep}}}",
        deep,
    ):
        with pytest.raises(BadAnswerError):
            opened(body)


def test_quirk_192_last_duplicate_key_counts() -> None:
    assert opened('{"code": 0, "code": 1}').code == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "' + b'\\"' * 500_000 + b"}",
        b"{" + b"\n" * 1_000_000 + b"x}",
        b"{" + b", " * 500_000 + b"}",
        b"{" + b"'" * 1_000_001 + b"}",
        b"\n {" * 300_000 + b"}",
        NOTICE + b"{" + b"\xff" * 1_000_000 + b"}",
    ],
    ids=["escapes", "line breaks", "commas", "quotes", "starts", "no text"],
)
def test_quirk_192_repair_is_linear(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(BadAnswerError):
        opened(body)
    assert time.process_time() - started < 5.0  # a second here; minutes if it were not linear


@pytest.mark.parametrize("before", [b"", NOTICE])
def test_long_answer_is_read_but_not_repaired(before: bytes) -> None:
    fill = b"x" * LONGEST_MENDED
    assert opened(b'{"code": 0, "data": "' + fill + b'"}').code == 0
    with pytest.raises(BadAnswerError):
        opened(before + b'{"code": 0, "data": "' + fill + b'",}')


def documented(body: bytes, status: int = 200, content_type: bytes = b"application/json") -> Envelope:
    return open_envelope(RawAnswer(Head(status, [(b"content-type", content_type)]), body), decode_orders)


def test_quirk_192_deep_nesting_is_no_documented_success() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(BadAnswerError):
        documented(b'{"code": 0, "data": [], "more": ' + deep + b"}")


def test_bad_status_and_charset_precede_decoding() -> None:
    body = '{"data": [{"id": 4, "title": "水费"}]}'

    with pytest.raises(BadAnswerError):
        documented(body.encode(), status=500)
    assert documented(body.encode("gb18030"), content_type=b"text/html; charset=GBK").body == json.loads(body)


def test_half_surrogate_becomes_replacement_character() -> None:
    assert opened(r'{"code": 0, "data": "\ud83d\ude00 \ud83d"}').body["data"] == "\U0001f600 \ufffd"


def test_numbers_out_of_range_are_no_answer() -> None:
    for value in ("NaN", "Infinity", "1e999", "9" * 10_000):
        with pytest.raises(BadAnswerError):
            opened(f'{{"code": 0, "data": {value}}}')


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
    with contextlib.suppress(BadAnswerError, BusyAnswerError):
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
    except (BadAnswerError, BusyAnswerError):
        return
    assert isinstance(envelope.token_is_dead, bool)
    assert envelope.msg is None or isinstance(envelope.msg, str)
    assert isinstance(envelope.hints, str)
    assert isinstance(envelope.is_empty, bool)


@given(JSON)
def test_repair_leaves_valid_json_unchanged(data: object) -> None:
    """Whatever strict JSON says is said as well with a notice before it and a comma too many."""
    strict = json.dumps({"code": 0, "data": data}, ensure_ascii=False)
    try:
        read = opened(strict)
    except (BadAnswerError, UnicodeEncodeError):
        return
    assert opened(NOTICE.decode() + strict[:-1] + ",}").body == read.body
