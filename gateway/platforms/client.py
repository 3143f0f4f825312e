"""What the clients of both platforms share: the token on every call, refusals, and what is known of the endpoints."""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, ParamSpec, TypeVar

from gateway.errors import (
    PlatformAuthError,
    PlatformBusyError,
    PlatformError,
    PlatformId,
    PlatformTimeoutError,
    ProtocolError,
    RefusedError,
)
from gateway.ops.health import EndpointState
from gateway.ops.resilience import Clock
from gateway.platforms.caller import Caller
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.envelope import SUCCESS, Envelope
from gateway.platforms.probe import Probe
from gateway.platforms.session import Session, Token
from schema.normalise.shapes import ShapeError
from schema.normalise.states import Availability, CircuitState

ParamsT = ParamSpec("ParamsT")
ParsedT = TypeVar("ParsedT")
AnswerT = TypeVar("AnswerT")

_TOKEN = re.compile(r"[!-~]{1,8192}")


def read_token(value: object) -> str | None:
    """A token as it can stand in a header or form; None for anything else (quirk 25)."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


class PlatformClient(ABC):
    """The calls to one platform. Each has `call_timeout` seconds in all: queueing, a login and a replay included."""

    platform: ClassVar[PlatformId]
    not_offered: ClassVar[tuple[str, ...]] = ()

    def __init__(self, caller: Caller, login: Endpoint, call_timeout: float, clock: Clock = time.monotonic) -> None:
        self._caller = caller
        self._login_endpoint = login
        self._call_timeout = call_timeout
        self._session = Session(self._login, clock)

    @property
    def endpoints(self) -> Mapping[str, EndpointState]:
        """Every endpoint of the platform by name, those not offered included."""
        absent = {name: EndpointState(name, Availability.NOT_OFFERED, CircuitState.CLOSED) for name in self.not_offered}
        return self._caller.states | absent

    @property
    def healthy(self) -> bool:
        """Every circuit is closed and the platform has not just refused the credentials."""
        return not self._session.is_refused and all(state.healthy for state in self._caller.states.values())

    async def probe(self, endpoint: str) -> Probe:
        """Try one endpoint with arguments that find nothing; a write is never called. Raises KeyError for no such."""
        state = self.endpoints[endpoint]
        if state.availability is not Availability.AVAILABLE:
            return Probe(endpoint, None, None, state.availability.value, None)
        if endpoint == self._login_endpoint.name:
            return await self._try(endpoint, self._login)
        read = self._harmless_reads().get(endpoint)
        return Probe(endpoint, None, None, None, None) if read is None else await self._try(endpoint, read)

    async def close(self) -> None:
        await self._session.close()

    @abstractmethod
    def _credentials(self) -> Mapping[str, str]:
        """The form of the login."""

    @abstractmethod
    def _token(self, body: Mapping[str, Any]) -> Token | None:
        """The token in the answer to the login, if there is one."""

    @abstractmethod
    def _with_token(self, form: Mapping[str, str], credential: str) -> tuple[Mapping[str, str], bytes]:
        """The form and the header line of a call that carries the credential."""

    @abstractmethod
    def _harmless_reads(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """For each endpoint that reads, a call that is cheap and finds nothing."""

    def _token_is_dead(self, endpoint: Endpoint, envelope: Envelope) -> bool:
        return envelope.token_is_dead

    async def _login(self) -> Token:
        endpoint = self._login_endpoint
        deadline = asyncio.get_running_loop().time() + self._call_timeout
        envelope = await self._caller.exchange(endpoint, deadline, self._credentials())
        token = self._token(envelope.body)
        if token is not None:
            return token
        if envelope.code in (None, SUCCESS):
            raise ProtocolError(self.platform, endpoint.name, "The platform answered the login without a token.")
        raise PlatformAuthError(self.platform, endpoint.name, "The platform refuses the gateway's credentials.")

    async def _call(self, endpoint: Endpoint, form: Mapping[str, str]) -> Envelope:
        """Call with the token; where it is dead, with another one once more: nothing was executed (quirk 45).

        Raises PlatformError, but for refusals: these are in the envelope, for whoever knows what they mean.
        """
        self._caller.route(endpoint)
        deadline = asyncio.get_running_loop().time() + self._call_timeout
        credential = self._session.current()
        if credential is None:
            credential = await self._in_time(deadline, self._session.credential())
        envelope = await self._caller.exchange(endpoint, deadline, *self._with_token(form, credential))
        if envelope.code == SUCCESS or not self._token_is_dead(endpoint, envelope):
            return envelope
        fresh = await self._in_time(deadline, self._session.replace(credential))
        if fresh is not None:
            envelope = await self._caller.exchange(endpoint, deadline, *self._with_token(form, fresh))
            if not self._token_is_dead(endpoint, envelope):
                return envelope
            self._session.refused_fresh(fresh)
        raise PlatformAuthError(self.platform, endpoint.name, "The platform refuses a fresh token.")

    async def _in_time(self, deadline: float, token: Awaitable[AnswerT]) -> AnswerT:
        try:
            async with asyncio.timeout_at(deadline):
                return await token
        except TimeoutError:
            error = PlatformTimeoutError(self.platform, self._login_endpoint.name, "No token was given in time.")
            error.sent = False
            raise error from None

    def _accept(self, endpoint: Endpoint, envelope: Envelope) -> Mapping[str, Any]:
        """The body of a success. Raises RefusedError, ProtocolError.

        A read may leave the code out and succeed by its data (quirk 15); a write succeeds by nothing but code 0.
        """
        if envelope.code == SUCCESS:
            return envelope.body
        if envelope.code is None:
            if envelope.body.get("data") not in (None, "") and not endpoint.kind.is_write:
                return envelope.body
            raise ProtocolError(self.platform, endpoint.name, "The platform answered neither success nor failure.")
        raise RefusedError(
            self.platform,
            endpoint.name,
            f"The platform refused the call with code {envelope.code}.",
            envelope.code,
            envelope.msg if endpoint.tells_why else None,
        )

    def _parse(
        self,
        endpoint: Endpoint,
        parse: Callable[ParamsT, ParsedT],
        *arguments: ParamsT.args,
        **options: ParamsT.kwargs,
    ) -> ParsedT:
        try:
            return parse(*arguments, **options)
        except ShapeError as error:
            raise ProtocolError(
                self.platform, endpoint.name, f"The answer has not the documented shape: {error}."
            ) from None

    async def _try(self, endpoint: str, call: Callable[[], Awaitable[object]]) -> Probe:
        started = time.perf_counter()
        reachable: bool | None = True
        token: bool | None = True
        answer = "OK"
        try:
            await call()
        except RefusedError as error:
            answer = f"code {error.upstream_code}"
        except PlatformError as error:
            answer = error.code
            if error.endpoint != endpoint:
                reachable, token = None, False
            elif isinstance(error, PlatformAuthError):
                token = False
            else:
                reachable, token = isinstance(error, ProtocolError | PlatformBusyError), None
        return Probe(endpoint, reachable, token, answer, time.perf_counter() - started)
