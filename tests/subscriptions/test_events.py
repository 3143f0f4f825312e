"""Events with kind, cursor and `missed`, and going on after an interruption."""

import asyncio
import gc
from base64 import urlsafe_b64decode
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from graphql.execution.collect_fields import FieldDetails
from graphql_socket import connected
from platform_answers import decide, update_repair
from standing_clock import MovedClock
from waiting import until

from gateway.events import WakeUp
from gateway.repairs import RepairStatus
from gateway.sandbox.faults import Fault, FaultKind
from gateway.shenhe.record import ShenheStatus

CODE = "10002"
PENDING = 2

REVIEWS = """
subscription($code: ID!, $after: String) {
  shenheEvents(communityCode: $code, after: $after) { cursor at missed kind shenhe { platformId status } }
}
"""
REPAIRS = """
subscription($code: ID!, $after: String) {
  repairEvents(communityCode: $code, after: $after) { cursor missed kind repair { platformId status } }
}
"""
PAYMENTS = """
subscription($code: ID, $after: String) {
  paymentEvents(communityCode: $code, after: $after) { cursor missed kind payment { orderNumber state } }
}
"""
OPERATIONS = "subscription($after: String) { operationEvents(after: $after) { cursor missed operation { outcome } } }"


def pending(sandbox, code: str = CODE) -> list[int]:
    return [review.id for review in sandbox.world.shenhes_of[code] if review.status == PENDING]


def unpaid(sandbox, code: str = CODE) -> list[str]:
    return [order.number for order in sandbox.world.orders_of[code] if order.is_open and not order.is_paid]


def apply(sandbox, number: int, code: str = CODE) -> None:
    """Somebody applies."""
    review = replace(sandbox.world.shenhes[pending(sandbox, code)[0]], id=number)
    sandbox.world.shenhes[number] = review
    sandbox.world.shenhes_of[code].append(review)


async def next_event(socket, id_="1") -> dict[str, Any]:
    [event] = (await socket.data(id_)).values()
    return event


def told(event) -> tuple[Any, ...]:
    record = event.get("shenhe", event.get("repair"))
    return event["kind"], record and record["platformId"], event["missed"]


async def polled(sandbox, times: int = 3, endpoint="shenheList") -> None:
    """Until so many polls from now; they see what was there before."""
    polls = sandbox.count("WJDH", endpoint)
    await until(lambda: sandbox.count("WJDH", endpoint) >= polls + times)


async def follow(socket, sandbox, query=REVIEWS, after=None, endpoint="shenheList") -> None:
    """Subscribe, until the list has been polled since."""
    await socket.subscribe("1", query, code=CODE, **({"after": after} if after else {}))
    await polled(sandbox, 3, endpoint)


async def approve(gateway, code: str, number: int) -> str:
    listed = "query($code: ID!) { shenhes(communityCode: $code, first: 100) { nodes { id platformId } } }"
    nodes = (await gateway.read(listed, {"code": code}))["nodes"]
    [id_] = [node["id"] for node in nodes if node["platformId"] == number]
    return (await gateway.write("approveShenhe", {"id": id_}))["outcome"]


@asynccontextmanager
async def subscribed(serve, environ, *clock):
    """A gateway, and a socket to it."""
    async with serve(environ, *clock) as gateway, connected(gateway.url, token=gateway.token) as socket:
        yield gateway, socket


async def paid_for(socket) -> None:
    await socket.subscribe("1", PAYMENTS)
    await socket.settle()


