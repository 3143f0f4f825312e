"""From an operation to the Python function that answers it.

graphql-core collects the fields: fragments, merged fields, @skip and @include are its own. Each selection becomes a
function from a source object to a response object, each list and each interface or union a function around those. For
a query that asks orders for their titles and owners, this is the part for an order:

    def object_orders(o):
        out = {
            'title': o.title,
            'owner': None,
        }
        out['owner'] = (object_orders_owner(v) if type(v := resolve_owner(o, info_owner)) is class_Owner
                        else None if v is None else settle(out, 'owner', v, object_orders_owner, nodes_owner))
        return out

What a record is annotated to hold stands in the dict at once. Any other value is put into its place afterwards: in line
if it is as expected, by `settle` of the run otherwise: a value to be awaited or coerced, or one that breaks the schema.
"""

from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import lru_cache, partial
from keyword import iskeyword
from math import inf
from types import CodeType
from typing import Any, NamedTuple

import structlog
from graphql import (
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    default_type_resolver,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from graphql.type import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

from gateway.execution.operation import Code, Operation
from gateway.execution.response import UnplannableError
from gateway.execution.run import FieldPosition, at_hand, confirm
from gateway.execution.strawberry_adapter import Attribute, ResolverCall, exact_class, find_origin
from gateway.execution.variants import ObservedField

log = structlog.get_logger(__name__)

MAX_FIELDS = 1_000
"""Entries of all selections of a plan together. Making the code takes about 25 µs for each, and nothing else runs
meanwhile; larger operations are left to graphql-core."""

IN_LINE = {
    GraphQLString.coerce_output_value: str,
    GraphQLID.coerce_output_value: str,
    GraphQLBoolean.coerce_output_value: bool,
}
"""The class whose instances the coercion of a built-in scalar gives back unchanged, all of them."""

EXACT = {
    GraphQLInt.coerce_output_value: f"type({{v}}) is int and {GRAPHQL_MIN_INT} <= v <= {GRAPHQL_MAX_INT}",
    GraphQLFloat.coerce_output_value: "type({v}) is float and -inf < v < inf",
}
"""When a number is what the coercion of a built-in scalar would give back unchanged."""

GLOBALS: dict[str, Any] = {"at_hand": at_hand, "confirm": confirm, "inf": inf, "partial": partial}


class TooManyFieldsError(UnplannableError):
    """The plan would have more fields than it may."""


def compile_operation(operation: Operation, variables: VariableValues, variant: Hashable, most_fields: int) -> Code:
    """The plan for requests of this variant.

    Of the variables only those in @skip and @include are read. Raises UnplannableError.
    """
    writer = _Writer(operation, variables, variant, most_fields)
    try:
        source = writer.write()
    except Exception as error:
        if not isinstance(error, GraphQLError | RecursionError):  # which graphql-core reports
            log.warning("operation cannot be planned", exc_info=error)
        raise UnplannableError("not understood") from error
    exec(_compile(source), writer.globals)  # noqa: S102 # of the document it holds only names
    return Code(source, writer.globals.pop("bind"))  # or function and globals would hold each other


@lru_cache(maxsize=32)
def _compile(source: str) -> CodeType:
    """Documents that differ only in values, or in what operations, variables and fields are called, have one source.

    32 of the largest take some 20 MiB.
    """
    return compile(source, "<plan>", "exec")


class _Field(NamedTuple):
    """A field that is being written. `path` is where it stands, by names of the schema, for naming things."""

    at: FieldPosition
    path: tuple[str, ...]
    details: FieldDetailsList


class _Writer:
    """Writes the functions of one plan. `globals` holds the values that they refer to by name."""

    def __init__(self, operation: Operation, variables: VariableValues, variant: Hashable, most_fields: int) -> None:
        self.globals = dict(GLOBALS)
        self._schema = operation.schema
        self._operation = operation
        self._variables = variables
        self._variant = variant
        self._fields_left = most_fields
        self._taken = {*GLOBALS, "each", "run", "settle"}
        self._constants: dict[int, str] = {}
        self._objects: dict[tuple[Hashable, ...], str] = {}
        self._infos: dict[tuple[int, bool], str] = {}
        self._per_request = ["each, settle = run.each, run.settle"]
        self._functions: list[str] = []

    def write(self) -> str:
        type_, operation = self._schema.query_type, self._operation
        if type_ is None:
            raise UnplannableError("the schema has no queries")
        fields = collect_fields(self._schema, operation.fragments, self._variables, type_, operation.node)
        root = self._name("object", "query")
        self._write_object(root, type_, fields.grouped_field_set, (), [])
        lines = [*self._per_request, *self._functions, f"return {root}"]
        return "\n".join(["def bind(run):", *(f"    {line}" for line in lines), ""])

    # Functions: an object, a list, an interface or union

    def _object(self, type_: GraphQLObjectType, field: _Field) -> str:
        """One function for one type, field and set of nodes, however many types of parents lead to it."""
        at, operation = field.at, self._operation
        key = (type_.name, at.parent_type.name, *[id(detail.node) for detail in field.details])
        if key in self._objects:
            return self._objects[key]
        function = self._objects[key] = self._name("object", *field.path)
        fields = collect_subfields(
            self._schema, operation.fragments, self._variables, operation.node, type_, field.details
        )
        check = []
        if type_.is_type_of is not None:
            cls = self._get_class(type_)
            condition = f"if type(o) is not {cls}: " if cls else ""
            info = f"run.info({self._constant(at, 'position', at.name)})" if cls else self._info(at)
            is_type_of = self._constant(type_.is_type_of, "is_type_of", type_.name)
            check = [f"{condition}confirm({is_type_of}(o, {info}))"]
        self._write_object(function, type_, fields.grouped_field_set, field.path, check)
        return function

    def _write_object(
        self, function: str, type_: GraphQLObjectType, fields: GroupedFieldSet, path: tuple[str, ...], lines: list[str]
    ) -> None:
        self._fields_left -= len(fields)
        if self._fields_left < 0:
            raise TooManyFieldsError("too many fields")
        entries: list[str] = []
        after: list[str] = []
        observed: dict[ObservedField, str] = {}
        for alias, details in fields.items():
            name = details[0].node.name.value
            # Python never frees the words of compiled code, so an alias is none of them
            key = repr(name) if alias == name else self._constant(alias, "key", name)
            definition = self._schema.get_field(type_, name)
            if definition is None or name in ("__schema", "__type"):
                raise UnplannableError(f"{name} is introspection or unknown")
            if name == "__typename":
                entries.append(f"    {key}: {type_.name!r},")
                continue
            at = FieldPosition(name, [detail.node for detail in details], definition.type, type_)
            origin = find_origin(self._schema, definition, at.nodes[0], self._variant)
            field, value = _Field(at, (*path, name), details), None
            if isinstance(origin, ResolverCall):
                read = self._call(origin, at)
            elif origin is not None:
                read = held = _read(origin.name)
                if origin.observed:
                    shown = "" if is_non_null_type(definition.type) else f"{held} is not None"
                    observed[ObservedField(type_.name, name, origin.name)] = shown
                if origin.through is not None:
                    read = f"{self._constant(origin.through, 'through', origin.name)}({held})"
                value = self._at_once(definition.type, field, origin, read)
            entries.append(f"    {key}: {value},")
            if origin is not None and value is None:
                value = self._value(definition.type, field, f"v := {read}", f"out, {key}")
                after.append(f"out[{key}] = {value}")
        if observed:
            observe = self._name("observe", type_.name)
            self._per_request.append(f"{observe} = run.observing({self._constant(tuple(observed), 'observed')})")
            condition = "" if "" in observed.values() else f"if {' or '.join(observed.values())}: "
            after.append(f"{condition}{observe}(o)")
        self._function(f"{function}(o)", [*lines, "out = {", *entries, "}", *after, "return out"])

    def _list(self, item: GraphQLOutputType, field: _Field) -> str:
        function, items = self._name("list", *field.path), self._name("items", *field.path)
        value = self._value(item, field, "v", "out, len(out)")
        self._function(f"{items}(values, out)", ["for v in values:", f"    out.append({value})", "return out"])
        self._functions.append(f"{function} = partial(each, {items})")
        return function

    def _abstract(self, type_: GraphQLAbstractType, field: _Field) -> str:
        function = self._name("abstract", *field.path)
        resolve = self._constant(type_.resolve_type or default_type_resolver, "resolve_type", type_.name)
        name = f"{resolve}(o, {self._info(field.at)}, {self._constant(type_, 'type', type_.name)})"
        lines = [f"name = at_hand({name})"]
        for possible in self._schema.get_possible_types(type_):
            shown = self._object(possible, field._replace(path=(*field.path, possible.name)))
            lines.append(f"if name == {possible.name!r}: return {shown}(o)")
        self._function(f"{function}(o)", [*lines, "raise LookupError(name)"])
        return function

    def _function(self, head: str, body: list[str]) -> None:
        self._functions += [f"def {head}:", *[f"    {line}" for line in body]]

    # Values

    def _at_once(self, declared_type: GraphQLOutputType, field: _Field, origin: Attribute, read: str) -> str | None:
        """What the dict holds: an enum's name, or what the class of the objects declares to be as expected."""
        nullable, type_ = not is_non_null_type(declared_type), get_nullable_type(declared_type)
        if isinstance(type_, GraphQLEnumType):
            return f"{self._enum_names(type_, nullable)}[{read}]"
        found = getattr(field.at.parent_type.is_type_of, "declared", {}).get(origin.name)
        if found is None or origin.through or (found[1] and not nullable):
            return None
        if is_object_type(type_) and found[0] is exact_class(type_.is_type_of):
            function = self._object(type_, field)
            return f"None if (v := {read}) is None else {function}(v)" if found[1] else f"{function}({read})"
        if not is_leaf_type(type_):
            return None
        coerce = type_.coerce_output_value
        shown = int if coerce == GraphQLInt.coerce_output_value else exact_class(coerce) or IN_LINE.get(coerce)
        return read if found[0] is shown else None

    def _value(self, declared_type: GraphQLOutputType, field: _Field, v: str, place: str) -> str:
        """An expression: the completed value of `v` if it is as expected, else what `settle` makes of it.

        `v` is the name or assigns it; `place` is a container in the response and the key in it.
        """
        nullable, type_ = not is_non_null_type(declared_type), get_nullable_type(declared_type)
        expected, value = "", ""
        if isinstance(type_, GraphQLEnumType):
            complete = f"{self._enum_names(type_, nullable=False)}.__getitem__"
        elif is_leaf_type(type_):
            coerce, value = type_.coerce_output_value, "v"
            complete = self._constant(coerce, "coerce", type_.name)
            if coerce in EXACT:
                expected = EXACT[coerce].format(v=v)
            elif cls := exact_class(coerce) or IN_LINE.get(coerce):
                expected = f"type({v}) is {self._constant(cls, 'class', cls.__name__)}"
        elif is_list_type(type_):
            complete = self._list(type_.of_type, field)
            expected = f"type({v}) is list or type(v) is tuple"
        elif is_object_type(type_):
            complete = self._object(type_, field)
            if class_name := self._get_class(type_):
                expected = f"type({v}) is {class_name}"
        elif is_abstract_type(type_):
            complete = self._abstract(type_, field)
        else:
            raise UnplannableError(f"{type_} is of an unknown kind")
        nodes = self._constant(field.at.nodes, "nodes", field.at.name) if nullable else None
        if not expected:
            return f"settle({place}, {v.removeprefix('v := ')}, {complete}, {nodes})"
        null = "None if v is None else " if nullable else ""
        return f"{value or f'{complete}(v)'} if {expected} else {null}settle({place}, v, {complete}, {nodes})"

    def _enum_names(self, type_: GraphQLEnumType, nullable: bool) -> str:
        return self._constant(enum_names(type_, nullable), "nullable_names" if nullable else "names", type_.name)

    def _get_class(self, type_: GraphQLObjectType) -> str | None:
        """The name of the class whose instances are values of this type and nothing else, if it has one."""
        cls = exact_class(type_.is_type_of)
        return self._constant(cls, "class", cls.__name__) if cls else None

    # Resolvers, and what a request brings, made once for it

    def _call(self, call: ResolverCall, at: FieldPosition) -> str:
        info = self._info(at, call.make_info) if "{info}" in call.parameters else "None"
        arguments = [call.parameters.format(info=info)] if call.parameters else []
        if call.arguments.constant is None:
            bound = self._name("arguments", at.name)
            bind = self._constant(call.arguments.bind, "bind", at.name)
            self._per_request.append(f"{bound} = {bind}(run.variables, {info})")
            arguments.append(f"**{bound}")
        elif call.arguments.constant:
            arguments.append(f"**{self._constant(call.arguments.constant, 'arguments', at.name)}")
        return f"{self._constant(call.function, 'resolve', at.name)}({', '.join(arguments)})"

    def _info(self, at: FieldPosition, make: Callable[[Any, FieldPosition], Any] | None = None) -> str:
        """The info for a field: graphql-core's, or what is made instead."""
        key = id(at), make is None
        if key not in self._infos:
            info = self._infos[key] = self._name("info", at.name)
            function = "run.info(" if make is None else f"{self._constant(make, 'make_info', at.name)}(run, "
            self._per_request.append(f"{info} = {function}{self._constant(at, 'position', at.name)})")
        return self._infos[key]

    # Names

    def _name(self, *words: str) -> str:
        """A name made of these words, numbered if something has it already."""
        wanted = name = "_".join(words)
        number = 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def _constant(self, value: Any, *words: str) -> str:
        """The name of a global with this value. The same object keeps its name."""
        if id(value) not in self._constants:
            name = self._constants[id(value)] = self._name(*words)
            self.globals[name] = value
        return self._constants[id(value)]


def _read(attribute: str) -> str:
    return f"o.{attribute}" if attribute.isidentifier() and not iskeyword(attribute) else f"getattr(o, {attribute!r})"


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
