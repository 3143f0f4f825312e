"""One call to an endpoint: its token, its exchange, its circuit, and what its answer means."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, TypeVar

import httpx

from gateway.errors import (
    NotConfiguredError,
    NotSentError,
    PlatformAuthError,
    PlatformError,
    ProtocolError,
    QueryTooComplexError,
    RefusedError,
    drop_tracebacks,
)
from gateway.normalise.shapes import FirstPageError, ShapeError
from gateway.ops.calls import CANCELLED, OK, REFUSED, CallTrace
from gateway.ops.slots import GATEWAY
from gateway.ops.trace import METER, Meter
from gateway.platforms.answer import RawAnswer
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.envelope import SUCCESS, BadAnswerError, BusyAnswerError, Envelope, open_envelope
from gateway.platforms.failure import record_failure, to_platform_error
from gateway.platforms.pending import OnDone, Pending
from gateway.platforms.pool import Exchange
from gateway.platforms.route import Route
from gateway.platforms.session import NO_CREDENTIAL, Credential
from gateway.wording.faults import FaultWording
from gateway.wording.requests import RequestWording
from gateway.wording.wording import Text

if TYPE_CHECKING:
    from gateway.platforms.client import PlatformClient

ParsedT = TypeVar("ParsedT")

LOGIN = "gateway/login"
"""The caller of logins: all others wait for them."""


class Call(Pending[ParsedT]):
    """One call, with the token of its platform. Where that is dead, the call is made once more with another one, since
    nothing was executed (quirk 45). A login has no token.

    `read(endpoint, envelope, *arguments)` makes the value, of refusals too: it knows what they mean. The outcome is
    that value, or what `read` raises, a ShapeError as a ProtocolError, or a PlatformError. Once it has come, `answer`
    is the answer, and `size` its bytes.
    """

    __slots__ = (
        "_arguments",
        "_client",
        "_context",
        "_credential",
        "_deadline",
        "_form",
        "_is_renewed",
        "_meter",
        "_on_done",
        "_read",
        "_route",
        "_stage",
        "_started",
        "_trace",
        "answer",
        "endpoint",
        "size",
    )

    _context: Context
    _credential: Credential
    _deadline: float
    _meter: Meter | None
    _on_done: OnDone
    _route: Route
    _started: float

    def __init__(
        self,
        client: "PlatformClient",
        endpoint: Endpoint,
        form: bytes,
        read: Callable[..., ParsedT],
        *arguments: object,
    ) -> None:
        self.endpoint = endpoint
        self.size = 0
        self.answer: RawAnswer | None = None
        self._client = client
        self._form = form
        self._read = read
        self._arguments = arguments
        self._stage: Pending[RawAnswer] | asyncio.Task[None] | None = None  # what it waits for
        self._is_renewed = False
        self._trace: CallTrace | None = None

    def begin(self, on_done: OnDone) -> None:
        self._on_done = on_done
        client, endpoint = self._client, self.endpoint
        self._meter = meter = METER.get()
        if meter is not None and meter.trace is not None:
            kind = "write" if endpoint.kind.is_write else endpoint.kind.name.lower()
            self._trace = trace = meter.trace.begin_call(client.platform, endpoint.name, kind, self._form)
            self._on_done = trace.before(on_done)
        route = client.routes.get(endpoint.name)
        if route is None:  # before anybody logs in for it
            self._on_done(NotConfiguredError(client.platform, endpoint.name, FaultWording.NOT_CONFIGURED()))
            return
        self._route = route
        self._deadline = asyncio.get_running_loop().time() + client.call_timeout
        credential = NO_CREDENTIAL if route.is_login else client.session.current()
        if credential is None:
            self._renew(None)
        else:
            self._send(credential)

    def join(self) -> None:
        """The operation that is under way waits for it as well: it need not wait for the turn of a busier caller."""
        stage, meter = self._stage, METER.get()
        if isinstance(stage, Exchange) and meter is not None:
            stage.join(meter.caller)

    def cancel(self) -> None:
        stage, self._stage = self._stage, None
        if stage is None:
            return
        stage.cancel()
        if isinstance(stage, Pending):
            self._route.breaker.abandoned()
            self._route.calls.note(CANCELLED, self._started, self._context)

    def _send(self, credential: Credential) -> None:
        self._credential = credential
        meter = None if credential is NO_CREDENTIAL else self._meter
        if meter is not None and meter.calls >= meter.limit and not self._is_renewed:
            limit = int(meter.limit)
            self._on_done(QueryTooComplexError(RequestWording.NO_MORE_CALLS(max=limit), "cost", limit))
            return
        breaker = self._route.breaker
        if breaker.is_tripped and not breaker.allows():
            where = self._client.platform, self.endpoint.name
            self._on_done(NotSentError(*where, FaultWording.RESTING(), retry_after=breaker.retry_after))
            return
        self._started = self._client.clock()
        self._context = copy_context()
        if credential is NO_CREDENTIAL:
            caller = LOGIN
        elif meter is None:
            caller = GATEWAY
        else:
            meter.calls += not self._is_renewed  # one that is repeated was not executed
            caller = meter.caller
        if self._trace is not None:
            self._trace.note_token()
        self._stage = exchange = self._route.exchange(self._form, credential, self._deadline, self._trace, caller)
        exchange.begin(self._receive)

    def _receive(self, outcome: RawAnswer | Exception) -> None:
        self._stage = None
        calls = self._route.calls
        try:
            if isinstance(outcome, Exception):
                raise outcome
            if calls.breaker.is_tripped:
                calls.answered()
            else:
                calls.breaker.calls += 1
            self.size = len(outcome.body)
            if self._trace is not None:
                self._trace.bytes = self.size
            envelope = open_envelope(outcome, self._route.decode)
        except (httpx.TransportError, BadAnswerError, BusyAnswerError) as failure:
            drop_tracebacks(failure)  # their frames hold it as the outcome
            error = to_platform_error(self._client.platform, self.endpoint.name, failure)
            self._context.run(record_failure, calls, failure, error)
            calls.note(error.code, self._started, self._context)
            self._on_done(error)
        except Exception as error:  # noqa: BLE001 # a mistake in here: the caller is to hear of it
            calls.breaker.abandoned()
            calls.note(CANCELLED, self._started, self._context)
            self._on_done(error)
        else:
            self.answer = outcome
            calls.note(REFUSED if envelope.code else OK, self._started, self._context)
            self._judge(envelope)

    def _judge(self, envelope: Envelope) -> None:
        client, credential = self._client, self._credential
        outcome: ParsedT | Exception
        if envelope.code == SUCCESS or credential is NO_CREDENTIAL or not client.token_is_dead(self.endpoint, envelope):
            try:
                outcome = self._read(self.endpoint, envelope, *self._arguments)
            except FirstPageError:
                outcome = self._protocol_error(FaultWording.ONLY_FIRST_PAGE())
            except ShapeError as error:
                outcome = self._protocol_error(FaultWording.SHAPE(reason=error))
            except RecursionError:
                outcome = self._protocol_error(FaultWording.TOO_DEEP())
            except Exception as error:  # noqa: BLE001 # it is the outcome
                outcome = error
        elif self._is_renewed:
            client.session.refused_fresh(credential)
            outcome = self._refusal()
        else:
            self._is_renewed = True
            self._renew(credential)
            return
        # A refusal is how platforms answer callers: the record is not there, the time is over.
        if isinstance(outcome, PlatformError) and not isinstance(outcome, RefusedError):
            self._context.run(self._route.calls.failed, outcome)
        self._on_done(outcome)

    def _protocol_error(self, message: Text) -> ProtocolError:
        return ProtocolError(self._client.platform, self.endpoint.name, message)

    def _refusal(self) -> PlatformAuthError:
        return PlatformAuthError(self._client.platform, self.endpoint.name, FaultWording.TOKEN_REFUSED())

    def _renew(self, dead: Credential | None) -> None:
        if self._trace is not None and dead is not None:
            self._trace.token_renewals += 1
        self._stage = asyncio.get_running_loop().create_task(self._send_renewed(dead))

    async def _send_renewed(self, dead: Credential | None) -> None:
        """Go on with another credential, if there is one."""
        outcome: Credential | BaseException | None
        try:
            outcome = await self._client.get_credential(self._deadline, dead)
        except BaseException as error:  # noqa: BLE001 # it is the outcome; of a cancellation, too, that others began
            outcome = error
        if self._stage is None:  # cancelled
            return
        self._stage = None
        if isinstance(outcome, Credential):
            self._send(outcome)
        else:
            self._on_done(self._refusal() if outcome is None else outcome)
