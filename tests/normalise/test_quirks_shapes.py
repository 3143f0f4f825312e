"""One test per quirk that concerns the shape of the platforms' answers, named by its number (docs/quirks.md)."""

import json
from typing import Any

import pytest
from platform_rows import content, member, module, order, owner, person, repair, residency, review
from readers import (
    parse_module_states,
    parse_modules,
    parse_order,
    parse_order_page,
    parse_owner,
    parse_people,
    parse_repair,
    parse_repair_page,
    parse_shenhe,
    parse_shenhe_page,
)

from gateway.normalise.module import ModuleState
from gateway.normalise.records import Page
from gateway.normalise.shapes import ShapeError
from gateway.normalise.vocabulary import DataProblem, ModuleName, PiiKind, PlatformName, Sex

PAGES = {"current_page": 1, "from": 1, "last_page": 2, "per_page": 15, "to": 15, "total": 17}
TWICE = json.dumps(json.dumps(content()))


def test_quirk_4_module_states_are_json_within_json() -> None:
    text = """
    {"00001":{
        "绑定房屋":"1",
        "投诉建议":"0"
    },
    "00002":{}
    }"""
    assert parse_module_states(text) == {
        "00001": (
            ModuleState(ModuleName.BIND_HOUSE, "绑定房屋", True),
            ModuleState(ModuleName.COMPLAINTS, "投诉建议", False),
        ),
        "00002": (),
    }
    assert parse_module_states(json.loads(text)) == parse_module_states(text)


@pytest.mark.parametrize("data", ["{'00001': 1}", 5, True, [1], "[]x"])
def test_quirk_4_data_without_module_states_is_refused(data: object) -> None:
    with pytest.raises(ShapeError):
        parse_module_states(data)


def test_quirk_108_unknown_modules_are_returned() -> None:
    assert parse_module_states({"00001": {"社区团购": "1"}})["00001"] == (
        ModuleState(ModuleName.UNRECOGNIZED, "社区团购", True),
    )


@pytest.mark.parametrize("data", [{"msg": "成功", "error": None}, {"00001": None}, {"": {"绑定房屋": "1"}}])
def test_quirk_167_states_without_communities_are_refused(data: object) -> None:
    with pytest.raises(ShapeError):
        parse_module_states(data)


@pytest.mark.parametrize("modules", [None, "1", 1, ["绑定房屋"]])
def test_quirk_167_unreadable_states_are_unknown(modules: object) -> None:
    states = parse_module_states({"00001": modules, "00002": {"绑定房屋": 2}})
    assert states["00001"] is None
    [state] = states["00002"] or ()
    assert (state.name, state.enabled) == (ModuleName.BIND_HOUSE, None)
    [issue] = state.data_issues
    assert (issue.field, issue.raw, issue.platform) == ("enabled", "2", PlatformName.SECURITY)


def test_quirk_65_module_states_are_keyed_by_code_alone() -> None:
    states: dict[str, Any] = {" 00001 ": [], "00002": {}, "": {"绑定房屋": "1"}, " ": {}, "晨曦家园": {}, "10002-3": {}}
    assert list(parse_module_states(states)) == ["00001", "00002"]


@pytest.mark.parametrize("empty", [None, "", [], {}, "[]"])
def test_quirk_167_empty_module_states_are_empty(empty: object) -> None:
    assert parse_module_states(empty) == {}


def test_quirk_15_list_of_reviews_needs_no_code() -> None:
    assert parse_shenhe_page({"data": [review()], "meta": PAGES}, "10002", 1).items[0].platform_id == 1
    assert parse_shenhe_page({"code": "0", "data": []}, "10002", 1).items == ()


@pytest.mark.parametrize("parse", [parse_order_page, parse_repair_page, parse_shenhe_page])
def test_quirk_15_answer_without_code_and_data_is_refused(parse: Any) -> None:
    with pytest.raises(ShapeError):
        parse({"message": "Too Many Attempts."}, "10002", 1)


@pytest.mark.parametrize("empty", [None, "", [], {}, "null"])
def test_quirk_23_31_32_empty_data_is_not_found(empty: object) -> None:
    assert parse_people(empty) is None
    assert parse_owner(empty) is None
    assert parse_shenhe(empty, "10002") is None
    assert parse_repair(empty, "10002") is None


