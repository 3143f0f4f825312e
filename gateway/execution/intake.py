"""From what a request names to an operation that may be run: the one way in, over HTTP and WebSocket alike.

    document by text or identifier → trusted? → parsed, within limits, valid (`Documents`) → its cost

Each step costs less than the next, and a request that fails one never sees the next.

Clients may send a document once and then name it by its hash: automatic persisted queries. The protocol is Apollo's,
`extensions.persistedQuery {version: 1, sha256Hash}`, and the `documentId` of the GraphQL over HTTP draft ("Persisted
Documents"). Nothing else of a request is kept: no variables, no caller.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from math import inf
from typing import Any, Protocol, TypeAlias

import structlog
from cachetools import LRUCache
from graphql import OperationType

from gateway.errors import PersistedQueryNotFoundError, QueryTooComplexError, UntrustedDocumentError, UserInputError
from gateway.execution.cost import Sizes
from gateway.execution.documents import DocumentError, Documents, Prepared
from gateway.execution.limits import LARGEST_REPORTED
from gateway.execution.trusted import TrustedDocuments
from gateway.wording.requests import RequestWording

log = structlog.get_logger(__name__)

PERSISTED_BYTES = 4 * 1024 * 1024
"""Of memory, for the texts of persisted queries; the least recently used go first."""

MOST_REPORTED = 1024
"""Untrusted documents that are remembered as reported, so that each is logged once."""


class Asked(Protocol):
    """The parameters of a request. One of `query` and `document_id` is there, or both."""

    @property
    def query(self) -> str | None: ...

    @property
    def document_id(self) -> str | None: ...

    @property
    def operation_name(self) -> str | None: ...

    @property
    def variables(self) -> Mapping[str, Any] | None: ...


class Charged(Protocol):
    """What an operation costs its caller."""

    def charge(self, calls: int, most: float, /) -> None:
        """The operation may cost so much, and `most` when it runs. Raises what keeps the caller from running it now."""


class Payer(Sizes, Protocol):
    """Who asks."""

    @property
    def budget(self) -> Charged: ...


Admitted: TypeAlias = tuple[Prepared, dict[str, Any] | None]
"""An operation that may be run, and the `extensions` that its answer has."""


class Intake:
    """`cost_limit` bounds the cost of an operation, where the documents have one."""

    def __init__(
        self, documents: Documents, *, cost_limit: int = LARGEST_REPORTED, trusted: TrustedDocuments | None = None
    ) -> None:
        self._documents = documents
        self._cost_limit = cost_limit
        self._trusted = trusted
        self._persisted: LRUCache[str, str] = LRUCache(PERSISTED_BYTES, sys.getsizeof)
        self._reported: LRUCache[str, bool] = LRUCache(MOST_REPORTED)

    def admit(self, asked: Asked, caller: Payer) -> Admitted:
        """Raises DocumentError: as `Documents.prepare`, for an unknown or untrusted document, and for its cost.

        And what the caller's budget raises.
        """
        if asked.query is not None and asked.document_id is None and self._trusted is None:
            prepared = self._documents.prepare(asked.query, asked.operation_name)
        else:
            prepared = self._find(asked)
        if prepared.cost is None:
            return prepared, None
        requested = prepared.cost.of(asked.variables, caller)
        if requested > self._cost_limit:
            requested, limit = min(requested, LARGEST_REPORTED), self._cost_limit
            message = RequestWording.TOO_EXPENSIVE(requested=requested, max=limit)
            raise DocumentError.of(QueryTooComplexError(message, "cost", limit, requested))
        is_write = prepared.operation.operation is OperationType.MUTATION  # which is not given up in the middle
        caller.budget.charge(requested, inf if is_write else self._cost_limit)
        return prepared, {"cost": {"requested": requested, "limit": self._cost_limit}}

    def _find(self, asked: Asked) -> Prepared:
        """The document of a request that names it by an identifier, or has to be on the list."""
        id_, trusted, sent = asked.document_id, self._trusted, asked.query
        named = trusted.get(id_) if trusted and id_ is not None else None
        text = sent if sent is not None else named or (id_ and self._persisted.get(id_))
        if text is None:
            raise DocumentError.of(PersistedQueryNotFoundError())
        listed = trusted.find(text) if trusted else None
        if trusted and trusted.required and listed is None:
            raise DocumentError.of(UntrustedDocumentError(RequestWording.NOT_TRUSTED()))
        text = listed or text
        prepared = self._documents.prepare(text, asked.operation_name)
        if sent is not None and id_ is not None and text != named:
            if id_ != sha256(sent.encode()).hexdigest():
                raise DocumentError.of(UserInputError("documentId", RequestWording.OTHER_HASH()))
            with suppress(ValueError):  # it is larger than all that may be kept
                self._persisted[id_] = text
        if trusted and listed is None and prepared.key not in self._reported:
            self._reported[prepared.key] = True
            log.warning("untrusted document", sha256=prepared.key)
        return prepared
