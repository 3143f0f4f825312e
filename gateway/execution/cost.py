"""What an operation may cost at most, weighed before anything of it is run.

A field of the schema declares what resolving it once may cause: `calls` of what is dear, and how many `items` its value
has at most, each of which has the fields below resolved anew. Either may depend on an argument:

    Cost(calls=Amount("first", pages), items=Amount("first"))        # orders(first: 20): 3 calls, 20 items
    Cost(calls=1)                                                    # owner: a call
    Cost(searches=10)                                                # 10 calls, in lists of the caller's communities
    Cost(lists=1)                                                    # all pages of the list of the community around it
    { orders(first: 20) { nodes { house { owner { phone } } } } }    # 3 + 20 × 1 = 23

or on the caller, `Cost(items=OfCaller("communities"))`: the one that weighs the operation knows how many there are, and
how many pages the lists had when they were seen last. No page is read twice: all searches together cost all pages at
most, and so does one field that reads whole lists, wherever it stands.

The sum is an upper bound, as far as the lists have not grown. A look-up that is shared, written twice or left out by
@skip is counted wherever it stands. Fragments are weighed once, so the work is linear in the document.

Introspection calls nobody, but takes time: FIELDS_PER_CALL fields of it weigh as much as a call (`introspection.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from operator import add
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NonNullTypeNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from gateway.execution.introspection import FIELDS_PER_CALL, count_fields
from gateway.execution.outline import Operation, Outline, Selected

MOST_REMEMBERED = 64
"""Sums that one operation remembers, for as many combinations of its variables."""


class Amount(NamedTuple):
    """A number that an argument decides: `of` the number given, or of the length of the list given.

    `argument` may lead into an input object: "input.ids". Left out, the argument has its default; null counts as 0.
    Where the argument is a list, anything else that is given is a list of one.
    """

    argument: str
    of: Callable[[int], int] = int


class OfCaller(NamedTuple):
    """A number that differs from caller to caller: `Sizes` has it under this name.

    Where an argument of those in `instead` is given, the first of them decides: a list by its length, any other is one.
    """

    name: str
    instead: tuple[str, ...] = ()


class Cost(NamedTuple):
    """What resolving a field once may cause: `calls` so many `times`, pages that `searches` read, and how many lists of
    its community it reads whole. `names`: the argument that names this community for what is below.
    """

    calls: int | Amount | OfCaller = 0
    items: int | Amount | OfCaller = 1
    times: int | Amount | OfCaller = 1
    searches: int | Amount = 0
    lists: int = 0
    names: str | None = None


class Sizes(Protocol):
    """Of one caller."""

    def get_size(self, name: str, /) -> int:
        """The number that `OfCaller` has this name for."""

    def get_pages(self, community_code: str | None, /) -> int:
        """The pages of this community's list, as it was seen last; None: of all communities together."""


GetCost: TypeAlias = Callable[[GraphQLField], Cost]
"""Reads the declaration of a field."""


class _Source(NamedTuple):
    """A variable that the sum depends on, the path inside its value, and whether a list is wanted there."""

    variable: str
    path: tuple[str, ...]
    of_list: bool

    def measure(self, given: Mapping[str, Any], _sizes: Sizes) -> int | None:
        """None where the variable is not given."""
        return _given(given, *self)


class _Number(NamedTuple):
    """A number of the caller."""

    name: str

    def measure(self, _given: Mapping[str, Any], sizes: Sizes) -> int:
        return sizes.get_size(self.name)


class _Pages(NamedTuple):
    """Those of the list of a community, named by a variable or with a code; of all where neither is there."""

    code: str | None = None
    variable: str | None = None

    def measure(self, given: Mapping[str, Any], sizes: Sizes) -> int:
        code = self.code if self.variable is None else str(given.get(self.variable, self.code))
        return sizes.get_pages(code)


class _Weight(NamedTuple):
    calls: int = 0
    searches: int = 0
    lists: int = 0


_Magnitudes: TypeAlias = Mapping[_Source | _Number | _Pages, int | None]
"""What variables amount to, None where one is not given; and the numbers of the caller."""


