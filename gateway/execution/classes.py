"""What a schema may declare of the classes of its values, so that plans need not ask for each value.

    GraphQLObjectType("Order", fields, is_type_of=by_class(OrderRecord))
    GraphQLScalarType("DateTime", serialize=as_it_is(datetime))
    GraphQLScalarType("Decimal", serialize=unchanged(str)(write_decimal))

All are ordinary functions for graphql-core. A plan compares the class of a value first, and calls them for others.
"""

from collections.abc import Callable
from typing import Any, TypeVar

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def by_class(cls: type) -> Callable[[object, object], bool]:
    """The `is_type_of` of a type whose objects are the instances of one class."""

    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, cls)

    is_type_of.exact_class = cls  # type: ignore[attr-defined] # for `exact_class`
    return is_type_of


def as_it_is(cls: type) -> Callable[[object], object]:
    """The `serialize` of a scalar that the JSON writer knows: orjson does dates, times and UUIDs better than Python."""

    def serialize(value: object) -> object:
        if not isinstance(value, cls):
            raise TypeError(f"{type(value).__name__} instead of {cls.__name__}")
        return value

    serialize.exact_class = cls  # type: ignore[attr-defined] # for `exact_class`
    return serialize


def unchanged(cls: type) -> Callable[[FunctionT], FunctionT]:
    """Declares of the `serialize` of a scalar that it gives instances of this class back as they are."""

    def declare(serialize: FunctionT) -> FunctionT:
        serialize.exact_class = cls  # type: ignore[attr-defined] # for `exact_class`
        return serialize

    return declare


def exact_class(function: Callable[..., Any] | None) -> type | None:
    """The class that a function made here declares."""
    return getattr(function, "exact_class", None)
