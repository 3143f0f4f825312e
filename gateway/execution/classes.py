"""What a schema may declare of the classes of its values, so that plans need not ask for each value.

    GraphQLObjectType("Order", fields, is_type_of=by_class(OrderRecord, typed=True))
    GraphQLScalarType("DateTime", serialize=as_it_is(datetime))
    GraphQLScalarType("Decimal", serialize=unchanged(str)(write_decimal))

All are ordinary functions for graphql-core. A plan compares the class of a value first, and calls them for others.
"""

from collections.abc import Callable, Sequence
from math import inf
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Declared(NamedTuple):
    """What an attribute holds: an instance of this very class; or None, if it is `optional`. Numbers have bounds."""

    cls: type
    optional: bool
    least: float = -inf
    greatest: float = inf


def by_class(cls: type, *, typed: bool = False) -> Callable[[object, object], bool]:
    """The `is_type_of` of a type whose objects are the instances of one class.

    `typed`: whatever an attribute of one is annotated as, it holds. Then plans need not look at each value, nor at a
    number that is annotated with its bounds: `Annotated[int, msgspec.Meta(ge=1, le=10)]`.
    """

    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, cls)

    is_type_of.exact_class = cls  # type: ignore[attr-defined] # for `exact_class`
    is_type_of.declared = _declared(cls) if typed else {}  # type: ignore[attr-defined] # for `declared`
    return is_type_of


def _declared(cls: type) -> dict[str, Declared]:
    """What is annotated with one class, or with one and None."""
    declared = {}
    for name, annotation in get_type_hints(cls, include_extras=True).items():
        annotated = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
        parts = get_args(annotated) if get_origin(annotated) in (Union, UnionType) else (annotation,)
        others = [part for part in parts if part is not NoneType]
        if len(others) == 1:
            one, *notes = get_args(others[0]) if get_origin(others[0]) is Annotated else others
            if isinstance(one, type):
                least = max(_bounds(notes, "ge", "gt"), default=-inf)
                greatest = min(_bounds(notes, "le", "lt"), default=inf)
                declared[name] = Declared(one, NoneType in parts, least, greatest)
    return declared


def _bounds(notes: Sequence[object], *names: str) -> list[float]:
    """What notes such as `msgspec.Meta` have under these names."""
    bounds = [getattr(note, name, None) for note in notes for name in names]
    return [bound for bound in bounds if bound is not None]


def as_it_is(cls: type) -> Callable[[object], object]:
    """The `serialize` of a scalar that the JSON writer knows: orjson does dates, times and UUIDs better than Python."""

    @unchanged(cls)
    def serialize(value: object) -> object:
        if not isinstance(value, cls):
            raise TypeError(f"{type(value).__name__} instead of {cls.__name__}")
        return value

    return serialize


def unchanged(cls: type) -> Callable[[FunctionT], FunctionT]:
    """Declares of the `serialize` of a scalar that it gives instances of this class back as they are."""

    def declare(serialize: FunctionT) -> FunctionT:
        serialize.exact_class = cls  # type: ignore[attr-defined] # for `exact_class`
        return serialize

    return declare


def declared(function: Callable[..., Any] | None, attribute: str) -> Declared | None:
    """What an attribute of the objects holds, if the type's `is_type_of` was made here and knows."""
    found: Declared | None = getattr(function, "declared", {}).get(attribute)
    return found


def exact_class(function: Callable[..., Any] | None) -> type | None:
    """The class that a function made here declares."""
    return getattr(function, "exact_class", None)