class TestKinds:
    async def test_review_appears_is_decided_and_reopened(self, connect, gateway, sandbox):
        wjdh = gateway.parts.platforms.wjdh
        async with connect() as socket:
            await follow(socket, sandbox)
            apply(sandbox, 900)
            assert told(await next_event(socket)) == ("APPEARED", 900, False)
            await decide(wjdh, 900, ShenheStatus.PENDING, content="{}")
            assert told(await next_event(socket)) == ("CHANGED", 900, False)
            await decide(wjdh, 900, ShenheStatus.REJECTED)
            assert told(await next_event(socket)) == ("DECIDED", 900, False)
            await decide(wjdh, 900, ShenheStatus.PENDING)
            assert told(await next_event(socket)) == ("REOPENED", 900, False)
            number = pending(sandbox)[0]
            sandbox.world.shenhes[number].status = 7  # which cannot be read, and is no decision
            assert told(await next_event(socket)) == ("CHANGED", number, False)

            own = pending(sandbox)[0]
            assert await approve(gateway, CODE, own) == "CONFIRMED"
            assert told(await next_event(socket)) == ("DECIDED", own, False)
            await polled(sandbox)
            apply(sandbox, 901)
            assert told(await next_event(socket)) == ("APPEARED", 901, False), "an own decision comes once"

    async def test_repair_is_answered_resolved_and_reopened(self, connect, gateway, sandbox):
        number = next(repair.id for repair in sandbox.world.repairs_of[CODE] if not repair.is_resolved)
        wjdh = gateway.parts.platforms.wjdh
        async with connect() as socket:
            await follow(socket, sandbox, REPAIRS, endpoint="repair/list")
            await update_repair(wjdh, number, RepairStatus.OPEN, reply="明天来")
            assert told(await next_event(socket)) == ("CHANGED", number, False)
            await update_repair(wjdh, number, RepairStatus.RESOLVED)
            assert told(await next_event(socket)) == ("RESOLVED", number, False)
            await update_repair(wjdh, number, RepairStatus.OPEN)
            assert told(await next_event(socket)) == ("REOPENED", number, False)

    @pytest.mark.parametrize("extra", [{"GATEWAY_WATCH_INTERVAL": "2"}])
    async def test_own_updates_of_a_repair_and_one_elsewhere_have_their_kinds(self, connect, gateway, sandbox):
        listed = await gateway.read('{ repairs(communityCode: "10002", first: 1) { nodes { id platformId } } }')
        [repair] = listed["nodes"]
        async with connect() as socket:
            await socket.subscribe("1", REPAIRS, code=CODE)
            await polled(sandbox, 2, "repair/list")
            for status in ("OPEN", "RESOLVED", "OPEN", "RESOLVED"):
                await gateway.write("updateRepair", {"id": repair["id"], "status": status, "reply": "好"})
            await update_repair(gateway.parts.platforms.wjdh, repair["platformId"], RepairStatus.OPEN)
            kinds = [(await next_event(socket))["kind"] for _ in range(5)]
        assert kinds == ["CHANGED", "RESOLVED", "REOPENED", "RESOLVED", "REOPENED"]

    async def test_payment_is_received_delivered_and_conflicted(self, connect, gateway, sandbox):
        number = unpaid(sandbox)[0]
        async with connect() as socket:
            await paid_for(socket)
            await sandbox.pay(number, gateway.url)
            kinds = [(await next_event(socket))["kind"] for _ in range(2)]
            await gateway.parts.journal.payments.receive(number, "other", "other", subject="resident")
            kinds.append((await next_event(socket))["kind"])
        assert kinds == ["RECEIVED", "DELIVERED", "CONFLICTED"]


class TestPlacement:
    async def test_placed_payment_reaches_its_community_once(self, connect, gateway, sandbox, mint):
        number, other = unpaid(sandbox)[:2]
        payments = gateway.parts.journal.payments
        async with connect(token=mint(communities=[CODE])) as restricted, connect() as unrestricted:
            for socket in (restricted, unrestricted):
                await socket.subscribe("1", PAYMENTS)
                await socket.settle()
            await payments.receive(number, "shop", "weixin", subject="resident")
            assert (await next_event(unrestricted))["kind"] == "RECEIVED"
            await payments.set_community([number], CODE)
            event = await next_event(restricted)
            assert (event["kind"], event["payment"]["orderNumber"]) == ("RECEIVED", number)

            gateway.parts.events.publish(WakeUp.PAYMENTS_DUE)  # the relay does not wait for its turn
            numbers = {(await next_event(unrestricted))["payment"]["orderNumber"]}
            await payments.receive(other, "shop", "weixin-2", subject="resident")
            numbers.add((await next_event(unrestricted))["payment"]["orderNumber"])
        assert numbers == {number, other}  # the delivery of the one, and the other: not the one again

    @pytest.mark.slow
    async def test_events_hold_no_memory(self, connect, gateway):
        def selections() -> int:
            gc.collect()
            return sum(type(each) is FieldDetails for each in gc.get_objects())

        payments, held = gateway.parts.journal.payments, []
        async with connect() as socket:
            await paid_for(socket)
            for batch in range(2):
                for number in range(20):
                    await payments.receive(f"{batch}-{number}", "shop", f"{batch}-{number}", subject="resident")
                    await next_event(socket)
                held.append(selections())
        assert held[1] < held[0] + 20


class TestOperations:
    @pytest.mark.parametrize("extra", [{"GATEWAY_CALL_TIMEOUT": "0.5"}])
    async def test_unknown_write_that_becomes_known_is_an_event(self, serve, environ, sandbox, mint):
        clock, switch = MovedClock(), {"communityCode": "10002", "name": "COMPLAINTS", "enabled": False}
        async with (
            subscribed(serve, environ, clock) as (gateway, own),
            connected(gateway.url, token=mint(subject="another")) as other_socket,
        ):
            for socket in (own, other_socket):
                await socket.subscribe("1", OPERATIONS)
                await socket.settle()
            sandbox.faults.set("WJDH", "module", Fault(FaultKind.RESET))
            assert await gateway.write("setModule", switch) == {"outcome": "UNKNOWN"}
            sandbox.faults.clear()
            assert await approve(gateway, CODE, pending(sandbox)[0]) == "CONFIRMED"  # which its caller knows already
            clock.advance(minutes=3)
            await gateway.parts.reconciler.reconcile_due()
            event = await next_event(own)
            await other_socket.subscribe("2", OPERATIONS, after=event["cursor"])
            await other_socket.settle()
            assert not other_socket.has_message("1")
        assert (event["missed"], event["operation"]) == (False, {"outcome": "REFUSED"})


