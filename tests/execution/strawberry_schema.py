# ruff: noqa: N805 # the first argument of a resolver is the record it reads from, not an instance of its class
"""A Strawberry schema with every way to write a resolver, over records and over instances of the types themselves."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, TypeVar
from zlib import crc32

import msgspec
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from gateway.execution.load import Load
from gateway.execution.run import Observation
from gateway.execution.strawberry_adapter import as_it_is, attribute_in, by_class, one_by_one
from gateway.loaders.loader import JournalLoader

ItemT = TypeVar("ItemT")


class BoxRecord(msgspec.Struct, frozen=True):
    """A row: what is not a resolver below is read from it. Some values are of a wrong type when `failures` is on."""

    number: Any
    label: Any
    note: str | None
    weight: Any
    price: Decimal | None
    packed_on: Any
    is_open: bool | None
    material: Any
    sizes: Any
    extra: Any

    @property
    def number_text(self) -> str:
        return f"{self.number} of boxes"


class LidRecord(msgspec.Struct, frozen=True):
    number: int
    color: Any

    @property
    def number_text(self) -> str | None:
        return str(self.number) if self.number % 4 else None


class Context:
    """One request's. With `failures` a part of the rows and calls is bad. In the variant "open" nothing is hidden."""

    def __init__(self, failures: bool, variant: str = "shut") -> None:
        self.failures = failures
        self.variant = variant
        self.observed: list[Observation] = []
        self.lids = JournalLoader("lids", self._load_lids)
        self.boxes = JournalLoader("boxes", self._load_boxes)

    def observe(self, observations: Iterable[Observation]) -> None:
        self.observed += observations

    def fails(self, *parts: object) -> bool:
        return self.failures and crc32(repr(parts).encode()) % 12 == 0

    def box(self, number: int) -> BoxRecord:
        bad = self.fails("box", number)
        return BoxRecord(
            number=number,
            label=None if bad and number % 2 else f"box {number}",
            note=None if number % 3 else "注",
            weight="heavy" if bad else number / 4,
            price=Decimal(number) / 100 if number % 5 else None,
            packed_on="someday" if bad and number % 3 == 0 else date(2026, 1, 1 + number % 28),
            is_open=(True, False, None)[number % 3],
            material="cheese" if bad else list(Material)[number % 3],
            sizes=(1, 2, number) if number % 4 else [],
            extra={"deep": [number, None]} if number % 2 else None,
        )

    async def _load_lids(self, keys: Sequence[int]) -> list[Any]:
        await asyncio.sleep(0)
        return [
            LookupError(f"no lid {key}")
            if self.fails("lid", key)
            else None
            if key % 7 == 0
            else LidRecord(key, Color.RED)
            for key in keys
        ]

    async def _load_boxes(self, keys: Sequence[int]) -> list[Any]:
        if self.failures and len(keys) == 1:
            await asyncio.sleep(0)
        return [self.box(key) for key in keys]


@strawberry.enum
class Material(StrEnum):
    WOOD = "wood"
    STEEL = "steel"
    PAPER = "paper"


@strawberry.enum
class Color(Enum):
    RED = 1
    BLUE = strawberry.enum_value(2, name="NAVY")


class Allowed(BasePermission):
    message = "not allowed"

    def has_permission(self, source: Any, info: strawberry.Info, **_arguments: Any) -> bool:
        return not (info.context.failures and source.number % 3 == 0)


