"""What it means for a call, and for the circuit of its endpoint, that there is no answer or one of no use."""

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

Trouble: TypeAlias = httpx.TransportError | BadAnswerError | BusyAnswerError

_TOO_MANY_REQUESTS = 429


def trouble_of(platform: PlatformId, endpoint: str, error: Trouble) -> PlatformError:
    """What became of a call that met this error, for whoever called."""
    where = platform, endpoint
    match error:
        case httpx.PoolTimeout():
            return NotSentError(*where, "Too many calls to this platform are under way.")
        case httpx.ConnectTimeout():
            timeout = PlatformTimeoutError(*where, "No connection to the platform was made in time.")
            timeout.sent = False
            return timeout
        case httpx.ReadTimeout():
            return PlatformTimeoutError(*where, "The platform did not answer in time.")
        case httpx.ConnectError():
            return NotSentError(*where, str(error))
        case httpx.ReadError():
            return ConnectionLostError(*where, "The connection broke before the answer was complete.")
        case BusyAnswerError():
            executes = error.status != _TOO_MANY_REQUESTS
            return PlatformBusyError(*where, str(error), retry_after=error.retry_after, sent=executes)
        case _:
            return ProtocolError(*where, str(error))


def note_trouble(calls: EndpointCalls, error: Trouble, trouble: PlatformError) -> None:
    """An answer shows that the endpoint can be reached, whatever it says; a full queue shows nothing."""
    calls.failed(trouble)
    if isinstance(error, httpx.PoolTimeout):
        calls.breaker.abandoned()
    elif isinstance(error, httpx.TransportError) and not isinstance(error, httpx.RemoteProtocolError):
        calls.unreachable(trouble)
    else:
        calls.answered()
