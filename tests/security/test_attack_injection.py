"""Injection: values crafted to become another field, header, path or request upstream.

Each place where a caller's text goes to a platform is tried with each of them. A text arrives as it is, in the field it
is for, or it is refused before anything is sent.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARK = "mark"
TEXTS = {
    "another field": f"{MARK}&status=1&xiaoqu=00001",
    "another field in escapes": f"{MARK}%26status%3D1",
    "an equals sign": f"{MARK}=1=1",
    "a semicolon and another field": f"{MARK};token=a",
    "a field like PHP's": f"{MARK}[]=1&a[b]=c",
    "a line break and a header": f"{MARK}\r\nx-evil: 1",
    "a line break and another request": f"{MARK}\r\n\r\nPOST /api/v1/order/new HTTP/1.1\r\nhost: a\r\n\r\n",
    "a line break in escapes": f"{MARK}%0d%0ax-evil:%201",
    "a line separator": f"{MARK}\u2028\u2029\u0085",
    "a NUL": f"{MARK}\0",
    "a NUL in escapes": f"{MARK}%00",
    "another path": f"../../{MARK}/../order/new",
    "another path in escapes": f"..%2f..%2f{MARK}",
    "another address": f"http://evil.example/{MARK}",
    "a quotation mark": f'{MARK}","phone":"19900000001',
    "a quotation mark in escapes": f"{MARK}\\u0022,\\u0022phone\\u0022:1",
    "the end of an object": f'{MARK}"}},{{"a":"b',
    "a backslash at the end": f"{MARK}\\",
    "SQL": f"{MARK}' OR '1'='1' -- ",
    "a command": f"{MARK}; $(id) `id` | id",
    "a template": f"{MARK}{{{{7*7}}}}${{7*7}}<%= 7 %>",
    "a look-up by name": f"${{jndi:ldap://evil.example/{MARK}}}",
    "markup": f"<script>{MARK}</script>",
    "a plus and blanks": f"{MARK} + 1 %20",
    "the other way round": f"{MARK}\u202e\u2066\u200b",
    "characters beyond the first plane": f"{MARK}\U00020bb7\U0001f600",
    "an accent that may be written in two ways": f"{MARK}e\u0301\u00e9",
    "wide characters": f"{MARK}＆ｓｔａｔｕｓ＝１",
}

FIELDS = {
    "shenheList": {"community_identifier", "type", "status", "page", "per_page"},
    "shenhe": {"id"},
    "shenhe/update": {"id", "status", "content", "shenhe_refuse_reason"},
    "order/list": {"xiaoqu", "louhao", "danyuan", "louceng", "fangjian", "idcard", "phone", "name", "title", "status"}
    | {"paied", "page"},
    "order/new": {"xiaoqu", "type", "identifier", "title", "remark", "extra", "amount", "manager"},
    "modules": {"xiaoqu"},
    "module": {"xiaoqu", "module_name", "module_status"},
    "repair/list": {"xiaoqu", "status", "page", "per_page"},
    "repair": {"id"},
    "repair/update": {"id", "status", "reply"},
    "announcement/new": {"xiaoqu", "title", "content", "order", "top", "status", "manager", "logo", "images"},
    "people": {"token", "name", "phone"},
    "owner": {"token", "community_identifier", "louhao", "danyuan", "louceng", "fangjian"},
    "callback": {"token", "order_number", "shop_number", "weixin_number"},
    "modules-sync": {"token"},
    "secret": {"secret_id", "secret_key"},
    "token": {"key_k", "key_d"},
}
"""The fields that the document gives each endpoint."""

HEADERS = {"host", "authorization", "content-type", "content-length", "accept", "accept-encoding", "user-agent"}
HEADERS |= {"connection", "x-request-id", "traceparent"}

PENDING = 'list: shenhes(communityCode: "10002", filter: { status: PENDING }, first: 1)'
OPEN = 'list: repairs(communityCode: "10002", filter: { status: OPEN }, first: 1)'
ORDER = 'communityCode: "10002", amount: "1", idempotencyKey: $k'

PLACES = {
    "people by name": 'query ($v: String!) { people(name: $v, phone: "19900000002") { name } }',
    "people by phone": 'query ($v: String!) { people(name: "王芳", phone: $v) { name } }',
    "orders by title": 'query ($v: String) { orders(communityCode: "10002", filter: { title: $v }) { totalCount } }',
    "orders by name": 'query ($v: String) { orders(communityCode: "10002", filter: { name: $v }) { totalCount } }',
    "orders by phone": 'query ($v: String) { orders(communityCode: "10002", filter: { phone: $v }) { totalCount } }',
    "orders by ID": 'query ($v: String) { orders(communityCode: "10002", filter: { idCard: $v }) { totalCount } }',
    "an order's number": 'query ($v: String!) { order(communityCode: "10002", number: $v) { id } }',
    "a community's code": """query ($v: ID!) { community(code: $v) { id } modules(communityCode: $v) { id }
        shenhes(communityCode: $v) { totalCount } orders(communityCode: $v) { totalCount }
        house(address: { communityCode: $v, building: 1, unit: 1, floor: 1, room: 1 }) { owner { phone } } }""",
    "an id": """query ($v: ID!) { node(id: $v) { id } nodes(ids: [$v]) { id } shenhe(id: $v) { id }
        repair(id: $v) { id } operation(id: $v) { id } }""",
    "a cursor": 'query ($v: String) { orders(communityCode: "10002", after: $v) { totalCount } }',
    "a dictionary's name": "query ($v: String!) { dictionaries(names: [$v]) { name } }",
    "an order's texts": f"""mutation ($v: String!, $k: ID!) {{ createOrder(input: {{ {ORDER}, title: $v, remark: $v,
        manager: $v, details: [{{ name: $v, value: $v }}], payer: {{ phone: {{ phone: "19900000002", name: "王芳" }} }}
        }}) {{ outcome }} }}""",
    "a payer's phone": f"""mutation ($v: String!, $k: ID!) {{ createOrder(input: {{ {ORDER}, title: "a",
        payer: {{ phone: {{ phone: $v, name: $v }} }} }}) {{ outcome }} }}""",
    "a payer's ID number": f"""mutation ($v: String!, $k: ID!) {{ createOrder(input: {{ {ORDER}, title: "a",
        payer: {{ idCard: $v }} }}) {{ outcome }} }}""",
    "a payer's car": f"""mutation ($v: String!, $k: ID!) {{ createOrder(input: {{ {ORDER}, title: "a",
        payer: {{ carNumber: $v }} }}) {{ outcome }} }}""",
    "a payer's parking space": f"""mutation ($v: String!, $k: ID!) {{ createOrder(input: {{ {ORDER}, title: "a",
        payer: {{ parkingNumber: $v }} }}) {{ outcome }} }}""",
    "an announcement's texts": """mutation ($v: String!, $k: ID!) { createAnnouncement(input: { communityCode: "10002",
        title: $v, content: $v, manager: $v, logo: $v, images: [$v], idempotencyKey: $k }) { outcome } }""",
    "a key of a write": """mutation ($v: ID!) { setModule(input: { communityCode: "10002", name: REPAIRS,
        enabled: true, idempotencyKey: $v }) { outcome } }""",
    "the numbers of a payment": """mutation ($v: String!) { payCallback(input: { orderNumber: $v, shopNumber: $v,
        weixinNumber: $v }) { outcome } }""",
}
RECORDS = {
    "a reply": (
        OPEN,
        "mutation ($v: String, $id: ID!) { updateRepair(input: { id: $id, status: OPEN, reply: $v }) { outcome } }",
    ),
    "a reason": (
        PENDING,
        "mutation ($v: String, $id: ID!) { rejectShenhe(input: { id: $id, reason: $v }) { outcome } }",
    ),
    "a correction": (
        PENDING,
        """mutation ($v: String, $id: ID!) { approveShenhe(input: { id: $id, content: { people: {
        nation: $v, registeredAddress: $v, jobName: $v, companyName: $v, photo: $v } } }) { outcome } }""",
    ),
    "a corrected name": (
        PENDING,
        """mutation ($v: String, $id: ID!) {
        approveShenhe(input: { id: $id, content: { people: { name: $v } } }) { outcome } }""",
    ),
}
"""Where texts are taken, of writes to a record the record."""


def texts_in(value: str) -> Iterator[str]:
    """A field's value, and the texts in it where it is JSON."""
    yield value
    if value.startswith(("{", "[", '"')):
        waiting = [json.loads(value)]
        while waiting:
            found = waiting.pop()
            if isinstance(found, str):
                yield from texts_in(found)
            elif isinstance(found, dict):
                waiting += [*found, *found.values()]
            elif isinstance(found, list):
                waiting += found