class OperationCost:
    """The cost of one operation of a valid document, for any variables and caller: remembered for those seen."""

    def __init__(self, schema: GraphQLSchema, outline: Outline, operation: Operation, get_cost: GetCost) -> None:
        node, selections = operation
        self._get_cost = get_cost
        self._introspection = ceil(count_fields(schema, outline, operation) / FIELDS_PER_CALL)
        fragments: dict[str | None, list[Selected]] = {name: each for name, (_, each) in outline.fragments.items()}
        self._parts = {**fragments, None: selections}
        definitions = node.variable_definitions or ()
        self._defaults = {each.variable.name.value: each.default_value for each in definitions}
        self._required = {each.variable.name.value for each in definitions if isinstance(each.type, NonNullTypeNode)}
        self._sources: dict[_Source | _Number | _Pages, None] = {}
        self._without_variables = self._sum({})
        self._known: dict[tuple[int | None, ...], int] = {}

    def of(self, variables: Mapping[str, Any] | None, sizes: Sizes) -> int:
        """How many calls the operation may cause with these variables, which need not be of the right types."""
        if not self._sources:
            return self._without_variables
        given = variables or {}
        magnitudes = tuple([source.measure(given, sizes) for source in self._sources])
        cost = self._known.get(magnitudes)
        if cost is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            cost = self._known[magnitudes] = self._sum(dict(zip(self._sources, magnitudes, strict=True)))
        return cost

    def _sum(self, magnitudes: _Magnitudes) -> int:
        weights: dict[str | None, _Weight] = {}
        for name, selections in self._parts.items():
            sums = [_Weight()] * (len(selections) + 1)  # of what each selection encloses, and last, at -1, of all
            for position in reversed(range(len(selections))):
                node, enclosing, _depth, parent, field = selections[position]
                if isinstance(node, FragmentSpreadNode):
                    weight = weights[node.name.value]
                elif isinstance(node, FieldNode) and parent and field and not _is_introspection(node, parent):
                    weight = self._field(node, field, sums[position], magnitudes)
                else:
                    continue
                sums[enclosing] = _Weight(*map(add, sums[enclosing], weight))
            weights[name] = sums[-1]
        calls, searches, lists = weights[None]
        pages = magnitudes.get(_Pages()) or 0
        return calls + min(searches, pages) + lists * pages + self._introspection

    def _field(self, node: FieldNode, field: GraphQLField, below: _Weight, magnitudes: _Magnitudes) -> _Weight:
        """With what is below."""
        cost = self._get_cost(field)
        calls, items, times, searches = [
            self._amount(amount, field, node, magnitudes)
            for amount in (cost.calls, cost.items, cost.times, cost.searches)
        ]
        calls, lists = calls * times + items * below.calls, cost.lists + below.lists
        if cost.searches or cost.lists:
            self._sources[_Pages()] = None
        if cost.names and lists:
            calls, lists = calls + lists * self._pages(node, cost.names, magnitudes), 0
        return _Weight(calls, searches + items * below.searches, lists)

    def _pages(self, node: FieldNode, argument: str, magnitudes: _Magnitudes) -> int:
        """Of the community that the argument names."""
        value = next(each.value for each in node.arguments or () if each.name.value == argument)
        variable = value.name.value if isinstance(value, VariableNode) else None
        literal = value if variable is None else self._defaults.get(variable)
        pages = _Pages(getattr(literal, "value", None), variable)
        self._sources[pages] = None
        return magnitudes.get(pages) or 0

    def _amount(
        self, amount: int | Amount | OfCaller, field: GraphQLField, node: FieldNode, magnitudes: _Magnitudes
    ) -> int:
        if isinstance(amount, int):
            return amount
        if isinstance(amount, OfCaller):
            return self._of_caller(amount, field, node, magnitudes)
        name, *path = amount.argument.split(".")
        given = next((argument.value for argument in node.arguments or () if argument.name.value == name), None)
        of_list = _is_list(field.args[name].type, path)
        magnitude = None if given is None else self._literal(given, path, of_list, magnitudes)
        if magnitude is None:
            magnitude = 0 if path else _magnitude(coerce_default_value(field.args[name]), of_list)
        return amount.of(magnitude)

    def _of_caller(self, amount: OfCaller, field: GraphQLField, node: FieldNode, magnitudes: _Magnitudes) -> int:
        """All that may decide is noted, also where something before it decides this time."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        decided = 0
        for name in amount.instead:
            value = given.get(name)
            if value is None or isinstance(value, NullValueNode):
                continue
            of_list, is_certain = _is_list(field.args[name].type, ()), self._is_certain(value)
            if is_certain and not of_list:
                return decided or 1
            number = self._literal(value, (), of_list, magnitudes) or 0
            decided = decided or (number if of_list else min(number, 1))
            if is_certain:
                return decided
        of_caller = _Number(amount.name)
        self._sources[of_caller] = None
        return decided or magnitudes.get(of_caller) or 0

    def _is_certain(self, value: ValueNode) -> bool:
        """Whether a value is always given: it is no variable, or one that must not be null."""
        return not isinstance(value, VariableNode) or value.name.value in self._required

    def _literal(self, node: ValueNode, path: Sequence[str], of_list: bool, magnitudes: _Magnitudes) -> int | None:
        """What the value at the path amounts to; None where a variable gives none."""
        if isinstance(node, VariableNode):
            source = _Source(node.name.value, tuple(path), of_list)
            self._sources[source] = None
            magnitude, default = magnitudes.get(source), self._defaults.get(source.variable)
            if magnitude is None and default is not None:
                return self._literal(default, path, of_list, magnitudes)
            return magnitude
        if path:
            within = node.fields if isinstance(node, ObjectValueNode) else ()
            inner = next((field.value for field in within if field.name.value == path[0]), None)
            return 0 if inner is None else self._literal(inner, path[1:], of_list, magnitudes)
        if isinstance(node, IntValueNode) and not of_list:
            return max(0, int(node.value))
        if isinstance(node, ListValueNode):
            return len(node.values)
        return 0 if isinstance(node, NullValueNode) else 1


def _is_introspection(node: FieldNode, parent: GraphQLNamedType) -> bool:
    return node.name.value.startswith("__") or is_introspection_type(parent)


def _is_list(type_: GraphQLInputType, path: Sequence[str]) -> bool:
    """Whether a list is wanted at the path inside an argument of this type."""
    for name in path:
        type_ = cast("GraphQLInputObjectType", get_named_type(type_)).fields[name].type
    return isinstance(get_nullable_type(type_), GraphQLList)


def _given(variables: Mapping[str, Any], variable: str, path: tuple[str, ...], of_list: bool) -> int | None:
    """What the variable's value at the path amounts to; None where the variable is not given."""
    value = variables.get(variable)
    if type(value) is int and not path and not of_list:  # most are
        return max(0, value)
    if value is None and variable not in variables:
        return None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return _magnitude(value, of_list)


def _magnitude(value: object, of_list: bool) -> int:
    """A value that is neither a number nor a list is a list of one, where a list is wanted."""
    if not of_list and isinstance(value, int | float) and value == value // 1:
        return max(0, int(value))
    if isinstance(value, list):
        return len(value)
    return 0 if value is None else 1
