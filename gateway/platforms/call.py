"""One call to an endpoint, from its token to its value."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.errors import (
    NotConfiguredError,
    NotSentError,
    PlatformAuthError,
    PlatformBusyError,
    PlatformError,
    PlatformTimeoutError,
    ProtocolError,
    QueryTooComplexError,
    RefusedError,
    drop_tracebacks,
)
from gateway.futures import Pending
from gateway.normalise.shapes import FirstPageError, ShapeError
from gateway.ops.calls import CANCELLED, OK, REFUSED
from gateway.ops.slots import GATEWAY, Lane
from gateway.ops.trace import METER, CallTrace, Meter
from gateway.platforms.answer import CallError, RawAnswer
from gateway.platforms.connection import Connection
from gateway.platforms.endpoint import JSON, Arguments, Effect, Endpoint, Route
from gateway.platforms.envelope import SUCCESS, Envelope, body_text
from gateway.platforms.session import NO_CREDENTIAL, Credential
from gateway.wording.faults import FaultWording
from gateway.wording.requests import RequestWording

if TYPE_CHECKING:
    from gateway.platforms.client import PlatformClient

ParsedT = TypeVar("ParsedT")


class Call(Pending[ParsedT]):
    """One call, with the token of its platform. Where that is dead, the call is made once more with another one, since
    nothing was executed (quirk 45). A login has no token.

    A read may use a kept connection, and is sent again on a new one when that was closing. Any other call gets a new
    connection, so that it cannot be lost to a closing one. Both are tried again once when no connection can be made.

    `read(endpoint, envelope, *rest)` makes the value, of refusals too: it knows what they mean. The outcome is that
    value, or what `read` raises, a ShapeError as a ProtocolError, or a PlatformError. `answer` is set once it has come.
    """

    __slots__ = (
        "_client", "_context", "_credential", "_is_repeated", "_meter", "_read", "_rest", "_route", "_stage",
        "_started", "answer", "arguments", "deadline", "endpoint", "lane", "request", "trace",
    )  # fmt: skip # with a dict beside the slots of its base, a call takes 0.4 µs more

    deadline: float
    lane: Lane
    request: bytes
    _context: Context
    _credential: Credential
    _meter: Meter | None
    _route: Route

    def __init__(
        self,
        client: "PlatformClient",
        endpoint: Endpoint,
        arguments: Arguments,
        read: Callable[..., ParsedT],
        *rest: object,
    ) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.arguments = arguments
        self.answer: RawAnswer | None = None
        self.trace: CallTrace | None = None
        self._client = client
        self._is_repeated = False
        self._read = read
        self._rest = rest
        self._stage: Connection | asyncio.Task[None] | None = None  # what works for it
        self._started = 0.0  # when it asked for a slot, which it waits for or has

    @property
    def size(self) -> int:
        return 0 if self.answer is None else len(self.answer.body)

    @property
    def _where(self) -> tuple[str, str]:
        return self._client.platform, self.endpoint.name

    def open_answer(self) -> Envelope | None:
        """The answer once more, with rows as they came; None where there is none, or it is none of the protocol."""
        with suppress(CallError):
            return None if self.answer is None else self._client.open_envelope(self.answer)
        return None

    def exchange(self, most: int) -> dict[str, Any] | None:
        """What was sent and what came back, verbatim, `most` bytes of it; None in production, of a login, and where
        nothing was sent. No credential is in it, not even one that the platform repeats.
        """
        client, endpoint, answer, outcome = self._client, self.endpoint, self.answer, self.outcome
        was_sent = outcome.sent if isinstance(outcome, PlatformError) else not isinstance(outcome, Exception)
        if not client.shows_exchanges or endpoint.effect is Effect.LOGIN or (answer is None and not was_sent):
            return None
        form = {name: str(value) for name, value in self.arguments.items() if value != ""}
        carried = {"json": self.arguments} if endpoint.encoding is JSON else {"form": form}
        received = None
        if answer is not None:
            shown, size = answer.body, len(answer.body)
            for secret in self._credential.secrets:  # before the cut, which may go through one
                shown = shown.replace(secret.encode(), b"***")
            body = body_text(RawAnswer(answer.head, shown[:most]))
            received = {"status": answer.head.status, "body": body, "bytes": size, "truncated": len(shown) > most}
        return {"sent": {"method": endpoint.method, "path": self._route.path, **carried}, "received": received}

    def begin(self) -> None:
        client, meter = self._client, METER.get()
        if meter is not None and meter.trace is not None:
            endpoint = self.endpoint
            kind = endpoint.effect.name.lower()
            self.trace = meter.trace.begin_call(client.platform, endpoint.name, kind, self)
        route = client.routes.get(self.endpoint.name)
        if route is None:  # before anybody logs in for it
            self.complete(NotConfiguredError(*self._where, FaultWording.NOT_CONFIGURED()))
            return
        self._route = route
        self._meter = meter
        self.deadline = asyncio.get_running_loop().time() + client.call_timeout
        credential = client.session.current()
        if credential is None:
            self._renew(None)
        else:
            self._send(credential)

    def join(self) -> None:
        """It need not wait for the turn of a busier caller."""
        meter = METER.get()
        if self._started and meter is not None:
            self._route.slots.move(self, meter.caller)

    def cancel(self) -> None:
        super().cancel()
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.cancel()
        if self._started:
            self._route.slots.leave(self)
            self._route.calls.end(CANCELLED, self._started, self._context, reached=None)

    def _send(self, credential: Credential) -> None:
        """Have it sent with this credential, in its turn."""
        route, meter = self._route, self._meter
        if meter is not None:
            if meter.calls >= meter.limit:
                limit = int(meter.limit)
                self.complete(QueryTooComplexError(RequestWording.NO_MORE_CALLS(max=limit), "cost", limit))
                return
            meter.calls += 1
        if route.calls.is_tripped and not route.calls.allows():
            if meter is not None:
                meter.calls -= 1
            self.complete(NotSentError(*self._where, FaultWording.RESTING(), retry_after=route.calls.retry_after))
            return
        body = route.encode(self.arguments, credential)
        self.request = b"%b%bContent-Length: %d\r\n\r\n%b" % (route.head, credential.header, len(body), body)
        if self.trace is not None:
            self.trace.note("token")
            self.request = self.request.replace(b"\r\n", b"\r\ntraceparent: %b\r\n" % self.trace.traceparent, 1)
        self._credential = credential
        self._context = copy_context()
        self._started = monotonic()
        route.slots.enter(self, GATEWAY if meter is None else meter.caller)

    def take_turn(self) -> None:
        """A slot is taken for it."""
        if self.trace is not None:
            self.trace.note("slot")
        route = self._route
        if route.is_read and (idle := route.pool.idle):
            self._stage = connection = idle.pop()  # the one used last
            if connection.send(self):
                return
        self.connect()

    def give_up(self) -> None:
        """Its deadline has passed while it waited for a slot."""
        self._end_in(NotSentError(*self._where, FaultWording.TOO_MANY_CALLS()), reached=None)

    def connect(self) -> None:
        """Send it on a new connection, in a task without context: its later callbacks are not of this request."""
        if self.trace is not None:
            self.trace.note("connecting")
        self._stage = asyncio.get_running_loop().create_task(self._send_on_new_connection(), context=Context())

    async def _send_on_new_connection(self) -> None:
        failure: Exception
        for _ in range(2):
            try:
                connection = await self._route.pool.connect(self.deadline)
            except Exception as error:  # noqa: BLE001 # it is the outcome
                failure = error
                if not isinstance(error, CallError) or error.kind is not NotSentError:
                    break
            else:
                self._stage = connection
                if connection.send(self):
                    return
                failure = CallError(NotSentError, FaultWording.CLOSED_BEFORE())
                break
        self.lose(failure)

    def lose(self, failure: Exception) -> None:
        """No answer has come."""
        self._route.slots.leave(self)
        self._fail(failure)

    def receive(self, answer: RawAnswer) -> None:
        """The answer has come, and the connection may carry another call by now."""
        client, route = self._client, self._route
        route.slots.leave(self)
        if self.trace is not None:
            self.trace.note("byte")
            self.trace.size = len(answer.body)
        self.answer = answer
        try:
            envelope = client.open_envelope(answer, route.decode)
        except Exception as error:  # noqa: BLE001 # it is the outcome
            self._fail(error)
            return
        code = envelope.code
        route.calls.end(REFUSED if code else OK, self._started, self._context)
        if code != SUCCESS and self._credential is not NO_CREDENTIAL and client.token_is_dead(self.endpoint, envelope):
            self._replace(self._credential)
            return
        value: ParsedT | Exception
        try:
            value = self._read(self.endpoint, envelope, *self._rest)
        except Exception as error:  # noqa: BLE001 # it is the outcome
            value = self._explain(error)
        self.complete(value)

    def _fail(self, failure: Exception) -> None:
        """Without an answer, or one that cannot be judged. A bug in here says nothing about the endpoint."""
        if isinstance(failure, CallError):
            drop_tracebacks(failure)  # their frames hold it as the outcome
            error = failure.at(*self._where)
            self._end_in(error, reached=isinstance(error, ProtocolError | PlatformBusyError))
        else:
            self._route.calls.end(CANCELLED, self._started, self._context, reached=None)
            self.complete(failure)

    def _end_in(self, error: PlatformError, *, reached: bool | None) -> None:
        self._route.calls.end(error.code, self._started, self._context, error, reached=reached)
        self.complete(error)

    def _explain(self, error: Exception) -> Exception:
        """What `read` raised, as callers get it. A failure is logged; a refusal is an answer."""
        match error:
            case FirstPageError():
                error = ProtocolError(*self._where, FaultWording.ONLY_FIRST_PAGE())
            case ShapeError():
                error = ProtocolError(*self._where, FaultWording.SHAPE(detail=error))
            case RecursionError():
                error = ProtocolError(*self._where, FaultWording.TOO_DEEP())
        if isinstance(error, PlatformError) and not isinstance(error, RefusedError):
            self._context.run(self._route.calls.failed, error)
        return error

    def _replace(self, dead: Credential) -> None:
        """Make the call once more, with another credential."""
        if self._is_repeated and self._client.session.is_fresh(dead):
            self._client.session.refused_fresh(dead)
            self.complete(self._explain(PlatformAuthError(*self._where, FaultWording.TOKEN_REFUSED())))
            return
        self._is_repeated, self._started = True, 0.0
        if self._meter is not None:  # which counts it once: it was not executed
            self._meter = Meter(caller=self._meter.caller)
        if self.trace is not None:
            self.trace.token_renewals += 1
        self._renew(dead)

    def _renew(self, dead: Credential | None) -> None:
        self._stage = asyncio.get_running_loop().create_task(self._send_renewed(dead))

    async def _send_renewed(self, dead: Credential | None) -> None:
        """Go on with a credential, or with another one for one that is dead."""
        client, outcome = self._client, None
        failure: Exception = PlatformAuthError(*self._where, FaultWording.TOKEN_REFUSED())
        try:
            async with asyncio.timeout_at(self.deadline):
                outcome = await (client.session.credential() if dead is None else client.session.replace(dead))
        except TimeoutError:
            late = FaultWording.NO_TOKEN_IN_TIME()
            failure = PlatformTimeoutError(client.platform, client.declared[0].name, late, sent=False)
        except asyncio.CancelledError:  # of this call, or of the login that others began
            failure = NotSentError(*self._where, FaultWording.NO_TOKEN_IN_TIME())
        except Exception as error:  # noqa: BLE001 # it is the outcome
            failure = error
        if self._stage is None:  # cancelled
            return
        self._stage = None
        if outcome is not None:
            self._send(outcome)
        else:
            self.complete(failure)
