"""What a plan knows about schemas made with Strawberry. Nothing else here does.

Strawberry wraps each resolver so that graphql-core can call it: the wrapper makes an Info, converts arguments, runs
field extensions, and finds out what the resolver wants, for every object anew. A plan settles all this once, and calls
the function that was written. Fields with extensions or permissions, and whatever is not recognised, keep the wrapper.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property, partial
from math import inf
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import strawberry
from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    GraphQLString,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    VariableNode,
    default_field_resolver,
    is_non_null_type,
)
from graphql.execution.values import VariableValues, get_argument_values
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

from gateway.execution.run import FieldPosition, Observation, ObservedField

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def by_class(cls: type, *, typed: bool = False) -> Callable[[object, object], bool]:
    """The `is_type_of` of a type whose objects are the instances of one class.

    `typed`: whatever an attribute of one is annotated as, it holds. Then plans need not look at each value, nor at a
    number that is annotated with its bounds: `Annotated[int, msgspec.Meta(ge=1, le=10)]`.
    """

    @unchanged(cls)
    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, cls)

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


def unchanged(cls: type) -> Callable[[FunctionT], FunctionT]:
    """Declares of the `serialize` of a scalar that it gives instances of this class back as they are."""

    def declare(serialize: FunctionT) -> FunctionT:
        serialize.exact_class = cls  # type: ignore[attr-defined] # for `exact_class`
        return serialize

    return declare


def exact_class(function: Callable[..., Any] | None) -> type | None:
    return getattr(function, "exact_class", None)


def as_it_is(cls: type) -> Callable[[object], object]:
    """The `serialize` of a scalar that the JSON writer knows: orjson does dates, times and UUIDs better than Python."""

    @unchanged(cls)
    def serialize(value: object) -> object:
        if not isinstance(value, cls):
            raise TypeError(f"{type(value).__name__} instead of {cls.__name__}")
        return value

    return serialize


Through: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
"""Gives a value for each of these, in their order. Of text and None it makes text and None."""


class Attribute(NamedTuple):
    """An attribute of the source object, and what `through` makes of its values, or of the objects themselves where it
    is `of_object`; None there stands for null. `observed`: the context hears that it was read.

    A field declares one by `attribute_in`: what it does may depend on who asks and not on the object, as who may see
    everything needs no masks. The context of a request names its *variant*, and there is a plan for each. In the
    attribute's own variant it is shown as it is, and a plan and graphql-core alike report that before the answer is
    given: the context's method `observe` gets `Observation`s. A plan that fails reports nothing.
    """

    name: str
    observed: bool = False
    through: Through | None = None
    variant: Hashable = None
    of_object: bool = False


def attribute_in(
    variant: Hashable,
    attribute: str,
    otherwise: Through | None,
    *,
    observed: bool = True,
    of_object: bool = False,
) -> Callable[..., Any]:
    """A Strawberry resolver: the attribute in this variant, `otherwise(values)` in any other, or null without it.

        phone: str | None = strawberry.field(resolver=attribute_in("revealing", "phone", otherwise=mask_phones))

    `observed` says whether the context hears of values other than None, `of_object` that `otherwise` is called with
    the objects instead of the values.
    """

    def resolve(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        context, value = info.context, getattr(root, attribute)
        if context.variant != variant:
            return None if otherwise is None else otherwise([root if of_object else value])[0]
        if observed and value is not None:
            field = ObservedField(info._raw_info.parent_type.name, info.field_name, attribute)
            context.observe([Observation([root], (field,))])
        return value

    resolve.declared = Attribute(attribute, observed, otherwise, variant, of_object)  # type: ignore[attr-defined] # for the plans
    return resolve


def one_by_one(function: Callable[[Any], Any]) -> Through:
    """What a function of one value, or of one object, makes of many."""
    return lambda values: [*map(function, values)]


def get_attribute(field: GraphQLField) -> Attribute | None:
    """What the field's resolver declares, if it was made by `attribute_in`."""
    resolver = getattr(field.extensions.get("strawberry-definition"), "base_resolver", None)
    declared: Attribute | None = getattr(resolver and resolver.wrapped_func, "declared", None)
    return declared


Convert: TypeAlias = Callable[[str], tuple[str, Callable[[Any, Any], Any] | None]]
"""Of an argument of the schema: the resolver's name for it, and what makes the resolver's value of graphql-core's and
of the info; None where it stays as it is.
"""


class ResolverCall(NamedTuple):
    """A resolver, called with `parameters`, in whose source `{o}` is the object and `{info}` the info, and with the
    arguments by name. `make_info` gives the info for a run and the field's position; None stands for graphql-core's.
    """

    function: Callable[..., Any]
    parameters: str = "{o}, {info}"
    convert: Convert = lambda name: (name, None)
    make_info: Callable[[Any, FieldPosition], Any] | None = None


