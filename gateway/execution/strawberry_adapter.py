"""What a plan knows about schemas made with Strawberry. Nothing else here does.

Strawberry wraps each resolver so that graphql-core can call it: the wrapper makes an Info, converts arguments, runs
field extensions, and finds out what the resolver wants, for every object anew. A plan settles all this once, and calls
the function that was written. Fields with extensions or permissions, and whatever is not recognised, keep the wrapper.
"""

from collections.abc import Hashable
from functools import partial
from typing import Any, Literal

from graphql import FieldNode, GraphQLField, GraphQLSchema, is_non_null_type
from strawberry import Info, Schema
from strawberry.relay import GlobalID
from strawberry.schema.compat import is_scalar
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.base import StrawberryMaybe, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from gateway.execution.arguments import Arguments, Convert
from gateway.execution.plan import Attribute, Constant, FieldPosition, ResolverCall
from gateway.execution.variants import AttributeIn

WRAPPERS = tuple(
    f"GraphQLCoreConverter.from_resolver.<locals>.{name}"
    for name in ("_get_basic_result", "_resolver", "_async_resolver")
)
"""The functions that Strawberry gives to graphql-core. Any other was put there by someone else."""


class StrawberryFields:
    """Reads the fields of one schema; of a schema that Strawberry did not make, it recognises none."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema: Schema | None = getattr(schema, "_strawberry_schema", None)

    def origin(
        self, definition: GraphQLField, node: FieldNode, variant: Hashable
    ) -> Attribute | ResolverCall | Constant | None:
        """Where the field's value comes from; None for a resolver that has to be called as graphql-core calls it."""
        schema, field = self._schema, definition.extensions.get("strawberry-definition")
        if schema is None or not isinstance(field, StrawberryField) or not _is_ordinary(field, definition, schema):
            return None
        if field.base_resolver is None:
            return Attribute(field.python_name) if field.default_resolver is getattr else None
        function = field.base_resolver.wrapped_func
        if not callable(function):
            return None
        declared = getattr(function, "attribute_in", None)
        if isinstance(declared, AttributeIn):
            if declared.variant == variant:
                return Attribute(declared.attribute, declared.observed)
            if declared.otherwise is None:
                if not is_non_null_type(definition.type):
                    return Constant(None)
            elif not declared.of_object:
                return Attribute(declared.attribute, through=declared.otherwise)
        return ResolverCall(
            function,
            _parameters(field.base_resolver),
            Arguments(definition, node, _make_convert(field.arguments, schema)),
            partial(LeanInfo, field),
        )


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


def _is_ordinary(field: StrawberryField, definition: GraphQLField, schema: Schema) -> bool:
    return (
        getattr(definition.resolve, "__qualname__", None) in WRAPPERS
        and type(field).get_result is StrawberryField.get_result
        and not field.extensions
        and schema.config.info_class is Info
        and not schema.schema_converter.exception_handlers
    )


def _parameters(resolver: StrawberryResolver[Any]) -> tuple[tuple[str | None, Literal["source", "info"]], ...]:
    """`self` is passed by position; `root`, the one annotated as Parent, and info by name if they do not come first."""
    parameters: list[tuple[str | None, Literal["source", "info"]]] = []
    if resolver.self_parameter:
        parameters.append((None, "source"))
    if parent := resolver.parent_parameter or resolver.root_parameter:
        parameters.append((parent.name, "source"))
    if resolver.info_parameter:
        parameters.append((resolver.info_parameter.name, "info"))
    first = list(resolver.signature.parameters)
    by_position = first[: len(parameters)] == [name or first[0] for name, _kind in parameters]
    return tuple((None if by_position else name, kind) for name, kind in parameters)


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
    if isinstance(type_, StrawberryMaybe):
        return False
    if isinstance(type_, StrawberryOptional):
        type_ = type_.of_type
    if type_ is GlobalID:
        return False
    return is_scalar(type_, registry) or isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_)
