"""graphql-core's validation, rule for rule, in a quarter of the time (ADR 3).

What takes long in `graphql.validate` is not the rules. For each document it makes all of them, asks each of them anew
for its methods for each kind of node, calls them for names too, and finds what variables are used by hashing whole
operations. Here the methods of the rules are looked up once, a rule is made when a node of its kind comes, and nodes
are distinguished by identity.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphql import (
    BREAK,
    SKIP,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)
from graphql.language.visitor import EnterLeaveVisitor
from graphql.pyutils import RefMap
from graphql.validation import ASTValidationRule, UniqueDirectivesPerLocationRule, ValidationContext
from graphql.validation.validate import FragmentNestingVisitor, ValidationAbortedError, query_document_keys_to_validate
from graphql.validation.validation_context import VariableUsage, VariableUsageVisitor

Method: TypeAlias = Callable[..., Any]
Rule: TypeAlias = Callable[[Any], Visitor]
MethodNames: TypeAlias = tuple[int, str | None, str | None]
"""The number of a rule, and the names of its methods for entering and leaving a kind of node."""

_KEYS = {
    kind: tuple(key for key in keys if key not in ("name", "alias"))
    for kind, keys in query_document_keys_to_validate.items()
}
"""What is visited below each kind of node. No rule looks at names by themselves."""


class UniqueDirectivesRule(UniqueDirectivesPerLocationRule):
    """The library's rule for those nodes of queries that have directives: it looks for them on every node."""

    enter: Any = None
    enter_operation_definition = enter_fragment_definition = UniqueDirectivesPerLocationRule.enter
    enter_variable_definition = enter_field = UniqueDirectivesPerLocationRule.enter
    enter_fragment_spread = enter_inline_fragment = UniqueDirectivesPerLocationRule.enter


class Validator:
    """Validates documents against one schema by these rules. Raises TypeError where the schema itself is invalid."""

    def __init__(self, schema: GraphQLSchema, rules: Sequence[type[ASTValidationRule]]) -> None:
        self._schema = schema
        lean = [UniqueDirectivesRule if rule is UniqueDirectivesPerLocationRule else rule for rule in rules]
        self._rules: list[Rule] = [_NestingRule, *lean]
        self._methods: dict[str, list[MethodNames]] = {}

    def validate(
        self, document: DocumentNode, max_errors: int, *, hide_suggestions: bool = False
    ) -> list[GraphQLError]:
        """What `graphql.validate` gives. The last error is a ValidationAbortedError if it was broken off."""
        errors: list[GraphQLError] = []

        def report(error: GraphQLError) -> None:
            if len(errors) >= max_errors:
                raise ValidationAbortedError("Too many validation errors, error limit reached. Validation aborted.")
            errors.append(error)

        context = _Context(self._schema, document, TypeInfo(self._schema), report, hide_suggestions)
        try:
            visit(document, _RulesVisitor(context, self._rules, self.methods), _KEYS)
        except ValidationAbortedError as error:
            error.__context__ = None
            errors.append(error.with_traceback(None))
        except RecursionError:
            errors.append(ValidationAbortedError("Validation aborted."))
        return errors

    def methods(self, kind: str) -> list[MethodNames]:
        """The rules that look at nodes of this kind."""
        if kind not in self._methods:
            names = [(_method(rule, "enter", kind), _method(rule, "leave", kind)) for rule in self._rules]
            self._methods[kind] = [(index, *both) for index, both in enumerate(names) if any(both)]
        return self._methods[kind]


def _method(visitor: Rule, prefix: str, kind: str) -> str | None:
    return next((name for name in (f"{prefix}_{kind}", prefix) if getattr(visitor, name, None)), None)


class _NestingRule(FragmentNestingVisitor):
    """Raises RecursionError where fragments nest more deeply than the other rules can follow: the first of them."""

    def __init__(self, context: ValidationContext) -> None:
        fragments = [node for node in context.document.definitions if isinstance(node, FragmentDefinitionNode)]
        super().__init__({fragment.name.value: fragment for fragment in fragments})

    def enter_operation_definition(self, node: OperationDefinitionNode, *rest: Any) -> Any:
        return super().enter_operation_definition(node, *rest) if self.depths else SKIP


class _Context(ValidationContext):
    """Remembers by identity what the library's own remembers by the content of whole operations."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.types = self._type_info
        self._fragment_spreads: Any = RefMap()
        self._recursive_variable_usages: Any = RefMap()
        self._usages: dict[int, list[VariableUsage]] = {}

    def get_variable_usages(self, node: Any) -> list[VariableUsage]:
        if id(node) not in self._usages:
            visitor = VariableUsageVisitor(self.types, node if isinstance(node, FragmentDefinitionNode) else None)
            with_types = TypeInfoVisitor(self.types, visitor)
            self._find_usages(node, with_types)
            for each in (visitor, with_types):
                each.enter_leave_map.clear()  # methods of the visitor itself: reference cycles
            self._usages[id(node)] = visitor.usages
        return self._usages[id(node)]

    def _find_usages(self, node: Any, visitor: Visitor) -> None:
        """Visits the arguments and directives of this node and those below it: variables are nowhere else."""
        self.types.enter(node)
        for part in (*(getattr(node, "arguments", None) or ()), *(node.directives or ())):
            visit(part, visitor, _KEYS)
        selection_set = getattr(node, "selection_set", None)
        if selection_set:
            self.types.enter(selection_set)
            for selection in selection_set.selections:
                if any(getattr(selection, part, None) for part in ("arguments", "directives", "selection_set")):
                    self._find_usages(selection, visitor)
            self.types.leave(selection_set)
        self.types.leave(node)


class _RulesVisitor(Visitor):
    """All rules at once, as in `graphql.ParallelVisitor`, with the types kept up to date."""

    def __init__(self, context: _Context, rules: Sequence[Rule], methods: Callable[[str], list[MethodNames]]) -> None:
        super().__init__()
        self._context = context
        self._rules = rules
        self._methods = methods
        self._made: dict[int, Visitor] = {}
        self._skipping: list[Any] = [None] * len(rules)

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        both = self.enter_leave_map.get(kind)
        if both is None:
            both = self.enter_leave_map[kind] = self._enter_and_leave(kind)
        return both

    def _enter_and_leave(self, kind: str) -> EnterLeaveVisitor:
        entering: list[tuple[int, Method]] = []
        leaving: list[tuple[int, Method | None]] = []
        for index, enter_name, leave_name in self._methods(kind):
            rule = self._made.get(index) or self._made.setdefault(index, self._rules[index](self._context))
            if enter_name:
                entering.append((index, getattr(rule, enter_name)))
            leaving.append((index, getattr(rule, leave_name) if leave_name else None))
        enter_type = getattr(self._context.types, f"enter_{kind}", None)
        leave_type = getattr(self._context.types, f"leave_{kind}", None)
        skipping = self._skipping

        def enter(node: Any, *rest: Any) -> None:
            if enter_type:
                enter_type(node)
            for index, method in entering:
                if skipping[index] is None:
                    result = method(node, *rest)
                    if result is SKIP or result is False:
                        skipping[index] = node
                    elif result is BREAK or result is True:
                        skipping[index] = BREAK

        def leave(node: Any, *rest: Any) -> None:
            for index, method in leaving:
                if skipping[index] is node:
                    skipping[index] = None
                elif skipping[index] is None and method:
                    result = method(node, *rest)
                    if result is BREAK or result is True:
                        skipping[index] = BREAK
            if leave_type:
                leave_type()

        return EnterLeaveVisitor(enter if entering or enter_type else None, leave if leaving or leave_type else None)
