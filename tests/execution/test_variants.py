"""Fields that differ by the variant of a request, and the fields that its context observes."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import strawberry
from loading import parsed

from gateway.execution.executor import Executor
from gateway.execution.response import Response
from gateway.execution.variants import Observation, ObservedField, attribute_in


class PersonRecord(msgspec.Struct, frozen=True):
    full_name: str
    tel: str | None
    age: Any = 30


@strawberry.type
class Person:
    name: str = strawberry.field(resolver=attribute_in("open", "full_name", otherwise=lambda name: name[:1]))
    phone: str | None = strawberry.field(resolver=attribute_in("open", "tel", otherwise=None))
    note: str = strawberry.field(resolver=attribute_in("open", "tel", otherwise=lambda _: "", observed=False))
    call: str | None = strawberry.field(
        resolver=attribute_in("open", "tel", otherwise=lambda person: person.full_name, of_object=True)
    )
    age: int


@strawberry.type
class Query:
    @strawberry.field(graphql_type=list[Person | None])
    def people(self, info: strawberry.Info) -> Any:
        return info.context.people


class Context:
    def __init__(self, variant: str, people: list[PersonRecord]) -> None:
        self.variant = variant
        self.people = people
        self.observed: list[Observation] = []

    def observe(self, observations: Iterable[Observation]) -> None:
        self.observed += observations


PEOPLE = [PersonRecord("Li Ming", "19900000001"), PersonRecord("Wang", "19900000002")]
NAME, PHONE = ObservedField("Person", "name", "full_name"), ObservedField("Person", "phone", "tel")


async def run(executor: Executor, fields: str, context: Context, middleware: Any = None) -> Response:
    text = f"{{ people {{ {fields} }} }}"
    return await executor.execute(parsed(text), context=context, middleware=middleware)


@pytest.fixture
def executor() -> Executor:
    return Executor(strawberry.Schema(query=Query)._schema)


async def test_plan_observes_revealed_fields_once_per_object(executor: Executor) -> None:
    await run(executor, "name age phone other: name note", Context("open", PEOPLE))
    context = Context("open", PEOPLE)

    response = await run(executor, "name age phone other: name note", context)

    assert response.planned
    assert context.observed == [(PEOPLE, (NAME, PHONE))]


def pass_on(resolve: Any, source: Any, info: Any, **arguments: Any) -> Any:
    return resolve(source, info, **arguments)


async def test_empty_fields_are_not_observed(executor: Executor) -> None:
    people = [PersonRecord("Li Ming", None), PersonRecord("Wang", "19900000002")]
    for middleware in (None, pass_on):
        context = Context("open", people)
        await run(executor, "phone age", context, middleware)
        assert context.observed == [([people[1]], (PHONE,))]


async def test_graphql_core_observes_the_same_fields(executor: Executor) -> None:
    context = Context("open", PEOPLE)

    response = await run(executor, "name phone", context, middleware=pass_on)

    assert not response.planned
    assert context.observed == [([person], (field,)) for person in PEOPLE for field in (NAME, PHONE)]


async def test_failed_plan_leaves_observation_to_graphql_core(executor: Executor) -> None:
    people = [PEOPLE[0], PersonRecord("Zhao", None, age="unknown")]
    await run(executor, "name age", Context("open", PEOPLE))
    context = Context("open", people)

    response = await run(executor, "name age", context)

    assert not response.planned
    assert response.data == {"people": [{"name": "Li Ming", "age": 30}, None]}
    assert context.observed == [([person], (NAME,)) for person in people]
