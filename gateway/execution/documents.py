"""From what a request names to an operation that may be run: the one way in, over HTTP and WebSocket alike.

    document by text or identifier → trusted? → parsed, within limits, valid → its cost

Each step costs less than the next, and a request that fails one never sees the next.

Clients may send a document once and then name it by its hash, as Apollo's automatic persisted queries do, or by the
`documentId` of the GraphQL over HTTP draft. `TrustedDocuments` are those that frontends were built with. Manifests have
Apollo's form, `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "body", ...}]}`, or
Relay's, `{"<id>": "query ..."}`.
"""

import re
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from hashlib import sha256
from itertools import chain
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import msgspec
import structlog
from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    Token,
    VariableDefinitionNode,
    validate,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.language.parser import Parser, nested_too_deeply_error
from graphql.validation.validate import ValidationAbortedError

from gateway.errors import (
    GatewayError,
    PersistedQueryNotFoundError,
    QueryTooComplexError,
    UntrustedDocumentError,
    UserInputError,
)
from gateway.execution.cost import GetCost, OperationCost, Sizes
from gateway.execution.limits import (
    LARGEST_REPORTED,
    OVERLAP_BUDGET,
    AllRules,
    Limits,
    Outline,
    check_limits,
    count_introspected,
    require_little_introspection,
)
from gateway.ops.trace import enter_phase
from gateway.settings import Settings, SettingsError
from gateway.wording.codes import ErrorCode
from gateway.wording.requests import RequestWording
from gateway.wording.settings import Mistake, reason

if TYPE_CHECKING:
    from gateway.execution.run import Code

log = structlog.get_logger(__name__)

GetScopes: TypeAlias = Callable[[GraphQLField], frozenset[str]]
"""The scopes that a field of the schema declares."""

MAX_VALIDATION_ERRORS = 20

CACHED_DOCUMENTS = 512  # that are kept prepared, with their plans
BYTES_PER_ENTRY = 64 * 1024  # of memory, on average, before documents leave the cache earlier
BYTES_PER_TOKEN = 500  # what one takes in memory, parsed and outlined: measured and rounded up
BYTES_PER_CHARACTER = 5  # likewise, of the source of a plan, for its code
PLANS_PER_OPERATION = 16
PERSISTED_BYTES = 4 * 1024 * 1024  # of memory, for the texts of persisted queries
MOST_REPORTED = 1024  # untrusted documents that are remembered as reported, so that each is logged once
MOST_SPREAD = 4  # times the longest listed document, of a text that is compared token by token
VARIABLE = "GATEWAY_TRUSTED_DOCUMENTS"

CHARACTERS_PER_TOKEN = 32
"""Ignored characters and long words cost the lexer time too: this many times the limit of tokens bounds the text."""


class DocumentError(Exception):
    """The document cannot be run. Each of `errors` has its code, in its extensions or in its original error's."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("the document cannot be run")
        self.errors = errors

    @classmethod
    def of(cls, error: GatewayError) -> "DocumentError":
        return cls([GraphQLError(error.message, original_error=error)])


PlanKey: TypeAlias = tuple[Hashable, ...]
"""The variant of the request, and the values of the variables in @skip and @include."""


@dataclass(slots=True, eq=False)
class Prepared:
    """An operation of a valid document. `key` is the SHA-256 of the document's text, in hexadecimal.

    `kind` is query, mutation or subscription. `conditions` are the variables in @skip and @include; None for what is
    executed without plans: mutations, subscriptions, and documents with other directives. `cost` is None where the
    fields of the schema declare none; `scopes` are those that the fields of the document ask for. `bytes` is what the
    document takes in memory. `plans` are None where graphql-core has to answer.
    """

    document: DocumentNode
    operation: OperationDefinitionNode
    key: str
    name: str | None
    kind: str
    fragments: dict[str, FragmentDefinitionNode]
    signatures: Sequence[tuple[VariableDefinitionNode, GraphQLVariableSignature]]
    conditions: tuple[str, ...] | None
    cost: OperationCost | None
    scopes: frozenset[str]
    bytes: int
    _weigh: Callable[[], None]
    plans: "dict[PlanKey, Code | None]" = field(default_factory=dict)

    def keep(self, key: PlanKey, plan: "Code | None") -> None:
        """Keep a plan with the document, which weighs more then."""
        if len(self.plans) >= PLANS_PER_OPERATION:
            self.plans.clear()
        self.plans[key] = plan
        self._weigh()

    @property
    def plan_bytes(self) -> int:
        return BYTES_PER_CHARACTER * sum(len(plan.source) for plan in self.plans.values() if plan)


class Parameters(msgspec.Struct, frozen=True):
    """Those of a request. `query` is the text of the document, `document_id` its identifier: one of them is there."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    document_id: str | None = None


