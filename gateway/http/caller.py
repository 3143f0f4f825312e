"""Who sends the requests of one connection, found out once and held against the clock each time."""

from collections.abc import Callable
from typing import TypeAlias

from starlette.types import Scope

from gateway.auth.authenticator import Authenticator
from gateway.auth.principal import Principal
from gateway.auth.tokens import Trusted
from gateway.context import RequestContext

OpenContext: TypeAlias = Callable[[Principal, str], RequestContext]
"""The context of one operation; the text is its request id. Raises GatewayError to turn the operation away."""


class Caller:
    """The sender of requests with the Authorization header of this ASGI scope."""

    def __init__(self, scope: Scope, authenticator: Authenticator, open_context: OpenContext) -> None:
        self._authorization = _authorization(scope)
        self._authenticator = authenticator
        self._open_context = open_context
        self._trusted: Trusted | None = None

    def open(self, request_id: str) -> RequestContext | None:
        """The context of a request; None where it takes waiting to find out who asks. Raises GatewayError."""
        trusted = self._trusted
        if trusted is None or not self._authenticator.trusts(trusted):
            trusted = self._trusted = self._authenticator.cached(self._authorization)
            if trusted is None:
                return None
        return self._open_context(trusted.principal, request_id)

    async def identify(self, request_id: str) -> RequestContext:
        """The same, with waiting."""
        return self._open_context(await self.authenticate(), request_id)

    async def authenticate(self) -> Principal:
        """The principal. Raises UnauthenticatedError, IssuerUnavailableError."""
        return await self._authenticator.authenticate(self._authorization)


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value, "latin-1")
    return None
