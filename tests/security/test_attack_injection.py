"""Injection: values crafted to become another field, header, path or request upstream.

Each place where a caller's text goes to a platform is tried with each of them. A text arrives as it is, in the field it
is for, or it is refused before anything is sent.
"""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from records import LISTED
from schema_routes import node_types, root_routes, texts_within

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARK = "mark"
TEXTS = [
    # another field
    *(f"{MARK}&status=1&xiaoqu=00001", f"{MARK}%26status%3D1", f"{MARK}=1=1", f"{MARK};token=a", f"{MARK}[]=1&a[b]=c"),
    # a header, another request, other ends of a line or of the text
    *(f"{MARK}\r\nx-evil: 1", f"{MARK}\r\n\r\nPOST /api/v1/order/new HTTP/1.1\r\nhost: a\r\n\r\n"),
    *(f"{MARK}%0d%0ax-evil:%201", f"{MARK}\u2028\u2029\u0085", f"{MARK}\0", f"{MARK}%00"),
    # another path or address
    *(f"../../{MARK}/../order/new", f"..%2f..%2f{MARK}", f"http://evil.example/{MARK}"),
    # the end of a text or an object in JSON
    *(f'{MARK}","phone":"19900000001', f"{MARK}\\u0022,\\u0022phone\\u0022:1", f'{MARK}"}},{{"a":"b', f"{MARK}\\"),
    # SQL, a command, a template, a look-up by name, markup
    *(f"{MARK}' OR '1'='1' -- ", f"{MARK}; $(id) `id` | id", f"{MARK}{{{{7*7}}}}${{7*7}}<%= 7 %>"),
    *(f"${{jndi:ldap://evil.example/{MARK}}}", f"<script>{MARK}</script>"),
    # a plus and blanks, the other way round, beyond the first plane, an accent in two ways, wide characters
    *(f"{MARK} + 1 %20", f"{MARK}\u202e\u2066\u200b", f"{MARK}\U00020bb7\U0001f600", f"{MARK}e\u0301\u00e9"),
    f"{MARK}＆ｓｔａｔｕｓ＝１",
]

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

CHARGED = ("remark", "details.name", "details.value", "payer.phone.phone", "payer.phone.name", "payer.parkingNumber")
ANNOUNCED = ("title", "content", "manager", "logo", "images")
SENT = {
    "people": ("name", "phone"),
    "orders": ("filter.title", "filter.name", "filter.phone"),
    "approveShenhe": tuple(
        f"content.people.{name}" for name in ("name", "nation", "registeredAddress", "photo", "jobName", "companyName")
    ),
    **dict.fromkeys(("rejectShenhe", "rejectShenhes"), ("reason",)),
    **dict.fromkeys(("updateRepair", "updateRepairs"), ("reply",)),
    "createOrder": ("title", "manager", *CHARGED),
    "createOrders": ("title", "manager", *(f"orders.{place}" for place in CHARGED)),
    **dict.fromkeys(("createAnnouncement", "createAnnouncements"), ANNOUNCED),
}
"""Where a text goes to a platform. Of all else only the gateway looks at it, or it is of letters and digits alone."""


def texts_in(value: str) -> Iterator[str]:
    """A field's value, and the texts in it where it is JSON."""
    yield value
    waiting = [json.loads(value)] if value.startswith(("{", "[", '"')) else []
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield from texts_in(found)
        elif isinstance(found, dict | list):
            waiting += [*found, *found.values()] if isinstance(found, dict) else found


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


@pytest.mark.parametrize("route", [*root_routes("Query"), *root_routes("Mutation")], ids=str)
async def test_injected_text_is_sent_unchanged_or_refused(target, bystanders, route):
    """In each place of each argument, a third of the texts."""
    listed = (await target.query(LISTED, {"code": "10002"})).json["data"]["community"]
    ids = dict.fromkeys(node_types(), "AXNobody-s-record")
    ids |= {kind: listed[f"{kind.lower()}s"]["nodes"][0]["id"] for kind in ("Shenhe", "Repair")}
    [root], arrived, numbers = route.fields, set[str](), count()

    async for _ in bystanders.unharmed():
        for name, argument in root.definition.args.items():
            for place, _ in texts_within(argument.type, ids, ""):
                for text in TEXTS[next(numbers) % 3 :: 3]:
                    target.sandbox.reset()
                    given = dict(texts_within(argument.type, ids, text))[place]
                    if "idempotencyKey" in given and place != ".idempotencyKey":
                        given["idempotencyKey"] = f"{root.name}{place}{next(numbers)}"
                    answer = await target.query(*route.document(ids, more={name: given}))

                    assert answer.status == 200
                    assert "INTERNAL" not in answer.codes
                    if check(target, text):
                        arrived.add(f"{name}{place}".removeprefix("input."))
    assert arrived == set(SENT.get(root.name, ()))