@dataclass(eq=False)
class Documents:
    """Prepares documents, and keeps up to `size` of those that passed, the least recently used going first. Others are
    cheap to refuse: the steps are in the order of what they cost, each bounding the next.

    `suggestions` says whether errors may name fields and types that the caller did not ask for. `get_cost` reads what
    the fields of the schema cost, `get_scopes` which scopes they ask for; `cost_limit` bounds the cost of an operation.
    """

    schema: GraphQLSchema
    limits: Limits
    size: int = CACHED_DOCUMENTS
    _: KW_ONLY
    suggestions: bool = True
    get_cost: GetCost | None = None
    get_scopes: GetScopes = lambda _field: frozenset()
    cost_limit: int = LARGEST_REPORTED
    trusted: "TrustedDocuments | None" = None

    def __post_init__(self) -> None:
        self._cache: LRUCache[str, Mapping[str | None, Prepared]] = LRUCache(self.size * BYTES_PER_ENTRY, _weigh)
        self._persisted: LRUCache[str, str] = LRUCache(PERSISTED_BYTES, sys.getsizeof)
        self._reported: LRUCache[str, bool] = LRUCache(MOST_REPORTED)

    def admit(
        self, asked: Parameters, sizes: Sizes, charge: Callable[[int, float], object]
    ) -> tuple[Prepared, dict[str, Any] | None]:
        """An operation that may be run, and the `extensions` that its answer has.

        Raises DocumentError: as `prepare`, for an unknown or untrusted document, and for its cost. `charge`
        is called with what it may cost, and with the most that it may cost when it runs: it raises what keeps the
        caller from running it now.
        """
        if asked.query is not None and asked.document_id is None and self.trusted is None:
            prepared = self.prepare(asked.query, asked.operation_name)
        else:
            prepared = self._find(asked)
        if (cost := prepared.cost) is None:
            return prepared, None
        requested = cost.of(asked.variables, sizes) if cost.fixed is None else cost.fixed
        if requested > self.cost_limit:
            requested, limit = min(requested, LARGEST_REPORTED), self.cost_limit
            message = RequestWording.TOO_EXPENSIVE(requested=requested, max=limit)
            raise DocumentError.of(QueryTooComplexError(message, "cost", limit, requested))
        is_write = prepared.operation.operation is OperationType.MUTATION  # which is not given up in the middle
        charge(requested, inf if is_write else self.cost_limit)
        return prepared, {"cost": {"requested": requested, "limit": self.cost_limit}}

    def _find(self, asked: Parameters) -> Prepared:
        """The document of a request that names it by an identifier, or has to be on the list."""
        id_, trusted, sent = asked.document_id, self.trusted, asked.query
        named = trusted.by_id.get(id_) if trusted and id_ is not None else None
        text = sent if sent is not None else named or (id_ and self._persisted.get(id_))
        if text is None:
            raise DocumentError.of(PersistedQueryNotFoundError(RequestWording.NO_SUCH_DOCUMENT()))
        listed = trusted.find(text) if trusted else None
        if trusted and trusted.required and listed is None:
            raise DocumentError.of(UntrustedDocumentError(RequestWording.NOT_TRUSTED()))
        text = listed or text
        prepared = self.prepare(text, asked.operation_name)
        if sent is not None and id_ is not None and text != named:
            if id_ != sha256(sent.encode()).hexdigest():
                raise DocumentError.of(UserInputError("documentId", RequestWording.OTHER_HASH()))
            with suppress(ValueError):  # it is larger than all that may be kept
                self._persisted[id_] = text
        if trusted and listed is None and prepared.key not in self._reported:
            self._reported[prepared.key] = True
            log.warning("untrusted document", sha256=prepared.key)
        return prepared

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

    def listed_operations(self) -> list[str]:
        """The names of the operations in the trusted documents. One that is not valid any more is logged, and refused
        when it is asked for.
        """
        names: list[str] = []
        for id_, text in self.trusted.documents.items() if self.trusted else ():
            try:
                names += filter(None, self._cache.get(text) or self._prepare(text))
            except DocumentError as error:
                log.error("trusted document invalid", id=id_, reason=error.errors[0].message)
        return names

    def _prepare(self, query: str) -> Mapping[str | None, Prepared]:
        """The operations of a new document by name, and a lone one also under None."""
        try:
            enter_phase("parse")
            document = self._parse(query)
            enter_phase("validate")
            outline = Outline(self.schema, document)
            check_limits(outline, self.limits)
            self._validate(document)
            introspected = count_introspected(self.schema, outline)
            require_little_introspection(self.schema, introspected)
        except QueryTooComplexError as error:
            raise DocumentError.of(error) from None
        scopes = frozenset[str]().union(*[self.get_scopes(field) for *_, field in outline if field])
        conditions = outline.find_conditions()
        operations: dict[str | None, Prepared] = {}
        for selections, fields in zip(outline.operations, introspected, strict=True):
            node = cast("OperationDefinitionNode", selections[0].node)
            prepared = Prepared(
                document,
                node,
                sha256(query.encode()).hexdigest(),
                node.name.value if node.name else None,
                node.operation.value,
                {name: cast("FragmentDefinitionNode", each[0].node) for name, each in outline.fragments.items()},
                [(each, get_variable_signature(self.schema, each)) for each in node.variable_definitions or ()],  # type: ignore[misc] # of a valid document
                conditions if node.operation is OperationType.QUERY else None,
                self.get_cost and OperationCost(outline, selections, self.get_cost, fields),
                scopes,
                len(query) + document.token_count * BYTES_PER_TOKEN,
                partial(self._keep, query),
            )
            operations[prepared.name] = prepared
        if len(operations) == 1:
            operations[None] = prepared
        self._keep(query, operations)
        return operations

    def _keep(self, query: str, operations: Mapping[str | None, Prepared] | None = None) -> None:
        """Anew, for they may weigh more than before."""
        if operations := operations or self._cache.pop(query, None):
            with suppress(ValueError):  # it is heavier than all that may be kept
                self._cache[query] = operations

    def _parse(self, query: str) -> DocumentNode:
        tokens = self.limits.tokens
        longest = tokens * CHARACTERS_PER_TOKEN
        if len(query) > longest:
            raise QueryTooComplexError(RequestWording.TOO_LONG(max=longest), "characters", longest, len(query))
        try:
            return parse(query, tokens)
        except GraphQLSyntaxError as error:
            if error.description.endswith("Parsing aborted."):
                raise QueryTooComplexError(RequestWording.TOO_MANY_TOKENS(max=tokens), "tokens", tokens) from None
            error.extensions = {"code": ErrorCode.GRAPHQL_PARSE_FAILED}
            raise DocumentError([error]) from None

    def _validate(self, document: DocumentNode) -> None:
        hide_suggestions = not self.suggestions
        errors = validate(self.schema, document, [AllRules], MAX_VALIDATION_ERRORS, hide_suggestions=hide_suggestions)
        if errors and isinstance(errors[-1], ValidationAbortedError) and len(errors) <= MAX_VALIDATION_ERRORS:
            raise QueryTooComplexError(RequestWording.TOO_MANY_COMPARISONS(), "fieldComparisons", OVERLAP_BUDGET)
        for error in errors:
            error.extensions = {"code": ErrorCode.GRAPHQL_VALIDATION_FAILED}
        if errors:
            raise DocumentError(errors)