class Louder(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return f"{next_(source, info, **arguments)}!"


def hidden(value: Any) -> str:
    return "*" * len(str(value))


no_sizes, no_material = one_by_one(lambda _sizes: ()), one_by_one(lambda _material: None)


@strawberry.interface
class Numbered:
    number: int
    secret: str | None = strawberry.field(resolver=attribute_in("open", "number_text", one_by_one(hidden)))

    @strawberry.field
    def shout(self, info: strawberry.Info) -> str:
        return f"#{self.number} {info.field_name} {info.python_name}"


@strawberry.type
class Lid(Numbered):
    color: Color | None
    is_type_of = staticmethod(by_class(LidRecord))

    @strawberry.field(graphql_type=Annotated["Box", strawberry.lazy("strawberry_schema")])
    def box(root: strawberry.Parent[LidRecord], info: strawberry.Info) -> Any:
        return Load(info.context.boxes, root.number)


@strawberry.type
class Sticker:
    """Its instances are the sources."""

    text: str
    color: Color = Color.BLUE

    @strawberry.field
    def twice(self) -> str:
        return self.text * 2

    @strawberry.field
    async def later(self, root: "Sticker", i: strawberry.Info[Context, None]) -> str | None:
        await asyncio.sleep(0)
        if i.context.fails("later", self.text):
            raise ValueError(f"no {root.text} now")
        return root.text.upper()


Content = Annotated[Lid | Sticker, strawberry.union("Content")]


@strawberry.input
class Span:
    least: int = 1
    most: int | None = None


@strawberry.input
class BoxFilter:
    materials: list[Material] | None = None
    color: Color = Color.RED
    span: Span | None = strawberry.field(default_factory=lambda: Span(least=2))
    on: date | None = None
    name: strawberry.Maybe[str | None] = None
    lengths: list[list[int]] = strawberry.field(default_factory=list)


def _name_of(root: strawberry.Parent[BoxRecord], prefix: str = "Box") -> str:
    return f"{prefix} {root.number}"


@strawberry.type
class Box(Numbered):
    label: str
    note: str | None = strawberry.field(permission_classes=[Allowed])
    weight: float
    price: Decimal | None
    packed_on: date | None
    is_open: bool | None
    material: Material | None
    sizes: list[int]
    extra: JSON | None
    name_of: str = strawberry.field(resolver=_name_of)
    secret_note: str | None = strawberry.field(resolver=attribute_in("open", "note", one_by_one(hidden)))
    secret_sizes: list[str] = strawberry.field(resolver=attribute_in("open", "sizes", no_sizes, observed=False))
    secret_material: Material | None = strawberry.field(resolver=attribute_in("open", "material", no_material))

    @classmethod
    def is_type_of(cls, source: Any, _info: Any) -> bool:
        return isinstance(source, BoxRecord)

    @strawberry.field
    def id(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> strawberry.ID:
        return strawberry.ID(f"{info._raw_info.parent_type}:{root.number}")

    @strawberry.field(graphql_type=Lid | None)
    def lid(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> Any:
        return Load(info.context.lids, root.number)

    @strawberry.field(graphql_type=Lid)
    async def strict_lid(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> Any:
        return await Load(info.context.lids, root.number)

    @strawberry.field(graphql_type=list[Lid | None])
    def lids(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> Any:
        return [Load(info.context.lids, root.number + offset) for offset in range(root.number % 4)]

    @strawberry.field(graphql_type=list[Content] | None)
    def content(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> Any:
        if info.context.fails("content", root.number):
            return [Sticker(text="a"), object]
        return [Sticker(text="a"), LidRecord(root.number, Color.BLUE), Sticker(text=root.label or "b")]

    @strawberry.field(graphql_type=Numbered | None)
    async def numbered(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> Any:
        await asyncio.sleep(0)
        return info.context.box(root.number + 1) if root.number % 2 else LidRecord(root.number, None)

    @strawberry.field
    def weighed(root: strawberry.Parent[BoxRecord], times: int = 2, color: Color | None = Color.RED) -> float:
        return (root.number + (color.value if color else 0)) * times

    @strawberry.field(permission_classes=[Allowed])
    def guarded(root: strawberry.Parent[BoxRecord]) -> str | None:
        return f"secret {root.number}"

    @strawberry.field(extensions=[Louder()])
    def loud(root: strawberry.Parent[BoxRecord], word: str = "hey") -> str:
        return word

    @strawberry.field
    def failing(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> int | None:
        if info.context.fails("failing", root.number):
            raise RuntimeError(f"box {root.number}")
        return root.number

    @strawberry.field(graphql_type=list[list[int] | None] | None)
    def grid(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> Any:
        return [[1, root.number], [None] if info.context.fails("grid", root.number) else None, []]

    @strawberry.field(graphql_type=int | None)
    def future(root: strawberry.Parent[BoxRecord]) -> Any:
        return asyncio.ensure_future(asyncio.sleep(0, root.number))

    @strawberry.field
    def selected(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> list[str]:
        names = [*(field.name for field in info.selected_fields), *sorted(info._raw_info.fragments)]
        return [*names, info.operation.operation.value, str(info.return_type)]

    @strawberry.field
    def where(root: strawberry.Parent[BoxRecord], info: strawberry.Info) -> str:
        return str(info.path.as_list())


@strawberry.type
class Page(Generic[ItemT]):
    items: list[ItemT]
    total: int

    @strawberry.field
    def first(self) -> ItemT | None:
        return self.items[0] if self.items else None


@strawberry.type
class Query:
    @strawberry.field(graphql_type=list[Box])
    def boxes(self, info: strawberry.Info, count: int = 3) -> Any:
        return [info.context.box(number) for number in range(1, 1 + min(abs(count), 9))]

    @strawberry.field(graphql_type=Box | None)
    async def box(self, info: strawberry.Info, id: strawberry.ID) -> Any:
        await asyncio.sleep(0)
        return info.context.box(len(id) + 1)

    @strawberry.field(graphql_type=Page[Box])
    def page(self, info: strawberry.Info) -> Any:
        return Page(items=[info.context.box(3), info.context.box(12)], total=2)

    @strawberry.field(graphql_type=list[Box | None] | None)
    async def many(self, info: strawberry.Info, numbers: list[int]) -> Any:
        return [Load(info.context.boxes, number % 50) for number in numbers]

    @strawberry.field(graphql_type=Numbered | None)
    def numbered(self, info: strawberry.Info, number: int = 7) -> Any:
        return info.context.box(number % 50) if number % 2 else LidRecord(number % 50, Color.RED)

    @strawberry.field
    def stickers(self) -> list[Sticker]:
        return [Sticker(text="one"), Sticker(text="two", color=Color.RED)]

    @strawberry.field
    def echo(
        self,
        info: strawberry.Info,
        filter: BoxFilter | None = None,
        spans: list[Span] | None = None,
        materials: list[Material] | None = strawberry.UNSET,
        price: Decimal | None = None,
        other: Annotated[str | None, strawberry.argument(name="andMore")] = "more",
        maybe: strawberry.Maybe[int] = None,
    ) -> str:
        return f"{filter} {spans} {materials!r} {price} {other} {maybe} {sorted(info.variable_values)}"

    @strawberry.field
    def strict_echo(self, span: Span, on: list[date]) -> str:
        return f"{span} {on}"

    @strawberry.field(graphql_type=int)
    def awaited(self) -> Awaitable[int]:
        return asyncio.sleep(0, 5)

    @strawberry.field
    @staticmethod
    def static(factor: float = 1.5) -> float:
        return factor * 2

    @strawberry.field
    @classmethod
    def of_class(cls) -> str:
        return cls.__name__


DATE = strawberry.scalar(name="Date", serialize=as_it_is(date), parse_value=date.fromisoformat)
SCHEMA = strawberry.Schema(query=Query, types=[Box, Lid], config=StrawberryConfig(scalar_map={date: DATE}))._schema
CUSTOM_SCALARS = {"Date": ("2026-11-24",), "Decimal": ("0.10", 3)}
