"""Guarantees of the writer for any action."""

import asyncio
from functools import partial
from typing import Any

import pytest

from gateway.actions.action import NOT_APPLIED, Action, Prepared, RowUpdate
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError
from gateway.modules import MODULE
from gateway.orders.reads import ORDERS
from gateway.wording.faults import FaultWording
from schema.build import executable_schema

CALLER = Principal("clerk", frozenset(), None, expires_at=0)


class Asked(Action[Any]):
    """What is asked is the call; it is read back as not applied."""

    mutation = "setModule"
    scope = Scope.MODULE_WRITE
    endpoint = MODULE
    stale = ("modules",)

    def __init__(self):
        self.changed = []

    def arguments(self, _write):
        return []

    async def prepare(self, write):
        return await write.asked()

    async def read_back(self, _operation, _write=None):
        return NOT_APPLIED

    def drop_reads(self, operation):
        self.changed.append(operation)


async def test_fault_after_sending_is_read_back(gateway):
    writer, calls = gateway.parts.writer, []

    async def fail():
        calls.append("sent")
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    async def prepare():
        return Prepared(fail)

    write = Asked().write(prepare, "once")
    written = [await writer.carry_out(CALLER, write) for _ in range(2)]

    assert [one.outcome for one in written] == ["UNKNOWN", "UNKNOWN"]
    assert written[0].operation.check_at is not None
    assert calls == ["sent"]


async def test_fault_before_sending_frees_the_key(gateway):
    writer, fails, action = gateway.parts.writer, iter([True]), Asked()

    async def prepare():
        if next(fails, False):
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        return Prepared(partial(asyncio.sleep, 0))

    write = action.write(prepare, "once")
    with pytest.raises(JournalError):
        await writer.carry_out(CALLER, write)
    written = await writer.carry_out(CALLER, write)

    assert (written.outcome, action.changed) == ("CONFIRMED", [written.operation])


def test_action_with_stale_reads_unsaid_cannot_be_made():
    with pytest.raises(TypeError, match="Silent does not declare its stale"):
        type("Silent", (Action,), {"mutation": "silence", "scope": Scope.ORDER_CREATE, "endpoint": MODULE})
    with pytest.raises(TypeError, match="the list of Order is not watched"):
        type("Pay", (RowUpdate,), {"mutation": "pay", "scope": Scope.ORDER_CREATE, "records": ORDERS})


async def test_every_mutation_writes_by_an_action(gateway):
    actions, mutations = gateway.parts.actions.by_mutation, executable_schema().mutation_type.fields
    assert {name if name in actions else name.removesuffix("s") for name in mutations} == set(actions)
