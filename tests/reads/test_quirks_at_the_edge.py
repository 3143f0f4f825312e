"""Numbered quirks that need a whole query: lists, filters and joins."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.wjdh import context
from gateway.sandbox.wjdh import shenhe as shenhe_endpoints

IDS = "totalCount nodes { platformId }"


def ids(connection):
    return [node["platformId"] for node in connection["nodes"]]


ROOM_101 = {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101", "people_house_role": "业主"}


def send_houses(sandbox, *houses):
    """Have the security platform answer every people look-up with these houses."""
    person = {"people_name": "王芳", "people_phone": "19900000002", "houses": houses}
    body = json.dumps({"code": 0, "data": person}).encode()
    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.BODY, body=body))


def forms(sandbox, endpoint):
    return [call.form for call in sandbox.calls if call.endpoint == endpoint]


@pytest.mark.parametrize(
    "row",
    [
        '{"id": 1, "shenhe_content": "{"people":{"user_id":1}}", "shenhe_status": 2}',
        '{"id": 1, "shenhe_status": "等待审核, "created_at": "2020年11月18日11:01:46"}',
    ],
)
async def test_quirk_1_2_invalid_json_is_a_protocol_error(gateway, sandbox, row):
    body = f'{{"data": [{row}], "links": {{}}, "meta": {{"total": 1}}}}'
    sandbox.faults.set("WJDH", "shenheList", Fault(FaultKind.BODY, body=body.encode()))
    answer = await gateway.ask(f'{{ shenhes(communityCode: "10002") {{ {IDS} }} }}')
    assert answer.partial == {"shenhes": None}
    assert (answer.code, answer.error["extensions"]["endpoint"]) == ("UPSTREAM_PROTOCOL", "shenheList")


@pytest.mark.parametrize(
    ("code", "problem"), [(None, "MISSING"), ("", "MISSING"), (1.5, "MALFORMED"), ("１", "MALFORMED")]
)
async def test_residency_of_unknown_community_is_an_issue(gateway, sandbox, mint, code, problem):
    house = ROOM_101 | {"xiaoqu": code}
    send_houses(sandbox, house)
    query = """{ people(name: "王芳", phone: "19900000002") { residencies { house { communityCode owner { phone } } }
        maskedFields dataIssues { field problem raw masked } } }"""
    shown = (await gateway.ask(query)).data["people"]
    assert (shown["residencies"], shown["maskedFields"]) == ([], [])
    (issue,) = shown["dataIssues"]
    assert (issue["field"], issue["problem"], json.loads(issue["raw"])) == ("residencies", problem, house)
    hidden = (await gateway.ask(query, token=mint(communities=["10002"]))).data["people"]
    assert hidden["residencies"] == []
    assert hidden["dataIssues"] == [{"field": "residencies", "problem": problem, "raw": None, "masked": True}]
    assert set(sandbox.counts()) == {("SECURITY", "token"), ("SECURITY", "people")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"fangjian": "101A"}, {"fangjian": "102B"}),
        ({"fangjian": 101.5}, {"fangjian": "102.5"}),
        ({"louhao": "东1"}, {"louhao": "西1"}),
        ({"fangjian": "101A", "house_number": "A"}, {"fangjian": "102B", "house_number": "A"}),
        ({"fangjian": None, "people_house_status": "自用"}, {"fangjian": None, "people_house_status": "租用"}),
    ],
)
async def test_houses_with_unreadable_parts_have_own_ids(gateway, sandbox, one, other):
    house = ROOM_101 | {"xiaoqu": "10002"}
    send_houses(sandbox, house, house | one, house | other, house | one)
    answer = await gateway.ask('{ people(name: "王芳", phone: "19900000002") { residencies { house { id } } } }')

    readable, first, second, again = (each["house"]["id"] for each in answer.data["people"]["residencies"])

    assert len({readable, first, second}) == 3
    assert again == first
    assert readable == gateway.parts.ids.encode("House", "10002", 1, 1, 1, 101)


async def test_quirk_138_rows_without_a_total_are_an_error(gateway, sandbox):
    body = b'{"code": 0, "data": [{"id": 4, "number": "20201213104757994398", "title": "1"}], "pages": null}'
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.BODY, body=body))
    answer = await gateway.ask('{ community(code: "10002") { summary { unpaidOrders } orders { totalCount } } }')
    assert answer.partial == {"community": {"summary": {"unpaidOrders": None}, "orders": None}}
    assert {error["extensions"]["code"] for error in answer.errors} == {"UPSTREAM_PROTOCOL"}


@pytest.mark.parametrize(
    ("field", "platform", "endpoint", "nothing"),
    [
        ('modules(communityCode: "10002") { name }', "WJDH", "modules", {"modules": []}),
        ("communities { code }", "SECURITY", "modules-sync", {"communities": []}),
        ('people(name: "王芳", phone: "19900000002") { name }', "SECURITY", "people", {"people": None}),
        (
            'house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) { owner { phone } }',
            "SECURITY",
            "owner",
            {"house": {"owner": None}},
        ),
    ],
)
async def test_quirk_24_32_success_without_data_is_an_error(gateway, sandbox, field, platform, endpoint, nothing):
    for body in ('{"code": "0", "msg": "token获取成功", "token": "E10A78Q0TAjs5Yh"}', '{"code": 0, "Data": [{}]}'):
        sandbox.faults.set(platform, endpoint, Fault(FaultKind.BODY, body=body.encode()))
        answer = await gateway.ask(f"{{ {field} }}")
        assert (answer.code, answer.error["extensions"]["endpoint"]) == ("UPSTREAM_PROTOCOL", endpoint)
    sandbox.faults.set(platform, endpoint, Fault(FaultKind.BODY, body=b'{"code": 0, "data": null}'))
    assert (await gateway.ask(f"{{ {field} }}")).data == nothing


async def test_quirk_138_total_without_rows_is_an_error(gateway, sandbox):
    pages = {"current_page": 1, "last_page": 2, "per_page": 15, "total": 17}
    bodies = {
        "shenheList": {"data": [], "meta": pages},
        "order/list": {"code": 0, "pages": pages},
        "repair/list": {"code": 0, "data": {"repairs": [], "pages": pages}},
    }
    for endpoint, body in bodies.items():
        sandbox.faults.set("WJDH", endpoint, Fault(FaultKind.BODY, body=json.dumps(body).encode()))
    answer = await gateway.ask(
        f"""{{ shenhes(communityCode: "10002") {{ {IDS} }} orders(communityCode: "10002") {{ {IDS} }}
            repairs(communityCode: "10002") {{ {IDS} }} }}"""
    )
    assert answer.partial == {"shenhes": None, "orders": None, "repairs": None}
    assert {error["extensions"]["endpoint"] for error in answer.errors} == set(bodies)
    assert {error["extensions"]["code"] for error in answer.errors} == {"UPSTREAM_PROTOCOL"}


async def test_quirk_65_167_non_code_is_no_community(gateway, sandbox):
    data = {"10002": {"绑定房屋": "1"}, "晨曦家园": {"绑定房屋": "1"}, "10002-3": {"绑定房屋": "1"}}
    body = json.dumps({"code": 0, "data": data}).encode()
    sandbox.faults.set("SECURITY", "modules-sync", Fault(FaultKind.BODY, body=body))
    answer = await gateway.ask("{ communities { code modules { name } } }")
    assert [community["code"] for community in answer.data["communities"]] == ["10002"]
    sandbox.faults.set("SECURITY", "modules-sync", Fault(FaultKind.BODY, body=b'{"code": 0, "data": {"error": "1"}}'))
    answer = await gateway.ask("{ communities { code } }")
    assert (answer.partial, answer.code) == ({"communities": None}, "UPSTREAM_PROTOCOL")


async def test_quirk_27_29_30_other_code_is_a_refusal(gateway, sandbox):
    fields = (
        ('modules(communityCode: "10002") { name }', "WJDH", "modules"),
        ('repairs(communityCode: "10002") { totalCount }', "WJDH", "repair/list"),
        ('shenhes(communityCode: "10002") { totalCount }', "WJDH", "shenheList"),
        ('people(name: "王芳", phone: "19900000002") { name }', "SECURITY", "people"),
        ("communities { code }", "SECURITY", "modules-sync"),
    )
    for field, platform, endpoint in fields:
        for code in ("7", '"7"'):
            body = f'{{"code": {code}, "msg": "暂停服务", "message": "message编码Se104 user表", "data": []}}'
            sandbox.faults.set(platform, endpoint, Fault(FaultKind.BODY, body=body.encode()))
            answer = await gateway.ask(f"{{ {field} }}")
            extensions = answer.error["extensions"]
            assert set(answer.partial.values()) == {None}
            assert (extensions["code"], extensions["upstreamCode"]) == ("UPSTREAM_REFUSED", 7)
            assert (extensions["platform"], extensions["endpoint"]) == (platform, endpoint)
            assert extensions["upstreamMessage"] == "暂停服务"
            assert "Se104" not in answer.response.text


@pytest.mark.parametrize("code", ["1" + "0" * 20, "1e300", '"' + "9" * 18 + '"'])
async def test_quirk_9_huge_code_costs_only_its_field(gateway, sandbox, code):
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.BODY, body=f'{{"code": {code}, "data": []}}'.encode()))
    answer = await gateway.ask(
        '{ modules(communityCode: "10002") { name } repairs(communityCode: "10002") { totalCount } }'
    )
    assert answer.partial["modules"] is None
    assert answer.partial["repairs"]["totalCount"] > 0
    assert (answer.code, answer.error["path"]) == ("UPSTREAM_PROTOCOL", ["modules"])


async def test_quirk_28_refused_community_is_not_asked_again(gateway, sandbox):
    answer = await gateway.ask('{ shenhes(communityCode: "00003") { totalCount } }')
    assert answer.partial == {"shenhes": None}
    assert (answer.code, answer.error["extensions"]["retryable"]) == ("UPSTREAM_FORBIDDEN_COMMUNITY", False)
    assert sandbox.count("WJDH", "shenheList") == 1


async def test_quirk_58_platform_page_addresses_are_hidden(gateway):
    answer = await gateway.ask(
        """{ shenhes(communityCode: "10002") { pageInfo { hasNextPage endCursor } nodes { id } }
             orders(communityCode: "10002") { pageInfo { hasNextPage endCursor } nodes { id } }
             repairs(communityCode: "10002") { pageInfo { hasNextPage endCursor } nodes { id } } }"""
    )
    assert all(connection["nodes"] for connection in answer.data.values())
    assert not any(host in answer.response.text for host in ("http", "laravel7", "tc.mg.cool", "wjdh-platform"))


async def test_quirk_64_each_endpoint_names_community_its_way(gateway, sandbox):
    await gateway.ask(
        """{ community(code: "00001") {
          modules { name } shenhes { totalCount } orders { totalCount } repairs { totalCount }
          house(building: 1, unit: 1, floor: 1, room: 101) { owner { phone } } } }"""
    )
    words = {"shenheList": "community_identifier", "owner": "community_identifier"}
    for endpoint in ("modules", "shenheList", "order/list", "repair/list", "owner"):
        for form in forms(sandbox, endpoint):
            assert form[words.get(endpoint, "xiaoqu")] == "00001"
            assert not {"xiaoqu", "community_identifier"} - {words.get(endpoint, "xiaoqu")} & form.keys()


async def test_quirk_67_75_house_is_spelt_per_endpoint(gateway, sandbox):
    await gateway.ask(
        """{ house(address: {communityCode: "10002", building: 1, unit: 1, floor: 2, room: 201}) {
               owner { phone } orders { totalCount } } }"""
    )
    (owner,), (orders,) = forms(sandbox, "owner"), forms(sandbox, "order/list")
    wanted = ["1", "1", "2", "201"]
    assert [owner[name] for name in ("building_number", "unit_number", "floor_number", "house_number")] == wanted
    assert [orders[name] for name in ("louhao", "danyuan", "louceng", "fangjian")] == wanted


async def test_quirk_78_blanks_around_search_values_are_removed(gateway, sandbox):
    order = next(order for order in sandbox.world.orders_of["10002"] if order.payer and not order.house)
    given = {"name": order.payer.name, "phone": order.payer.phone, "idCard": order.payer.id_card}
    query = f"""query Orders($number: String!, $filter: OrderFilter) {{
        order(communityCode: "10002", number: $number) {{ platformId }}
        orders(communityCode: "10002", filter: $filter) {{ {IDS} }}
        people(name: "王芳 ", phone: "\u300019900000002") {{ name }} }}"""
    padded = {"number": f" {order.number}\n", "filter": {key: f" {value}\u3000" for key, value in given.items()}}
    data = (await gateway.ask(query, padded)).data
    assert data["order"] == {"platformId": order.id}
    assert order.id in ids(data["orders"])
    assert data["people"] == {"name": "王芳"}
    asked = [form for form in forms(sandbox, "order/list") if "phone" in form]
    assert [(form["name"], form["phone"], form["idcard"]) for form in asked] == [tuple(given.values())]


async def test_quirk_83_member_of_own_house_causes_no_loop(gateway, sandbox):
    query = """{ people(name: "王芳", phone: "19900000002") { name residencies { members {
        name role people { name residencies { house { address owner { phone } } } } } } } }"""
    people = (await gateway.ask(query)).data["people"]
    members = [member for each in people["residencies"] for member in each["members"]]
    assert ("王芳", "OWNER") in {(member["name"], member["role"]) for member in members}
    asked = [(form["name"], form["phone"]) for form in forms(sandbox, "people")]
    assert len(asked) == len(set(asked))


async def test_quirk_142_new_order_between_pages_repeats_no_row(gateway, sandbox, monkeypatch):
    newest = sandbox.world.orders_of["10002"][-1]
    before = [order.id for order in reversed(sandbox.world.orders_of["10002"])]
    take, calls = sandbox.faults.take, []

    def order_comes_in(platform, endpoint):
        calls.append(endpoint.name)
        if calls.count("order/list") == 2:
            sandbox.world.add_order(replace(newest, id=5000, number="20301213104759976889"))
        return take(platform, endpoint)

    monkeypatch.setattr(sandbox.faults, "take", order_comes_in)

    answer = await gateway.ask(f'{{ orders(communityCode: "10002", first: 20) {{ {IDS} }} }}')

    assert ids(answer.data["orders"]) == before[:20]


async def test_quirk_143_smaller_page_size_is_accepted(gateway, sandbox, monkeypatch):
    page_in = context.page_in

    def ten_at_most(form, default):
        page, per_page = page_in(form, default)
        return page, min(per_page, 10)

    monkeypatch.setattr(shenhe_endpoints, "page_in", ten_at_most)
    wanted = [review.id for review in sandbox.world.shenhes_of["10002"]]
    for first, page in ((25, 1), (25, 2), (12, 2), (100, 1), (7, 4)):
        query = f'{{ shenhes(communityCode: "10002", first: {first}, page: {page}) {{ {IDS} }} }}'
        found = (await gateway.ask(query)).data["shenhes"]
        assert ids(found) == wanted[(page - 1) * first : page * first]
        assert found["totalCount"] == len(wanted)


async def test_quirk_149_personal_orders_have_no_house(gateway):
    query = """{ house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) {
        orders(first: 50) { nodes { house { address } } } }
      orders(communityCode: "10002", first: 100) { nodes { address house { address } } } }"""
    data = (await gateway.ask(query)).data
    assert {order["house"]["address"] for order in data["house"]["orders"]["nodes"]} == {"10002 1-1-1-101"}
    personal = [order for order in data["orders"]["nodes"] if order["address"] is None]
    assert personal
    assert all(order["house"] is None for order in personal)


class TestSmallPages:
    @pytest.fixture
    def sandbox(self, sandbox):
        sandbox.options = replace(sandbox.options, orders_per_page=1)
        sandbox.reset()
        return sandbox

    async def test_quirk_150_order_beyond_search_limit_is_an_error(self, gateway, sandbox):
        orders = sandbox.world.orders_of["10002"]
        orders.reverse()  # the list is not newest first
        near, far = orders[-40].number, orders[0].number
        assert (await gateway.ask(ORDER_SEARCH, {"number": near})).data == {"order": {"number": near}}
        sandbox.reset_calls()
        answer = await gateway.ask(ORDER_SEARCH, {"number": far})
        assert answer.partial == {"order": None}
        assert answer.code == "QUERY_TOO_COMPLEX"
        assert sandbox.count("WJDH", "order/list") == 40

    async def test_quirk_150_order_is_found_by_halves(self, gateway, sandbox):
        orders = sandbox.world.orders_of["10002"]
        start, pattern = datetime(2015, 1, 1, tzinfo=UTC), orders[0]
        orders[:] = [
            replace(pattern, id=place + 1, number=f"{start + timedelta(hours=place // 3):%Y%m%d%H%M%S}{place:06}")
            for place in range(200)  # three in one second
        ]
        calls = []
        for order in orders:
            sandbox.reset_calls()
            assert (await gateway.ask(ORDER_SEARCH, {"number": order.number})).data == {
                "order": {"number": order.number}
            }
            calls.append(sandbox.count("WJDH", "order/list"))
        sandbox.reset_calls()
        missing = await gateway.ask(ORDER_SEARCH, {"number": orders[100].number[:14] + "999999"})

        assert missing.data == {"order": None}
        assert sandbox.count("WJDH", "order/list") <= 40 + 11
        assert max(calls) <= 11
        assert sum(calls) <= 8.5 * len(calls)


ORDER_SEARCH = 'query Order($number: String!) { order(communityCode: "10002", number: $number) { number } }'


async def test_quirk_153_communities_of_a_query_fail_separately(gateway):
    communities = " ".join(
        f'c{code}: community(code: "{code}") {{ orders(first: 1) {{ totalCount }} }}'
        for code in ("10002", "00001", "00003")
    )
    answer = await gateway.ask(f"{{ {communities} }}")
    assert answer.partial["c10002"]["orders"] == {"totalCount": 60}
    assert answer.partial["c00001"]["orders"] == {"totalCount": 32}
    assert answer.partial["c00003"]["orders"] is None
    assert answer.error["path"] == ["c00003", "orders"]


async def test_quirk_164_payment_status_and_notification_differ(gateway, sandbox):
    order = next(order for order in reversed(sandbox.world.orders_of["10002"]) if not order.is_paid)
    write = """mutation Pay($number: String!) {
      payCallback(input: {orderNumber: $number, shopNumber: "1900000109", weixinNumber: "4200000202"}) { outcome } }"""
    query = """query Order($number: String!) {
      order(communityCode: "10002", number: $number) { paymentStatus notification { shopNumber communityCode } } }"""
    await gateway.ask(write, {"number": order.number})
    found = (await gateway.ask(query, {"number": order.number})).data["order"]
    assert found["paymentStatus"] == "UNPAID"
    assert found["notification"]["shopNumber"] == "1900000109"


async def test_quirk_166_167_module_drift_has_both_sides(gateway, sandbox):
    query = """query Drift($code: ID!) { community(code: $code) {
        modules { name enabled } moduleDrift { name wjdh security } } }"""
    world = sandbox.world
    for code in ("00001", "00002", "10003"):
        community = (await gateway.ask(query, {"code": code})).data["community"]
        switched = {module["name"]: module["enabled"] for module in community["modules"]}
        truth = {module.name: module.enabled for module in world.modules_of[code]}
        assert sorted(switched.values()) == sorted(truth.values())
        for each in community["moduleDrift"]:
            assert each["wjdh"] == switched.get(each["name"])
            assert each["wjdh"] != each["security"]
    unknown = (await gateway.ask(query, {"code": "10002"})).data["community"]
    assert len(unknown["modules"]) == 9
    assert unknown["moduleDrift"] is None


async def test_unreadable_switches_are_no_agreement(gateway, sandbox):
    """Where not one of them is readable nothing is known, and 0 would be wrong."""
    query = """{ community(code: "00001") { moduleDrift { name } summary { disabledModules } } }"""
    rows = [{"module_name": name, "module_status": "某状态"} for name in ("绑定房屋", "生活缴费")]
    for endpoint, platform, data in (
        ("modules-sync", "SECURITY", {"00001": {"绑定房屋": "某状态", "生活缴费": "某状态"}}),
        ("modules", "WJDH", rows),
    ):
        body = json.dumps({"code": 0, "data": data}).encode()
        sandbox.faults.set(platform, endpoint, Fault(FaultKind.BODY, body=body))
    assert (await gateway.ask(query)).data["community"] == {"moduleDrift": None, "summary": {"disabledModules": None}}


@pytest.mark.parametrize(
    "texts",
    [
        '"msg": "您没有权限管理该小区，请核对授权信息", "message": "（message编码Se104）"',
        '"msg": "操作失败", "message": "该小区没有授权给该安防平台管理员权限（message编码Repairs121）"',
        '"msg": "无权访问该小区"',
    ],
)
@pytest.mark.parametrize(
    ("field", "endpoint"),
    [
        ("shenhes", "shenheList"),
        ("repairs(filter: {status: OPEN})", "repair/list"),
        ("orders", "order/list"),
        ("modules", "modules"),
    ],
)
async def test_quirk_46_community_not_authorised_has_its_own_code(gateway, sandbox, field, endpoint, texts):
    body = f'{{"code": "1", "token_expired": "1", {texts}}}'
    sandbox.faults.set("WJDH", endpoint, Fault(FaultKind.BODY, body=body.encode()))

    selection = "name" if field == "modules" else "totalCount"
    answer = await gateway.ask(f'{{ community(code: "10002") {{ code {field} {{ {selection} }} }} }}')

    name = field.partition("(")[0]
    assert answer.partial["community"] == {"code": "10002", name: None}
    assert answer.code == "UPSTREAM_FORBIDDEN_COMMUNITY"
    assert answer.error["message"] == "The platform has not authorised the gateway's account for this community."
    assert answer.error["extensions"]["retryable"] is False
    assert answer.error["extensions"]["upstreamCode"] == 1
    assert "Se104" not in answer.response.text
    assert sandbox.count("WJDH", endpoint) == 1


@pytest.mark.parametrize(
    "msg", ["您没有权限", "服务器开小差，请重试", "小区功能未授权用户使用前须登记", "该用户没有权限"]
)
async def test_quirk_46_other_refusals_keep_their_code(gateway, sandbox, msg):
    body = f'{{"code": 1, "msg": "{msg}"}}'
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.BODY, body=body.encode()))

    assert (await gateway.ask('{ modules(communityCode: "10002") { name } }')).code == "UPSTREAM_REFUSED"


@pytest.mark.parametrize("spelt", ["+8619900000001", "199 0000 0001"])
async def test_quirk_78_mobile_phone_is_looked_up_as_11_digits(gateway, sandbox, spelt):
    world = sandbox.world
    repair = world.repairs_of["10002"][0]
    repair.name, repair.phone, repair.is_resolved = "李明", spelt, False
    repairs = '{ repairs(communityCode: "10002", first: 1) { nodes { reporter { phone people { name } } } } }'
    (found,) = (await gateway.ask(repairs)).data["repairs"]["nodes"]
    assert found["reporter"] == {"phone": spelt, "people": {"name": "李明"}}

    resident = world.residents["李明", "19900000001"]
    orders = '{ people(name: "李明", phone: "19900000001") { phone orders(communityCode: "10002") { totalCount } } }'
    before = (await gateway.ask(orders)).data["people"]["orders"]
    resident.person = replace(resident.person, phone=spelt)
    after = (await gateway.ask(orders, headers={"Cache-Control": "no-cache"})).data["people"]
    assert before["totalCount"] > 0
    assert after == {"phone": spelt, "orders": before}


async def test_quirk_175_record_by_id_has_its_list_community(gateway, sandbox):
    for name, field in (("shenhes", "shenhe"), ("repairs", "repair")):
        listed = await gateway.ask(f'{{ {name}(communityCode: "00001", first: 1) {{ nodes {{ id }} }} }}')
        node_id = listed.data[name]["nodes"][0]["id"]
        one = await gateway.ask(f"query One($id: ID!) {{ {field}(id: $id) {{ id communityCode }} }}", {"id": node_id})
        assert one.data[field] == {"id": node_id, "communityCode": "00001"}


async def test_quirk_183_person_lookup_needs_name_and_phone(gateway, sandbox):
    repair = sandbox.world.repairs_of["10002"][0]
    repair.name = ""
    query = '{ repairs(communityCode: "10002", first: 1) { nodes { reporter { phone people { name } } } } }'
    (found,) = (await gateway.ask(query)).data["repairs"]["nodes"]
    assert found["reporter"] == {"phone": repair.phone, "people": None}
    assert sandbox.count("SECURITY", "people") == 0
    for form in ({"name": "王芳", "phone": "19900000001"}, {"name": "王方", "phone": "19900000002"}):
        asked = "query P($name: String!, $phone: String!) { people(name: $name, phone: $phone) { name } }"
        assert (await gateway.ask(asked, form)).data == {"people": None}
