"""Wrong arguments: BAD_USER_INPUT with the name of the argument, and no platform call."""

from base64 import urlsafe_b64encode

import msgspec
import pytest
from platform_answers import calls

from gateway.loaders.paging import InvalidCursorError, read_cursor

LISTS = ("shenhes", "orders", "repairs", "announcements")
CODE = 'communityCode: "10002"'


def cursor(content):
    content = content if isinstance(content, bytes) else msgspec.msgpack.encode(content)
    return urlsafe_b64encode(content).decode().rstrip("=")


PLACE = (0, "10002"), (5, 1, 9, 1)
NO_PLACES = [
    *(5, 1.5, None, True, "5", b"\x91\x92\x92\x00\xa510002\x94\xcc\x05\x01\x09\x01", b"\x90\x90", b""),
    *([PLACE, PLACE], [((0, "1" * 33), PLACE[1])], [(PLACE[0], (5, 1, 9, 2))], [(PLACE[0], (5, -1, 9, 1))], [PLACE[0]]),
]
NO_CURSORS = ["", "x", "1", "!", "游标", "A" * 8, "A" * 8 + cursor(5)]

WRONG = [
    *((name, f"{name}({CODE}, first: {first}) {{ totalCount }}", "first") for name in LISTS for first in (0, -1, 101)),
    *((name, f"{name}({CODE}, page: {page}) {{ totalCount }}", "page") for name in LISTS for page in (0, -7)),
    ("orders", f"orders({CODE}, first: 100, page: 2147483647) {{ totalCount }}", "page"),
    ("repairs", f'repairs({CODE}, page: 1, after: "{"A" * 8 + cursor([PLACE])}") {{ totalCount }}', "page"),
    *(("shenhes", f'shenhes({CODE}, after: "{after}") {{ totalCount }}', "after") for after in NO_CURSORS),
    ("payments", "payments(first: 0) { totalCount }", "first"),
    ("operations", "operations(page: 0) { totalCount }", "page"),
    *(
        (name, f'{name}(communityCode: "{code}") {{ __typename }}', "communityCode")
        for name in ("shenhes", "orders", "repairs", "modules", "announcements", "payments", "operations")
        for code in ("", " ", "10 02", "一", "1" * 33, "10002&xiaoqu=1", "../10002", "１０００２")
    ),
    ("community", 'community(code: "") { code }', "code"),
    ("community", 'community(code: "晨曦家园") { code }', "code"),
    ("order", 'order(communityCode: "-", number: "1") { number }', "communityCode"),
    ("order", f'order({CODE}, number: "") {{ number }}', "number"),
    ("order", f'order({CODE}, number: "{"9" * 65}") {{ number }}', "number"),
    ("people", 'people(name: "", phone: "19900000002") { name }', "name"),
    ("people", 'people(name: "  ", phone: "19900000002") { name }', "name"),
    ("people", 'people(name: "王芳", phone: "") { name }', "phone"),
    ("people", f'people(name: "{"王" * 65}", phone: "19900000002") {{ name }}', "name"),
    ("people", f'people(name: "王芳", phone: "{"1" * 65}") {{ name }}', "phone"),
    *(
        (
            "house",
            f'house(address: {{communityCode: "{code}", building: 1, unit: 1, floor: 1, room: {room}}}) {{ id }}',
            wrong,
        )
        for code, room, wrong in (("", 1, "address.communityCode"), ("10002", 2_000_000_000, "address.room"))
    ),
    ("dictionaries", 'dictionaries(names: ["Sex", "Nothing"]) { name }', "names.1"),
    ("dictionaries", 'dictionaries(names: ["Sex", "FeeType", "Sex"]) { name }', "names"),
    ("nodes", f"nodes(ids: {['1'] * 51}) {{ id }}".replace("'", '"'), "ids"),
    *(
        ("orders", f"orders({CODE}, filter: {{{filters}}}) {{ totalCount }}", f"filter.{argument}")
        for filters, argument in (
            *(("unit: 1", "unit"), ("building: null, unit: 1", "unit"), ("floor: 1", "floor"), ("room: 101", "room")),
            *(("building: 1, floor: 1", "floor"), ("building: 1, unit: 1, room: 101", "room")),
            *(('idCard: ""', "idCard"), ('phone: " "', "phone"), ('name: ""', "name"), ('title: ""', "title")),
            *(('title: "水费", feeType: WATER', "feeType"), ("feeType: OTHER", "feeType")),
            *(("status: UNRECOGNIZED", "status"), ("paymentStatus: UNRECOGNIZED", "paymentStatus")),
        )
    ),
    ("shenhes", f"shenhes({CODE}, filter: {{type: UNRECOGNIZED}}) {{ totalCount }}", "filter.type"),
    ("shenhes", f"shenhes({CODE}, filter: {{status: UNRECOGNIZED}}) {{ totalCount }}", "filter.status"),
    ("repairs", f"repairs({CODE}, filter: {{status: UNRECOGNIZED}}) {{ totalCount }}", "filter.status"),
    *(
        ("shenhes", f"shenhes({arguments}) {{ totalCount }}", argument)
        for arguments, argument in (
            (f'{CODE}, communityCodes: ["00001"]', "communityCodes"),
            ("communityCodes: []", "communityCodes"),
            ('communityCodes: ["10002", "a b"]', "communityCodes.1"),
            *((f"page: {page}", "page") for page in (1, 2)),
            *((f'after: "{"A" * 8 + cursor(place)}"', "after") for place in ([PLACE], {"offset": 1, "key": "a"})),
        )
    ),
    *(
        ("reveals", f"reveals({arguments}) {{ totalCount }}", arguments.split(":")[0])
        for arguments in (
            *('recordId: "7"', 'subject: ""', "first: 101"),
            *(f'after: "{"A" * 8 + cursor(place)}"' for place in ([PLACE], {"offset": 1, "key": "123"})),
            'until: "2026-01-01T00:00:00Z", since: "2026-01-02T00:00:00Z"',
        )
    ),
]


