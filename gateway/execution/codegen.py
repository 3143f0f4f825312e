"""From the tree of a plan to the Python function that answers the operation.

Each selection becomes a function from a source object to a response object, each list and each interface or union a
function around those. For a query that asks orders for their titles and owners, this is the part for an order:

    def object_orders(o):  # Order
        out = {
            'title':
                v if type(v := o.title) is str
                else finish_non_null(v, leaf_String),
            'owner': None,
        }
        out['owner'] = (
            object_orders_owner(v) if type(v := resolve_owner(o, info_owner)) in plain
            else wait((out, 'owner', v, object_orders_owner, nodes_owner)) if type(v) is Load
            else settle(out, 'owner', v, object_orders_owner, nodes_owner)
        )
        return out

A value that is as expected is taken in line, and what a loader is to load is put on the list of what the level waits
for: that gives None, which stands there until then. Every other goes the slow way, through `settle` or `finish` of the
run: null, a value to be coerced, another one to be awaited, an error. So all fields have one pattern:

    <value> if <it is as expected> else <the slow way>

What is read from an attribute stands in the dict at once. What a resolver gives, graphql-core's default one included,
is put into its place afterwards, because it may have to be awaited: for that `settle` needs the dict.
"""

from collections.abc import Callable
from functools import lru_cache
from keyword import iskeyword
from types import CodeType
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLString,
    default_type_resolver,
)
from graphql.type import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

from gateway.execution.arguments import Arguments
from gateway.execution.plan import (
    Abstract,
    Attribute,
    Constant,
    FieldPosition,
    Leaf,
    ListOf,
    PlannedField,
    ResolverCall,
    Selection,
    Shape,
)
from gateway.execution.strawberry_adapter import declared, exact_class
from gateway.execution.values import GENERATED_CODE_USES, complete_leaf, enum_names, is_plain
from gateway.execution.variants import ObservedField

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

LONGEST_REMEMBERED = 16_384
"""Characters of source, of which the compiled code is kept for other plans: 128 take 10 MiB at most."""

ITEMS_AT_ONCE = 20
"""Of a longer list the others are completed in parts of so many, between which others may have their turn."""

RUN_METHODS = ("wait", "settle", "finish", "finish_non_null", "in_parts")
"""The methods of the run that the functions call."""


class Code(NamedTuple):
    """A plan's code.

    `source` is for reading. `bind(run)` gives the function of the root object, for one request. `plain` holds the
    classes met so far whose instances are just values.
    """

    source: str
    bind: Callable[[Any], Callable[[Any], dict[str, Any]]]
    plain: set[type]


def generate(root: Selection) -> Code:
    """The code for a query."""
    plain: set[type] = {str, int, float, bool}
    namespace = _Namespace({**GENERATED_CODE_USES, "plain": plain})
    source = _Writer(namespace).module(root)
    compiled = _compile(source) if len(source) <= LONGEST_REMEMBERED else _compile.__wrapped__(source)
    exec(compiled, namespace.globals)  # noqa: S102 # of the document it holds only names
    bind = namespace.globals.pop("bind")  # or function and globals would hold each other: a reference cycle
    return Code(source, bind, plain)


@lru_cache(maxsize=128)
def _compile(source: str) -> CodeType:
    """Documents that differ only in values, or in what operations, variables and fields are called, have one source."""
    return compile(source, "<plan>", "exec")