def check(target: Any, text: str) -> int:
    """What went upstream is what the document says, with the text as it is. Returns in how many fields it was."""
    arrived = 0
    for call in target.sandbox.calls:
        assert set(call.form) <= FIELDS[call.endpoint], call.endpoint
        assert set(call.headers) <= HEADERS
        assert len(call.raw_headers) == len(call.headers)
        assert not any("evil" in value or MARK in value for value in call.headers.values())
        for value in call.form.values():
            if MARK in value:
                whole = list(texts_in(value))
                assert text in whole or text.strip() in whole, value
                arrived += 1
    return arrived


@pytest.mark.parametrize("place", PLACES)
async def test_injected_text_is_sent_unchanged_or_refused(target, bystanders, place):
    arrived = 0

    async def attack():
        nonlocal arrived
        for number, text in enumerate(TEXTS.values()):
            target.sandbox.reset()
            variables = {"v": text} | ({"k": f"{place} {number}"} if "$k" in PLACES[place] else {})
            answer = await target.query(PLACES[place], variables)

            assert answer.status == 200
            assert "INTERNAL" not in answer.codes
            arrived += check(target, text)

    await bystanders.unharmed_by(attack)
    assert (arrived > 0) == (place not in NEVER_SENT)


NEVER_SENT = {
    "an order's number",
    "orders by ID",
    "a payer's ID number",
    "a payer's car",
    "a community's code",
    "an id",
    "a cursor",
    "a dictionary's name",
    "a key of a write",
    "the numbers of a payment",
}
"""What only the gateway itself looks at, or what is of letters and digits alone."""