@pytest.mark.parametrize("id_", [None, "", "x", 0])
def test_quirk_31_record_without_an_id_is_refused(id_: object) -> None:
    with pytest.raises(ShapeError):
        parse_shenhe(review(id=id_), "10002")
    with pytest.raises(ShapeError):
        parse_repair(repair(id=id_), "10002")


@pytest.mark.parametrize("data", ["见附录", 5, True, 1.5, [1, 2], ["x"], [{}, {}]])
def test_unreadable_record_is_refused(data: object) -> None:
    for parse in (parse_people, parse_owner):
        with pytest.raises(ShapeError):
            parse(data)
    with pytest.raises(ShapeError):
        parse_shenhe(data, "10002")
    with pytest.raises(ShapeError):
        parse_repair(data, "10002")


def test_shape_error_holds_no_value() -> None:
    with pytest.raises(ShapeError) as refused:
        parse_people("19900000001 李明")
    assert not any(secret in str(refused.value) for secret in ("199", "李明"))


@pytest.mark.parametrize(
    "wrap", [json.dumps, lambda row: json.dumps(json.dumps(row)), lambda row: [row], lambda row: row]
)
def test_quirk_112_record_may_be_object_text_or_list(wrap: Any) -> None:
    assert parse_people(wrap(person())) == parse_people(person())
    assert parse_owner(wrap(owner())) == parse_owner(owner())
    assert parse_shenhe(wrap(review()), "10002") == parse_shenhe(review(), "10002")
    assert parse_repair(wrap(repair()), "10002") == parse_repair(repair(), "10002")


def test_quirk_112_list_comes_as_array_or_text() -> None:
    rows = [module()]
    assert parse_modules(json.dumps(rows), "00001") == parse_modules(rows, "00001")
    assert parse_order_page({"data": json.dumps([order()]), "pages": PAGES}, "10002", 1).items[0].platform_id == 4


def test_quirk_113_php_lists_and_objects_are_equivalent() -> None:
    assert parse_shenhe_page({"data": [], "meta": []}, "10002", 1) == Page(items=())
    gaps = {"0": order(id=1), "2": order(id=3)}
    assert parse_order_page({"data": gaps, "pages": PAGES}, "10002", 1).items[1].platform_id == 3
    assert parse_repair_page({"data": []}, "10002", 1) == Page(items=())
    with pytest.raises(ShapeError):
        parse_order_page({"data": {"id": 1}}, "10002", 1)


@pytest.mark.parametrize("form", [json.dumps(content()), TWICE, content(), json.dumps(content(), ensure_ascii=False)])
def test_quirk_61_114_content_may_be_text_or_object(form: object) -> None:
    found = parse_shenhe(review(shenhe_content=form), "10002")
    assert found.content.people == parse_shenhe(review(), "10002").content.people
    assert found.content.house == parse_shenhe(review(), "10002").content.house
    assert (found.content.user_id, found.data_issues) == (5, ())


def test_quirk_114_raw_content_is_returned_unchanged() -> None:
    assert parse_shenhe(review(shenhe_content=TWICE), "10002").content.raw == TWICE
    assert json.loads(str(parse_shenhe(review(shenhe_content=content()), "10002").content.raw)) == content()


@pytest.mark.parametrize("sent", ["见前言", '{"people":{"people_name":"李', "[1]", "5", [], 5, True, "[" * 100_000])
def test_quirk_114_115_unreadable_content_is_an_issue(sent: object) -> None:
    found = parse_shenhe(review(shenhe_content=sent), "10002")
    assert (found.platform_id, found.content.people, found.content.house) == (1, None, None)
    (issue,) = found.data_issues
    assert (issue.field, issue.problem, issue.pii) == ("content", DataProblem.MALFORMED, PiiKind.SENSITIVE_STATUS)
    assert issue.raw == found.content.raw == (sent if isinstance(sent, str) else json.dumps(sent))


@pytest.mark.parametrize(
    "sent", ["{}", {"people": [], "house": None}, {"People": {}, "House": {}}, {"data": content()}, {"job": {}}]
)
def test_quirk_114_content_without_parts_is_an_issue(sent: object) -> None:
    found = parse_shenhe(review(shenhe_content=sent, shenhe_type="乱"), "10002")
    assert (found.content.people, found.content.house) == (None, None)
    (_, issue) = found.data_issues
    assert (issue.field, issue.problem, issue.raw) == ("content", DataProblem.MALFORMED, found.content.raw)


