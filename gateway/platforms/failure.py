"""What a transport's error, or an answer of no use, means for a call and for the circuit of its endpoint."""

from typing import TypeAlias

import httpx

from gateway.errors import (
    ConnectionLostError,
    NotSentError,
    PlatformBusyError,
    PlatformError,
    PlatformId,
    PlatformTimeoutError,
    ProtocolError,
)
from gateway.ops.calls import EndpointCalls
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError
from gateway.wording.faults import FaultWording
from gateway.wording.foreign import wire_text

Failure: TypeAlias = httpx.TransportError | BadAnswerError | BusyAnswerError

_TOO_MANY_REQUESTS = 429


def to_platform_error(platform: PlatformId, endpoint: str, failure: Failure) -> PlatformError:
    """The error that callers get. It is `sent` unless it is certain that nothing was."""
    where = platform, endpoint
    match failure:
        case httpx.PoolTimeout():
            return NotSentError(*where, FaultWording.TOO_MANY_CALLS())
        case httpx.ConnectTimeout():
            timeout = PlatformTimeoutError(*where, wire_text(str(failure), PlatformTimeoutError.code))
            timeout.sent = False
            return timeout
        case httpx.TimeoutException():
            return PlatformTimeoutError(*where, FaultWording.NO_ANSWER_IN_TIME())
        case httpx.ConnectError() | httpx.ProxyError():
            return NotSentError(*where, wire_text(str(failure), NotSentError.code))
        case httpx.NetworkError():
            return ConnectionLostError(*where, FaultWording.CONNECTION_LOST())
        case BusyAnswerError():
            executes = failure.status != _TOO_MANY_REQUESTS
            message = wire_text(str(failure), PlatformBusyError.code)
            return PlatformBusyError(*where, message, retry_after=failure.retry_after, sent=executes)
        case _:
            return ProtocolError(*where, wire_text(str(failure), ProtocolError.code))


def record_failure(calls: EndpointCalls, failure: Failure, error: PlatformError) -> None:
    """An answer shows that the endpoint can be reached, whatever it says; a full queue shows nothing."""
    calls.failed(error)
    if isinstance(failure, httpx.PoolTimeout):
        calls.breaker.abandoned()
    elif isinstance(failure, httpx.TransportError) and not isinstance(failure, httpx.RemoteProtocolError):
        calls.unreachable(error)
    else:
        calls.answered()
