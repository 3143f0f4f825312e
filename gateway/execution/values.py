"""What generated code calls where a value is not simply as expected, and how leaves are completed."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from inspect import iscoroutine
from math import inf
from types import NoneType
from typing import Any, TypeVar

from graphql import GraphQLEnumType, GraphQLLeafType, Undefined
from graphql.pyutils import UndefinedType, inspect, is_awaitable, is_iterable
from graphql.pyutils.is_awaitable import is_async_iterable

from gateway.execution.load import Load
from gateway.execution.plan import UnplannableError

SelectionT = TypeVar("SelectionT")

SPECIAL_METHODS = ("__await__", "__aiter__", "__next__", "__call__")


class ViolationError(Exception):
    """A value breaks the schema. graphql-core words the error, so this one is never shown."""


def is_plain(cls: type) -> bool:
    """Whether instances are just values: not errors, not to be awaited, iterated once, or called."""
    if issubclass(cls, Exception | NoneType | UndefinedType):
        return False
    return not any(name in base.__dict__ for base in cls.__mro__ for name in SPECIAL_METHODS)


@lru_cache(maxsize=256)
def complete_leaf(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    """The function that completes a non-null value of a scalar."""
    coerce = type_.coerce_output_value

    def complete(value: Any) -> Any:
        completed = coerce(value)
        if completed is None or completed is Undefined:
            raise ViolationError(f"{type_} gives null")
        return completed

    return complete


@lru_cache(maxsize=256)
def enum_names(enum: GraphQLEnumType, nullable: bool) -> dict[Any, str | None]:
    """The name of each value of an enum, and of what resolvers get for it: Strawberry's are members of a class.

    A plain dict, for the interpreter is quickest with these. What is not in it is left to graphql-core.
    """
    names: dict[Any, str | None] = {None: None} if nullable else {}
    for name, definition in enum.values.items():
        for value in (definition.value, enum.coerce_input_value(name)):
            with suppress(TypeError):  # unhashable
                names[value] = enum.coerce_output_value(value)
    return names


def iterable(values: Any) -> Iterable[Any]:
    """What a list field may give besides list and tuple. An iterator would be used up before graphql-core sees it."""
    if is_async_iterable(values) or hasattr(values, "__next__"):
        raise UnplannableError("a list that can be read only once")
    if not is_iterable(values):
        raise ViolationError(f"{inspect(values)} is no list")
    return values


def confirm(is_type: Any) -> None:
    """An answer of `is_type_of` other than True."""
    _refuse_awaitable(is_type)
    if not is_type:
        raise ViolationError("an object of another type")


def select(selections: dict[str, SelectionT], type_name: Any) -> SelectionT:
    """The selection for the type that an interface or union resolves to."""
    _refuse_awaitable(type_name)
    return selections[type_name]


def _refuse_awaitable(value: Any) -> None:
    if is_awaitable(value):
        if iscoroutine(value):
            value.close()
        raise UnplannableError("the type of a value has to be awaited")


GENERATED_CODE_USES = {"Load": Load, "confirm": confirm, "inf": inf, "iterable": iterable, "select": select}
"""Globals of generated code."""
