"""One subscription to the events of several communities."""

from itertools import product

import pytest
from platform_answers import decide
from test_events import apply, follow, next_event, polled, unpaid
from waiting import until

from gateway.shenhe.record import ShenheStatus

REVIEWS = """subscription($code: ID, $codes: [ID!], $after: String) {
  shenheEvents(communityCode: $code, communityCodes: $codes, after: $after) {
    cursor missed kind shenhe { platformId communityCode } } }"""
REPAIRS = "subscription($codes: [ID!]) { repairEvents(communityCodes: $codes) { kind repair { platformId } } }"
PAYMENTS = """subscription($code: ID, $codes: [ID!]) {
  paymentEvents(communityCode: $code, communityCodes: $codes) { kind payment { communityCode orderNumber } } }"""
BOTH = ["10002", "10003"]


def told(event):
    return event["kind"], event["shenhe"]["communityCode"], event["shenhe"]["platformId"], event["missed"]


def watched(gateway):
    return {code for _topic, code in gateway.parts.watches.lists}


@pytest.mark.parametrize("codes", [BOTH, None], ids=["named", "all"])
async def test_events_of_all_communities_come_in_one_subscription(connect, gateway, sandbox, mint, codes):
    async with connect(token=mint(communities=BOTH)) as socket:
        await socket.subscribe("1", REVIEWS, codes=codes)
        await polled(sandbox, 5)
        for number, code in ((900, "10003"), (901, "10002"), (902, "10003")):
            apply(sandbox, number, code)
            assert told(await next_event(socket)) == ("APPEARED", code, number, False)
        await decide(gateway.parts.platforms.wjdh, 901, ShenheStatus.REJECTED)
        assert told(await next_event(socket)) == ("DECIDED", "10002", 901, False)
        assert watched(gateway) == set(BOTH)


async def test_cursor_goes_on_in_all_communities(connect, sandbox):
    async with connect() as socket:
        await socket.subscribe("1", REVIEWS, codes=BOTH)
        await polled(sandbox, 5)
        apply(sandbox, 900, "10003")
        first = await next_event(socket)
    apply(sandbox, 901, "10002")
    apply(sandbox, 902, "10003")
    await polled(sandbox, 5)
    async with connect() as socket:
        await socket.subscribe("1", REVIEWS, codes=BOTH, after=first["cursor"])
        found = [await next_event(socket) for _ in range(2)]
        apply(sandbox, 903, "10002")
        assert told(await next_event(socket)) == ("APPEARED", "10002", 903, False)
    assert sorted(map(told, found)) == [("APPEARED", "10002", 901, False), ("APPEARED", "10003", 902, False)]
    assert len({event["cursor"] for event in (first, *found)}) == 3


async def test_list_that_begins_beside_a_watched_one_is_no_gap(connect, sandbox):
    async with connect() as other, connect() as socket:
        await follow(other, sandbox)
        await socket.subscribe("1", REVIEWS, codes=BOTH)
        await polled(sandbox, 5)
        apply(sandbox, 900, "10003")
        assert told(await next_event(socket)) == ("APPEARED", "10003", 900, False)


@pytest.mark.parametrize("extra", [{"GATEWAY_COMMUNITIES": "10002"}, {}], ids=["settings", "platform"])
async def test_all_are_of_the_settings_or_the_platform(connect, gateway, extra):
    reported = {community["code"] for community in await gateway.read("{ communities { code } }")}
    async with connect() as socket:
        await socket.subscribe("1", REPAIRS)
        await until(lambda: watched(gateway) == ({"10002"} if extra else reported))
    assert len(reported) > len(BOTH) or extra


async def test_communities_of_others_are_left_out(connect, gateway, sandbox, mint):
    async with connect(token=mint(communities=["10002"])) as socket:
        await socket.subscribe("none", REVIEWS, codes=["10003"])
        assert (await socket.receive("none"))["type"] == "complete"
        await socket.subscribe("1", REVIEWS, codes=BOTH)
        await polled(sandbox)
        assert watched(gateway) == {"10002"}
        apply(sandbox, 900, "10003")
        apply(sandbox, 901, "10002")
        assert told(await next_event(socket)) == ("APPEARED", "10002", 901, False)


WRONG_CODES: list[tuple[dict[str, object], list[tuple[str, str]]]] = [
    ({"code": "10002", "codes": BOTH}, [("communityCodes", "CONFLICT")]),
    ({"codes": []}, [("communityCodes", "REQUIRED")]),
    ({"codes": ["10002", "a b"]}, [("communityCodes.1", "FORMAT")]),
    ({"code": "a b"}, [("communityCode", "FORMAT")]),
]


async def test_wrong_codes_of_subscriptions_are_violations(connect):
    async with connect() as socket:
        for query, (given, found) in product((REVIEWS, PAYMENTS), WRONG_CODES):
            await socket.subscribe("1", query, **given)
            [error] = (await socket.receive("1"))["payload"]
            violations = error["extensions"]["violations"]
            assert [(".".join(each["field"]), each["rule"]) for each in violations] == found


async def test_payments_of_several_communities_come_in_one_subscription(connect, gateway, sandbox, mint):
    payments = gateway.parts.journal.payments
    async with connect(token=mint(communities=["10003", "10002", "00002"])) as socket:
        await socket.subscribe("1", PAYMENTS, codes=BOTH)
        await socket.settle()
        for code in ("00002", "10002", "10003"):
            number = unpaid(sandbox, code)[0]
            await payments.receive(number, "shop", code, subject="resident")
            await payments.set_community([number], code)
        received: list[str] = []
        while len(received) < len(BOTH):
            event = await next_event(socket)
            assert event["payment"]["communityCode"] in BOTH
            received += [event["payment"]["communityCode"]] * (event["kind"] == "RECEIVED")
    assert received == BOTH
