"""From the text of a query to a document that may be run: parsed, within limits, validated, remembered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    specified_rules,
)
from graphql.validation import (
    ASTValidationRule,
    NoSchemaIntrospectionCustomRule,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
)
from graphql.validation.validate import ValidationAbortedError

from gateway.errors import GatewayError, QueryTooComplexError, UserInputError
from gateway.execution.cost import CostOf, OperationCost
from gateway.execution.kept import BYTES_PER_ENTRY, BYTES_PER_TOKEN, Kept
from gateway.execution.limits import Limits, check_limits
from gateway.execution.needs import ScopesOf, needs_of
from gateway.execution.parse import parse
from gateway.execution.validation import Validator

MAX_VALIDATION_ERRORS = 20

CHARACTERS_PER_TOKEN = 32
"""Ignored characters and long words cost the lexer time too: this many times the limit of tokens bounds the text."""

OVERLAP_BUDGET = 20_000
"""Comparisons of fields that share a name. Ten fragments with ten fields in common take about 1,500. The library's own
bound of 500,000 lets a document of 2,000 tokens hold the event loop for a second; this one, for less than 0.1."""


class DocumentError(Exception):
    """The document cannot be run. Each of `errors` has its code, in its extensions or in its original error's."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("the document cannot be run")
        self.errors = errors

    @classmethod
    def of(cls, error: GatewayError) -> "DocumentError":
        return cls([GraphQLError(error.message, original_error=error)])


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An operation of a valid document. `key` is the SHA-256 of the document's text, in hexadecimal.

    `name` is the operation's own. `cost` is None where the fields of the schema declare none; `scopes` are those that
    the fields of the document ask for.
    """

    document: DocumentNode
    operation: OperationDefinitionNode
    key: str
    name: str | None
    cost: OperationCost | None
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    operations: Mapping[str | None, Prepared]
    weight: int


class Documents:
    """Prepares documents, and keeps up to `size` of those that passed, the least recently used going first.

    Documents that fail are not kept: they are cheap to refuse, and a caller can make any number of them. The steps are
    in the order of what they cost, each bounding the next: length and tokens, limits, validation.

    `suggestions` says whether errors may name fields and types that the caller did not ask for. `cost_of` reads what
    the fields of the schema cost, `scopes_of` which scopes they ask for.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        size: int,
        *,
        suggestions: bool = True,
        introspection: bool = True,
        cost_of: CostOf | None = None,
        scopes_of: ScopesOf | None = None,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._cost_of = cost_of
        self._scopes_of = scopes_of
        self._suggestions = suggestions
        self._validator = Validator(schema, _rules(introspection))
        # Nothing weighs less than its share, so the one bound is on the count as well as on the bytes.
        self._cache: Kept[str, _Entry] = Kept(size * BYTES_PER_ENTRY, lambda entry: entry.weight)

    def prepare(self, query: str, operation_name: str | None = None) -> Prepared:
        """The operation of that name, or the only one.

        Raises DocumentError with GRAPHQL_PARSE_FAILED, QUERY_TOO_COMPLEX, GRAPHQL_VALIDATION_FAILED or, where the
        document is fine but does not say which operation to run, BAD_USER_INPUT.
        """
        try:
            prepared = self._cache.use(query).operations.get(operation_name)
        except KeyError:
            prepared = self._new_entry(query).operations.get(operation_name)
        if prepared is None:
            raise DocumentError.of(_no_such_operation(operation_name))
        return prepared

    def require_valid(self, query: str) -> None:
        """Raises DocumentError as `prepare` does, for a document of any number of operations."""
        if query not in self._cache:
            self._new_entry(query)

    def _new_entry(self, query: str) -> _Entry:
        document = self._parse(query)
        try:
            check_limits(document, self._limits)
        except QueryTooComplexError as error:
            raise DocumentError.of(error) from None
        self._validate(document)
        weight = len(query) + document.token_count * BYTES_PER_TOKEN
        entry = _Entry(self._operations(document, query), max(weight, BYTES_PER_ENTRY))
        self._cache.keep(query, entry)
        return entry

    def _parse(self, query: str) -> DocumentNode:
        tokens = self._limits.tokens
        longest = tokens * CHARACTERS_PER_TOKEN
        if len(query) > longest:
            raise DocumentError.of(
                QueryTooComplexError(f"The document is longer than {longest}", "characters", longest, len(query))
            )
        try:
            return parse(query, tokens)
        except GraphQLSyntaxError as error:
            if error.description.endswith("Parsing aborted."):
                message = f"The document has more than {tokens} tokens or comments, or nests too deeply"
                raise DocumentError.of(QueryTooComplexError(message, "tokens", tokens)) from None
            raise DocumentError([_coded(error, "GRAPHQL_PARSE_FAILED")]) from None

    def _validate(self, document: DocumentNode) -> None:
        errors = self._validator.validate(document, MAX_VALIDATION_ERRORS, hide_suggestions=not self._suggestions)
        if not errors:
            return
        if isinstance(errors[-1], ValidationAbortedError) and len(errors) <= MAX_VALIDATION_ERRORS:
            message = "The document has too many fields of the same name, or nests fragments too deeply"
            raise DocumentError.of(QueryTooComplexError(message, "fieldComparisons", OVERLAP_BUDGET))
        raise DocumentError([_coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])

    def _operations(self, document: DocumentNode, query: str) -> Mapping[str | None, Prepared]:
        """By name; a lone operation also under None."""
        key = sha256(query.encode()).hexdigest()
        scopes = needs_of(self._schema, document, self._scopes_of) if self._scopes_of else frozenset()
        operations: dict[str | None, Prepared] = {}
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                name = definition.name.value if definition.name else None
                cost = self._cost_of and OperationCost(self._schema, document, definition, self._cost_of)
                operations[name] = Prepared(document, definition, key, name, cost, scopes)
        if len(operations) == 1:
            operations[None] = next(iter(operations.values()))
        return operations


class _BoundedOverlapRule(OverlappingFieldsCanBeMergedRule):
    """The library's rule with OVERLAP_BUDGET: it aborts the validation when that is spent."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = OVERLAP_BUDGET


def _rules(introspection: bool) -> Sequence[type[ASTValidationRule]]:
    rules: list[type[ASTValidationRule]] = [
        _BoundedOverlapRule if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules
    ]
    if not introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    return rules


def _no_such_operation(name: str | None) -> UserInputError:
    if name is None:
        return UserInputError("operationName", "The document has several operations: operationName must name one")
    return UserInputError("operationName", "The document has no operation of that name")


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {"code": code}
    return error