@pytest.mark.settings(COMMUNITIES="10002,00001")
async def test_wrong_argument_is_named_and_costs_no_call(gateway, sandbox):
    for name, query, argument in WRONG:
        answer = await gateway.ask(f"{{ viewer {{ subject }} {query} }}")
        assert answer.code == "BAD_USER_INPUT", query
        assert answer.error["extensions"]["argument"] == argument, query
        assert argument in answer.error["message"], query
        if name != "dictionaries":  # the only one of them that cannot be null
            assert answer.partial == {"viewer": {"subject": "developer"}, name: None}
            assert answer.error["path"] == [name]
            assert answer.response.status_code == 200
    assert sandbox.calls == []
    bounds = (await gateway.ask(f"{{ orders({CODE}, first: 101) {{ totalCount }} }}")).error["extensions"]
    assert (bounds["rule"], bounds["min"], bounds["max"]) == ("RANGE", "1", "100")
    assert bounds["messageZh"] == "条数须在 1 至 100 之间。"


def test_forged_row_of_a_cursor_is_none():
    known = {"offset": 1, "key": "a" * 80}
    assert read_cursor(cursor(known))
    for row in ({"offset": -1}, {"offset": 2**31 - 1}, {"key": "a" * 81}, {"key": 1}):
        with pytest.raises(InvalidCursorError):
            read_cursor(cursor(known | row))


async def test_forged_place_of_a_cursor_is_refused(gateway):
    listed = await gateway.read(f"{{ shenhes({CODE}) {{ pageInfo {{ endCursor }} }} }}")
    tag = listed["pageInfo"]["endCursor"][:8]
    shown = 'shenhes(communityCode: "10002", after: "{}") {{ totalCount }}'
    assert await gateway.read(f"{{ {shown.format(tag + cursor([PLACE]))} }}")
    for content in NO_PLACES:
        answer = await gateway.ask(f"{{ {shown.format(tag + cursor(content))} }}")
        assert answer.code == "BAD_USER_INPUT", content


COMMUNITY, PERSON = 'community(code: "10002")', 'people(name: "王芳", phone: "19900000002")'
HOUSE_101 = 'house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101})'
SINCE = 'since: "2026-11-24T01:30:00Z"'
NESTED = [
    *((COMMUNITY, *field) for field in (("shenhes(first: 0)", "first"), ("orders(page: 0)", "page"))),
    (COMMUNITY, 'repairs(after: "x")', "after"),
    *((COMMUNITY, f"{name}(filter: {{status: UNRECOGNIZED}})", "filter.status") for name in ("shenhes", "repairs")),
    *(
        (COMMUNITY, f"{name}(filter: {{{filters}}})", f"filter.{filters.split(':')[0]}")
        for name in ("orders", "fees")
        for filters in ("unit: 1", "feeType: OTHER", 'title: ""')
    ),
    (COMMUNITY, "house(building: 1, unit: 1, floor: 1, room: 100000)", "room"),
    (COMMUNITY, f"reconciliation({SINCE}, {SINCE.replace('since', 'until')})", "until"),
    # what the object around them decides
    (HOUSE_101, "orders(filter: {building: 2})", "filter.building"),
    (PERSON, f'orders({CODE}, filter: {{name: "李明"}})', "filter.name"),
    (PERSON, f'orders({CODE}, filter: {{phone: "19900000001"}})', "filter.phone"),
]


