"""U+0000 in texts, which PostgreSQL does not store, causes no failure."""

import pytest
from write_cases import CASES

from gateway.sandbox.dialects import order as orders
from gateway.sandbox.dialects.dialect import Dialect

pytestmark = pytest.mark.postgres

[ANNOUNCE] = [case for case in CASES if case.mutation == "createAnnouncement"]

ORDERS = '{ orders(communityCode: "10002", first: 60) { nodes { number remark notification { state } } } }'


@pytest.fixture
def environ(environ, database_url):
    return environ | {"GATEWAY_DATABASE_URL": database_url}


async def test_announcement_with_nul_is_published(gateway, sandbox):
    payload = await ANNOUNCE.write(gateway, dict(ANNOUNCE.input) | {"content": "明日\0停水"})

    assert (payload["outcome"], payload["announcement"]["content"]) == ("CONFIRMED", "明日\ufffd停水")
    assert sandbox.effects.count("announcement/new") == 1


@pytest.fixture
def spoilt_orders(monkeypatch):
    """Before the sandbox begins."""

    def spoilt(order):
        return orders.documented(order) | {"number": f"\0{order.number}", "remark": "电话 19900000001"}

    monkeypatch.setitem(orders.RENDER, Dialect.DOCUMENTED, spoilt)


async def test_orders_with_nul_are_read_and_audited(spoilt_orders, gateway):
    nodes = (await gateway.ask(ORDERS)).data["orders"]["nodes"]
    await gateway.parts.trail.flush()

    entries = [entry async for entry in gateway.parts.journal.audit.read()]
    shown = {platform_id for entry in entries for platform_id in entry.records.platform_ids}
    assert shown == {node["number"].replace("\0", "\ufffd") for node in nodes}
    assert all(number.startswith("\ufffd") for number in shown)