def _weigh(operations: Mapping[str | None, Prepared]) -> int:
    """Nothing weighs less than its share, so the one bound is on the count as well as on the bytes."""
    prepared = {*operations.values()}
    return max(BYTES_PER_ENTRY, next(iter(prepared)).bytes + sum(each.plan_bytes for each in prepared))


def parse(text: str, tokens: int) -> DocumentNode:
    """As `graphql.parse`, for documents of up to so many tokens and comments. Raises GraphQLSyntaxError.

    Tokens are not linked to those before: every document would wait for the cycle collector.
    """
    parser = Parser(text, max_lexical_tokens=tokens, max_comments=tokens)
    token: Token | None = parser._lexer.token
    try:
        return parser.parse_document()
    except RecursionError:
        pass
    finally:
        while token:
            token.prev, token = None, token.next
    raise nested_too_deeply_error(parser)


_TOKEN = re.compile(
    r'''"""(?:\\"""|(?!""").)*(?:""")?|"(?:\\.|[^"\\])*"?|-?\d[\w.+-]*|\w+|\.\.\.|#[^\n\r]*|[^\ufeff\t\n\r ,]''',
    re.DOTALL,
)
"""A token or a comment. A string without an end goes on to the end of the text, so that each text is read once, in a
tenth of the time that graphql-core's lexer takes.
"""