async def test_fields_of_records_check_arguments_alike(gateway, sandbox):
    for record, field, argument in NESTED:
        answer = await gateway.ask(f"{{ {record} {{ __typename {field} {{ __typename }} }} }}")
        assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", argument), field
        [found] = answer.partial.values()
        assert found == {"__typename": found["__typename"], field.split("(")[0]: None}
    assert calls(sandbox) == {"people": 2}


HOUSE = "query ($address: HouseAddressInput!) { house(address: $address) { id } }"
ADDRESS = {"communityCode": "10002", "building": None, "unit": 1, "floor": 1, "room": 1}
ORDERS = f"query ($n: %s) {{ orders({CODE}, %s: $n) {{ totalCount }} }}"
CHARGE = "mutation ($input: CreateOrderInput!) { createOrder(input: $input) { outcome } }"
PAYER = {"phone": {"phone": "19900000001"}}
ORDER = {"communityCode": "10002", "title": "物业费", "payer": PAYER, "idempotencyKey": "k", "details": []}
REJECT = "mutation ($input: RejectShenhesInput!) { rejectShenhes(input: $input) { results { outcome } } }"
OF_VALUES = [
    (f"{{ orders({CODE}, first: null) {{ totalCount }} }}", {}, "'Int!' not to be null.", "该值不能为空。"),
    (f"{{ orders({CODE}, filter: {{status: None}}) {{ totalCount }} }}", {}, "'None'", "该值不在可选范围内。"),
    (ORDERS % ("Int!", "first"), {"n": None}, "n must not be null.", "n不能为空。"),
    (ORDERS % ("Int = 5", "first"), {"n": None}, "first must not be null.", "条数不能为空。"),
    (ORDERS % ("Int!", "first"), {"n": True}, "n must be a whole number.", "n须为整数。"),
    (HOUSE, {"address": ADDRESS}, "address.building must not be null.", "楼号不能为空。"),
    (
        CHARGE,
        {"input": ORDER | {"amount": "abc"}},
        'amount must be a number such as "0.01", as a string or a whole number.',
        '金额须为数字，如 "0.01"。',
    ),
    (CHARGE, {"input": ORDER}, "amount must be given.", "金额不能缺少。"),
    (REJECT, {"input": {"ids": "a", "reason": 5}}, "reason must be a text.", "理由须为文本。"),
]


async def test_values_of_other_types_are_told_by_their_field(gateway, sandbox):
    for query, variables, english, chinese in OF_VALUES:
        error = (await gateway.ask(query, variables)).error
        assert english in error["message"], error
        assert error["extensions"]["messageZh"] == chinese, error
    assert sandbox.calls == []
    order = ORDER | {"amount": "1", "payer": {"house": {"building": "x", "unit": 1, "floor": 1, "room": 1}}}
    said = (await gateway.ask(CHARGE, {"input": order})).error["extensions"]
    message = {"message": "payer.house.building must be a whole number.", "messageZh": "楼号须为整数。"}
    assert (said["code"], said["argument"], said["rule"]) == ("BAD_USER_INPUT", "input.payer.house.building", "FORMAT")
    assert said["violations"] == [
        {"field": ["payer", "house", "building"], "rule": "FORMAT", "min": None, "max": None, **message}
    ]


FILTER = 'filter: {unit: 1, idCard: "", status: UNRECOGNIZED, title: "", feeType: OTHER, room: 1}'
WRONG_TOGETHER = {
    f'orders(communityCode: "a b", first: 0, page: 0, {FILTER})': "first page communityCode filter.unit filter.idCard "
    "filter.status filter.title filter.feeType filter.room",
    'orders(communityCodes: ["a b", "10002", ""], page: 1)': "communityCodes.0 communityCodes.2 page",
    'repairs(communityCode: "a b", communityCodes: [])': "communityCodes communityCode",
    'shenhes(communityCode: "", page: 1, after: "x")': "communityCode page after",
    'payments(communityCode: "", first: 0)': "communityCode first",
    'people(name: "", phone: "")': "name phone",
    'order(communityCode: "-", number: "")': "communityCode number",
    'house(address: {communityCode: "", building: 200000, unit: 1, floor: 1, room: -200000})': "address.communityCode "
    "address.building address.room",
    'dictionaries(names: ["A", "Sex", "B", "Sex"])': "names.0 names.2 names",
}


async def test_every_wrong_argument_comes_at_once(gateway, sandbox):
    for field, arguments in WRONG_TOGETHER.items():
        answer = await gateway.ask(f"{{ {field} {{ __typename }} }}")
        violations = answer.error["extensions"]["violations"]
        assert {".".join(violation["field"]) for violation in violations} == {*arguments.split()}, field
        assert all(violation["rule"] for violation in violations)
    assert sandbox.calls == []
