"""Scopes, enforced in one place: what an operation needs against what its caller holds.

`@requiresScope` on the fields of the schema says what each needs. An operation whose caller holds all of it runs as it
is. Any other runs by graphql-core with a check before each field that declares a scope: the field a caller may not
read is null with FORBIDDEN, and the rest of the answer is there.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from graphql import (
    FieldNode,
    GraphQLResolveInfo,
    GraphQLSchema,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
)

from gateway.context import RequestContext
from gateway.errors import ForbiddenError
from gateway.execution.documents import GetScopes, Prepared
from gateway.execution.executor import Executor
from gateway.execution.response import Response
from gateway.http.errors import get_cause


def guard_introspection(get_scopes: GetScopes, scope: str) -> GetScopes:
    """`get_scopes`, with `scope` for the fields that introspection begins with: they are of no type of the schema."""
    needed = frozenset((scope,))
    return lambda field: needed if field is SchemaMetaFieldDef or field is TypeMetaFieldDef else get_scopes(field)


class GuardedExecutor:
    """Executes operations for callers. `get_scopes` reads the declarations."""

    def __init__(self, executor: Executor, schema: GraphQLSchema, get_scopes: GetScopes) -> None:
        self._executor = executor
        self._get_scopes = get_scopes
        self._subscriptions = schema.subscription_type.fields if schema.subscription_type else {}

    async def execute(
        self,
        prepared: Prepared,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        context: RequestContext,
    ) -> Response:
        """As `Executor.execute`, with what the caller may not read left out."""
        context.operation_name = prepared.name
        guard = None if prepared.scopes <= context.principal.scopes else self._guard
        response = await self._executor.execute(prepared, operation_name, variables, context, middleware=guard)
        if context.failures is not None:
            response.errors += context.failures
        if response.errors:
            _tell_denials(response, context)
        return response

    async def subscribe(
        self,
        prepared: Prepared,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        context: RequestContext,
    ) -> AsyncGenerator[Response, None] | Response:
        """As `Executor.subscribe`. Raises ForbiddenError where the caller may not have the field subscribed to.

        Of each event, what the caller may not read is left out.
        """
        context.operation_name = prepared.name
        guard = None
        if not prepared.scopes <= context.principal.scopes:
            guard = self._guard
            for name in prepared.root_fields:
                self._require(name, context)
        responses = await self._executor.subscribe(prepared, operation_name, variables, context, middleware=guard)
        return responses if isinstance(responses, Response) else _watched(responses, context)

    def _require(self, subscription: str, context: RequestContext) -> None:
        try:
            context.principal.require(*sorted(self._get_scopes(self._subscriptions[subscription])))
        except ForbiddenError as error:
            context.deny(subscription, error.scope or "")
            raise

    def _guard(self, resolve: Callable[..., Any], source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        field = info.schema.get_field(info.parent_type, info.field_name)
        if field is not None and (scopes := self._get_scopes(field)):
            info.context.principal.require(*sorted(scopes))
        return resolve(source, info, **arguments)


async def _watched(
    responses: AsyncGenerator[Response, None], context: RequestContext
) -> AsyncGenerator[Response, None]:
    async with aclosing(responses):
        async for response in responses:
            if response.errors:
                _tell_denials(response, context)
            yield response


def _tell_denials(response: Response, context: RequestContext) -> None:
    """Have the context know which fields were refused for want of a scope, by whatever refused them."""
    for error in response.errors:
        cause = get_cause(error)
        if isinstance(cause, ForbiddenError) and cause.scope is not None and error.nodes:
            node = error.nodes[0]
            context.deny(node.name.value if isinstance(node, FieldNode) else "", cause.scope)
