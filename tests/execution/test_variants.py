"""Fields that differ by the variant of a request, and the fields that its context observes."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import strawberry
from loading import prepare

from gateway.execution.executor import Executor
from gateway.execution.run import Observation, ObservedField, Response
from gateway.execution.strawberry_adapter import attribute_in


class PersonRecord(msgspec.Struct, frozen=True):
    full_name: str
    tel: str | None
    age: Any = 30


@strawberry.type
class Person:
    name: str = strawberry.field(resolver=attribute_in("open", "full_name", otherwise=lambda name: name[:1]))
    phone: str | None = strawberry.field(resolver=attribute_in("open", "tel", otherwise=None))
    note: str = strawberry.field(resolver=attribute_in("open", "tel", otherwise=lambda _: "", observed=False))
    age: int


@strawberry.type
class Query:
    @strawberry.field(graphql_type=list[Person | None])
    def people(self, info: strawberry.Info) -> Any:
        return info.context.people


SCHEMA = strawberry.Schema(query=Query)._schema


class Context:
    variant = "open"

    def __init__(self, people: list[PersonRecord]) -> None:
        self.people = people
        self.observed: list[Observation] = []

    def observe(self, observations: Iterable[Observation]) -> None:
        self.observed += observations


PEOPLE = [PersonRecord("Li Ming", "19900000001"), PersonRecord("Wang", "19900000002")]
NAME, PHONE = ObservedField("Person", "name", "full_name"), ObservedField("Person", "phone", "tel")


async def run(executor: Executor, fields: str, context: Context, middleware: Any = None) -> Response:
    text = f"{{ people {{ {fields} }} }}"
    return await executor.execute(prepare(SCHEMA, text), context=context, middleware=middleware)


@pytest.fixture
def executor() -> Executor:
    return Executor(SCHEMA)


async def test_plan_observes_revealed_fields_once_per_object(executor: Executor) -> None:
    for _ in range(2):
        context = Context(PEOPLE)
        response = await run(executor, "name age phone other: name note", context)
    assert response.planned
    assert context.observed == [(PEOPLE, (NAME, PHONE))]


def pass_on(resolve: Any, source: Any, info: Any, **arguments: Any) -> Any:
    return resolve(source, info, **arguments)


async def test_empty_fields_are_not_observed_by_graphql_core(executor: Executor) -> None:
    """A plan reports all objects of a selection: who hears of them looks at the values."""
    people = [PersonRecord("Li Ming", None), PersonRecord("Wang", "19900000002")]
    context = Context(people)
    await run(executor, "phone age", context, pass_on)
    assert context.observed == [([people[1]], (PHONE,))]


async def test_failed_plan_leaves_observation_to_graphql_core(executor: Executor) -> None:
    people = [PEOPLE[0], PersonRecord("Zhao", None, age="unknown")]
    await run(executor, "name age", Context(PEOPLE))
    context = Context(people)
    response = await run(executor, "name age", context)
    assert not response.planned
    assert response.data == {"people": [{"name": "Li Ming", "age": 30}, None]}
    assert context.observed == [([person], (NAME,)) for person in people]
