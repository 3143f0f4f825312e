"""Numbered quirks that need a whole query: lists, filters and joins."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any

from listed import ids, objects
from platform_answers import send
from platform_rows import repair
from quirks import CASES, Case, described

IDS = "totalCount nodes { platformId }"


ROOM_101 = {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101", "people_house_role": "业主"}


def send_houses(sandbox, *houses):
    """Have the security platform answer every people look-up with these houses."""
    person = {"people_name": "王芳", "people_phone": "19900000002", "houses": houses}
    send(sandbox, "SECURITY", "people", {"code": 0, "data": person})


def forms(sandbox, endpoint):
    return [call.form for call in sandbox.calls if call.endpoint == endpoint]


async def test_residency_of_unknown_community_is_an_issue(gateway, sandbox, mint):
    query = """{ people(name: "王芳", phone: "19900000002") { residencies { house { communityCode owner { phone } } }
        maskedFields dataIssues { field problem raw masked } } }"""
    for code, problem in ((None, "MISSING"), ("", "MISSING"), (1.5, "MALFORMED"), ("１", "MALFORMED")):
        house = ROOM_101 | {"xiaoqu": code}
        send_houses(sandbox, house)
        shown = (await gateway.ask(query)).data["people"]
        assert (shown["residencies"], shown["maskedFields"]) == ([], [])
        (issue,) = shown["dataIssues"]
        assert (issue["field"], issue["problem"], json.loads(issue["raw"])) == ("residencies", problem, house)
        hidden = (await gateway.ask(query, token=mint(communities=["10002"]))).data["people"]
        assert hidden["residencies"] == []
        assert hidden["dataIssues"] == [{"field": "residencies", "problem": problem, "raw": None, "masked": True}]
    assert set(sandbox.counts()) == {("SECURITY", "token"), ("SECURITY", "people")}


ODD_HOUSES = [
    ({"fangjian": "101A"}, {"fangjian": "102B"}),
    ({"fangjian": 101.5}, {"fangjian": "102.5"}),
    ({"louhao": "东1"}, {"louhao": "西1"}),
    ({"fangjian": "101A", "house_number": "A"}, {"fangjian": "102B", "house_number": "A"}),
    ({"fangjian": None, "people_house_status": "自用"}, {"fangjian": None, "people_house_status": "租用"}),
]


async def test_houses_with_unreadable_parts_have_own_ids(gateway, sandbox):
    house = ROOM_101 | {"xiaoqu": "10002"}
    for one, other in ODD_HOUSES:
        send_houses(sandbox, house, house | one, house | other, house | one)
        answer = await gateway.ask('{ people(name: "王芳", phone: "19900000002") { residencies { house { id } } } }')
        readable, first, second, again = (each["house"]["id"] for each in answer.data["people"]["residencies"])
        assert len({readable, first, second}) == 3, one
        assert again == first, one
        assert readable == gateway.parts.ids.encode("House", "10002", 1, 1, 1, 101)


HOUSE_FIELDS = "communityCode building unit floor room address use"
PERSON_FIELDS = """name phone idCard sex nation birthDate registeredAddress photo politicalStatus isVeteran
    receivesSubsistenceAllowance isPetitioner jobName companyName"""
ISSUES = "dataIssues { field problem raw platform masked }"
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
    found = [issue for each in objects(value) for issue in each["dataIssues"]]
    return sorted(described(issue["field"], issue["problem"], issue["raw"]) for issue in found)


async def test_value_is_shown_as_its_quirk_says(gateway, sandbox, mint):
    """Each is asked for by another caller: one may look up so many people a minute."""
    wrong = []
    for number, case in enumerate(CASES):
        platform, endpoint, query, place, answer_with = SERVED[case.kind]
        send(sandbox, platform, endpoint, {"code": 0, **answer_with(case.row)})
        answer = await gateway.ask(f"{{ {query} }}", token=mint(subject=str(number)))
        record = at(answer.data, place)
        shown = case.read(partial(at, record))
        if (shown, issues_within(record)) != (case.shown, sorted(case.issues)):
            wrong.append((case.sent, shown, issues_within(record)))
        origins = {(issue["platform"], issue["masked"]) for each in objects(record) for issue in each["dataIssues"]}
        assert origins == ({(platform, False)} if case.issues else set()), case
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


async def test_issue_of_a_personal_field_is_masked_like_it(gateway, sandbox, mint):
    for kind, odd in ODD.items():
        platform, endpoint, query, place, answer_with = SERVED[kind]
        send(sandbox, platform, endpoint, {"code": 0, **answer_with(Case(None, kind, odd, {}).row)})
        answer = await gateway.ask(f"{{ {query} }}", token=mint(without=["pii:read"]))
        found = issues_within(at(answer.data, place))
        assert len(found) == len(odd), kind
        assert [issue for issue in found if "李" in issue] == [], kind


async def test_quirk_131_only_a_single_repair_has_a_date(gateway, sandbox):
    missing = [{"field": "reportedAt", "problem": "MISSING"}]
    query = "query Repair($id: ID!) { repair(id: $id) { reportedAt dataIssues { field problem } } }"
    for sent, shown, found in (("2020年12月18日12:30:13", "2020-12-18T12:30:13+08:00", []), (None, None, missing)):
        send(sandbox, "WJDH", "repair", {"code": 0, "data": repair(date=sent)})
        answer = await gateway.ask(query, {"id": gateway.parts.ids.encode("Repair", "10002", 1)})
        assert answer.data["repair"] == {"reportedAt": shown, "dataIssues": found}


FIELDS: dict[str, tuple[str, str, Any]] = {
    "modules": ("WJDH", 'modules(communityCode: "10002") { name }', {"modules": []}),
    "modules-sync": ("SECURITY", "communities { code }", {"communities": []}),
    "people": ("SECURITY", 'people(name: "王芳", phone: "19900000002") { name }', {"people": None}),
    "owner": ("SECURITY", f"{HOUSE} {{ owner {{ phone }} }}", {"house": {"owner": None}}),
}
NO_DATA = ({"code": "0", "msg": "token获取成功", "token": "E10A78Q0TAjs5Yh"}, {"code": 0, "Data": [{}]})
LISTED = {"repair/list": "repairs", "shenheList": "shenhes", "order/list": "orders"}


async def test_quirk_24_32_success_without_data_is_an_error(gateway, sandbox):
    for endpoint, (platform, field, nothing) in FIELDS.items():
        for body in NO_DATA:
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
    lists = [(name, ("WJDH", f'{field}(communityCode: "10002") {{ totalCount }}')) for name, field in LISTED.items()]
    for endpoint, (platform, field, *_) in (*FIELDS.items(), *lists):
        told = None if endpoint == "order/list" else "获取成功"  # which of it is not fit to be shown (quirk 17)
        for code in (7, "7"):
            body = {"code": code, "msg": "获取成功", "message": "message编码Se104 user表", "data": [], "pages": None}
            send(sandbox, platform, endpoint, body)
            answer = await gateway.ask(f"{{ {field} }}")
            extensions = answer.error["extensions"]
            assert (extensions["code"], extensions["upstreamCode"]) == ("UPSTREAM_REFUSED", 7)
            assert (extensions["platform"], extensions["endpoint"]) == (platform, endpoint)
            assert extensions["upstreamMessage"] == told
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


async def test_quirk_150_order_beyond_search_limit_is_an_error(gateway, sandbox):
    sandbox.options = replace(sandbox.options, orders_per_page=1)
    sandbox.reset()
    orders = sandbox.world.orders_of["10002"]
    orders.reverse()  # the list is not newest first
    near, far = orders[-40].number, orders[0].number
    assert (await gateway.ask(ORDER_SEARCH, {"number": near})).data == {"order": {"number": near}}
    sandbox.reset_calls()
    answer = await gateway.ask(ORDER_SEARCH, {"number": far})
    assert (answer.partial, answer.code) == ({"order": None}, "QUERY_TOO_COMPLEX")
    assert sandbox.count("WJDH", "order/list") == 40

    sandbox.reset()
    orders = sandbox.world.orders_of["10002"]
    start, pattern = datetime(2015, 1, 1, tzinfo=UTC), orders[0]
    orders[:] = [
        replace(pattern, id=place + 1, number=f"{start + timedelta(hours=place // 3):%Y%m%d%H%M%S}{place:06}")
        for place in range(200)  # three in one second
    ]
    calls = []  # fewer where the list is in order: half of what is left each time
    for number in (*(order.number for order in orders[::2]), orders[100].number[:14] + "999999"):
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


async def test_unreadable_switches_are_no_agreement(gateway, sandbox):
    """Where not one of them is readable nothing is known, and an empty list or 0 would be wrong."""
    query = """{ community(code: "00001") { moduleDrift { name } summary { disabledModules } } }"""
    for place, data in ((("SECURITY", "modules-sync"), {"00001": UNREADABLE}), (("WJDH", "modules"), SWITCHES)):
        send(sandbox, *place, {"code": 0, "data": data})
        community = (await gateway.ask(query)).data["community"]
        sandbox.faults.clear()
        assert community["moduleDrift"] is None
        assert (community["summary"]["disabledModules"] is None) is (data is SWITCHES)


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


async def test_quirk_46_community_not_authorised_has_its_own_code(gateway, sandbox):
    for endpoint, texts in product(LISTS, NOT_AUTHORISED):
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
    for msg in ("您没有权限", "服务器开小差，请重试", "小区功能未授权用户使用前须登记", "该用户没有权限"):
        send(sandbox, "WJDH", "modules", {"code": 1, "msg": msg})
        assert (await gateway.ask('{ modules(communityCode: "10002") { name } }')).code == "UPSTREAM_REFUSED", msg


async def test_quirk_78_mobile_phone_is_looked_up_as_11_digits(gateway, sandbox):
    repairs = '{ repairs(communityCode: "10002", first: 1) { nodes { reporter { phone people { name } } } } }'
    orders = '{ people(name: "李明", phone: "19900000001") { phone orders(communityCode: "10002") { totalCount } } }'
    before = (await gateway.ask(orders)).data["people"]["orders"]
    assert before["totalCount"] > 0
    for spelt in ("+8619900000001", "199 0000 0001"):
        sandbox.reset()
        repair, resident = sandbox.world.repairs_of["10002"][0], sandbox.world.residents["李明", "19900000001"]
        repair.name, repair.phone, repair.is_resolved = "李明", spelt, False
        (found,) = (await gateway.ask(repairs)).data["repairs"]["nodes"]
        assert found["reporter"] == {"phone": spelt, "people": {"name": "李明"}}
        resident.person = replace(resident.person, phone=spelt)
        assert (await gateway.ask(orders)).data["people"] == {"phone": spelt, "orders": before}


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
