"""A graphql-core schema with each leaf, list and object type, from each kind of resolver, in good and bad health.

`Thing` is an object with attributes, `Record` a dict. All fields exist on both and on the interface `Named`. A
field's name says what it is: `colorGridLoad` is of type [[Color!]] and comes through a loader. What a field gives
depends on the id of its object and its own name only, so that two executions give the same; `failures` makes some bad.
"""

import asyncio
from enum import Enum
from typing import Any
from zlib import crc32

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
)
from graphql.pyutils import Undefined

from gateway.execution.load import LevelLoader, Load


class Color(Enum):
    RED = "r"
    GREEN = "g"


def pick(*parts: object) -> int:
    """A number that depends on these alone."""
    return crc32(repr(parts).encode())


class Odd:
    """Of no type of the schema."""

    def __repr__(self) -> str:
        return "Odd"


class Context:
    """One request's: whether values may be bad, and its loaders."""

    def __init__(self, failures: bool) -> None:
        self.failures = failures
        self.records: dict[str, dict[str, Any]] = {}
        self.values = LevelLoader(self._load_values)
        self.broken = LevelLoader(self._load_nothing)

    async def _load_values(self, keys: list[tuple[str, str]]) -> list[Any]:
        await asyncio.sleep(0)
        return [_outcome(make_value, self, *key) for key in keys]

    async def _load_nothing(self, _keys: list[Any]) -> list[Any]:
        raise ConnectionError("the whole batch failed")


class Thing:
    """Computes its attributes; has those of its type only."""

    def __init__(self, id_: str, context: Context) -> None:
        self._id = id_
        self._context = context

    def __getattr__(self, name: str) -> Any:
        if name not in FIELDS or not name.endswith("Property"):
            raise AttributeError(name)
        return make_value(self._context, self._id, name)


