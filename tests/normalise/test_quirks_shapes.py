"""The quirks that concern the shape of the platforms' answers, by their numbers (docs/quirks.md)."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
import readers
from platform_rows import module, order, owner, person, repair, review

from gateway.modules import ModuleName, ModuleState
from gateway.normalise.records import Page
from gateway.normalise.shapes import ShapeError
from gateway.normalise.vocabulary import PlatformName

PAGES = {"current_page": 1, "from": 1, "last_page": 2, "per_page": 15, "to": 15, "total": 17}
STATES = """
{"00001":{
    "绑定房屋":"1",
    "投诉建议":"0"
},
"00002":{}
}"""


def list_of(parse: Any) -> Any:
    """`read(body, page)` of a list of community 10002."""
    return lambda body, page=1: parse(body, "10002", page)


def record_of(parse: Any, community_code: str = "10002") -> Any:
    return lambda data: parse(data, community_code)


orders, reviews = list_of(readers.parse_order_page), list_of(readers.parse_shenhe_page)
repairs, modules = list_of(readers.parse_repair_page), record_of(readers.parse_modules, "00001")
one_review, one_repair = record_of(readers.parse_shenhe), record_of(readers.parse_repair)
LISTS = (orders, repairs, reviews)
RECORDS = {readers.parse_people: person(), readers.parse_owner: owner(), one_review: review(), one_repair: repair()}


def each(quirks: str, read: Any, bodies: Iterable[Any], *more: Any) -> list[tuple[Any, ...]]:
    return [(quirks, read, body, *more) for body in bodies]


ALIKE = [
    *each("4", readers.parse_module_states, [STATES], json.loads(STATES)),
    *each("112", modules, [json.dumps([module()])], [module()]),
    *each("112", orders, [{"data": json.dumps([order()]), "pages": PAGES}], {"data": [order()], "pages": PAGES}),
    *each("113", orders, [{"data": {"0": order(), "2": order(id=3)}, "pages": PAGES}],
          {"data": [order(), order(id=3)], "pages": PAGES}),
    *each("", modules, [[module(module_name=None), module(module_name=" "), 5, module()]], [module()]),
    *(
        part
        for read, row in RECORDS.items()
        for part in each("112", read, [json.dumps(row), json.dumps(json.dumps(row)), [row]], row)
    ),
]  # fmt: skip


@pytest.mark.parametrize(("quirks", "read", "body", "other"), ALIKE)
def test_shapes_are_read_alike(quirks: str, read: Any, body: Any, other: Any) -> None:
    assert read(body) == read(other)


EMPTY = [
    *each("167", readers.parse_module_states, [None, "", [], {}, "[]"], {}),
    *(part for read in RECORDS for part in each("23, 31, 32", read, [None, "", [], {}, "null"], None)),
    *each("138, 139", orders, [{"code": 0, "data": [], "pages": no} for no in (None, [], "", {}, 5)], Page(items=())),
    *each("113", reviews, [{"data": [], "meta": []}, {"code": "0", "data": []}], Page(items=())),
    *each("32", orders, [{"code": 0, "data": no, "pages": None} for no in (None, "")], Page(items=())),
    *each("32, 113", repairs, [{"code": 0, "data": no} for no in (None, "", [])], Page(items=())),
    *each("", lambda row: readers.parse_order(row, "10002"), [{"number": "1"}, None], None),
]


@pytest.mark.parametrize(("quirks", "read", "body", "found"), EMPTY)
def test_empty_shape_is_nothing_found(quirks: str, read: Any, body: Any, found: Any) -> None:
    assert read(body) == found


WITHOUT_ROWS = [(1, PAGES), (2, PAGES | {"current_page": 2}), (1, {"total": "2"})]
WITHOUT_ROWS += [(1, PAGES | {"last_page": 0, "per_page": "all"})]
WITHOUT_TOTAL: list[Any] = [None, [], {}, PAGES | {"total": None}, PAGES | {"total": "1,060"}]
NO_STATES = ["{'00001': 1}", 5, True, [1], "[]x", {"msg": "成功", "error": None}, {"00001": None}]
REFUSED = [
    *each("4, 167", readers.parse_module_states, [*NO_STATES, {"": {"绑定房屋": "1"}}]),
    *(part for read in LISTS for part in each("15", read, [{"message": "Too Many Attempts."}])),
    *(
        part
        for read in LISTS
        for part in each("", read, [{"code": 0, "data": odd} for odd in (5, True, "x", {"id": 1}, {"records": []})])
    ),
    *(part for no in (None, "", "x", 0) for part in each("31", one_review, [review(id=no)])),
    *(part for no in (None, "", "x", 0) for part in each("31", one_repair, [repair(id=no)])),
    *(part for read in RECORDS for part in each("", read, ["见附录", 5, True, 1.5, [1, 2], ["x"], [{}, {}]])),
    *each("113", orders, [{"data": {"id": 1}}]),
    *each("134", lambda body: orders(body, 2), [{"data": [order()], "pages": PAGES}]),
    *each("138", orders, [{"data": [order()], "pages": no} for no in WITHOUT_TOTAL]),
    *each("32", repairs, [{"code": 0, "Data": {"repairs": [repair()], "pages": PAGES}}]),
    *each("", modules, [[None], ["绑定房屋"], [{"name": "绑定房屋"}], {"00001": {"绑定房屋": "1"}}]),
]


@pytest.mark.parametrize(("quirks", "read", "body"), REFUSED)
def test_other_shape_is_refused(quirks: str, read: Any, body: Any) -> None:
    with pytest.raises(ShapeError):
        read(body)


@pytest.mark.parametrize(("page", "pages"), WITHOUT_ROWS)
def test_quirk_138_total_without_rows_is_refused(page: int, pages: dict[str, Any]) -> None:
    for data in ({"data": []}, {"Data": [order()]}):
        for read in (orders, reviews):
            with pytest.raises(ShapeError):
                read({"code": 0, "pages": pages, "meta": pages, **data}, page)
    with pytest.raises(ShapeError):
        repairs({"code": 0, "data": {"repairs": None, "pages": pages}}, page)


def test_shape_error_holds_no_value() -> None:
    with pytest.raises(ShapeError) as refused:
        readers.parse_people("19900000001 李明")
    assert not any(secret in str(refused.value) for secret in ("199", "李明"))


def test_quirk_4_108_module_states_are_json_within_json() -> None:
    assert readers.parse_module_states(STATES) == {
        "00001": (
            ModuleState(ModuleName.BIND_HOUSE, "绑定房屋", True),
            ModuleState(ModuleName.COMPLAINTS, "投诉建议", False),
        ),
        "00002": (),
    }
    unknown = ModuleState(ModuleName.UNRECOGNIZED, "社区团购", True)
    assert readers.parse_module_states({"00001": {"社区团购": "1"}})["00001"] == (unknown,)


@pytest.mark.parametrize("unreadable", [None, "1", 1, ["绑定房屋"]])
def test_quirk_167_unreadable_states_are_unknown(unreadable: object) -> None:
    states = readers.parse_module_states({"00001": unreadable, "00002": {"绑定房屋": 2}})
    assert states["00001"] is None
    [state] = states["00002"] or ()
    assert (state.name, state.enabled) == (ModuleName.BIND_HOUSE, None)
    [issue] = state.data_issues
    assert (issue.field, issue.raw, issue.platform) == ("enabled", "2", PlatformName.SECURITY)


@pytest.mark.parametrize("read", LISTS)
def test_row_without_an_id_is_dropped_and_counted(read: Any) -> None:
    rows = [{"id": 1}, {}, {"id": None}, {"id": "0"}, {"id": -1}, {"id": 2**31}, {"id": True}, "x", None, {"id": "7"}]
    rows += [{"id": 0}, {"id": "2147483648"}, {"id": 1e300}]
    body = {"data": {"repairs": rows, "pages": PAGES}} if read is repairs else {"data": rows}
    page = read({**body, "pages": PAGES, "meta": PAGES})
    assert [item.platform_id for item in page.items] == [1, 7]
    assert page.dropped == 11


TURNED = {"current_page": 2, "from": 2, "last_page": 3, "per_page": "1", "to": 2, "total": 3}
EMPTY_PAGE = {"current_page": 1, "from": None, "last_page": 1, "per_page": 20, "to": None, "total": 0}
TWO_REVIEWS = [review(id=1), review(id=2)]
PAGED = [
    # contradictory values are returned
    ("136, 137", reviews, {"data": TWO_REVIEWS, "meta": TURNED}, 2, {"per_page": 1, "last_page": 3, "total": 3}),
    ("138", reviews, {"data": [], "meta": EMPTY_PAGE}, 1, {"total": 0}),
    # beyond the end there may be a total
    *(
        ("139", orders, {"code": 0, "data": [], "pages": pages}, page, {"total": pages["total"]})
        for page, pages in ((3, PAGES), (2, {"total": 17}), (2, {**PAGES, "total": 15}))
    ),
    # the last page is derived from rows
    *(
        ("", orders, {"data": [order()], "pages": {"current_page": 1, "per_page": per_page, "total": 60}}, 1, last)
        for per_page, last in ((15, {"last_page": 60}), (None, {"last_page": 60}))
    ),
]


@pytest.mark.parametrize(("quirks", "read", "body", "page", "found"), PAGED)
def test_page_has_what_is_known_of_it(quirks: str, read: Any, body: Any, page: int, found: dict[str, int]) -> None:
    result = read(body, page)
    assert len(result.items) == len(body["data"])
    assert {name: getattr(result, name) for name in found} == found