@pytest.mark.parametrize("sent", [None, "", " "])
def test_quirk_114_missing_content_is_none(sent: object) -> None:
    found = parse_shenhe(review(shenhe_content=sent), "10002")
    assert found.content is None
    assert [(issue.field, issue.problem) for issue in found.data_issues] == [("content", DataProblem.MISSING)]


def test_malformed_part_of_content_is_an_issue() -> None:
    found = parse_shenhe(review(shenhe_content=content(job="程序员", company=[]) | {"house": "1栋"}), "10002")
    assert (found.content.people.job_name, found.content.people.company_name) == ("程序员", None)
    assert found.content.house is None
    assert [(issue.field, issue.raw) for issue in found.data_issues] == [("content.house", "1栋")]
    assert parse_shenhe(review(shenhe_content=content() | {"house": []}), "10002").data_issues == ()


def test_quirk_67_70_house_is_read_in_both_spellings() -> None:
    applied = parse_shenhe(review(shenhe_content=content(house={"id": "4", "floor_number": 1})), "10002").content.house
    bound = parse_people(person(houses=[residency(fangjian="201")])).residencies[0].house
    assert applied.house.key == bound.key == ("10002", 1, 1, 1, 201)


def test_quirk_85_user_id_comes_from_the_content() -> None:
    found = parse_shenhe(review(), "10002").content
    assert found.user_id == found.people.user_id == 5


@pytest.mark.parametrize("parse", [parse_order_page, parse_repair_page, parse_shenhe_page])
def test_row_without_an_id_is_dropped_and_counted(parse: Any) -> None:
    rows = [{"id": 1}, {}, {"id": None}, {"id": "0"}, {"id": -1}, {"id": 2**31}, {"id": True}, "x", None, {"id": "7"}]
    rows += [{"id": 0}, {"id": "2147483648"}, {"id": 1e300}]
    body = {"data": {"repairs": rows, "pages": PAGES}} if parse is parse_repair_page else {"data": rows}
    page = parse({**body, "pages": PAGES, "meta": PAGES}, "10002", 1)
    assert [item.platform_id for item in page.items] == [1, 7]
    assert page.dropped == 11


def test_quirk_133_three_shapes_of_pages_read_alike() -> None:
    expected = (15, 2, 17)
    for page in (
        parse_shenhe_page({"data": [review()], "links": {}, "meta": PAGES}, "10002", 1),
        parse_order_page({"code": 0, "data": [order()], "pages": PAGES}, "10002", 1),
        parse_repair_page({"code": 0, "data": {"repairs": [repair()], "pages": PAGES}}, "10002", 1),
    ):
        assert (page.per_page, page.last_page, page.total) == expected
        assert page.items[0].community_code == "10002"


def test_quirk_136_per_page_may_be_text() -> None:
    page = parse_shenhe_page({"data": [review()], "meta": {**PAGES, "per_page": "1"}}, "10002", 1)
    assert page.per_page == 1


def test_quirk_137_contradictory_page_values_are_returned() -> None:
    meta = {"current_page": 2, "from": 2, "last_page": 3, "per_page": "1", "to": 2, "total": 3}
    page = parse_shenhe_page({"data": [review(id=1), review(id=2)], "meta": meta}, "10002", 2)
    assert (len(page.items), page.per_page, page.last_page, page.total) == (2, 1, 3, 3)


@pytest.mark.parametrize("pages", [None, [], "", {}, 5])
def test_quirk_138_139_no_page_information_is_no_total(pages: object) -> None:
    assert parse_order_page({"code": 0, "data": [], "pages": pages}, "10002", 7) == Page(items=())


def test_quirk_138_empty_page_has_a_total_of_zero() -> None:
    meta = {"current_page": 1, "from": None, "last_page": 1, "per_page": 20, "to": None, "total": 0}
    assert parse_shenhe_page({"data": [], "meta": meta}, "10002", 1).total == 0


def test_quirk_134_first_page_is_not_accepted_as_second() -> None:
    with pytest.raises(ShapeError):
        parse_order_page({"data": [order()], "pages": {**PAGES, "current_page": 1}}, "10002", 2)