@pytest.mark.parametrize("place", RECORDS)
async def test_injected_text_in_a_write_is_sent_unchanged(target, bystanders, place):
    found, document = RECORDS[place]
    arrived = 0

    async def attack():
        nonlocal arrived
        for text in TEXTS.values():
            target.sandbox.reset()
            record = (await target.query(f"{{ {found} {{ nodes {{ id }} }} }}")).json["data"]["list"]["nodes"][0]
            answer = await target.query(document, {"v": text, "id": record["id"]})

            assert answer.status == 200
            assert "INTERNAL" not in answer.codes
            arrived += check(target, text)

    await bystanders.unharmed_by(attack)
    assert arrived > 0


FORM = "application/x-www-form-urlencoded"
FORMS = {
    "is no form": (b'{"order_number":"1"}', "application/json", 415),
    "is no form though it says so": (b"\xff\xfe\x00", FORM, 400),
    "has escapes that are no UTF-8": (b"order_number=%ff%fe&token=%ff", FORM, 200),
    "has a thousand fields": (b"a=b&" * 1000, FORM, 400),
    "is too large": (b"order_number=" + b"1" * 20_000, FORM, 413),
    "is empty": (b"", FORM, 200),
    "has a forged token": (b"order_number=1&shop_number=1&weixin_number=1&token=9999999999.a.b", FORM, 200),
    "has a token beyond ASCII": ("order_number=1&token=９.é".encode(), FORM, 200),
    "has a field twice": (b"token=a&token=b&order_number=1&order_number=2", FORM, 200),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("path", ["/callbacks/payment", "/callbacks/token"])
async def test_malicious_payment_notification_is_refused(target, name, path):
    body, content_type, status = FORMS[name]

    answer = await target.request("POST", path, body, content_type=content_type, authorization=None)

    assert answer.status == status
    assert status != 200 or answer.json["code"] == 1