def _outcome(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:  # noqa: BLE001 # the error is the outcome
        return error


def _id(source: Any) -> str:
    return source["_id"] if isinstance(source, dict) else source._id


def make_value(context: Context, id_: str, name: str) -> Any:
    """The value of a field of the object with this id, or what is wrong with it."""
    kind, shape = FIELDS[name]
    return _value(context, (id_, name), kind, shape)


def _value(context: Context, seed: tuple[object, ...], kind: str, shape: str) -> Any:
    roll = pick(*seed) % 200
    if roll < 8 and (shape not in ("!", "[!]!") or context.failures):
        return None if roll < 6 else Undefined
    if context.failures and roll < 14:
        if roll < 10:
            raise ValueError(f"{seed[1]} failed")
        return LookupError("returned, not raised") if roll < 11 else Odd() if roll < 13 else {"odd": 1}
    if not shape.startswith("["):
        return _single(context, seed, kind)
    inner = {"[]": "", "[!]!": "!", "[[!]]": "[!]!"}[shape]
    values = [_value(context, (*seed, index), kind, inner) for index in range(pick(*seed, "n") % 4)]
    if context.failures and roll > 197:
        return "no list"
    return tuple(values) if roll % 3 == 0 else values


def _single(context: Context, seed: tuple[object, ...], kind: str) -> Any:
    number = pick(*seed, "value")
    if kind in ("Thing", "Record", "Named", "Either"):
        return make_object(
            context, f"{number % 40}", "Record" if kind == "Record" else "Thing" if kind == "Thing" else ""
        )
    choices = VALUES[kind]
    if context.failures and number % 40 == 0:
        choices = BAD_VALUES[kind]
    return choices[number % len(choices)]


def make_object(context: Context, id_: str, kind: str) -> Any:
    if kind == "Thing" or (kind != "Record" and pick(id_) % 2):
        return Thing(id_, context)
    if id_ not in context.records:
        properties = {name: _property(context, id_, name) for name in PROPERTIES}
        context.records[id_] = {"__typename": "Record", "_id": id_, **properties}
    return context.records[id_]


def _property(context: Context, id_: str, name: str) -> Any:
    """What a dict holds under the name of a field: a value, or a function that gives it, now or later."""
    if FIELDS[name][0] in LEAVES:
        return _outcome(make_value, context, id_, name)

    async def later(_info: Any) -> Any:
        return make_value(context, id_, name)

    return later if pick(id_, name, "later") % 4 == 0 else lambda _info: make_value(context, id_, name)


VALUES: dict[str, tuple[Any, ...]] = {
    "Int": (0, 41, -(2**31), True, "12", 3.0),
    "Float": (0.5, 2, True, "1.5", -0.0),
    "String": ("", "text", "甲", 5, True, 2.5),
    "Boolean": (True, False, 1, 0.0),
    "ID": ("a", 7, "甲"),
    "Color": (Color.RED.value, Color.GREEN.value),
    "Stamp": ("2026", 8, ("x", 1)),
}
BAD_VALUES: dict[str, tuple[Any, ...]] = {
    "Int": ("x", 2**31, 1.5, float("nan"), [1]),
    "Float": ("", float("inf"), {}),
    "String": ([], {}, float("nan")),
    "Boolean": ("yes", [], float("nan")),
    "ID": ({}, True, 0.5),
    "Color": ("blue", ["r"], Color.RED),
    "Stamp": ("null", "undefined", "raise"),
}


def _write_stamp(value: Any) -> Any:
    if value == "raise":
        raise ValueError("no stamp")
    if value in ("null", "undefined"):
        return None if value == "null" else Undefined
    return {"stamp": list(value)} if isinstance(value, tuple) else f"<{value}>"


def _read_stamp(value: Any) -> Any:
    if value == "bad":
        raise ValueError("no such stamp")
    return ("stamp", value)


STAMP = GraphQLScalarType("Stamp", serialize=_write_stamp, parse_value=_read_stamp)
COLOR = GraphQLEnumType("Color", Color)
FILTER: GraphQLInputObjectType = GraphQLInputObjectType(
    "Filter",
    lambda: {
        "color": GraphQLInputField(COLOR),
        "least": GraphQLInputField(GraphQLNonNull(GraphQLInt), default_value=1),
        "tags": GraphQLInputField(GraphQLList(GraphQLNonNull(GraphQLString))),
        "stamp": GraphQLInputField(STAMP, out_name="the_stamp"),
        "inner": GraphQLInputField(FILTER),
    },
)
LEAVES = {
    "Int": GraphQLInt,
    "Float": GraphQLFloat,
    "String": GraphQLString,
    "Boolean": GraphQLBoolean,
    "ID": GraphQLID,
    "Color": COLOR,
    "Stamp": STAMP,
}
SHAPES = {"": "", "Req": "!", "List": "[]", "ListReq": "[!]!", "Grid": "[[!]]"}
SOURCES = ("Property", "Sync", "Async", "Future", "Load", "Items")


def _wrapped(type_: Any, shape: str) -> GraphQLOutputType:
    if shape == "!":
        return GraphQLNonNull(type_)
    if shape == "[]":
        return GraphQLList(type_)
    if shape == "[!]!":
        return GraphQLNonNull(GraphQLList(GraphQLNonNull(type_)))
    return GraphQLList(GraphQLList(GraphQLNonNull(type_))) if shape == "[[!]]" else type_


def _resolve_sync(source: Any, info: Any) -> Any:
    return make_value(info.context, _id(source), info.field_name)


async def _resolve_async(source: Any, info: Any) -> Any:
    for _ in range(pick(_id(source), info.field_name, "wait") % 3):
        await asyncio.sleep(0)
    return make_value(info.context, _id(source), info.field_name)


def _resolve_future(source: Any, info: Any) -> Any:
    future = asyncio.get_running_loop().create_future()
    outcome = _outcome(make_value, info.context, _id(source), info.field_name)

    def finish() -> None:
        if not future.done():
            (future.set_exception if isinstance(outcome, Exception) else future.set_result)(outcome)

    asyncio.get_running_loop().call_soon(finish)
    return future


def _resolve_load(source: Any, info: Any) -> Any:
    if info.context.failures and pick(_id(source), info.field_name, "loader") % 60 == 0:
        return Load(info.context.broken, _id(source))
    return Load(info.context.values, (_id(source), info.field_name))


def _resolve_items(source: Any, info: Any) -> Any:
    """A list of which some items have to be awaited."""
    value = make_value(info.context, _id(source), info.field_name)
    if "[" not in FIELDS[info.field_name][1] or not isinstance(value, list | tuple):
        return value

    async def later(item: Any) -> Any:
        await asyncio.sleep(0)
        if isinstance(item, Exception):
            raise item
        return item

    return [later(item) if pick(index, info.field_name) % 2 else item for index, item in enumerate(value)]


RESOLVERS = {
    "Property": None,
    "Sync": _resolve_sync,
    "Async": _resolve_async,
    "Future": _resolve_future,
    "Load": _resolve_load,
    "Items": _resolve_items,
}
KINDS = (*LEAVES, "Thing", "Record", "Named", "Either")
FIELDS = {
    f"{kind.lower()}{shape_name}{source}": (kind, shape)
    for kind in KINDS
    for shape_name, shape in SHAPES.items()
    for source in SOURCES
}
PROPERTIES = [name for name in FIELDS if name.endswith("Property")]


def _echo(_source: Any, info: Any, **arguments: Any) -> str:
    return f"{info.field_name} of {info.parent_type} {sorted(arguments.items())} {sorted(info.variable_values.coerced)}"


def _make_fields() -> dict[str, GraphQLField]:
    types = {**LEAVES, "Thing": THING, "Record": RECORD, "Named": NAMED, "Either": EITHER}
    fields = {}
    for name, (kind, shape) in FIELDS.items():
        source = next(source for source in SOURCES if name.endswith(source))
        fields[name] = GraphQLField(_wrapped(types[kind], shape), resolve=RESOLVERS[source])
    arguments = {
        "count": GraphQLArgument(GraphQLNonNull(GraphQLInt), default_value=3),
        "tag": GraphQLArgument(GraphQLString, out_name="the_tag"),
        "color": GraphQLArgument(COLOR, default_value=Color.GREEN.value),
        "filter": GraphQLArgument(FILTER),
        "ids": GraphQLArgument(GraphQLList(GraphQLNonNull(GraphQLID))),
        "stamp": GraphQLArgument(STAMP),
    }
    fields["echo"] = GraphQLField(GraphQLString, arguments, _echo)
    fields["echoRequired"] = GraphQLField(
        GraphQLNonNull(GraphQLString), {"id": GraphQLArgument(GraphQLNonNull(GraphQLID)), **arguments}, _echo
    )
    return fields


def _is_thing(value: Any, _info: Any) -> bool:
    return isinstance(value, Thing)


THING: Any = GraphQLObjectType("Thing", _make_fields, interfaces=lambda: [NAMED], is_type_of=_is_thing)
RECORD: Any = GraphQLObjectType("Record", _make_fields, interfaces=lambda: [NAMED])
NAMED: Any = GraphQLInterfaceType("Named", _make_fields)
EITHER: Any = GraphQLUnionType(
    "Either",
    lambda: [THING, RECORD],
    resolve_type=lambda value, info, _type: (
        "Thing" if isinstance(value, Thing) else "Record" if isinstance(value, dict) else "Odd"
    ),
)
SCHEMA = GraphQLSchema(GraphQLObjectType("Query", _make_fields), types=[THING, RECORD])
CUSTOM_SCALARS = {"Stamp": ("s", 1, "x")}