class _Namespace:
    """Gives names out, each once. `globals` holds the values that the code refers to by name."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.globals = dict(values)
        self._taken = set(values)
        self._constants: dict[int, str] = {}

    def name(self, *words: str) -> str:
        """A name made of these words, numbered if something has it already."""
        wanted = name = "_".join(words)
        number = 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def constant(self, value: Any, *words: str) -> str:
        """The name of a global with this value. The same object keeps its name."""
        if id(value) not in self._constants:
            name = self._constants[id(value)] = self.name(*words)
            self.globals[name] = value
        return self._constants[id(value)]


class _Ways(NamedTuple):
    """The condition that `v` is as expected, its completed value then, and what completes any other non-null value."""

    expected: str
    value: str
    complete: str


class _Writer:
    """Writes the functions of one plan."""

    def __init__(self, namespace: _Namespace) -> None:
        self._name = namespace.name
        self._constant = namespace.constant
        self._objects: dict[Selection, str] = {}
        self._infos: dict[int, str] = {}
        self._per_request: list[str] = []
        self._functions: list[str] = []
        self._tables: list[str] = []

    def module(self, root: Selection) -> str:
        root_function = self._object(root)
        code = "\n".join(self._functions)
        lines = [
            *(f"{name} = run.{name}" for name in RUN_METHODS if f" {name}(" in code),
            *self._per_request,
            *self._functions,
            "",
            *self._tables,
            f"return {root_function}",
        ]
        return "\n".join(["def bind(run):", *(line and f"    {line}" for line in lines), ""])

    # Functions: an object, a list, an interface or union

    def _object(self, selection: Selection) -> str:
        if selection in self._objects:
            return self._objects[selection]
        function = self._objects[selection] = self._name("object", *(selection.path or ("query",)))
        check = self._type_check(selection)
        entries = [f"    {line}" for field in selection.fields for line in self._value_at_once(field)]
        after = [line for field in selection.fields for line in self._value_in_place(field)]
        after += self._observation(selection)
        head, tail = ("out = {", [*after, "return out"]) if after else ("return {", [])
        self._function(f"{function}(o):  # {selection.type.name}", [*check, head, *entries, "}", *tail])
        return function

    def _type_check(self, selection: Selection) -> list[str]:
        is_type_of = selection.type.is_type_of
        if is_type_of is None or selection.position is None:
            return []
        check = self._constant(is_type_of, "is_type_of", selection.type.name)
        if cls := self._get_class(selection.type):
            return [f"if type(o) is not {cls}: confirm({check}(o, run.info({self._position(selection.position)})))"]
        return [f"if (is_type := {check}(o, {self._info(selection.position)})) is not True: confirm(is_type)"]

    def _get_class(self, type_: GraphQLObjectType) -> str | None:
        """The name of the class whose instances are values of this type and nothing else, if it has one."""
        cls = exact_class(type_.is_type_of)
        return self._constant(cls, "class", cls.__name__) if cls and is_plain(cls) else None

    def _observation(self, selection: Selection) -> list[str]:
        """The lines that note objects of which something is shown that the request's context wants to know."""
        observed: dict[ObservedField, None] = {}
        always = False
        for field in selection.fields:
            if isinstance(field.origin, Attribute) and field.origin.observed:
                observed[ObservedField(selection.type.name, field.position.name, field.origin.name)] = None
                always = always or not field.shape.nullable
        if not observed:
            return []
        fields = self._constant(tuple(observed), "observed", selection.type.name)
        observe = self._name("observe", selection.type.name)
        self._per_request.append(f"{observe} = run.observing({fields})")
        shown = "" if always else " or ".join(f"{_read(field.attribute)} is not None" for field in observed)
        return [f"if {shown}: {observe}(o)" if shown else f"{observe}(o)"]

    def _list(self, shape: ListOf, field: PlannedField) -> str:
        function = self._name("list", *field.path)
        item = self._completed(shape.item, field, "v", ("out", "len(out)"))
        items = self._name("items", *field.path)
        append = ["for v in values:", "    out.append(", *(f"        {line}" for line in item), "    )", "return out"]
        self._function(f"{items}(values, out):", append)
        body = [
            "if type(values) is not list and type(values) is not tuple: values = iterable(values)",
            f"elif len(values) > {ITEMS_AT_ONCE}: return in_parts(values, {items})",
            f"return {items}(values, [])",
        ]
        self._function(f"{function}(values):", body)
        return function

    def _abstract(self, shape: Abstract, field: PlannedField) -> str:
        function = self._name("abstract", *field.path)
        table = self._name("selections", *field.path)
        entries = [f"{name!r}: {self._object(selection)}" for name, selection in shape.selections.items()]
        self._tables.append(f"{table} = {{{', '.join(entries)}}}")
        resolve = self._constant(shape.type.resolve_type or default_type_resolver, "resolve_type", shape.type.name)
        type_ = self._constant(shape.type, "type", shape.type.name)
        type_name = f"{resolve}(o, {self._info(field.position)}, {type_})"
        self._function(f"{function}(o):  # {shape.type.name}", [f"return select({table}, {type_name})(o)"])
        return function

    def _function(self, head: str, body: list[str]) -> None:
        self._functions += ["", f"def {head}", *(f"    {line}" for line in body)]

    # Fields

    def _value_at_once(self, field: PlannedField) -> list[str]:
        """The field's entry in the dict. None stands for a value that is put in place later."""
        key = f"{self._key(field)}:"
        if isinstance(field.origin, Constant):
            return [f"{key} {field.origin.value!r},"]
        if not isinstance(field.origin, Attribute):
            return [f"{key} None,"]
        read = _read(field.origin.name)
        if field.origin.through is not None:
            read = f"{self._constant(field.origin.through, 'through', field.origin.name)}({read})"
        if isinstance(field.shape, Leaf) and isinstance(field.shape.type, GraphQLEnumType):
            return [f"{key} {self._enum_names(field.shape.type, field.shape.nullable)}[{read}],"]
        if field.origin.through is None and _needs_no_check(field, field.origin.name):
            return [f"{key} {read},"]
        fast, slow = self._completed(field.shape, field, f"v := {read}")
        return [key, f"    {fast}", f"    {slow},"]

    def _value_in_place(self, field: PlannedField) -> list[str]:
        """The lines after the dict."""
        key = self._key(field)
        if not isinstance(field.origin, ResolverCall):
            return []
        value = self._completed(field.shape, field, f"v := {self._call(field.origin, field.position)}", ("out", key))
        return [f"out[{key}] = (", *(f"    {line}" for line in value), ")"]

    def _key(self, field: PlannedField) -> str:
        """The response name. Python never frees the words of compiled code, so an alias is none of them."""
        name = field.position.name
        return repr(name) if field.key == name else self._constant(field.key, "key", name)

    def _call(self, call: ResolverCall, position: FieldPosition) -> str:
        function = self._constant(call.function, "resolve", position.name)
        takes_info = any(kind == "info" for _name, kind in call.parameters)
        info = self._resolver_info(call, position) if takes_info else "None"
        passed = {"source": "o", "info": info}
        arguments = [passed[kind] if name is None else f"{name}={passed[kind]}" for name, kind in call.parameters]
        if call.arguments.constant != {}:
            arguments.append(f"**{self._arguments(call.arguments, info, position.name)}")
        return f"{function}({', '.join(arguments)})"

    # Values

    def _completed(self, shape: Shape, field: PlannedField, v: str, place: tuple[str, str] | None = None) -> list[str]:
        """The lines of an expression: the completed value of `v` if it is as expected, else the slow way.

        `v` is the name or assigns it. A value that may have to be awaited has a `place`: a container and the key in it.
        """
        expected, value, complete = self._ways(shape, field, v)
        if shape.nullable and value == "v":
            expected += " or v is None"
        fast = f"{value} if {expected}"
        if place is None:
            finish = "finish" if shape.nullable else "finish_non_null"
            return [fast, f"else {finish}(v, {complete})"]
        nodes = self._constant(field.position.nodes, "nodes", field.position.name) if shape.nullable else None
        waiting = f"{place[0]}, {place[1]}, v, {complete}, {nodes}"
        slow = f"settle({place[0]}, {place[1]}, v, {complete}, {nodes})"
        return [fast, f"else wait(({waiting})) if type(v) is Load", f"else {slow}"]

    def _ways(self, shape: Shape, field: PlannedField, v: str) -> _Ways:
        if isinstance(shape, Leaf):
            return self._leaf(shape.type, v)
        if isinstance(shape, ListOf):
            function = self._list(shape, field)
            return _Ways(f"type({v}) is list or type(v) is tuple", f"{function}(v)", function)
        if isinstance(shape, Abstract):
            function = self._abstract(shape, field)
            return _Ways(f"type({v}) in plain", f"{function}(v)", function)
        function, cls = self._object(shape.selection), self._get_class(shape.selection.type)
        return _Ways(f"type({v}) is {cls}" if cls else f"type({v}) in plain", f"{function}(v)", function)

    def _leaf(self, type_: GraphQLLeafType, v: str) -> _Ways:
        if isinstance(type_, GraphQLEnumType):
            names = self._enum_names(type_, nullable=False)
            return _Ways(f"type({v}) in plain", f"{names}[v]", f"{names}.__getitem__")
        coerce = type_.coerce_output_value
        complete = self._constant(complete_leaf(type_), "leaf", type_.name)
        if coerce in EXACT:
            return _Ways(EXACT[coerce].format(v=v), "v", complete)
        if coerce in IN_LINE:
            return _Ways(f"type({v}) is {IN_LINE[coerce].__name__}", "v", complete)
        cls = exact_class(coerce)
        if cls and is_plain(cls):
            return _Ways(f"type({v}) is {self._constant(cls, 'class', cls.__name__)}", "v", complete)
        coerced = f"{self._constant(coerce, 'coerce', type_.name)}(v)"
        return _Ways(f"type({v}) in plain and type(c := {coerced}) in plain", "c", complete)

    def _enum_names(self, type_: GraphQLEnumType, nullable: bool) -> str:
        return self._constant(enum_names(type_, nullable), "nullable_names" if nullable else "names", type_.name)

    # What a request brings, made once for it

    def _info(self, position: FieldPosition) -> str:
        """graphql-core's info for a field."""
        if id(position) not in self._infos:
            info = self._infos[id(position)] = self._name("info", position.name)
            self._per_request.append(f"{info} = run.info({self._position(position)})")
        return self._infos[id(position)]

    def _resolver_info(self, call: ResolverCall, position: FieldPosition) -> str:
        """The info that the resolver expects."""
        if call.make_info is None:
            return self._info(position)
        info = self._name("info", position.name)
        make = self._constant(call.make_info, "make_info", position.name)
        self._per_request.append(f"{info} = {make}(run, {self._position(position)})")
        return info

    def _position(self, position: FieldPosition) -> str:
        return self._constant(position, "position", position.name)

    def _arguments(self, arguments: Arguments, info: str, name: str) -> str:
        """The keyword arguments."""
        if arguments.constant is not None:
            return self._constant(arguments.constant, "arguments", name)
        bound = self._name("arguments", name)
        constant = self._constant(arguments, "arguments_of", name)
        self._per_request.append(f"{bound} = {constant}.bind(run.variables, {info})")
        return bound


def _needs_no_check(field: PlannedField, attribute: str) -> bool:
    """Whether all that the attribute may hold, as the class of its objects declares, is given back unchanged."""
    found = declared(field.position.parent_type.is_type_of, attribute)
    if found is None or not isinstance(field.shape, Leaf) or (found.optional and not field.shape.nullable):
        return False
    coerce = field.shape.type.coerce_output_value
    if coerce == GraphQLInt.coerce_output_value:
        return found.cls is int and found.least >= GRAPHQL_MIN_INT and found.greatest <= GRAPHQL_MAX_INT
    return found.cls is (exact_class(coerce) or IN_LINE.get(coerce))


def _read(attribute: str) -> str:
    return f"o.{attribute}" if attribute.isidentifier() and not iskeyword(attribute) else f"getattr(o, {attribute!r})"