def find_origin(
    core_schema: GraphQLSchema, definition: GraphQLField, variant: Hashable
) -> Attribute | ResolverCall | None:
    """Where the field's value comes from; None: it is null. What is not recognised is called as graphql-core does."""
    schema: Schema | None = getattr(core_schema, "_strawberry_schema", None)
    field: StrawberryField | None = definition.extensions.get("strawberry-definition")
    resolver = getattr(field, "base_resolver", None)
    function: Any = resolver and resolver.wrapped_func
    if schema is None or field is None or field.extensions or (resolver and not callable(function)):
        return ResolverCall(definition.resolve or default_field_resolver)
    if resolver is None:
        return Attribute(field.python_name)
    if declared := get_attribute(definition):
        if declared.variant == variant:
            return declared._replace(through=None)
        if declared.through is not None:
            return declared._replace(observed=False)
        if not is_non_null_type(definition.type):
            return None
    convert = _make_convert(field.arguments, schema)
    return ResolverCall(function, _parameters(resolver), convert, partial(LeanInfo, field))


def _make_convert(arguments: list[StrawberryArgument], schema: Schema) -> Convert:
    """From GraphQL to Python names, and from dicts to input types. Most values pass unchanged."""
    registry, config = schema.schema_converter.scalar_registry, schema.config
    by_name = {config.name_converter.from_argument(argument): argument for argument in arguments}

    def convert(name: str) -> tuple[str, Callable[[Any, Any], Any] | None]:
        python_name, type_ = by_name[name].python_name, by_name[name].type
        of: Any = type_.of_type if isinstance(type_, StrawberryOptional) else type_
        is_enum = isinstance(of, StrawberryEnumDefinition) or has_enum_definition(of)
        if not isinstance(type_, StrawberryMaybe) and of is not GlobalID and (is_enum or is_scalar(of, registry)):
            return python_name, None
        return python_name, lambda value, info: convert_argument(value, type_, registry, config, info, path=(name,))

    return convert


def read_arguments(
    definition: GraphQLField, node: FieldNode, convert: Convert
) -> dict[str, Any] | Callable[[VariableValues, Any], dict[str, Any]]:
    """The arguments of a field by the resolver's names for them, if they are the same for every request; else what
    reads those of one, from its variables and the field's info.

    What can be changed in place is made anew for each request; within one, all objects of a list share it. What is a
    variable alone is read without graphql-core. Raises GraphQLError where graphql-core would.
    """

    def read(of: GraphQLField, variables: VariableValues | None = None, info: Any = None) -> dict[str, Any]:
        values = get_argument_values(of, node, variables)
        converted = [(*convert(argument), value) for argument, value in values.items()]
        return {name: value if through is None else through(value, info) for name, through, value in converted}

    given = {each.name.value: each.value for each in node.arguments or ()}
    if any(isinstance(value, ListValueNode | ObjectValueNode) for value in given.values()):
        return partial(read, definition)
    from_variables = [
        (*convert(declared.out_name or name), value.name.value, is_non_null_type(declared.type))
        for name, declared in definition.args.items()
        if isinstance(value := given.get(name), VariableNode)
    ]
    others = {name: each for name, each in definition.args.items() if not isinstance(given.get(name), VariableNode)}
    constant = read(GraphQLField(GraphQLString, others))

    def bind(variables: VariableValues, info: Any) -> dict[str, Any]:
        keywords = constant.copy()
        for name, through, variable, non_null in from_variables:
            value = variables.coerced.get(variable, Undefined)
            if value is Undefined or (non_null and value is None):
                return read(definition, variables, info)  # the default of the argument, or an error
            keywords[name] = value if through is None else through(value, info)
        return keywords

    return bind if from_variables else constant


def _parameters(resolver: StrawberryResolver[Any]) -> str:
    """`self` is passed by position; `root`, the one annotated as Parent, and info by name if they do not come first."""
    names = list(resolver.signature.parameters)
    passed = {names[0]: "{o}"} if resolver.self_parameter else {}
    if parent := resolver.parent_parameter or resolver.root_parameter:
        passed[parent.name] = "{o}"
    if resolver.info_parameter:
        passed[resolver.info_parameter.name] = "{info}"
    if [*passed] == names[: len(passed)]:
        return ", ".join(passed.values())
    return ", ".join(f"{name}={value}" for name, value in passed.items())


class LeanInfo(Info[Any, Any]):
    """Strawberry's info with the context at hand: the rest is found out if a resolver asks for it."""

    context: Any = None  # in place of the base's property

    def __init__(self, field: StrawberryField, run: Any, position: FieldPosition) -> None:
        self.context = run.context
        self._run, self._position, self._field = run, position, field

    @cached_property
    def _raw_info(self) -> Any:  # type: ignore[override] # made when something asks for it
        return self._run.info(self._position)
