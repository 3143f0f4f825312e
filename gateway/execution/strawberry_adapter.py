"""What a plan knows about schemas made with Strawberry. Nothing else here does.

Strawberry wraps each resolver so that graphql-core can call it: the wrapper makes an Info, converts arguments, runs
field extensions, and finds out what the resolver wants, for every object anew. A plan settles all this once, and calls
the function that was written. Fields with extensions or permissions, and whatever is not recognised, keep the wrapper.
"""

from collections.abc import Callable, Hashable
from functools import partial
from math import inf
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from graphql import FieldNode, GraphQLField, GraphQLSchema, default_field_resolver, is_non_null_type
from graphql.type import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT
from msgspec import Meta
from strawberry import Info, Schema
from strawberry.relay import GlobalID
from strawberry.schema.compat import is_scalar
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.base import StrawberryMaybe, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from gateway.execution.operation import Arguments, Convert
from gateway.execution.run import FieldPosition
from gateway.execution.variants import AttributeIn

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def by_class(cls: type, *, typed: bool = False) -> Callable[[object, object], bool]:
    """The `is_type_of` of a type whose objects are the instances of one class.

    `typed`: whatever an attribute of one is annotated as, it holds. Then plans need not look at each value, nor at a
    number that is annotated with its bounds: `Annotated[int, msgspec.Meta(ge=1, le=10)]`.
    """

    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, cls)

    is_type_of.exact_class = cls  # type: ignore[attr-defined] # for `exact_class`
    is_type_of.declared = _declared(cls) if typed else {}  # type: ignore[attr-defined] # for plans
    return is_type_of


def _declared(cls: type) -> dict[str, tuple[type, bool]]:
    """What is annotated with one class: this, and whether None is possible. Of integers, those that an Int has."""
    declared = {}
    for name, annotation in get_type_hints(cls, include_extras=True).items():
        annotated = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
        parts = get_args(annotated) if get_origin(annotated) in (Union, UnionType) else (annotation,)
        others = [part for part in parts if part is not NoneType]
        if len(others) == 1:
            one, *notes = get_args(others[0]) if get_origin(others[0]) is Annotated else others
            if isinstance(one, type) and (one is not int or any(map(_is_bounded, notes))):
                declared[name] = one, NoneType in parts
    return declared


def _is_bounded(note: Any) -> bool:
    if not isinstance(note, Meta):
        return False
    least = max([bound for bound in (note.ge, note.gt) if bound is not None], default=-inf)
    greatest = min([bound for bound in (note.le, note.lt) if bound is not None], default=inf)
    return least >= GRAPHQL_MIN_INT and greatest <= GRAPHQL_MAX_INT


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


def exact_class(function: Callable[..., Any] | None) -> type | None:
    """The class that a function made here declares."""
    return getattr(function, "exact_class", None)


WRAPPERS = tuple(
    f"GraphQLCoreConverter.from_resolver.<locals>.{name}"
    for name in ("_get_basic_result", "_resolver", "_async_resolver")
)
"""The functions that Strawberry gives to graphql-core. Any other was put there by someone else."""


class Attribute(NamedTuple):
    """An attribute of the source object, which has it; what `through` makes of it, where there is such a function.

    `observed`: the context hears that it was read.
    """

    name: str
    observed: bool = False
    through: Callable[[Any], Any] | None = None


class ResolverCall(NamedTuple):
    """A resolver, called with the source object and info where its parameters are.

    `parameters` is the source of the call: `o` is the object, `{info}` the info. `make_info` gives the info that the
    resolver expects for a run and the field's position; None stands for graphql-core's.
    """

    function: Callable[..., Any]
    parameters: str
    arguments: Arguments
    make_info: Callable[[Any, FieldPosition], Any] | None = None