class TestResume:
    async def test_restarted_gateway_has_missed_changes(self, serve, environ, sandbox):
        async with subscribed(serve, environ) as (_, socket):
            await follow(socket, sandbox)
            apply(sandbox, 900)
            cursor = (await next_event(socket))["cursor"]
        async with subscribed(serve, environ) as (_, socket):
            await socket.subscribe("1", REVIEWS, code=CODE, after=cursor)
            assert told(await next_event(socket)) == ("CHANGED", None, True)
            await socket.subscribe("2", PAYMENTS, after=cursor)
            assert (await next_event(socket, "2"))["missed"]

    @pytest.mark.usefixtures("ends_watches_at_once")
    async def test_changes_while_nobody_watches_are_missed(self, connect, gateway, sandbox):
        """But for an own write."""
        number = pending(sandbox)[0]
        async with connect() as socket:
            await follow(socket, sandbox)
            apply(sandbox, 900)
            cursor = (await next_event(socket))["cursor"]
        await until(lambda: len(gateway.parts.watches) == 0)
        await asyncio.sleep(0.1)  # the list is let go of in the journal, which nothing announces
        await approve(gateway, CODE, number)
        async with connect() as socket:
            await socket.subscribe("1", REVIEWS, code=CODE, after=cursor)
            assert told(await next_event(socket)) == ("DECIDED", number, True)
            assert told(await next_event(socket)) == ("CHANGED", None, True)
            apply(sandbox, 901)
            assert told(await next_event(socket)) == ("APPEARED", 901, False)

    async def test_failed_first_polls_are_missed(self, connect, sandbox):
        sandbox.faults.set("WJDH", "shenheList", Fault(FaultKind.WRONG_SHAPE))
        async with connect() as socket:
            await socket.subscribe("1", REVIEWS, code=CODE)
            await until(lambda: sandbox.count("WJDH", "shenheList") > 0)
            sandbox.faults.clear()
            assert told(await next_event(socket)) == ("CHANGED", None, True)

    async def test_cursor_hides_how_many_events_there_were(self, connect, gateway, sandbox):
        async with connect() as socket:
            await paid_for(socket)
            await sandbox.pay(unpaid(sandbox)[0], gateway.url)
            texts = [(await next_event(socket))["cursor"] for _ in range(2)]
        one, other = (urlsafe_b64decode(text + "==") for text in texts)
        read = gateway.parts.event_streams.cursors.read
        assert not any(read(text).position.to_bytes(8) in cursor for text in texts for cursor in (one, other))
        assert sum(a != b for a, b in zip(one, other, strict=True)) > len(one) // 2

    async def test_forgotten_or_foreign_cursor_has_missed(self, serve, environ, sandbox):
        clock = MovedClock()
        async with subscribed(serve, environ, clock) as (gateway, socket):
            await paid_for(socket)
            await sandbox.pay(unpaid(sandbox)[0], gateway.url)
            cursor, _ = [(await next_event(socket))["cursor"] for _ in range(2)]
            clock.advance(hours=24, seconds=1)
            await gateway.parts.journal.events.prune()
            foreign = gateway.parts.event_streams.cursors.write("00" * 6, 1)
            for id_, after in (("2", cursor), ("3", foreign)):
                await socket.subscribe(id_, PAYMENTS, after=after)
                event = await next_event(socket, id_)
                assert (event["kind"], event["payment"], event["missed"]) == ("RECEIVED", None, True)

    async def test_what_is_no_cursor_is_bad_input(self, connect):
        async with connect() as socket:
            for query in (REVIEWS, REPAIRS, PAYMENTS):
                for after in ("", "x", "AAAAAAAAAAAAAAAAAAAAAAAA", "1", "游标", "A" * 10_000):
                    await socket.subscribe("1", query, code=CODE, after=after)
                    assert await socket.error_code("1") == "BAD_USER_INPUT", after


class TestManySubscribers:
    async def test_those_who_come_at_once_share_one_read(self, connect, gateway, sandbox, monkeypatch):
        events = gateway.parts.journal.events
        start, calls = events.start, []

        async def counted(topic, *of):
            calls.append(topic)
            await asyncio.sleep(0.2)
            return await start(topic, *of)

        monkeypatch.setattr(events, "start", counted)
        async with connect() as socket:
            for number in range(15):
                await socket.subscribe(str(number), REVIEWS, code=CODE)
            await polled(sandbox, 11)
            apply(sandbox, 900)
            found = [await next_event(socket, str(number)) for number in range(15)]
        assert {told(event) for event in found} == {("APPEARED", 900, False)}
        assert calls.count("shenhe.changed") < 5
