"""Arbitrary rows: keys missing, keys added, and any value."""

from typing import Any

import msgspec
from hypothesis import strategies as st
from platform_rows import applicant, content, content_house, member, order, owner, person, repair, residency, review

from gateway.entities import LISTS  # noqa: F401 # which declare enums
from gateway.wording.enums import ENUMS

WORDS = [member.label for enum in ENUMS.values() for member in enum]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**24), 10**24)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(
        [*WORDS, "0", "1", "2", "", " ", "见前言", "19921130", "00000000", "0.01元", "1栋1单元1楼101号", "[]", "{}"]
    )
    | st.from_regex(r"-?[0-9]{1,14}", fullmatch=True)
    | st.from_regex(r"[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日[0-9]{1,2}:[0-9]{2}:[0-9]{2}", fullmatch=True)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def rows_like(row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A row with the keys of this one and others, any of them missing, clean or holding anything."""
    known = {key: st.just(value) | JSON for key, value in row.items()}
    return st.builds(
        lambda a, b: a | b,
        st.dictionaries(st.text(max_size=4), JSON, max_size=2),
        st.fixed_dictionaries({}, optional=known),
    )


def as_sent(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """As itself, or as JSON text, once or twice."""
    text = value.map(lambda decoded: msgspec.json.encode(decoded).decode())
    return value | text | text.map(lambda once: msgspec.json.encode(once).decode())


CONTENTS = rows_like(content()).flatmap(
    lambda parts: st.fixed_dictionaries(
        {
            **{key: st.just(part) for key, part in parts.items()},
            "people": rows_like(applicant()),
            "house": rows_like(content_house()),
        }
    )
)
REVIEWS = rows_like(review()).flatmap(
    lambda row: st.fixed_dictionaries(
        {
            **{key: st.just(value) for key, value in row.items()},
            "id": st.just(1),
            "shenhe_content": as_sent(CONTENTS | JSON),
        }
    )
)
ORDERS = rows_like(order())
REPAIRS = rows_like(repair(date="2020年12月18日12:30:13"))
RESIDENCIES = rows_like(residency()).flatmap(
    lambda row: st.lists(rows_like(member()), max_size=2).map(lambda members: {**row, "members": members})
)
PEOPLE = rows_like(person()).flatmap(
    lambda row: st.lists(RESIDENCIES, max_size=2).map(lambda houses: {**row, "houses": houses})
)
OWNERS = rows_like(owner())
PAGE_INFO = rows_like({"current_page": 1, "last_page": 2, "per_page": "15", "total": 17})


def page_bodies(rows: st.SearchStrategy[Any], info: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "data": as_sent(st.lists(rows | JSON, max_size=3) | JSON),
            info: PAGE_INFO | JSON,
            "code": st.just(0),
        },
    )
