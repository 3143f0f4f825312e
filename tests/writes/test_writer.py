"""What the writer promises, whatever an action does."""

import asyncio

import msgspec
import pytest
from moved_clock import MovedClock

from gateway.actions.write import Done, Found, Intent, ReadBack
from gateway.auth.principal import Principal
from gateway.errors import JournalError

CALLER = Principal("clerk", frozenset(), None, expires_at=0)
INTENT = Intent(mutation="setModule", arguments=[], community_code="10002", idempotency_key="once")


@pytest.fixture
async def gateway(environ, serve):
    async with serve(environ, MovedClock()) as served:
        yield served


async def test_what_was_sent_before_the_gateway_itself_failed_is_read_back_and_never_forgotten(gateway):
    writer, calls = gateway.parts.writer, []

    async def perform(sent):
        await sent()
        calls.append("sent")
        raise JournalError("The journal cannot be used now.")

    async def read_back(_operation):
        return ReadBack(Found.NOT_APPLIED)

    written = [await writer.carry_out(CALLER, INTENT, perform, read_back) for _ in range(2)]

    assert [one.outcome for one in written] == ["UNKNOWN", "UNKNOWN"]
    assert written[0].operation.check_at is not None
    assert calls == ["sent"]


async def test_what_fails_before_it_is_sent_leaves_its_key_free(gateway):
    writer, fails, ended = gateway.parts.writer, iter([True]), []

    async def perform(sent):
        if next(fails, False):
            raise JournalError("The journal cannot be used now.")
        await sent()
        return Done()

    with pytest.raises(JournalError):
        await writer.carry_out(CALLER, INTENT, perform, after=ended.append)
    written = await writer.carry_out(CALLER, INTENT, perform, after=ended.append)

    assert (written.outcome, ended) == ("CONFIRMED", [written.operation])


async def test_writes_at_once_of_other_callers_or_keys_are_others(gateway):
    writer, calls = gateway.parts.writer, []

    async def perform(sent):
        await sent()
        calls.append("sent")
        return Done()

    other = Principal("officer", frozenset(), None, expires_at=0)
    again = msgspec.structs.replace(INTENT, idempotency_key="again")
    writes = [(CALLER, INTENT), (CALLER, INTENT), (other, INTENT), (CALLER, again)]
    written = await asyncio.gather(*(writer.carry_out(caller, intent, perform) for caller, intent in writes))

    assert len({one.operation.id for one in written}) == len(calls) == 3