@pytest.mark.parametrize(
    ("page", "pages"),
    [
        (1, PAGES),
        (2, {**PAGES, "current_page": 2}),
        (1, {"total": "2"}),
        (1, {**PAGES, "last_page": 0, "per_page": "all"}),
    ],
)
def test_quirk_138_total_without_rows_is_refused(page: int, pages: dict[str, Any]) -> None:
    for body in ({"code": 0, "data": []}, {"code": 0, "Data": [order()]}):
        with pytest.raises(ShapeError):
            parse_order_page({**body, "pages": pages}, "10002", page)
        with pytest.raises(ShapeError):
            parse_shenhe_page({**body, "meta": pages}, "10002", page)
    with pytest.raises(ShapeError):
        parse_repair_page({"code": 0, "data": {"repairs": None, "pages": pages}}, "10002", page)


@pytest.mark.parametrize(("page", "pages"), [(3, PAGES), (2, {"total": 17}), (2, {**PAGES, "total": 15})])
def test_quirk_139_page_beyond_the_end_may_have_a_total(page: int, pages: dict[str, Any]) -> None:
    assert parse_order_page({"code": 0, "data": [], "pages": pages}, "10002", page).total == pages["total"]


@pytest.mark.parametrize("pages", [None, [], {}, {**PAGES, "total": None}, {**PAGES, "total": "1,060"}])
def test_quirk_138_rows_without_a_total_are_refused(pages: object) -> None:
    with pytest.raises(ShapeError):
        parse_order_page({"data": [order()], "pages": pages}, "10002", 1)


@pytest.mark.parametrize("per_page", [15, None])
def test_missing_last_page_is_derived_from_rows(per_page: int | None) -> None:
    pages = {"current_page": 1, "per_page": per_page, "total": 60}
    assert parse_order_page({"data": [order()], "pages": pages}, "10002", 1).last_page == 60


@pytest.mark.parametrize("data", [None, ""])
def test_quirk_32_orders_and_repairs_may_omit_data(data: object) -> None:
    assert parse_order_page({"code": 0, "data": data, "pages": None}, "10002", 1).items == ()
    assert parse_repair_page({"code": 0, "data": data}, "10002", 1).items == ()


def test_quirk_32_repairs_require_data() -> None:
    with pytest.raises(ShapeError):
        parse_repair_page({"code": 0, "Data": {"repairs": [repair()], "pages": PAGES}}, "10002", 1)


@pytest.mark.parametrize("data", [5, True, "x", {"id": 1}, {"records": []}])
def test_list_of_another_shape_is_refused(data: object) -> None:
    for parse in (parse_order_page, parse_repair_page, parse_shenhe_page):
        with pytest.raises(ShapeError):
            parse({"code": 0, "data": data}, "10002", 1)


def test_quirk_5_repair_list_needs_no_message() -> None:
    body = {"code": 0, "data": {"repairs": [repair()], "pages": PAGES}}
    (found,) = parse_repair_page(body, "00001", 1).items
    assert (found.reporter_name, found.reporter_phone, found.dated) == ("李明", "19900000003", False)


def test_quirk_82_83_shared_identity_number_is_no_error() -> None:
    people = parse_people(
        person(houses=[residency(members=[member(), member(member_name="张三", member_role="爷爷")])])
    )
    assert [found.name for found in people.residencies[0].members] == ["王建国", "张三"]


@pytest.mark.parametrize(("sent", "read"), [(None, None), ([], ()), ({}, ()), ("", None)])
def test_quirk_73_missing_members_are_null(sent: object, read: object) -> None:
    found = parse_people(person(houses=[residency(members=sent)])).residencies[0]
    assert (found.members, found.data_issues) == (read, ())


def test_unreadable_members_are_an_issue() -> None:
    found = parse_people(person(houses=[residency(members=["李明", member()])])).residencies[0]
    assert [each.name for each in found.members] == ["王建国"]
    (issue,) = found.data_issues
    assert (issue.field, issue.problem, issue.pii) == ("members", DataProblem.MALFORMED, PiiKind.SENSITIVE_STATUS)
    found = parse_people(person(houses=[residency(members="王建国")])).residencies[0]
    assert (found.members, found.data_issues[0].raw) == (None, "王建国")


@pytest.mark.parametrize("sent", [{}, {"houses": None}, {"houses": " "}])
def test_quirk_73_missing_houses_are_a_person_issue(sent: dict[str, Any]) -> None:
    row = person()
    del row["houses"]
    people = parse_people(row | sent)
    assert people.residencies == ()
    assert [(issue.field, issue.problem) for issue in people.data_issues] == [("residencies", DataProblem.MISSING)]
    assert parse_people(person(houses=[])).data_issues == ()