class _ApolloOperation(msgspec.Struct):
    id: str
    body: str


class _ApolloManifest(msgspec.Struct):
    format: Literal["apollo-persisted-query-manifest"]
    version: Literal[1]
    operations: list[_ApolloOperation]


class TrustedDocuments:
    """Which documents are trusted. `required`: no other is run; else others are reported. `by_id` has their texts by
    the identifier in the manifest, and by their SHA-256 in hexadecimal.
    """

    def __init__(self, documents: Mapping[str, str], *, required: bool) -> None:
        self.required = required
        self.documents = documents
        self._texts = dict.fromkeys(documents.values())
        self.by_id = {sha256(text.encode()).hexdigest(): text for text in self._texts} | dict(documents)
        self._by_tokens = {_without_ignored(text): text for text in self._texts}
        self._longest = MOST_SPREAD * max(map(len, self._texts), default=0)

    def find(self, text: str) -> str | None:
        """The listed text with the tokens of this one: white space, commas and comments may differ. Only a listed text
        is ever run in the place of another, so what this takes for equal opens nothing.
        """
        if text in self._texts:
            return text
        return self._by_tokens.get(_without_ignored(text)) if len(text) <= self._longest else None


def _without_ignored(text: str) -> str:
    return " ".join([token for token in _TOKEN.findall(text) if not token.startswith("#")])


def read_trusted_documents(settings: Settings) -> TrustedDocuments | None:
    """The list that the settings name; None where none is, or it is off. Raises SettingsError."""
    mode = settings.trusted_documents_mode
    if not settings.trusted_documents and mode in ("report", "require"):
        raise SettingsError(Mistake.NEEDED_WITH(VARIABLE, other=f"{VARIABLE}_MODE={mode}"))
    if not settings.trusted_documents or mode == "off":
        return None
    documents: dict[str, str] = {}
    for path in settings.trusted_manifests:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise SettingsError(Mistake.NO_MANIFESTS(VARIABLE, path=path.name))
        for id_, text in chain.from_iterable(map(_read_manifest, files)):
            if documents.setdefault(id_, text) != text:
                raise SettingsError(Mistake.ID_TWICE(VARIABLE, id=id_))
    if not documents:
        raise SettingsError(Mistake.NO_DOCUMENT(VARIABLE))
    return TrustedDocuments(documents, required=mode != "report")


def _read_manifest(path: Path) -> Iterable[tuple[str, str]]:
    """The identifiers and texts that a manifest file lists. Raises SettingsError."""
    try:
        manifest = msgspec.json.decode(path.read_bytes())
        if isinstance(manifest, dict) and "format" in manifest:
            return [(each.id, each.body) for each in msgspec.convert(manifest, _ApolloManifest).operations]
        return msgspec.convert(manifest, dict[str, str]).items()
    except OSError as error:
        raise SettingsError(Mistake.UNREADABLE(VARIABLE, name=path.name, reason=reason(error))) from None
    except (msgspec.DecodeError, RecursionError):
        raise SettingsError(Mistake.NO_MANIFEST(VARIABLE, path=path.name)) from None
