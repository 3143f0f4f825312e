"""The loaders of a request are DataLoaders, and each list of a community's records is declared once."""

import asyncio
from functools import cached_property
from types import SimpleNamespace

import pytest
from aiodataloader import DataLoader
from graphql import GraphQLError
from waiting import until

from gateway.auth.principal import Principal, Scope
from gateway.execution.load import Load
from gateway.loaders.lists import LISTS, REPAIRS
from gateway.loaders.lookups import PeopleKey
from gateway.loaders.registry import Loaders, lifetimes
from gateway.loaders.slices import ListLoaders
from gateway.sandbox.faults import Fault, FaultKind
from gateway.settings import load_settings
from schema.build import executable_schema
from schema.community import LISTS as SHOWN
from schema.record import READERS

CODE = "10002"


@pytest.fixture
def loaders(gateway) -> Loaders:
    principal = Principal("lin", frozenset(Scope), None, float("inf"))
    return gateway.parts.open_context(principal, "request").loaders


def made(owner: object) -> list[object]:
    """What stands in the cached properties of this object."""
    return [getattr(owner, name) for name, value in vars(type(owner)).items() if isinstance(value, cached_property)]


async def test_every_loader_is_a_dataloader(loaders):
    lists = [ListLoaders(loaders.source, records) for records in LISTS]
    of_lists = [loader for each in lists for loader in (each.pages, each.slices, each.by_id)]
    found = [*made(loaders), *of_lists]
    assert len(found) > 15
    assert [loader for loader in found if not isinstance(loader, DataLoader)] == []


async def test_load_and_level_share_one_call(loaders, sandbox):
    load = loaders.record(REPAIRS, 1, CODE)
    loader, key = load.loader, load.key

    one, many, [level] = await asyncio.gather(loader.load(key), loader.load_many([key, key]), loader.load_level([key]))

    assert one is level is many[0] is many[1]
    assert await load is one
    assert sandbox.count("WJDH", "repair") == 1


async def test_cancelled_load_cancels_its_call(loaders, sandbox, gateway):
    sandbox.faults.set("WJDH", "repair", Fault(FaultKind.HANG))
    waiting = asyncio.ensure_future(_wait(loaders.record(REPAIRS, 1, CODE)))
    await until(lambda: len(gateway.parts.reads) == 1)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: len(gateway.parts.reads) == 0)


async def _wait(load):
    return await load


async def test_fields_resolved_twice_count_and_report_once(gateway):
    context = gateway.parts.open_context(Principal("lin", frozenset(Scope), None, float("inf")), "request")
    counted = []
    context.budget = SimpleNamespace(count_lookup=counted.append)

    for name in ("李明", "李明", "王芳"):
        await context.counted(Load(context.loaders.people, PeopleKey(name, "19900000002")))
        context.report(GraphQLError(f"{name} is unknown", path=["people"]))

    assert len(counted) == 2
    assert len(context.failures) == 2


@pytest.mark.parametrize("records", LISTS, ids=lambda records: records.type_name)
def test_list_has_all_that_it_declares(records, gateway):
    [shown] = [shown for shown in SHOWN if shown.records is records]
    schema = executable_schema()

    def fields(name):
        return schema.get_type(name).fields

    plural, [first, *rest] = f"{shown.name}s", shown.count[0].split("_")
    assert plural in fields("Query")
    assert plural in fields("Community")
    assert first + "".join(map(str.capitalize, rest)) in fields("CommunitySummary")
    assert (f"{shown.name}Events" in fields("Subscription")) == (records.watched is not None)
    assert records.type_name in READERS
    assert set(records.endpoints) <= set(lifetimes(load_settings({})))
    assert set(records.endpoints) <= set(gateway.parts.platforms.wjdh._harmless_reads())
