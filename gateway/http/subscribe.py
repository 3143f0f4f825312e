"""What the ways to deliver a subscription have in common."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeAlias

from starlette.types import Scope

from gateway.auth.principal import Principal
from gateway.auth.tokens import LEEWAY
from gateway.errors import IssuerUnavailableError, UnauthenticatedError
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.response import Response
from gateway.http.graphql import Caller, Context, Executor
from gateway.http.parameters import Parameters

RECHECK = 60.0
"""Seconds after which the caller of an open connection is authenticated again: a withdrawn key ends it."""


class CallerContext(Context, Protocol):
    """A context that knows its caller. `last_event_id`: of the event stream that the caller goes on with."""

    principal: Principal
    last_event_id: str | None


class StreamCaller(Caller[CallerContext], Protocol):
    """A caller who stays."""

    async def authenticate(self) -> object:
        """Raises UnauthenticatedError, IssuerUnavailableError."""


GetCaller: TypeAlias = Callable[[Scope], StreamCaller]
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


@asynccontextmanager
async def while_believed(authenticate: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """A block that ends when its caller is no longer believed, with the error of `authenticate`, asked every `RECHECK`.

    That is UnauthenticatedError, or IssuerUnavailableError.
    """
    refusal: UnauthenticatedError | IssuerUnavailableError | None = None

    async def watch() -> None:
        nonlocal refusal
        while refusal is None:
            await asyncio.sleep(RECHECK)
            try:
                await authenticate()
            except (UnauthenticatedError, IssuerUnavailableError) as error:
                refusal = error
                belief.reschedule(asyncio.get_running_loop().time())

    try:
        async with asyncio.timeout(None) as belief:
            watching = asyncio.create_task(watch())
            try:
                yield
            finally:
                watching.cancel()
    except TimeoutError:
        if refusal is None:
            raise
        raise refusal from None


def seconds_left(principal: Principal, now: float) -> float:
    """How long a connection of this principal may stay open; `now` in Unix seconds."""
    return principal.expires_at + LEEWAY - now
