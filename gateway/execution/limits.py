"""What a document may ask for at most, checked before it is run, and the rules that make it valid.

`Outline` is the one walk over a document: limits, scopes and costs read what it has found. A definition becomes a flat
list of its selections, each after what encloses it: what is summed on the way up reads the list backwards. An operation
is measured as if every fragment were written out where it is spread, yet each is read only once: the work is linear in
the document, even where the written-out operation is exponentially larger.

Introspection calls nobody, but its answer is long, and aliases may ask for it again and again. Each field is counted as
often as it is resolved in an average type of the schema; directly below `__type`, whose type may be the largest one, as
often as in that. The sum is compared with that of the complete introspection query of the same schema: no tool sends
much more than that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from graphlib import CycleError, TopologicalSorter
from math import ceil
from operator import add
from typing import NamedTuple, TypeAlias, TypeVar

from graphql import (
    BREAK,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
    get_introspection_query,
    get_named_type,
    is_abstract_type,
    is_introspection_type,
    parse,
    specified_rules,
)
from graphql.validation import ASTValidationRule, OverlappingFieldsCanBeMergedRule, ValidationContext

from gateway.errors import QueryTooComplexError
from gateway.wording.requests import RequestWording

LARGEST_REPORTED = 2**31 - 1  # written-out sizes are exponential and may not fit a JSON number
FIELDS_PER_CALL = 30  # fields of introspection that weigh as much as a call of a platform
MARGIN = 2  # times the complete introspection query that an operation may introspect: tools differ

OVERLAP_BUDGET = 20_000
"""Comparisons of fields that share a name. Ten fragments with ten fields in common take about 1,500. The library's own
bound of 500,000 lets a document of 2,000 tokens hold the event loop for a second; this one, for less than 0.1."""

WeightT = TypeVar("WeightT")


class Selected(NamedTuple):
    """A definition, or a field, an inline fragment or a fragment spread in one.

    `enclosing` is the position of the field around it in the list, or else that of the definition, 0. `parent` is the
    type it is selected from. `field` is a field's definition, None if there is none.
    """

    node: OperationDefinitionNode | FragmentDefinitionNode | SelectionNode
    enclosing: int
    parent: GraphQLNamedType | None
    field: GraphQLField | None = None


Selections: TypeAlias = list[Selected]
"""A definition and what it selects: of the fragments that it spreads no more than their names."""


class Outline:
    """The definitions of a document, which need not be valid. `fragments` are by name, each after those that it
    spreads; where they spread each other in a circle, which has no such order, `is_cyclic`.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self.operations: list[Selections] = []
        self.fragments: dict[str, Selections] = {}
        self.is_cyclic = False
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                self.operations.append(_list_selections(schema, node, schema.get_root_type(node.operation)))
            elif isinstance(node, FragmentDefinitionNode):
                type_ = schema.get_type(node.type_condition.name.value)
                self.fragments[node.name.value] = _list_selections(schema, node, type_)
        spreads = {
            name: [node.name.value for node, *_ in selections if isinstance(node, FragmentSpreadNode)]
            for name, selections in self.fragments.items()
        }
        try:
            names = tuple(TopologicalSorter(spreads).static_order())
            self.fragments = {name: self.fragments[name] for name in names if name in self.fragments}
        except CycleError:
            self.is_cyclic = True

    def __iter__(self) -> Iterator[Selected]:
        for selections in (*self.operations, *self.fragments.values()):
            yield from selections

    def find_conditions(self) -> tuple[str, ...] | None:
        """The variables in @skip and @include; None where there are other directives than these."""
        directives = [directive for node, *_ in self for directive in node.directives or ()]
        if any(directive.name.value not in ("skip", "include") for directive in directives):
            return None
        values = [argument.value for directive in directives for argument in directive.arguments or ()]
        return tuple(sorted({value.name.value for value in values if isinstance(value, VariableNode)}))

    def weigh(
        self,
        operations: Iterable[Selections],
        weigh_one: Callable[[Selected, Selected | None, WeightT], WeightT],
        total: Callable[[WeightT, WeightT], WeightT],
        nothing: WeightT,
    ) -> list[WeightT]:
        """What each operation weighs. `weigh_one` weighs what was selected, by what encloses it and the weight of what
        it encloses: of a spread, that of the fragment.
        """
        fragments: dict[str, WeightT] = {}

        def weigh(selections: Selections) -> WeightT:
            sums = [nothing] * len(selections)
            for position in reversed(range(1, len(selections))):
                selected = selections[position]
                node, enclosing, *_ = selected
                within = sums[position]
                if isinstance(node, FragmentSpreadNode):
                    within = fragments.get(node.name.value, nothing)
                sums[enclosing] = total(sums[enclosing], weigh_one(selected, selections[enclosing], within))
            return weigh_one(selections[0], None, sums[0])

        for name, selections in self.fragments.items():
            fragments[name] = weigh(selections)
        return [weigh(selections) for selections in operations]


