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

Introspection calls nobody, but takes time: FIELDS_PER_CALL fields of it weigh as much as a call (`limits.py`).
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import ceil
from operator import add
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    IntValueNode,
    ListValueNode,
    NonNullTypeNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from gateway.execution.limits import FIELDS_PER_CALL, Outline, Selected, Selections

MOST_REMEMBERED = 64  # sums that one operation remembers, for as many combinations of its variables


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


class _Weight(NamedTuple):
    calls: int = 0
    searches: int = 0
    lists: int = 0

    def plus(self, other: "_Weight") -> "_Weight":
        return _Weight(*map(add, self, other))


_Measure: TypeAlias = Callable[[Mapping[str, Any], Sizes], int | None]
"""What variables amount to, None where one is not given; or a number of the caller's."""

_PAGES = ("pages", None, None)
"""Stands for the pages of all communities."""


class OperationCost:
    """The cost of one operation of a valid document, for any variables and caller: remembered for those seen.

    `introspected` is the number of fields of introspection in its answer. `fixed` is a cost that does not depend on
    variables or caller, None if it does.
    """

    def __init__(self, outline: Outline, operation: Selections, get_cost: GetCost, introspected: float = 0) -> None:
        self._outline = outline
        self._operation = operation
        self._get_cost = get_cost
        self._introspection = ceil(introspected / FIELDS_PER_CALL)
        definitions = cast("OperationDefinitionNode", operation[0].node).variable_definitions or ()
        self._defaults = {each.variable.name.value: each.default_value for each in definitions}
        self._required = {each.variable.name.value for each in definitions if isinstance(each.type, NonNullTypeNode)}
        self._measures: dict[Hashable, _Measure] = {}
        self._known: dict[tuple[int | None, ...], int] = {}
        cost = self._sum({})
        self.fixed = None if self._measures else cost

    def of(self, variables: Mapping[str, Any] | None, sizes: Sizes) -> int:
        """How many calls the operation may cause with these variables, which need not be of the right types."""
        given = variables or {}
        magnitudes = tuple([measure(given, sizes) for measure in self._measures.values()])
        cost = self._known.get(magnitudes)
        if cost is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            cost = self._known[magnitudes] = self._sum(dict(zip(self._measures, magnitudes, strict=True)))
        return cost

    def _sum(self, magnitudes: Mapping[Hashable, int | None]) -> int:
        self._magnitudes = magnitudes
        [weight] = self._outline.weigh([self._operation], self._weigh_one, _Weight.plus, _Weight())
        pages = magnitudes.get(_PAGES) or 0
        return weight.calls + min(weight.searches, pages) + weight.lists * pages + self._introspection

    def _measured(self, key: Hashable, measure: _Measure) -> int | None:
        """What it comes to in the request that is weighed; all measures are taken of the next ones."""
        self._measures[key] = measure
        return self._magnitudes.get(key)

    def _weigh_one(self, selected: Selected, _around: Selected | None, within: _Weight) -> _Weight:
        node, _, _, field = selected
        if field is None or not isinstance(node, FieldNode):
            return within
        cost = self._get_cost(field)
        amounts = cost.calls, cost.items, cost.times, cost.searches
        calls, items, times, searches = [self._amount(amount, field, node) for amount in amounts]
        calls, lists = calls * times + items * within.calls, cost.lists + within.lists
        if cost.searches or cost.lists:
            self._measured(_PAGES, lambda _given, sizes: sizes.get_pages(None))
        if cost.names and lists:
            calls, lists = calls + lists * self._pages(node, cost.names), 0
        return _Weight(calls, searches + items * within.searches, lists)

    def _pages(self, node: FieldNode, argument: str) -> int:
        value = next(each.value for each in node.arguments or () if each.name.value == argument)
        variable = value.name.value if isinstance(value, VariableNode) else None
        literal = getattr(value if variable is None else self._defaults.get(variable), "value", None)

        def measure(given: Mapping[str, Any], sizes: Sizes) -> int:
            return sizes.get_pages(literal if variable is None else str(given.get(variable, literal)))

        return self._measured(("pages", literal, variable), measure) or 0

    def _amount(self, amount: int | Amount | OfCaller, field: GraphQLField, node: FieldNode) -> int:
        if isinstance(amount, int):
            return amount
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if isinstance(amount, OfCaller):
            return self._of_caller(amount, field, given)
        name, *path = amount.argument.split(".")
        of_list = _is_list(field.args[name].type, path)
        magnitude = self._literal(given[name], tuple(path), of_list) if name in given else None
        if magnitude is None:
            magnitude = 0 if path else _magnitude(coerce_default_value(field.args[name]), of_list)
        return amount.of(magnitude)

    def _of_caller(self, amount: OfCaller, field: GraphQLField, given: Mapping[str, ValueNode]) -> int:
        """All that may decide is measured, also where something before it decides this time."""
        decided = 0
        for name in amount.instead:
            value = given.get(name)
            if value is None or isinstance(value, NullValueNode):
                continue
            of_list = _is_list(field.args[name].type, ())
            is_certain = not isinstance(value, VariableNode) or value.name.value in self._required
            if is_certain and not of_list:
                return decided or 1
            number = self._literal(value, (), of_list) or 0
            decided = decided or (number if of_list else min(number, 1))
            if is_certain:
                return decided
        size = self._measured(("caller", amount.name), lambda _given, sizes: sizes.get_size(amount.name))
        return decided or size or 0

    def _literal(self, node: ValueNode, path: tuple[str, ...], of_list: bool) -> int | None:
        """What the value at the path amounts to; None where a variable gives none."""
        if isinstance(node, VariableNode):
            name = node.name.value
            key, default = (name, path, of_list), self._defaults.get(name)
            magnitude = self._measured(key, lambda given, _sizes: _given(given, *key))
            if magnitude is None and default is not None:
                return self._literal(default, path, of_list)
            return magnitude
        if path:
            fields = node.fields if isinstance(node, ObjectValueNode) else ()
            inner = next((field.value for field in fields if field.name.value == path[0]), None)
            return 0 if inner is None else self._literal(inner, path[1:], of_list)
        if isinstance(node, IntValueNode) and not of_list:
            return max(0, int(node.value))
        if isinstance(node, ListValueNode):
            return len(node.values)
        return 0 if isinstance(node, NullValueNode) else 1


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
