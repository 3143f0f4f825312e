"""Guarantees of the writer for any action."""

import asyncio

import pytest
from standing_clock import MovedClock

from gateway.actions.write import Done, Found, ReadBack, Write
from gateway.auth.principal import Principal
from gateway.errors import JournalError
from gateway.wording.faults import FaultWording

CALLER = Principal("clerk", frozenset(), None, expires_at=0)


def write_by(perform, key="once", **how):
    return Write(
        mutation="setModule", arguments=[], community_code="10002", idempotency_key=key, perform=perform, **how
    )


@pytest.fixture
async def gateway(environ, serve):
    async with serve(environ, MovedClock()) as served:
        yield served


async def test_fault_after_sending_is_read_back(gateway):
    writer, calls = gateway.parts.writer, []

    async def perform(mark_sent):
        await mark_sent()
        calls.append("sent")
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    async def read_back(_operation):
        return ReadBack(Found.NOT_APPLIED)

    write = write_by(perform, read_back=read_back)
    written = [await writer.carry_out(CALLER, write) for _ in range(2)]

    assert [one.outcome for one in written] == ["UNKNOWN", "UNKNOWN"]
    assert written[0].operation.check_at is not None
    assert calls == ["sent"]


async def test_fault_before_sending_frees_the_key(gateway):
    writer, fails, changed = gateway.parts.writer, iter([True]), []

    async def perform(mark_sent):
        if next(fails, False):
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        await mark_sent()
        return Done()

    write = write_by(perform, on_change=changed.append)
    with pytest.raises(JournalError):
        await writer.carry_out(CALLER, write)
    written = await writer.carry_out(CALLER, write)

    assert (written.outcome, changed) == ("CONFIRMED", [written.operation])


async def test_equal_caller_and_key_join_one_write(gateway):
    writer, calls = gateway.parts.writer, []

    async def perform(mark_sent):
        await mark_sent()
        calls.append("sent")
        return Done()

    other = Principal("officer", frozenset(), None, expires_at=0)
    once, again = write_by(perform), write_by(perform, key="again")
    writes = [(CALLER, once), (CALLER, once), (other, once), (CALLER, again)]
    written = await asyncio.gather(*(writer.carry_out(caller, write) for caller, write in writes))

    assert len({one.operation.id for one in written}) == len(calls) == 3