def _list_selections(
    schema: GraphQLSchema, definition: OperationDefinitionNode | FragmentDefinitionNode, type_: GraphQLNamedType | None
) -> Selections:
    selections: Selections = [Selected(definition, 0, type_)]
    pending = [(definition.selection_set, type_, 0)]
    for selection_set, parent, enclosing in pending:
        for node in selection_set.selections:
            field = None
            if isinstance(node, FieldNode):
                field = schema.get_field(parent, node.name.value)  # type: ignore[arg-type] # None for any other type
                if node.selection_set:
                    inner = get_named_type(field.type) if field else None
                    pending.append((node.selection_set, inner, len(selections)))
            elif isinstance(node, InlineFragmentNode):
                inner = schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                pending.append((node.selection_set, inner, enclosing))
            selections.append(Selected(node, enclosing, parent, field))
    return selections


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Counts, all of them inclusive: `tokens` of the document, the rest of each operation with its fragments."""

    tokens: int
    depth: int
    aliases: int = 30
    root_fields: int = 20
    directives: int = 50


_Size: TypeAlias = tuple[int, int, int, int]
"""Of an operation or a part of one, its fragments written out: nested fields, aliases, root fields and directives."""


def _size(selected: Selected, _around: Selected | None, within: _Size) -> _Size:
    node, (depth, aliases, root_fields, directives) = selected.node, within
    directives += len(node.directives or ())
    if isinstance(node, FieldNode):
        return depth + 1, aliases + (node.alias is not None), 1, directives
    return depth, aliases, root_fields, directives


def _total(one: _Size, other: _Size) -> _Size:
    return max(one[0], other[0]), one[1] + other[1], one[2] + other[2], one[3] + other[3]


def check_limits(outline: Outline, limits: Limits) -> None:
    """Raises QueryTooComplexError when an operation of the document is beyond a limit. One whose fragments spread each
    other in a circle passes: it has no size, and validation refuses it.
    """
    bounds = (
        ("depth", RequestWording.TOO_MANY_LEVELS, limits.depth),
        ("aliases", RequestWording.TOO_MANY_ALIASES, limits.aliases),
        ("rootFields", RequestWording.TOO_MANY_ROOT_FIELDS, limits.root_fields),
        ("directives", RequestWording.TOO_MANY_DIRECTIVES, limits.directives),
    )
    for size in () if outline.is_cyclic else outline.weigh(outline.operations, _size, _total, (0, 0, 0, 0)):
        for (limit, wording, bound), counted in zip(bounds, size, strict=True):
            if counted > bound:
                requested = min(counted, LARGEST_REPORTED)
                raise QueryTooComplexError(wording(requested=requested, max=bound), limit, bound, requested)


class _Items(NamedTuple):
    """How many values a field of introspection has in one schema, where it is not one. `skew` is how much more than
    usual the largest type can have of one of them.
    """

    usual: Mapping[str, float]
    most: Mapping[str, float]
    skew: float


def count_introspected(schema: GraphQLSchema, outline: Outline) -> list[float]:
    """How many fields the introspection in each operation of a valid document has in its answer, about."""
    if not any(_name(selected) in ("__schema", "__type") for selected in outline):
        return [0] * len(outline.operations)
    items = _items(schema)

    def count(selected: Selected, around: Selected | None, within: float) -> float:
        is_of_one_type = around is not None and _name(around) == "__type"
        if isinstance(selected.node, FragmentSpreadNode):
            return within * (items.skew if is_of_one_type else 1)
        if isinstance(selected.node, FieldNode) and selected.parent and is_introspection_type(selected.parent):
            return 1 + (items.most if is_of_one_type else items.usual).get(selected.node.name.value, 1) * within
        return within

    return outline.weigh(outline.operations, count, add, 0.0)


def require_little_introspection(schema: GraphQLSchema, introspected: Iterable[float]) -> None:
    """Raises QueryTooComplexError when an operation introspects more than the schema has to show."""
    for requested in introspected:
        if requested and requested > (bound := most_introspected(schema)):
            asked = min(ceil(requested), LARGEST_REPORTED)
            message = RequestWording.TOO_MUCH_INTROSPECTION(requested=asked, max=bound)
            raise QueryTooComplexError(message, "introspection", bound, asked)


def _name(selected: Selected) -> str | None:
    return selected.node.name.value if isinstance(selected.node, FieldNode) else None


@lru_cache(maxsize=4)
def most_introspected(schema: GraphQLSchema) -> int:
    """How many fields of introspection an answer of this schema may have, as `count_introspected` counts them."""
    complete = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    [count] = count_introspected(schema, Outline(schema, parse(complete, no_location=True)))
    return MARGIN * int(count)


@lru_cache(maxsize=4)
def _items(schema: GraphQLSchema) -> _Items:
    types = schema.type_map.values()
    composites = [kind for kind in types if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)]
    fields = [field for kind in composites for field in kind.fields.values()]
    by_type = {
        "fields": [len(kind.fields) for kind in composites],
        "interfaces": [len(kind.interfaces) for kind in composites],
        "inputFields": [len(kind.fields) for kind in types if isinstance(kind, GraphQLInputObjectType)],
        "enumValues": [len(kind.values) for kind in types if isinstance(kind, GraphQLEnumType)],
        "possibleTypes": [len(schema.get_possible_types(kind)) for kind in types if is_abstract_type(kind)],
    }
    usual = {name: sum(counts) / len(types) for name, counts in by_type.items()} | {
        "types": len(types),
        "directives": len(schema.directives),
        "args": sum(len(field.args) for field in fields) / len(fields),
        "ofType": 0.5,  # half of all types are of no other
    }
    most = {name: max(counts, default=0) for name, counts in by_type.items()}
    return _Items(usual, most, max(count / (usual[name] or 1) for name, count in most.items()))


class AllRules(ASTValidationRule):
    """The rules of graphql-core as one, with `OVERLAP_BUDGET`. The library looks the methods of each rule up for each
    document: that takes as long as to call them, and leaves all of them in cycles.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._rules = [rule(context) for rule in specified_rules]
        [overlap] = [rule for rule in self._rules if isinstance(rule, OverlappingFieldsCanBeMergedRule)]
        overlap.rule_context.remaining_complexity_budget = OVERLAP_BUDGET
        self._skipping: dict[int, Node | None] = {}  # rules that skip what is within a node, or all the rest

    def enter(self, node: Node, *where: object) -> None:
        for place, call in _methods("enter", node.kind):
            if place not in self._skipping and (action := call(self._rules[place], node, *where)) is not None:
                self._skipping[place] = None if action in (BREAK, True) else node

    def leave(self, node: Node, *where: object) -> None:
        for place, call in _methods("leave", node.kind):
            if place not in self._skipping:
                call(self._rules[place], node, *where)  # none of them breaks off
        for place in [place for place, within in self._skipping.items() if within is node]:
            del self._skipping[place]
        if isinstance(node, DocumentNode):
            self._rules.clear()


@cache
def _methods(way: str, kind: str) -> list[tuple[int, Callable[..., object]]]:
    """What the rules do where a node of this kind is entered or left, each with its place among them."""
    found = [getattr(rule, f"{way}_{kind}", None) or getattr(rule, way, None) for rule in specified_rules]
    return [(place, method) for place, method in enumerate(found) if method]
