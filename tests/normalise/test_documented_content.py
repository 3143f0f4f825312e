"""The fast reader of documented content gives exactly what the general reader gives."""

import json
from typing import Any
from unittest import mock

import msgspec
import pytest
from collected_issues import CollectedIssues
from hypothesis import given, settings
from hypothesis import strategies as st
from platform_rows import content

from gateway.normalise import shenhe_content
from gateway.normalise.shenhe_content import documented_content, read_content
from gateway.normalise.wire import AS_DOCUMENTED
from schema.fields import ENUMS

WORDS = [member.label for enum in ENUMS for member in enum]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        "",
        " ",
        " 业主 ",
        0,
        1,
        2,
        -1,
        2**31,
        1.0,
        True,
        False,
        "0",
        "1",
        "2",
        "汉",
        "19921130",
        723052800,
        99999999,
        [],
        {},
        *WORDS,
    ]
)


def altered(document: dict[str, Any], changes: dict[tuple[str, str], Any], missing: set[tuple[str, str]]) -> str:
    for part, key in missing:
        document[part].pop(key, None)
    for (part, key), value in changes.items():
        document[part][key] = value
    return json.dumps(document)


PLACES = [(part, key) for part, fields in content(house={"people_role": None}).items() for key in fields]
DOCUMENTS = st.builds(
    altered,
    st.builds(content),
    st.dictionaries(st.sampled_from(PLACES), ODD, max_size=3),
    st.sets(st.sampled_from(PLACES), max_size=3),
)


def test_documented_content_uses_the_fast_reader() -> None:
    assert documented_content(AS_DOCUMENTED)(json.dumps(content()))


@pytest.mark.parametrize("value", [None, "", " ", "1", 1, 2.5, True, [], {}, "其他", " 男 ", "汉", 2**31])
def test_one_odd_content_value_reads_the_same(value: object) -> None:
    for place in PLACES:
        assert_same_as_reference(altered(content(), {place: value}, set()))


@pytest.mark.parametrize("role", [None, "", "业主", "租客", " 业主 ", "见前言", 0, 1])
@pytest.mark.parametrize("other", [None, "", "业主", "租客", " 业主 ", "见前言", 0, 1])
def test_two_content_roles_read_the_same(role: object, other: object) -> None:
    assert_same_as_reference(json.dumps(content(house={"people_house_role": role, "people_role": other})))


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_several_odd_content_values_read_the_same(text: str) -> None:
    assert_same_as_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "null",
        "[]",
        "5",
        '"{}"',
        "",
        "{",
        '{"people":null}',
        '{"people":[]}',
        '{"job":null,"people":{}}',
        '{"house":{"x":1}}',
    ],
)
def test_arbitrary_content_reads_the_same(text: str) -> None:
    assert_same_as_reference(text)


def assert_same_as_reference(text: str) -> None:
    for value in (text, decoded(text)):
        found, expected = CollectedIssues(), CollectedIssues()
        content = read_content(value, "content", found, 7, "10002")
        with mock.patch.object(shenhe_content, "documented_content", return_value=msgspec.json.Decoder(Never).decode):
            assert repr(content) == repr(read_content(value, "content", expected, 7, "10002"))
        assert sorted(map(repr, found.gathered)) == sorted(map(repr, expected.gathered))


class Never(msgspec.Struct):
    """A content that never comes."""

    never: int


def decoded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
