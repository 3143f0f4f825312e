"""From an operation to the Python functions that answer it.

graphql-core collects the fields: fragments, merged fields, @skip and @include are its own. Each selection becomes a
function from objects to response objects: a plan works on whole columns. For a query that asks orders for their titles,
amounts and owners, this is the part for orders:

    def object_orders(values):
        rows = []
        rows += [{
            'title': one_Order.title,
            'amount': None if (one_Money := one_Order.amount) is None else {'yuan': one_Money.yuan},
            'owner': its_owner,
        } for one_Order, its_owner in zip(values,
            column([resolve_owner(one_Order, info_owner) for one_Order in values], object_owner, nodes, rows, 'owner'))]
        return rows

(In truth all names are numbered.) What a record is annotated to hold is taken as it is, and so is a column of such text
once it is masked. All else is a column that the run completes: what has to be awaited is None until then.
"""

from collections.abc import Hashable, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache, partial
from itertools import count
from keyword import iskeyword
from types import CodeType
from typing import Any, NamedTuple

import structlog
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    default_type_resolver,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    FieldDetails,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from gateway.execution.documents import Prepared
from gateway.execution.load import UnplannableError
from gateway.execution.run import Code, Complete, FieldPosition, Observation, ObservedField
from gateway.execution.strawberry_adapter import Attribute, ResolverCall, exact_class, find_origin, read_arguments

log = structlog.get_logger(__name__)

UNCHANGED = {
    GraphQLString.coerce_output_value: str,
    GraphQLID.coerce_output_value: str,
    GraphQLBoolean.coerce_output_value: bool,
    GraphQLInt.coerce_output_value: int,
}
"""The class whose instances the coercion of a built-in scalar gives back unchanged: of integers, those of 32 bits."""

PER_REQUEST = ("column", "each", "by_type", "confirm")  # methods of the run that the code calls

MAX_FIELDS = 400
"""Entries of all selections of a plan together. Making the code takes about 40 µs for each, and nothing else runs
meanwhile; larger operations are left to graphql-core."""


def compile_operation(schema: GraphQLSchema, prepared: Prepared, variables: VariableValues, variant: Hashable) -> Code:
    """The plan for requests of this variant.

    Of the variables only those in @skip and @include are read. Raises UnplannableError.
    """
    writer = _Writer(schema, prepared, variables, variant)
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
    """Documents that differ only in values, or in what operations, variables and fields are called, have one source."""
    return compile(source, "<plan>", "exec")


class _Selection(NamedTuple):
    """What is asked of objects that are each called `name`: the `body` of a function from these to response objects,
    and the entries of a response object where these need nothing but its source.
    """

    name: str
    body: list[str]
    plain_entries: list[str]


