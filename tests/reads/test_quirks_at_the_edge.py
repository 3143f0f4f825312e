"""Numbered quirks that need a whole query: lists, filters and joins."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from platform_answers import send
from platform_rows import repair
from quirks import CASES, Case, described

UNCACHED = {"Cache-Control": "no-cache"}
IDS = "totalCount nodes { platformId }"


def ids(connection):
    return [node["platformId"] for node in connection["nodes"]]


ROOM_101 = {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101", "people_house_role": "业主"}


def send_houses(sandbox, *houses):
    """Have the security platform answer every people look-up with these houses."""
    person = {"people_name": "王芳", "people_phone": "19900000002", "houses": houses}
    send(sandbox, "SECURITY", "people", {"code": 0, "data": person})


def forms(sandbox, endpoint):
    return [call.form for call in sandbox.calls if call.endpoint == endpoint]


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


HOUSE_FIELDS = "communityCode building unit floor room address use"
PERSON_FIELDS = """name phone idCard sex nation birthDate registeredAddress photo politicalStatus isVeteran
    receivesSubsistenceAllowance isPetitioner jobName companyName"""
ISSUES = "dataIssues { field problem raw }"
PEOPLE = f"""people(name: "王芳", phone: "19900000002") {{ {PERSON_FIELDS} {ISSUES}
    residencies {{ role occupantType {ISSUES} house {{ {HOUSE_FIELDS} {ISSUES} }}
    members {{ name role idCard {ISSUES} }} }} }}"""
REVIEWS = f"""shenhes(communityCode: "10002", first: 1) {{ nodes {{ platformId type status createdAt actionIntroduction
    {ISSUES} content {{ userId raw people {{ userId {PERSON_FIELDS} {ISSUES} }}
    house {{ communityCode building unit floor room role {ISSUES} house {{ {HOUSE_FIELDS} }} }} }} }} }}"""
ORDERS = f"""orders(communityCode: "10002", first: 1) {{ nodes {{ number createdAt title feeType status
    amount {{ yuan fen text }} paymentStatus remark shopNumber details {{ name value }} address
    house {{ {HOUSE_FIELDS} }} {ISSUES} }} }}"""
REPAIRS = f"""repairs(communityCode: "10002", first: 1) {{ nodes {{ description status reply reporter {{ name phone }}
    {ISSUES} }} }}"""
HOUSE = 'house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101})'
OWNERS = f"{HOUSE} {{ owner {{ phone role {ISSUES} }} }}"
MODULES = f'modules(communityCode: "00001") {{ communityCode name label enabled {ISSUES} }}'
ONE = {"current_page": 1, "last_page": 1, "per_page": 1, "total": 1}
SERVED: dict[str, tuple[str, str, str, str, Any]] = {
    "order": ("WJDH", "order/list", ORDERS, "orders.nodes.0", lambda row: {"data": [row], "pages": ONE}),
    "review": ("WJDH", "shenheList", REVIEWS, "shenhes.nodes.0", lambda row: {"data": [row], "meta": ONE}),
    "repair": (
        "WJDH",
        "repair/list",
        REPAIRS,
        "repairs.nodes.0",
        lambda row: {"data": {"repairs": [row], "pages": ONE}},
    ),
    "module": ("WJDH", "modules", MODULES, "modules.0", lambda row: {"data": [row]}),
    "person": ("SECURITY", "people", PEOPLE, "people", lambda row: {"data": row}),
    "owner": ("SECURITY", "owner", OWNERS, "house.owner", lambda row: {"data": row}),
}
SERVED |= {"residency": SERVED["person"], "applicant": SERVED["review"], "applied_house": SERVED["review"]}


def at(value, path):
    for name in path.split("."):
        value = len(value) if name == "#" else value[int(name) if name.isdigit() else name]
    return value


def issues_within(value):
    if isinstance(value, list):
        return sorted(issue for item in value for issue in issues_within(item))
    if not isinstance(value, dict):
        return []
    own = [described(issue["field"], issue["problem"], issue["raw"]) for issue in value.get("dataIssues", ())]
    return sorted([*own, *(issue for part in value.values() for issue in issues_within(part))])


@pytest.mark.parametrize("kind", SERVED)
async def test_value_is_shown_as_its_quirk_says(gateway, sandbox, mint, kind):
    """Each is asked for by another caller: one may look up so many people a minute."""
    platform, endpoint, query, place, answer_with = SERVED[kind]
    wrong = []
    for number, case in enumerate(case for case in CASES if case.kind == kind):
        send(sandbox, platform, endpoint, {"code": 0, **answer_with(case.row)})
        answer = await gateway.ask(f"{{ {query} }}", token=mint(subject=str(number)))
        record = at(answer.data, place)
        shown = case.read(partial(at, record))
        if (shown, issues_within(record)) != (case.shown, sorted(case.issues)):
            wrong.append((case.sent, shown, issues_within(record)))
    assert wrong == []


PERSON = ("name", "phone", "idcard", "birth", "address", "photo", "zhengzhimianmao", "tuiyijunren", "dibao")
ODD_PERSON = {f"people_{key}": ["李"] for key in PERSON}
ODD: dict[str, dict[str, Any]] = {
    "person": ODD_PERSON | {"houses": ["李"]},
    "applicant": ODD_PERSON,
    "residency": {"members": "李"},
    "owner": {"people_phone": ["李"]},
    "repair": {"name": ["李"], "phone": ["李"]},
    "review": {"shenhe_content": '["李"]'},
}


@pytest.mark.parametrize("kind", ODD)
async def test_issue_of_a_personal_field_is_masked_like_it(gateway, sandbox, mint, kind):
    platform, endpoint, query, place, answer_with = SERVED[kind]
    send(sandbox, platform, endpoint, {"code": 0, **answer_with(Case(None, kind, ODD[kind], {}).row)})
    answer = await gateway.ask(f"{{ {query} }}", token=mint(without=["pii:read"]))
    found = issues_within(at(answer.data, place))
    assert len(found) == len(ODD[kind])
    assert [issue for issue in found if "李" in issue] == []


async def test_quirk_131_only_a_single_repair_has_a_date(gateway, sandbox):
    missing = [{"field": "reportedAt", "problem": "MISSING"}]
    query = "query Repair($id: ID!) { repair(id: $id) { reportedAt dataIssues { field problem } } }"
    for sent, shown, found in (("2020年12月18日12:30:13", "2020-12-18T12:30:13+08:00", []), (None, None, missing)):
        send(sandbox, "WJDH", "repair", {"code": 0, "data": repair(date=sent)})
        answer = await gateway.ask(query, {"id": gateway.parts.ids.encode("Repair", "10002", 1)}, headers=UNCACHED)
        assert answer.data["repair"] == {"reportedAt": shown, "dataIssues": found}


FIELDS: dict[str, tuple[str, str, Any]] = {
    "modules": ("WJDH", 'modules(communityCode: "10002") { name }', {"modules": []}),
    "modules-sync": ("SECURITY", "communities { code }", {"communities": []}),
    "people": ("SECURITY", 'people(name: "王芳", phone: "19900000002") { name }', {"people": None}),
    "owner": ("SECURITY", f"{HOUSE} {{ owner {{ phone }} }}", {"house": {"owner": None}}),
}


@pytest.mark.parametrize("endpoint", FIELDS)
async def test_quirk_24_32_success_without_data_is_an_error(gateway, sandbox, endpoint):
    platform, field, nothing = FIELDS[endpoint]
    for body in ({"code": "0", "msg": "token获取成功", "token": "E10A78Q0TAjs5Yh"}, {"code": 0, "Data": [{}]}):
        send(sandbox, platform, endpoint, body)
        answer = await gateway.ask(f"{{ {field} }}")
        assert (answer.code, answer.error["extensions"]["endpoint"]) == ("UPSTREAM_PROTOCOL", endpoint)
    send(sandbox, platform, endpoint, {"code": 0, "data": None})
    assert (await gateway.ask(f"{{ {field} }}")).data == nothing


async def test_quirk_65_167_non_code_is_no_community(gateway, sandbox):
    data = {"10002": {"绑定房屋": "1"}, "晨曦家园": {"绑定房屋": "1"}, "10002-3": {"绑定房屋": "1"}}
    send(sandbox, "SECURITY", "modules-sync", {"code": 0, "data": data})
    answer = await gateway.ask("{ communities { code modules { name } } }")
    assert [community["code"] for community in answer.data["communities"]] == ["10002"]
    send(sandbox, "SECURITY", "modules-sync", {"code": 0, "data": {"error": "1"}})
    answer = await gateway.ask("{ communities { code } }")
    assert (answer.partial, answer.code) == ({"communities": None}, "UPSTREAM_PROTOCOL")


async def test_quirk_27_29_30_other_code_is_a_refusal(gateway, sandbox):
    lists = {"repair/list": "repairs", "shenheList": "shenhes"}
    fields = {
        endpoint: ("WJDH", f'{name}(communityCode: "10002") {{ totalCount }}') for endpoint, name in lists.items()
    }
    for endpoint, (platform, field, *_) in (FIELDS | fields).items():
        for code in (7, "7"):
            body = {"code": code, "msg": "暂停服务", "message": "message编码Se104 user表", "data": []}
            send(sandbox, platform, endpoint, body)
            answer = await gateway.ask(f"{{ {field} }}")
            extensions = answer.error["extensions"]
            assert (extensions["code"], extensions["upstreamCode"]) == ("UPSTREAM_REFUSED", 7)
            assert (extensions["platform"], extensions["endpoint"]) == (platform, endpoint)
            assert extensions["upstreamMessage"] == "暂停服务"
            assert "Se104" not in answer.response.text


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


async def test_quirk_149_personal_orders_have_no_house(gateway):
    fields = "{ nodes { address house { address } } }"
    orders = f'orders(communityCode: "10002", first: 100) {fields}'
    data = (await gateway.ask(f"{{ {HOUSE} {{ orders(first: 50) {fields} }} {orders} }}")).data
    assert {order["house"]["address"] for order in data["house"]["orders"]["nodes"]} == {"10002 1栋1单元1楼101号"}
    personal = [order["house"] for order in data["orders"]["nodes"] if order["address"] is None]
    assert personal == [None] * len(personal) != []


ORDER_SEARCH = 'query Order($number: String!) { order(communityCode: "10002", number: $number) { number } }'


class TestSmallPages:
    @pytest.fixture
    def sandbox_options(self, sandbox_options):
        return replace(sandbox_options, orders_per_page=1)

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
        for number in (*(order.number for order in orders), orders[100].number[:14] + "999999"):
            sandbox.reset_calls()
            found = (await gateway.ask(ORDER_SEARCH, {"number": number})).data["order"]
            assert found == (None if number.endswith("999999") else {"number": number})
            calls.append(sandbox.count("WJDH", "order/list"))
        *calls, missing = calls
        assert missing <= 40 + 11
        assert max(calls) <= 11
        assert sum(calls) <= 8.5 * len(calls)


async def test_quirk_164_payment_status_and_notification_differ(gateway, sandbox):
    number = next(order.number for order in reversed(sandbox.world.orders_of["10002"]) if not order.is_paid)
    given = f'orderNumber: "{number}", shopNumber: "1900000109", weixinNumber: "4200000202"'
    await gateway.ask(f"mutation {{ payCallback(input: {{{given}}}) {{ outcome }} }}")
    fields = "paymentStatus notification { shopNumber }"
    found = await gateway.ask(f'{{ order(communityCode: "10002", number: "{number}") {{ {fields} }} }}')
    assert found.data["order"] == {"paymentStatus": "UNPAID", "notification": {"shopNumber": "1900000109"}}


async def test_quirk_166_167_module_drift_has_both_sides(gateway, sandbox):
    query = """query Drift($code: ID!) { community(code: $code) {
        modules { name enabled } moduleDrift { name wjdh security } } }"""
    for code in ("00001", "00002", "10003"):
        community = (await gateway.ask(query, {"code": code})).data["community"]
        switched = {module["name"]: module["enabled"] for module in community["modules"]}
        assert sorted(switched.values()) == sorted(module.enabled for module in sandbox.world.modules_of[code])
        for each in community["moduleDrift"]:
            assert each["wjdh"] == switched.get(each["name"])
            assert each["wjdh"] != each["security"]
    unknown = (await gateway.ask(query, {"code": "10002"})).data["community"]
    assert len(unknown["modules"]) == 9
    assert unknown["moduleDrift"] is None


UNREADABLE = dict.fromkeys(("绑定房屋", "生活缴费"), "某状态")
SWITCHES = [{"module_name": name, "module_status": status} for name, status in UNREADABLE.items()]


@pytest.mark.parametrize(
    ("platform", "endpoint", "data"),
    [("SECURITY", "modules-sync", {"00001": UNREADABLE}), ("WJDH", "modules", SWITCHES)],
)
async def test_unreadable_switches_are_no_agreement(gateway, sandbox, platform, endpoint, data):
    """Where not one of them is readable nothing is known, and an empty list or 0 would be wrong."""
    send(sandbox, platform, endpoint, {"code": 0, "data": data})
    query = """{ community(code: "00001") { moduleDrift { name } summary { disabledModules } } }"""
    community = (await gateway.ask(query)).data["community"]
    assert community["moduleDrift"] is None
    assert (community["summary"]["disabledModules"] is None) is (platform == "WJDH")


NOT_AUTHORISED = (
    {"msg": "您没有权限管理该小区，请核对授权信息", "message": "（message编码Se104）"},
    {"msg": "操作失败", "message": "该小区没有授权给该安防平台管理员权限（message编码Repairs121）"},
    {"msg": "无权访问该小区"},
)
LISTS = {
    "shenheList": "shenhes { totalCount }",
    "repair/list": "repairs(filter: {status: OPEN}) { totalCount }",
    "order/list": "orders { totalCount }",
    "modules": "modules { name }",
}


@pytest.mark.parametrize("endpoint", LISTS)
async def test_quirk_46_community_not_authorised_has_its_own_code(gateway, sandbox, endpoint):
    for texts in NOT_AUTHORISED:
        send(sandbox, "WJDH", endpoint, {"code": "1", "token_expired": "1", **texts})
        sandbox.reset_calls()
        answer = await gateway.ask(f'{{ community(code: "10002") {{ code list: {LISTS[endpoint]} }} }}')

        assert answer.partial["community"] == {"code": "10002", "list": None}
        assert answer.code == "UPSTREAM_FORBIDDEN_COMMUNITY"
        assert answer.error["message"] == "The platform has not authorised the gateway's account for this community."
        extensions = answer.error["extensions"]
        assert (extensions["retryable"], extensions["upstreamCode"]) == (False, 1)
        assert "Se104" not in answer.response.text
        assert sandbox.count("WJDH", endpoint) == 1


async def test_quirk_46_other_refusals_keep_their_code(gateway, sandbox):
    for msg in ("您没有权限", "服务器开小差，请重试", "小区功能未授权用户使用前须登记", "该用户没有权限"):
        send(sandbox, "WJDH", "modules", {"code": 1, "msg": msg})
        assert (await gateway.ask('{ modules(communityCode: "10002") { name } }')).code == "UPSTREAM_REFUSED", msg


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
    after = (await gateway.ask(orders, headers=UNCACHED)).data["people"]
    assert before["totalCount"] > 0
    assert after == {"phone": spelt, "orders": before}


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
