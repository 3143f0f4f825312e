"""A schema of orders, houses and owners, with loaders that record what they were asked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLSchema, build_schema

from gateway.execution.documents import Documents, Prepared
from gateway.execution.limits import Limits
from gateway.execution.load import Load, Loader

SDL = """
type Query { orders(count: Int! = 10): [Order!]! order: Order reviews: [Review!]! slow: String }
type Mutation { touch: String }
type Order { number: Int! house: House strictHouse: House! houses: [House] payer: Owner note: String }
type Review { applicant: Owner }
type House { number: Int! owner: Owner }
type Owner { phone: String! }
"""


@dataclass
class House:
    number: int


@dataclass
class Owner:
    phone: Any


@dataclass
class Order:
    number: int


class Recorder(Loader[Any, Any]):
    """Records batches, fails for the keys in `bad`."""

    batches: list[list[Any]]
    bad: set[Any]
    make: Any

    async def read(self, keys: Sequence[Any]) -> list[Any]:
        self.batches.append(list(keys))
        await asyncio.sleep(0)
        if "batch" in self.bad:
            raise ConnectionError("the batch failed")
        return [LookupError(f"no {key}") if key in self.bad else self.make(key) for key in keys]


@dataclass
class Context:
    """`bad` are keys that fail."""

    bad: set[Any] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.houses, self.owners = self._loader(House), self._loader(lambda key: Owner(f"1990000{key}"))

    def _loader(self, make: Any) -> Any:
        loader: Any = Recorder()
        loader.batches, loader.bad, loader.make = [], self.bad, make
        return loader


def _resolvers() -> dict[str, Any]:
    async def slow(_source: Any, _info: Any) -> str:
        await asyncio.sleep(0)
        return "done"

    async def strict_house(source: Any, info: Any) -> Any:
        await asyncio.sleep(0)
        return None if source.number in info.context.bad else House(source.number)

    return {
        "Query.orders": lambda _source, _info, count: [Order(number) for number in range(count)],
        "Query.order": lambda _source, _info: Order(1),
        "Query.reviews": lambda _source, _info: [Order(number) for number in range(3)],
        "Query.slow": slow,
        "Order.house": lambda source, info: Load(info.context.houses, source.number // 2),
        "Order.strictHouse": strict_house,
        "Order.houses": lambda source, info: [Load(info.context.houses, source.number + add) for add in range(3)],
        "Order.payer": lambda source, info: Load(info.context.owners, source.number),
        "Review.applicant": lambda source, info: Load(info.context.owners, source.number),
        "House.owner": lambda source, info: Load(info.context.owners, source.number),
    }


def make_schema(sdl: str = SDL, resolvers: dict[str, Any] | None = None) -> GraphQLSchema:
    schema = build_schema(sdl)
    types: dict[str, Any] = schema.type_map
    for name, resolve in (_resolvers() if resolvers is None else resolvers).items():
        type_name, field_name = name.split(".")
        types[type_name].fields[field_name].resolve = resolve
    return schema


def prepare(schema: GraphQLSchema, text: str, name: str | None = None) -> Prepared:
    """An operation of a document that may be of any size."""
    any_size = Limits(tokens=20_000, depth=100, aliases=2_000, root_fields=2_000, directives=2_000)
    return Documents(schema, any_size).prepare(text, name)