class _Writer:
    """Writes the functions of one plan. `globals` holds the values that they refer to by name."""

    def __init__(self, schema: GraphQLSchema, prepared: Prepared, variables: VariableValues, variant: Hashable) -> None:
        self.globals: dict[str, Any] = {"partial": partial, "Observation": Observation}
        self._schema = schema
        self._operation = prepared.operation
        self._fragments = {name: FragmentDetails(fragment) for name, fragment in prepared.fragments.items()}
        self._variables = variables
        self._variant = variant
        self._fields_left = MAX_FIELDS
        self._numbers = count(1)
        self._constants: dict[int, str] = {}
        self._objects: dict[Hashable, str] = {}
        self._per_request = [f"{', '.join(PER_REQUEST)} = {', '.join(f'run.{name}' for name in PER_REQUEST)}"]
        self._functions: list[str] = []

    def write(self) -> str:
        type_ = self._schema.query_type
        if type_ is None:
            raise UnplannableError("the schema has no queries")
        fields = collect_fields(self._schema, self._fragments, self._variables, type_, self._operation)
        root = self._function(["object", type_.name], self._select(type_, fields.grouped_field_set).body)
        lines = [*self._per_request, *self._functions, f"return {root}"]
        return "\n".join(["def bind(run):", *(f"    {line}" for line in lines), ""])

    # Objects

    def _object(self, type_: GraphQLObjectType, at: FieldPosition, selection: _Selection | None = None) -> str:
        """The function for objects of a type, one for each field and set of nodes, however many types of parents lead
        to it.
        """
        key = _key(type_, at)
        if key not in self._objects:
            body = (selection or self._select_below(type_, at)).body
            if type_.is_type_of is not None:
                is_type_of = self._constant(type_.is_type_of, "is_type_of", type_.name)
                check = f"confirm({is_type_of}, {self._constant(at, 'position', at.name)}, values)"
                if cls := exact_class(type_.is_type_of):
                    check = f"if {{*map(type, values)}} != {{{self._constant(cls, 'class', cls.__name__)}}}: {check}"
                body = [check, *body]
            self._objects[key] = self._function(["object", at.parent_type.name, at.name], body)
        return self._objects[key]

    def _function(self, words: Sequence[str], body: Sequence[str]) -> str:
        name = self._name(*words)
        self._functions += [f"def {name}(values):", *[f"    {line}" for line in body]]
        return name

    def _select_below(self, type_: GraphQLObjectType, at: FieldPosition) -> _Selection:
        details = [FieldDetails(node, None) for node in at.nodes]
        operation = self._operation
        fields = collect_subfields(self._schema, self._fragments, self._variables, operation, type_, details)
        return self._select(type_, fields.grouped_field_set)

    def _select(self, type_: GraphQLObjectType, fields: GroupedFieldSet) -> _Selection:
        self._fields_left -= len(fields)
        if self._fields_left < 0:
            raise UnplannableError("too many fields")
        one = self._name("one", type_.name)
        names, columns, entries = [one], ["values"], []
        observed: dict[ObservedField, None] = {}
        for alias, details in fields.items():
            name = details[0].node.name.value
            # Python never frees the words of compiled code, so an alias is none of them
            key = repr(alias) if alias == name else self._constant(alias, "key", name)
            definition = self._schema.get_field(type_, name)
            if definition is None or name in ("__schema", "__type"):
                raise UnplannableError(f"{name} is introspection or unknown")
            at = FieldPosition(name, [detail.node for detail in details], definition.type, type_)
            value = column = ""
            if name == "__typename":
                value = repr(type_.name)
            elif (origin := find_origin(self._schema, definition, self._variant)) is None:
                value = "None"
            elif isinstance(origin, ResolverCall):
                column = f"[{self._call(definition, origin, at, one)} for {one} in values]"
            else:
                read = _read(origin, one)
                column = f"[{read} for {one} in values]"
                if origin.through:
                    through = self._constant(origin.through, "through", origin.name)
                    column = f"{through}({'values' if origin.of_object else column})"
                else:
                    value = self._in_line(at, origin, read)
                if origin.observed:
                    observed[ObservedField(type_.name, name, origin.name)] = None
            if not value:
                value = self._name("its", name)
                names.append(value)
                is_text = isinstance(origin, Attribute) and _gives_text(at, origin)
                columns.append(column if is_text else f"column({column}, {self._complete(at)}, rows, {key})")
            entries.append(f"{key}: {value},")
        body = []
        if observed:
            observe = self._name("observe", type_.name)
            fields_ = self._constant(tuple(observed), "observed", type_.name)
            self._per_request.append(f"run.observed.append(Observation({observe} := [], {fields_}))")
            body = [f"{observe}.extend(values)"]
        source = ",\n            ".join(columns)
        made = f"}} for {', '.join(names)} in {f'zip({source})' if names[1:] else source}]"
        body += ["rows = []", "rows += [{", *[f"    {entry}" for entry in entries], made, "return rows"]
        return _Selection(one, body, [] if observed or names[1:] else entries)

    # Values

    def _in_line(self, at: FieldPosition, origin: Attribute, read: str) -> str:
        """An expression for the completed value of an attribute that is known to hold such a scalar, or an object which
        is plain; nothing for what has to be a column.
        """
        type_, held = get_nullable_type(at.return_type), _held(at, origin)
        if held is None:
            return ""
        if is_leaf_type(type_):
            return read if held is _unchanged(type_) or _is_named(held, type_) else ""
        if not is_object_type(type_) or held is not exact_class(type_.is_type_of) or _key(type_, at) in self._objects:
            return ""
        inner = self._select_below(type_, at)
        if inner.plain_entries:
            return f"None if ({inner.name} := {read}) is None else {{{' '.join(inner.plain_entries)}}}"
        self._object(type_, at, inner)
        return ""

    def _complete(self, at: FieldPosition, item_type: GraphQLOutputType | None = None) -> str:
        """Arguments: what completes values of a field, or items of a list in it, that are not null, and the nodes of
        the field where they may be null.
        """
        declared_type = item_type or at.return_type
        type_ = get_nullable_type(declared_type)
        nodes = None if is_non_null_type(declared_type) else self._constant(at.nodes, "nodes", at.name)
        if is_object_type(type_):
            return f"{self._object(type_, at)}, {nodes}"
        if is_leaf_type(type_):
            return f"{self._constant(complete_leaves(type_), 'all', type_.name)}, {nodes}"
        if is_list_type(type_):
            kind, arguments = "each", self._complete(at, type_.of_type)
        elif is_abstract_type(type_):
            possible_types = self._schema.get_possible_types(type_)
            functions = ", ".join([f"{each.name!r}: {self._object(each, at)}" for each in possible_types])
            resolve = self._constant(type_.resolve_type or default_type_resolver, "resolve_type", type_.name)
            position, abstract = self._constant(at, "position", at.name), self._constant(type_, "type", type_.name)
            kind, arguments = "by_type", f"{resolve}, {position}, {abstract}, {{{functions}}}"
        else:
            raise UnplannableError(f"{type_} is of an unknown kind")
        function = self._name(kind, at.parent_type.name, at.name)
        self._functions.append(f"{function} = partial({kind}, {arguments})")
        return f"{function}, {nodes}"

    # Resolvers, and what a request brings, made once for it

    def _call(self, definition: GraphQLField, call: ResolverCall, at: FieldPosition, one: str) -> str:
        info = None
        if "{info}" in call.parameters:
            info, position = self._name("info", at.name), self._constant(at, "position", at.name)
            made = f"run.info({position})"
            if call.make_info is not None:
                made = f"{self._constant(call.make_info, 'make_info', at.name)}(run, {position})"
            self._per_request.append(f"{info} = {made}")
        arguments = [call.parameters.format(o=one, info=info)] if call.parameters else []
        given = read_arguments(definition, at.nodes[0], call.convert)
        if callable(given):
            bound = self._name("arguments", at.name)
            self._per_request.append(f"{bound} = {self._constant(given, 'bind', at.name)}(run.variables, {info})")
            arguments.append(f"**{bound}")
        elif given:
            arguments.append(f"**{self._constant(given, 'arguments', at.name)}")
        return f"{self._constant(call.function, 'resolve', at.name)}({', '.join(arguments)})"

    # Names

    def _name(self, *words: str) -> str:
        """A name made of these words, that nothing else has."""
        return f"{'_'.join(words)}_{next(self._numbers)}"

    def _constant(self, value: Any, *words: str) -> str:
        """The name of a global with this value. The same object keeps its name."""
        if id(value) not in self._constants:
            name = self._constants[id(value)] = self._name(*words)
            self.globals[name] = value
        return self._constants[id(value)]


