"""How each fault meets a call. Nothing here waits: what comes later is left to the event loop's timer."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from gateway.sandbox.endpoint import Endpoint, Platform
from gateway.sandbox.faults import Fault, FaultKind, Faults
from gateway.sandbox.garbling import ERROR_PAGE, GARBLED, TOO_MANY_ATTEMPTS, gzip_bomb
from gateway.sandbox.http import HTML, JSON, Connection, head


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call that meets a fault. `execute` carries it out and returns the body of the true answer."""

    fault: Fault
    faults: Faults
    platform: Platform
    endpoint: Endpoint
    connection: Connection
    execute: Callable[[], bytes]

    def reply(self, body: bytes, status: int = 200, content_type: bytes = JSON, headers: bytes = b"") -> None:
        self.connection.reply(body, self.fault.status or status, content_type, headers)

    def reply_truly(self) -> None:
        self.reply(self.execute())


def deliver(exchange: Exchange) -> None:
    """Let the exchange meet its fault."""
    _DELIVERIES[exchange.fault.kind](exchange)


def _reset(exchange: Exchange) -> None:
    exchange.connection.reset()


def _http_500(exchange: Exchange) -> None:
    exchange.reply(ERROR_PAGE, 500, HTML)


def _too_many_requests(exchange: Exchange) -> None:
    exchange.reply(TOO_MANY_ATTEMPTS, 429, headers=b"retry-after: %d\r\n" % exchange.fault.seconds)


def _expired_token(exchange: Exchange) -> None:
    exchange.reply(msgspec.json.encode(exchange.platform.expired(exchange.endpoint)))


def _refused_before_commit(exchange: Exchange) -> None:
    exchange.reply(msgspec.json.encode(exchange.platform.refused(exchange.endpoint)))


def _hang(exchange: Exchange) -> None:
    exchange.faults.hold(lambda: exchange.reply_truly() if exchange.connection.is_waiting else None)


def _latency(exchange: Exchange) -> None:
    asyncio.get_running_loop().call_later(exchange.fault.seconds, exchange.reply, exchange.execute())


def _slow_drip(exchange: Exchange) -> None:
    body = exchange.execute()
    exchange.connection.send(head(len(body), exchange.fault.status or 200, JSON))
    _drip(exchange, body, 0)


def _drip(exchange: Exchange, body: bytes, place: int) -> None:
    if not exchange.connection.is_waiting:
        return
    if place == len(body):
        exchange.connection.finish()
        return
    exchange.connection.send(body[place : place + 1])
    asyncio.get_running_loop().call_later(exchange.fault.seconds, _drip, exchange, body, place + 1)


def _truncated(exchange: Exchange) -> None:
    """The head promises the whole body; half of it comes."""
    body = exchange.execute()
    exchange.connection.send(head(len(body), exchange.fault.status or 200, JSON) + body[: len(body) // 2])
    exchange.connection.close()


def _closed_after(exchange: Exchange) -> None:
    """The answer is whole, then the connection is closed without notice (quirk 193)."""
    exchange.reply_truly()
    exchange.connection.close()


def _gzip_bomb(exchange: Exchange) -> None:
    exchange.execute()
    exchange.reply(gzip_bomb(), headers=b"content-encoding: gzip\r\n")


def _body(exchange: Exchange) -> None:
    exchange.execute()
    exchange.reply(exchange.fault.body)


def _garbled(exchange: Exchange) -> None:
    content_type, garble = GARBLED[exchange.fault.kind]
    exchange.reply(garble(exchange.execute()), content_type=content_type)


def _applied_then_reset(exchange: Exchange) -> None:
    exchange.execute()
    _reset(exchange)


def _applied_then_500(exchange: Exchange) -> None:
    exchange.execute()
    _http_500(exchange)


def _applied_then_hang(exchange: Exchange) -> None:
    body = exchange.execute()
    exchange.faults.hold(lambda: exchange.reply(body))


def _applied_late(exchange: Exchange) -> None:
    exchange.faults.hold(exchange.reply_truly)


_DELIVERIES: Mapping[FaultKind, Callable[[Exchange], None]] = {
    FaultKind.RESET: _reset,
    FaultKind.HTTP_500: _http_500,
    FaultKind.TOO_MANY_REQUESTS: _too_many_requests,
    FaultKind.EXPIRED_TOKEN: _expired_token,
    FaultKind.HANG: _hang,
    FaultKind.REFUSED_BEFORE_COMMIT: _refused_before_commit,
    FaultKind.LATENCY: _latency,
    FaultKind.SLOW_DRIP: _slow_drip,
    FaultKind.TRUNCATED: _truncated,
    FaultKind.CLOSED_AFTER: _closed_after,
    FaultKind.GZIP_BOMB: _gzip_bomb,
    FaultKind.BODY: _body,
    FaultKind.APPLIED_THEN_RESET: _applied_then_reset,
    FaultKind.APPLIED_THEN_500: _applied_then_500,
    FaultKind.APPLIED_THEN_HANG: _applied_then_hang,
    FaultKind.APPLIED_LATE: _applied_late,
    **dict.fromkeys(GARBLED, _garbled),
}
