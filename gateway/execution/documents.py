"""From the text of a query to a document that may be run: parsed, within limits, validated, remembered."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

import msgspec
from cachetools import LRUCache
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    Source,
    Token,
    specified_rules,
    validate,
)
from graphql.language.parser import Parser, nested_too_deeply_error
from graphql.validation import ASTValidationRule, OverlappingFieldsCanBeMergedRule, ValidationContext
from graphql.validation.validate import ValidationAbortedError

from gateway.errors import GatewayError, QueryTooComplexError, UserInputError
from gateway.execution.cost import GetCost, OperationCost
from gateway.execution.limits import Limits, check_limits, require_little_introspection
from gateway.execution.outline import BYTES_PER_ENTRY, BYTES_PER_TOKEN, CACHED_DOCUMENTS, Outline
from gateway.ops.trace import enter_phase
from gateway.wording.requests import RequestWording

MAX_VALIDATION_ERRORS = 20

GetScopes: TypeAlias = Callable[[GraphQLField], frozenset[str]]
"""The scopes that a field of the schema declares."""

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

    `name` is the operation's own, and `root_fields` are the names of the fields that it begins with. `cost` is None
    where the fields of the schema declare none; `scopes` are those that the fields of the document ask for; `bytes` is
    what it takes in memory. `kind` is query, mutation or subscription.
    """

    document: DocumentNode
    operation: OperationDefinitionNode
    key: str
    name: str | None
    root_fields: tuple[str, ...]
    cost: OperationCost | None
    scopes: frozenset[str]
    bytes: int
    kind: str


class Documents:
    """Prepares documents, and keeps up to `size` of those that passed, the least recently used going first.

    Documents that fail are not kept: they are cheap to refuse, and a caller can make any number of them. The steps are
    in the order of what they cost, each bounding the next: length and tokens, limits, validation.

    `suggestions` says whether errors may name fields and types that the caller did not ask for. `get_cost` reads what
    the fields of the schema cost, `get_scopes` which scopes they ask for.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        size: int = CACHED_DOCUMENTS,
        *,
        suggestions: bool = True,
        get_cost: GetCost | None = None,
        get_scopes: GetScopes | None = None,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._get_cost = get_cost
        self._get_scopes = get_scopes
        self._suggestions = suggestions
        self._cache: LRUCache[str, Mapping[str | None, Prepared]] = LRUCache(size * BYTES_PER_ENTRY, _weigh)

    def prepare(self, query: str, operation_name: str | None = None) -> Prepared:
        """The operation of that name, or the only one.

        Raises DocumentError with GRAPHQL_PARSE_FAILED, QUERY_TOO_COMPLEX, GRAPHQL_VALIDATION_FAILED or, where the
        document is fine but does not say which operation to run, BAD_USER_INPUT.
        """
        try:
            operations = self._cache[query]
        except KeyError:
            operations = self._prepare(query)
        prepared = operations.get(operation_name)
        if prepared is None:
            which = RequestWording.WHICH_OPERATION if operation_name is None else RequestWording.NO_SUCH_OPERATION
            raise DocumentError.of(UserInputError("operationName", which()))
        return prepared

    def operation_names(self, query: str) -> list[str]:
        """Of the operations of a document, those that have one. Raises DocumentError as `prepare` does."""
        operations = self._cache.get(query) or self._prepare(query)
        return [name for name in operations if name is not None]

    def _prepare(self, query: str) -> Mapping[str | None, Prepared]:
        """The operations of a new document by name, and a lone one also under None."""
        try:
            enter_phase("parse")
            document = self._parse(query)
            enter_phase("validate")
            outline = Outline(self._schema, document)
            check_limits(outline, self._limits)
            self._validate(document)
            require_little_introspection(self._schema, outline)
        except QueryTooComplexError as error:
            raise DocumentError.of(error) from None
        key = sha256(query.encode()).hexdigest()
        scopes = frozenset[str]().union(*map(self._get_scopes, outline.fields())) if self._get_scopes else frozenset()
        weight = len(query) + document.token_count * BYTES_PER_TOKEN
        operations: dict[str | None, Prepared] = {}
        for operation in outline.operations:
            node, _selections = operation
            name = node.name.value if node.name else None
            root_fields = outline.root_fields(operation)
            cost = self._get_cost and OperationCost(self._schema, outline, operation, self._get_cost)
            operations[name] = Prepared(
                document, node, key, name, root_fields, cost, scopes, weight, node.operation.value
            )
        if len(operations) == 1:
            operations[None] = next(iter(operations.values()))
        with suppress(ValueError):  # it is heavier than all that may be kept
            self._cache[query] = operations
        return operations

    def _parse(self, query: str) -> DocumentNode:
        tokens = self._limits.tokens
        longest = tokens * CHARACTERS_PER_TOKEN
        if len(query) > longest:
            raise QueryTooComplexError(RequestWording.TOO_LONG(max=longest), "characters", longest, len(query))
        try:
            return parse(query, tokens)
        except GraphQLSyntaxError as error:
            if error.description.endswith("Parsing aborted."):
                raise QueryTooComplexError(RequestWording.TOO_MANY_TOKENS(max=tokens), "tokens", tokens) from None
            raise DocumentError([_coded(error, "GRAPHQL_PARSE_FAILED")]) from None

    def _validate(self, document: DocumentNode) -> None:
        hide_suggestions = not self._suggestions
        errors = validate(self._schema, document, _RULES, MAX_VALIDATION_ERRORS, hide_suggestions=hide_suggestions)
        if not errors:
            return
        if isinstance(errors[-1], ValidationAbortedError) and len(errors) <= MAX_VALIDATION_ERRORS:
            raise QueryTooComplexError(RequestWording.TOO_MANY_COMPARISONS(), "fieldComparisons", OVERLAP_BUDGET)
        raise DocumentError([_coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])


def _weigh(operations: Mapping[str | None, Prepared]) -> int:
    """Nothing weighs less than its share, so the one bound is on the count as well as on the bytes."""
    return max(BYTES_PER_ENTRY, *[prepared.bytes for prepared in operations.values()])


class Span(msgspec.Struct, frozen=True, gc=False):
    """What graphql-core reads of a `Location`, without the tokens.

    Tokens are linked to both neighbours, and each location holds two: every document would stay, when nobody needs it
    any more, until the cycle collector comes.
    """

    start: int
    end: int
    source: Source


def parse(text: str, tokens: int) -> DocumentNode:
    """As `graphql.parse`, for documents of up to so many tokens and comments. Raises GraphQLSyntaxError."""
    return _Parser(text, max_lexical_tokens=tokens, max_comments=tokens).document()


class _Parser(Parser):
    def document(self) -> DocumentNode:
        token: Token | None = self._lexer.token
        try:
            return self.parse_document()
        except RecursionError:
            pass
        finally:
            while token:
                token.prev, token = None, token.next
        raise nested_too_deeply_error(self)

    def loc(self, start_token: Token) -> Span:  # type: ignore[override] # which has no base class to share
        lexer = self._lexer
        return Span(start_token.start, lexer.last_token.end, lexer.source)


class _BoundedOverlapRule(OverlappingFieldsCanBeMergedRule):
    """The library's rule with OVERLAP_BUDGET: it aborts the validation when that is spent."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = OVERLAP_BUDGET


_RULES: Sequence[type[ASTValidationRule]] = [
    _BoundedOverlapRule if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules
]


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {"code": code}
    return error