def find_origin(
    core_schema: GraphQLSchema, definition: GraphQLField, node: FieldNode, variant: Hashable
) -> Attribute | ResolverCall | None:
    """Where the field's value comes from; None: it is null. What is not recognised is called as graphql-core does."""
    schema: Schema | None = getattr(core_schema, "_strawberry_schema", None)
    field = _ordinary(definition, schema)
    resolver = None if field is None else field.base_resolver
    if field is not None and resolver is None and field.default_resolver is getattr:
        return Attribute(field.python_name)
    function = resolver and resolver.wrapped_func
    if schema is None or field is None or resolver is None or not callable(function):
        resolve = definition.resolve or default_field_resolver
        return ResolverCall(resolve, "o, {info}", Arguments(definition, node))
    declared = getattr(function, "attribute_in", None)
    if isinstance(declared, AttributeIn):
        if declared.variant == variant:
            return Attribute(declared.attribute, declared.observed)
        if declared.otherwise is None:
            if not is_non_null_type(definition.type):
                return None
        elif not declared.of_object:
            return Attribute(declared.attribute, through=declared.otherwise)
    arguments = Arguments(definition, node, _make_convert(field.arguments, schema))
    return ResolverCall(function, _parameters(resolver), arguments, partial(LeanInfo, field))


def _make_convert(arguments: list[StrawberryArgument], schema: Schema) -> Convert:
    """From GraphQL to Python names, and from dicts to input types. Most values pass unchanged."""
    registry, config = schema.schema_converter.scalar_registry, schema.config
    types: dict[str, tuple[str, Any, bool]] = {}
    for argument in arguments:
        name = config.name_converter.from_argument(argument)
        types[name] = (argument.python_name, argument.type, _passes_unchanged(argument.type, registry))

    def convert(values: dict[str, Any], info: Any) -> dict[str, Any]:
        keywords = {}
        for name, value in values.items():
            python_name, type_, is_unchanged = types[name]
            converted = value if is_unchanged else convert_argument(value, type_, registry, config, info, path=(name,))
            keywords[python_name] = converted
        return keywords

    return convert


def _ordinary(definition: GraphQLField, schema: Schema | None) -> StrawberryField | None:
    """The field that Strawberry has made, where it does nothing but call its resolver."""
    field = definition.extensions.get("strawberry-definition")
    is_ordinary = (
        schema is not None
        and isinstance(field, StrawberryField)
        and getattr(definition.resolve, "__qualname__", None) in WRAPPERS
        and type(field).get_result is StrawberryField.get_result
        and not field.extensions
        and schema.config.info_class is Info
        and not schema.schema_converter.exception_handlers
    )
    return field if is_ordinary else None


def _parameters(resolver: StrawberryResolver[Any]) -> str:
    """`self` is passed by position; `root`, the one annotated as Parent, and info by name if they do not come first."""
    names = list(resolver.signature.parameters)
    passed = {names[0]: "o"} if resolver.self_parameter else {}
    if parent := resolver.parent_parameter or resolver.root_parameter:
        passed[parent.name] = "o"
    if resolver.info_parameter:
        passed[resolver.info_parameter.name] = "{info}"
    if [*passed] == names[: len(passed)]:
        return ", ".join(passed.values())
    return ", ".join(f"{name}={value}" for name, value in passed.items())


class LeanInfo(Info[Any, Any]):
    """Strawberry's info with the context at hand: the rest is found out if a resolver asks for it."""

    __slots__ = ("context",)  # in place of the base's property

    context: Any

    def __init__(self, field: StrawberryField, run: Any, position: FieldPosition) -> None:
        self.context = run.context
        self._run = run
        self._position = position
        self._field = field

    def __getattr__(self, name: str) -> Any:
        if name != "_raw_info":
            raise AttributeError(name)
        self._raw_info = info = self._run.info(self._position)
        return info


def _passes_unchanged(type_: Any, registry: Any) -> bool:
    """Whether `convert_argument` gives back what it gets: for scalars and enums, null among them."""
    of = type_.of_type if isinstance(type_, StrawberryOptional) else type_
    is_enum = isinstance(of, StrawberryEnumDefinition) or has_enum_definition(of)
    return not isinstance(type_, StrawberryMaybe) and of is not GlobalID and (is_enum or is_scalar(of, registry))
