"""What the clients of both platforms share: logins, refusals, and what is known of the endpoints."""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from gateway.errors import (
    CommunityRefusedError,
    PlatformAuthError,
    PlatformBusyError,
    PlatformError,
    PlatformId,
    PlatformTimeoutError,
    ProtocolError,
    RefusedError,
)
from gateway.normalise.states import Availability, CircuitState
from gateway.ops.resilience import EndpointState
from gateway.platforms.call import Call
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.envelope import SUCCESS, TOKEN_DEAD, Envelope
from gateway.platforms.route import ABSOLUTE, Route, Upstream, encode_form, endpoint_url
from gateway.platforms.session import Credential, Session, Token
from gateway.wording.faults import FaultWording

_TOKEN = re.compile(r"[!-~]{1,8192}")


def read_token(value: object) -> str | None:
    """A token as it can stand in a header or form; None for anything else (quirk 25)."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


class Probe(msgspec.Struct, frozen=True):
    """What trying one endpoint showed: a row of `gateway check`.

    None: not tried (a write, or an endpoint that is not there), or not reached that far. `answer` is "OK", or the
    public code of what went wrong (`UPSTREAM_TIMEOUT`, `NOT_CONFIGURED`, ...); `seconds` is wall time. `problem` says
    what went wrong, and with which endpoint: the login's, perhaps. A refusal is none.
    """

    endpoint: str
    reachable: bool | None
    token: bool | None
    answer: str | None
    seconds: float | None
    problem: str | None = None


class PlatformClient(ABC):
    """The calls to one platform."""

    platform: ClassVar[PlatformId]
    not_offered: ClassVar[tuple[str, ...]] = ()

    def __init__(self, base_url: str, login: Endpoint, endpoints: Iterable[Endpoint], upstream: Upstream) -> None:
        """Raises httpx.InvalidURL or httpx.UnsupportedProtocol."""
        self._endpoints = {endpoint.name: endpoint for endpoint in (login, *endpoints)}
        self.routes = {
            name: Route(self.platform, endpoint, endpoint_url(base_url, endpoint.path), upstream)
            for name, endpoint in self._endpoints.items()
            if endpoint.path and (base_url or ABSOLUTE.match(endpoint.path))
        }
        """The ways to the endpoints that are set up, by name."""
        self.call_timeout = upstream.call_timeout
        self.clock = upstream.clock
        self.slots = upstream.slots
        self.wire = upstream.wire
        self.session = Session(self._login, upstream.clock)
        self._http = upstream.client
        self._login_endpoint = login

    @property
    def endpoints(self) -> Mapping[str, EndpointState]:
        """Every endpoint of the platform by name, as in the document, those not offered included."""
        closed = CircuitState.CLOSED
        states = {name: EndpointState(name, Availability.NOT_CONFIGURED, closed) for name in self._endpoints}
        for name, route in self.routes.items():
            states[name] = EndpointState(name, Availability.AVAILABLE, route.breaker.state)
        for name in self.not_offered:
            states[name] = EndpointState(name, Availability.NOT_OFFERED, closed)
        return states

    @property
    def healthy(self) -> bool:
        """Every circuit is closed, and the last login that was answered gave a token.

        Without one, whatever the answer was, nothing can be called. Other answers are of single calls: one that is not
        of the protocol may be of one record, and says that the endpoint can be reached.
        """
        return not self.session.is_shut_out and all(state.healthy for state in self.endpoints.values())

    async def probe(self, endpoint: str) -> Probe:
        """Try one endpoint with arguments that find nothing; a write is never called. Raises KeyError for no such."""
        is_login = endpoint == self._login_endpoint.name
        return await self._try(endpoint, self._login if is_login else self._harmless_reads().get(endpoint))

    async def aclose(self) -> None:
        await self.session.close()
        await self._http.aclose()

    @abstractmethod
    def _credentials(self) -> Mapping[str, str]:
        """The form of the login."""

    @abstractmethod
    def _token(self, body: Mapping[str, Any]) -> Token | None:
        """The token in the answer to the login, if there is one."""

    @abstractmethod
    def _harmless_reads(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """For each endpoint that reads, a call that is cheap and finds nothing."""

    def token_is_dead(self, endpoint: Endpoint, envelope: Envelope) -> bool:
        """Whether the platform turned the call away, unexecuted, for its token.

        Of a write that met a server's failure only code 9 says so: without it, a flag does not say what was done.
        """
        if envelope.has_failed and endpoint.kind.is_write:
            return envelope.code == TOKEN_DEAD
        return envelope.token_is_dead

    async def _login(self) -> Token:
        return await Call(self, self._login_endpoint, encode_form(self._credentials()), self._accept_login)

    def _accept_login(self, endpoint: Endpoint, envelope: Envelope) -> Token:
        token = self._token(envelope.body)
        if token is not None:
            return token
        if envelope.code in (None, SUCCESS):
            raise ProtocolError(self.platform, endpoint.name, FaultWording.NO_TOKEN())
        raise PlatformAuthError(self.platform, endpoint.name, FaultWording.CREDENTIALS_REFUSED())

    async def get_credential(self, deadline: float, dead: Credential | None) -> Credential | None:
        """A credential, got before `deadline`, a time of the loop's clock. Raises PlatformError.

        With `dead`, another one to take its place; None where there is no use in trying.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return await (self.session.credential() if dead is None else self.session.replace(dead))
        except TimeoutError:
            error = PlatformTimeoutError(self.platform, self._login_endpoint.name, FaultWording.NO_TOKEN_IN_TIME())
            error.sent = False
            raise error from None

    async def _succeed(self, endpoint: Endpoint, form: Mapping[str, str]) -> Mapping[str, Any]:
        """The body of a success. Raises PlatformError."""
        return await Call(self, endpoint, encode_form(form), self._accept)

    def _accept(self, endpoint: Endpoint, envelope: Envelope) -> Mapping[str, Any]:
        """The body of a success. Raises RefusedError, ProtocolError.

        A read may leave the code out and succeed by its data (quirk 15); a write succeeds by nothing but code 0. Under
        the status of a failure the code alone is not believed: frameworks write 0 on their error pages, that of a wrong
        address among them, and what a write did before the server failed, only the platform's records show.
        """
        if envelope.code == SUCCESS and not envelope.has_failed:
            return envelope.body
        is_write = endpoint.kind.is_write
        if envelope.has_failed and (is_write or (envelope.code == SUCCESS and envelope.is_empty)):
            raise ProtocolError(self.platform, endpoint.name, FaultWording.FAILED_AT_WORK())
        if envelope.code == SUCCESS:
            return envelope.body
        if envelope.code is None:
            if envelope.body.get("data") not in (None, "") and not is_write:
                return envelope.body
            raise ProtocolError(self.platform, endpoint.name, FaultWording.NEITHER())
        kind, message = RefusedError, FaultWording.REFUSED(code=envelope.code)
        if envelope.forbids_community:
            kind, message = CommunityRefusedError, FaultWording.COMMUNITY_REFUSED()
        shown = envelope.msg if endpoint.shows_why else None
        raise kind(self.platform, endpoint.name, message, envelope.code, shown)

    def _data(self, endpoint: Endpoint, envelope: Envelope) -> object:
        """The `data` of a success, empty or not, where the document promises it. Raises RefusedError, ProtocolError."""
        body = self._accept(endpoint, envelope)
        if "data" not in body:
            raise ProtocolError(self.platform, endpoint.name, FaultWording.NO_DATA())
        return body["data"]

    async def _try(self, endpoint: str, call: Callable[[], Awaitable[object]] | None) -> Probe:
        availability = self.endpoints[endpoint].availability
        if availability is not Availability.AVAILABLE:
            return Probe(endpoint, None, None, availability.value, None)
        if call is None:
            return Probe(endpoint, None, None, None, None)
        started = time.perf_counter()
        reachable: bool | None = True
        token: bool | None = True
        answer = "OK"
        problem: str | None = None
        try:
            await call()
        except RefusedError as error:
            answer = f"code {error.upstream_code}"
        except PlatformError as error:
            answer = error.code
            problem = f"{error.endpoint}: {error.message}"
            if error.endpoint != endpoint:
                reachable, token = None, False
            elif isinstance(error, PlatformAuthError):
                token = False
            else:
                reachable, token = isinstance(error, ProtocolError | PlatformBusyError), None
        return Probe(endpoint, reachable, token, answer, time.perf_counter() - started, problem)