def _key(type_: GraphQLObjectType, at: FieldPosition) -> Hashable:
    return type_.name, at.parent_type.name, *map(id, at.nodes)


def _read(origin: Attribute, one: str) -> str:
    name = origin.name
    return f"{one}.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr({one}, {name!r})"


def _held(at: FieldPosition, origin: Attribute) -> type | None:
    """What the attribute is annotated to hold; None if it is not, or may be None where null is not allowed."""
    held, is_optional = getattr(at.parent_type.is_type_of, "declared", {}).get(origin.name, (None, True))
    return None if is_optional and is_non_null_type(at.return_type) else held


def _gives_text(at: FieldPosition, origin: Attribute) -> bool:
    """Whether what it is shown `through` gives text, or None where null is allowed, for all values that there are."""
    type_ = get_nullable_type(at.return_type)
    is_of_text = origin.through and not origin.of_object and _held(at, origin) is str
    return bool(is_of_text and is_leaf_type(type_) and _unchanged(type_) is str)


def _unchanged(type_: GraphQLLeafType) -> type | None:
    coerce = type_.coerce_output_value
    return exact_class(coerce) or UNCHANGED.get(coerce)


@lru_cache(maxsize=256)
def complete_leaves(type_: GraphQLLeafType) -> Complete:
    if isinstance(type_, GraphQLEnumType):
        get_name = _names(type_).__getitem__
        return lambda values: [*map(get_name, values)]
    expected, coerce = {_unchanged(type_)} - {int}, type_.coerce_output_value

    def complete(values: Sequence[Any]) -> Sequence[Any]:
        if {*map(type, values)} == expected:
            return values
        shown = [*map(coerce, values)]
        if any(each is None or each is Undefined for each in shown):
            raise ValueError("null where it is not allowed")
        return shown

    return complete


def _names(enum: GraphQLEnumType) -> dict[Any, str | None]:
    """The name of each value of an enum, and of what resolvers get for it: Strawberry's are members of a class.

    What is not in it is left to graphql-core.
    """
    names: dict[Any, str | None] = {}
    for name, definition in enum.values.items():
        for value in (definition.value, enum.coerce_input_value(name)):
            with suppress(TypeError):  # unhashable
                names[value] = enum.coerce_output_value(value)
    return names


@lru_cache(maxsize=256)
def _is_named(cls: type, enum: GraphQLLeafType) -> bool:
    """Whether the members of a class are text, and the very names of an enum."""
    if not isinstance(enum, GraphQLEnumType) or not issubclass(cls, StrEnum):
        return False
    names = _names(enum)
    return all(names.get(member) == member.value for member in cls)
