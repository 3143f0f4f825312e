"""Values are replaced where they stand in an answer, whatever is wrong with it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.normalise.literals import read_literal
from gateway.platforms.answer import Head, RawAnswer
from gateway.platforms.envelope import open_envelope
from gateway.recording.texts import replace_values
from gateway.recording.values import Values

VALUES = Values(b"k" * 32, ["10002"])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """What is not replaced."""
    if isinstance(value, dict):
        return [shape(each) for each in value.values()]
    if isinstance(value, list):
        return [shape(each) for each in value]
    return value if value is None or isinstance(value, bool) else type(value).__name__


@given(JSON, st.booleans())
def test_json_keeps_its_shape(value, escapes):
    text = json.dumps({"data": value}, ensure_ascii=escapes)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps({"data": value})
    new = json.loads(replace_values(text, VALUES))
    assert str(shape(new)).count("[") <= str(shape({"data": value})).count("[")  # keys may become the same
    assert set(new) == {"data"}


@given(st.text())
def test_any_text_can_be_replaced(text):
    assert len(replace_values(text, VALUES)) >= 0


@pytest.mark.parametrize(
    "text",
    [
        '{"people_name":"李明","people_phone":19900000001}',
        '{"people_name": "\\u674e\\u660e", "photo": "https:\\/\\/tc.mg.cool\\/李明.png"}',
        '{"data": "{\\"people_name\\": \\"\\\\u674e\\\\u660e\\"}"}',
        '{"data": ["李明", {"李明": "李明"}], "msg": "李明",}',
        "{'people_name': '李明', 'extra': {'李明': '19900000001'}}",
        '{"data": {"people_name": "李',
        '{"data": {"people_name": "李明\\',
        "<html><title>李明</title><p>19900000001</p></html>",
        'Notice: Undefined 李明 in /var/www/19900000001.php on line 7\n{"code": 0}',
        '{"people_name": "李明\n19900000001"}',
        '{"people_name": "\\q李明"}',
        "李明",
        '"李明"',
        "19900000001",
        "[[[['李明']]]]",
    ],
)
def test_nothing_of_a_person_stays(text):
    new = replace_values(text, VALUES)
    assert not [each for each in ("李", "明", "674e", "660e", "19900000001") if each in new]


@pytest.mark.parametrize(
    "body",
    [
        b'{"code": 0, "data": [1, 2],}',
        b'{"code": "0", "data": "{\\"a\\": 1}"}',
        b'<b>Notice</b>: Undefined index: can\'t in {main} on line 7\n{"code": 0, "msg": "it\'s"}',
        b'{"code": 0, "data": \'{"00001":{"x":"1"}}\'}',
        b'\xef\xbb\xbf{"code": 0}',
        b'{"code": 9, "token_expired": "0", "msg": "token\xe5\x80\xbc"}',
        b'{"code": 0, "data": "\n raw"}',
    ],
)
def test_envelopes_are_read_as_before(body):
    new = replace_values(body.decode(), VALUES).encode()
    before, after = (open_envelope(RawAnswer(Head(200, []), each)) for each in (body, new))

    assert (before.code, before.token_is_dead, before.is_empty) == (after.code, after.token_is_dead, after.is_empty)
    assert list(before.body) == list(after.body)


def test_people_s_own_notation_is_kept():
    new = replace_values("{'单价':'100元/平方','最低':30}", VALUES, ("extra",), 1)
    found: Any = read_literal(new)

    assert [type(each) for each in found.values()] == [str, int]
    assert "单价" not in new
    assert "元" not in new
