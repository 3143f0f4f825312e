"""What the clients of both platforms share: the token on every call, refusals, and what is known of the endpoints."""

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

from gateway.errors import (
    NotConfiguredError,
    PlatformAuthError,
    PlatformBusyError,
    PlatformError,
    PlatformId,
    PlatformTimeoutError,
    ProtocolError,
    RefusedError,
)
from gateway.normalise.shapes import ShapeError
from gateway.normalise.states import Availability, CircuitState
from gateway.ops.health import EndpointState
from gateway.ops.resilience import Clock
from gateway.platforms.endpoint import Endpoint, Kind
from gateway.platforms.envelope import SUCCESS, TOKEN_DEAD, Envelope
from gateway.platforms.exchange import EndpointExchange
from gateway.platforms.pending import OnDone
from gateway.platforms.probe import Probe
from gateway.platforms.route import Routes, encode_form
from gateway.platforms.session import Credential, Session, Token

ParamsT = ParamSpec("ParamsT")
ParsedT = TypeVar("ParsedT")

_TOKEN = re.compile(r"[!-~]{1,8192}")


def read_token(value: object) -> str | None:
    """A token as it can stand in a header or form; None for anything else (quirk 25)."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


class PlatformClient(ABC):
    """The calls to one platform. Each has `call_timeout` seconds in all: queueing, a login and a replay included."""

    platform: ClassVar[PlatformId]
    not_offered: ClassVar[tuple[str, ...]] = ()

    def __init__(self, routes: Routes, login: Endpoint, call_timeout: float, clock: Clock = time.monotonic) -> None:
        self.routes = routes
        self._login_endpoint = login
        self.call_timeout = call_timeout
        self.session = Session(self._login, clock)

    @property
    def endpoints(self) -> Mapping[str, EndpointState]:
        """Every endpoint of the platform by name, those not offered included."""
        absent = {name: EndpointState(name, Availability.NOT_OFFERED, CircuitState.CLOSED) for name in self.not_offered}
        return self.routes.states | absent

    @property
    def healthy(self) -> bool:
        """Every circuit is closed, and the last login that was answered gave a token.

        Without one, whatever the answer was, nothing can be called. Other answers are of single calls: one that is not
        of the protocol may be of one record, and says that the endpoint can be reached.
        """
        return not self.session.is_shut_out and all(state.healthy for state in self.routes.states.values())

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
        await self.session.close()

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

        Of a write that met a server's failure only code 9 says so: without it, a flag does not tell what was done.
        """
        if envelope.has_failed and endpoint.kind.is_write:
            return envelope.code == TOKEN_DEAD
        return envelope.token_is_dead

    async def _login(self) -> Token:
        endpoint = self._login_endpoint
        deadline = asyncio.get_running_loop().time() + self.call_timeout
        envelope: Envelope = await EndpointExchange(self.routes, endpoint, encode_form(self._credentials()), deadline)
        token = self._token(envelope.body)
        if token is not None:
            return token
        error: PlatformError
        if envelope.code in (None, SUCCESS):
            error = ProtocolError(self.platform, endpoint.name, "The platform answered the login without a token.")
        else:
            error = PlatformAuthError(self.platform, endpoint.name, "The platform refuses the gateway's credentials.")
        self.routes.by_name[endpoint.name].calls.failed(error)
        raise error

    async def credential(self, deadline: float, dead: Credential | None) -> Credential | None:
        """A credential, got before `deadline`, a time of the loop's clock. Raises PlatformError.

        With `dead`, another one to take its place; None where there is no use in trying.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return await (self.session.credential() if dead is None else self.session.replace(dead))
        except TimeoutError:
            error = PlatformTimeoutError(self.platform, self._login_endpoint.name, "No token was given in time.")
            error.sent = False
            raise error from None

    async def _succeed(self, endpoint: Endpoint, form: Mapping[str, str]) -> Mapping[str, Any]:
        """The body of a success. Raises PlatformError."""
        return await Call(self, endpoint, encode_form(form), self._accept)

    def _accept(self, endpoint: Endpoint, envelope: Envelope) -> Mapping[str, Any]:
        """The body of a success. Raises RefusedError, ProtocolError.

        A read may leave the code out and succeed by its data (quirk 15); a write succeeds by nothing but code 0. Under
        the status of a failure the code alone is not believed: frameworks write 0 on their error pages, that of a wrong
        address among them, and what a write did before the server failed, only the platform's records tell.
        """
        is_write = endpoint.kind.is_write
        if envelope.has_failed and (is_write or (envelope.code == SUCCESS and envelope.is_empty)):
            raise ProtocolError(self.platform, endpoint.name, "The platform failed while it was at work on the call.")
        if envelope.code == SUCCESS:
            return envelope.body
        if envelope.code is None:
            if envelope.body.get("data") not in (None, "") and not is_write:
                return envelope.body
            raise ProtocolError(self.platform, endpoint.name, "The platform answered neither success nor failure.")
        raise RefusedError(
            self.platform,
            endpoint.name,
            f"The platform refused the call with code {envelope.code}.",
            envelope.code,
            envelope.msg if endpoint.tells_why else None,
        )

    def _data(self, endpoint: Endpoint, envelope: Envelope) -> object:
        """The `data` of a success, empty or not, where the document promises it. Raises RefusedError, ProtocolError."""
        body = self._accept(endpoint, envelope)
        if "data" not in body:
            raise ProtocolError(self.platform, endpoint.name, "The platform answered success without data.")
        return body["data"]

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
        except RecursionError:
            raise ProtocolError(self.platform, endpoint.name, "The answer is nested too deeply.") from None

    async def _try(self, endpoint: str, call: Callable[[], Awaitable[object]]) -> Probe:
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


class Call(EndpointExchange, Generic[ParsedT]):
    """One call with the token: where it is dead, with another one once more, since nothing was executed (quirk 45).

    `read(endpoint, envelope, *of)` makes the value, of refusals too: it knows what they mean. The outcome is that
    value, or what `read` raises, or a PlatformError.
    """

    __slots__ = ("_client", "_credential", "_is_renewed", "_of", "_read", "_renewal")

    _credential: Credential

    def __init__(
        self,
        client: PlatformClient,
        endpoint: Endpoint,
        form: bytes,
        read: Callable[..., ParsedT],
        *of: object,
    ) -> None:
        """Sets what those below would, too: each call makes one, and the way through three of them would cost it."""
        self.endpoint = endpoint
        self.repeatable = endpoint.kind is Kind.READ
        self.without_body = False
        self.size = 0
        self._client = client
        self._routes = client.routes
        self._form = form
        self._read = read
        self._of = of
        self._stage = None
        self._renewal: asyncio.Task[None] | None = None
        self._is_renewed = False

    def __await__(self) -> Generator[Any, None, ParsedT]:
        """As ever; what is awaited is a `ParsedT`, where it is an Envelope of an `EndpointExchange`."""
        return super().__await__()

    def begin(self, on_done: OnDone) -> None:
        self._on_done = on_done
        client = self._client
        self.deadline = asyncio.get_running_loop().time() + client.call_timeout
        credential = client.session.current()
        if credential is not None:
            self._credential = credential
            self._send_with(credential)
            return
        try:
            self._routes.to(self.endpoint)  # before anybody logs in for it
        except NotConfiguredError as error:
            on_done(error)
        else:
            self._renew(None)

    def _judged(self, outcome: Envelope | Exception) -> None:
        if isinstance(outcome, Exception):
            self._on_done(outcome)
        elif outcome.code == SUCCESS or not self._client.token_is_dead(self.endpoint, outcome):
            value: ParsedT | Exception
            try:
                value = self._read(self.endpoint, outcome, *self._of)
            except Exception as error:  # noqa: BLE001 # it is the outcome
                value = error
                self._log(error)
            self._on_done(value)
        elif self._is_renewed:
            refusal = self._refusal()
            self._client.session.refused_fresh(self._credential)
            self._log(refusal)
            self._on_done(refusal)
        else:
            self._is_renewed = True
            self._renew(self._credential)

    def _log(self, error: Exception) -> None:
        """A refusal apart, which is how platforms answer callers: the record is not there, the time is over."""
        if isinstance(error, PlatformError) and not isinstance(error, RefusedError):
            self._context.run(self._route.calls.failed, error)

    def _refusal(self) -> PlatformAuthError:
        return PlatformAuthError(self._client.platform, self.endpoint.name, "The platform refuses a fresh token.")

    def _renew(self, dead: Credential | None) -> None:
        self._renewal = asyncio.get_running_loop().create_task(self._go_on(dead))

    async def _go_on(self, dead: Credential | None) -> None:
        """With another credential, when there is one."""
        try:
            credential = await self._client.credential(self.deadline, dead)
        except BaseException as error:  # noqa: BLE001 # it is the outcome; cancelled: whoever waits is, too
            if self._renewal is not None:
                self._renewal = None
                self._on_done(error)
            return
        self._renewal = None
        if credential is None:
            self._on_done(self._refusal())
        else:
            self._credential = credential
            self._send_with(credential)

    def cancel(self) -> None:
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            renewal.cancel()
        else:
            super().cancel()