def test_unreadable_houses_are_an_issue_of_the_person() -> None:
    people = parse_people(person(houses=7))
    assert people.residencies == ()
    (issue,) = people.data_issues
    assert (issue.field, issue.platform, issue.pii) == ("residencies", PlatformName.SECURITY, PiiKind.SENSITIVE_STATUS)


def test_residency_without_community_is_an_issue() -> None:
    found = parse_people(person(houses=[{"fangjian": "101"}]))
    assert found.residencies == ()
    (issue,) = found.data_issues
    assert (issue.field, issue.raw, issue.problem) == ("residencies", '{"fangjian":"101"}', DataProblem.MISSING)
    assert (issue.pii, issue.of_any_community) == (PiiKind.SENSITIVE_STATUS, True)


def test_residency_without_role_or_address_is_an_issue() -> None:
    (home,) = parse_people(person(houses=[{"xiaoqu": "10002"}])).residencies
    assert [(issue.field, issue.problem) for issue in home.house.data_issues] == [
        (part, DataProblem.MISSING) for part in ("building", "unit", "floor", "room")
    ]
    assert [(issue.field, issue.problem) for issue in home.data_issues] == [("role", DataProblem.MISSING)]


def test_owner_without_a_phone_has_an_issue() -> None:
    found = parse_owner(owner(people_phone=None))
    assert (found.phone, found.data_issues[0].field, found.data_issues[0].pii) == (None, "phone", PiiKind.PHONE)


def test_personal_issues_carry_their_kind_and_platform() -> None:
    row = person(people_name=["李"], people_phone={}, people_idcard=[], people_address=[], people_photo=[])
    kinds = {issue.field: (issue.pii, issue.platform) for issue in parse_people(row).data_issues}
    assert kinds == {
        "name": (PiiKind.NAME, PlatformName.SECURITY),
        "phone": (PiiKind.PHONE, PlatformName.SECURITY),
        "idCard": (PiiKind.ID_CARD, PlatformName.SECURITY),
        "registeredAddress": (PiiKind.ADDRESS, PlatformName.SECURITY),
        "photo": (PiiKind.PHOTO, PlatformName.SECURITY),
    }
    found = parse_shenhe(review(shenhe_content=content({"people_name": ["李"]})), "10002")
    (issue,) = found.content.people.data_issues
    assert (issue.field, issue.raw, issue.platform, issue.pii) == ("name", '["李"]', PlatformName.WJDH, PiiKind.NAME)
    (issue,) = parse_repair(repair(name=["李"], date="2020年12月18日12:30:13"), "10002").data_issues
    assert (issue.field, issue.pii) == ("reporter.name", PiiKind.NAME)


def test_module_without_a_name_is_left_out() -> None:
    assert parse_modules([module(module_name=None), module(module_name=" "), 5, module()], "00001") == parse_modules(
        [module()], "00001"
    )


@pytest.mark.parametrize("data", [[None], ["绑定房屋"], [{"name": "绑定房屋"}], {"00001": {"绑定房屋": "1"}}])
def test_rows_that_are_not_modules_are_refused(data: object) -> None:
    with pytest.raises(ShapeError):
        parse_modules(data, "00001")


def test_order_without_an_id_is_none() -> None:
    assert parse_order({"number": "1"}, "10002") is None
    assert parse_order(None, "10002") is None


def test_documented_list_example_reads_except_old_numbers() -> None:
    """Example 1.2.2.4 with its JSON repaired (quirks 1, 2)."""
    old = content(
        {"people_sex": 2, "people_birth": 723052800, "people_zhengzhimianmao": "1", "people_photo": "www"},
        {
            "id": "1",
            "community_identifier": "1",
            "people_house_role": 1,
            "people_house_status": "1",
            "people_house_use": "1",
            "people_house_xingzhi": "1",
            "people_house_type": "1",
        },
    )
    found = parse_shenhe(review(shenhe_content=json.dumps(old)), "10002")
    assert found.data_issues == ()
    assert (found.content.people.sex, found.content.people.name) == (Sex.MALE, "李明")
    assert {issue.field for issue in found.content.people.data_issues} == {"sex", "politicalStatus"}
    assert {issue.field for issue in found.content.house.data_issues} == {
        "role",
        "status",
        "use",
        "ownership",
        "occupantType",
    }
    issues = (*found.content.people.data_issues, *found.content.house.data_issues)
    assert {issue.problem for issue in issues} == {DataProblem.LEGACY_CODE}
