"""What the ways to deliver a subscription have in common."""

from collections.abc import AsyncGenerator, Callable
from typing import Any, Protocol, TypeAlias

from starlette.types import Scope

from gateway.auth.principal import Principal
from gateway.auth.tokens import LEEWAY
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.response import Response
from gateway.http.graphql import Caller, Context, Executor
from gateway.http.parameters import Parameters


class CallerContext(Context, Protocol):
    """A context that knows its caller."""

    principal: Principal


CallerOf: TypeAlias = Callable[[Scope], Caller[CallerContext]]
"""Of the head of a request, as ASGI has it."""


class SubscribingExecutor(Executor, Protocol):
    """An executor that starts subscriptions as well."""

    async def subscribe(
        self,
        prepared: Prepared,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        context: Any,
        /,
    ) -> AsyncGenerator[Response, None] | Response: ...


async def subscribe(
    executor: SubscribingExecutor, prepared: Prepared, parameters: Parameters, context: Context
) -> AsyncGenerator[Response, None]:
    """Start a subscription: its responses, one for each event. To be closed by the caller.

    Raises DocumentError where it cannot start, ForbiddenError where the caller may not.
    """
    responses = await executor.subscribe(prepared, parameters.operation_name, parameters.variables, context)
    if isinstance(responses, Response):
        raise DocumentError(responses.errors)
    return responses


def seconds_left(principal: Principal, now: float) -> float:
    """How long a connection of this principal may stay open; `now` in Unix seconds."""
    return principal.expires_at + LEEWAY - now
