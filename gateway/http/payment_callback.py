"""The intake of payment notifications, in the protocol of the document's chapters 1.1.1 and 2.2.

The resident platform calls it as it would call the security platform: only the address differs. Every answer is JSON
with a `code`; HTTP 200 but for what is no such call at all.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from time import perf_counter
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.errors import GatewayError, JournalError, PlatformAuthError
from gateway.http.errors import Refusal
from gateway.http.request import read_body
from gateway.http.telemetry import AccessLog
from gateway.journal.payments import Payments
from gateway.journal.records import Numbers, ReceiptKind
from gateway.ops.logs import LogThrottle, StateLog
from gateway.payments.writes import UnverifiedPayments, malformed

log = structlog.get_logger(__name__)

Form: TypeAlias = dict[str, str]
Answer: TypeAlias = dict[str, Any]

TOKEN_SECONDS = 3600
BODY_TIMEOUT = 10.0  # seconds for a notification to arrive in full
LARGEST_FORM = 8 * 1024
MOST_FIELDS = 20
SUBJECT = "payment callback"

GIVEN, REFUSED = 0, 1  # the codes of `/callbacks/token` (1.1.1)
SAVED, TOKEN_INVALID, NOT_SAVED = 0, 1, 2  # those of `/callbacks/payment` (2.2)


class CallbackTokens:
    """Issued and checked by signature, so that every gateway of the same key takes those of the others. Text: expiry in
    Unix seconds, a random part, and the HMAC-SHA256 of both.
    """

    def __init__(self, key: bytes, key_k: str, key_d: str, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(key, b"payment callback token", "sha256")
        self._credentials = (key_k.encode(), key_d.encode())
        self._clock = clock

    def issue(self, key_k: str, key_d: str) -> str | None:
        """A token for the right credentials, compared in constant time; None for any other."""
        are_right = [*map(hmac.compare_digest, (key_k.encode(), key_d.encode()), self._credentials)]
        if not all((*are_right, *self._credentials)):
            return None
        content = f"{int(self._clock()) + TOKEN_SECONDS}.{secrets.token_hex(8)}"
        return f"{content}.{self._sign(content)}"

    def accepts(self, token: str) -> bool | None:
        """Whether the token has not expired; None for one that is not of these credentials."""
        content, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(content).encode()):
            return None
        return int(token.partition(".")[0]) > self._clock()

    def _sign(self, content: str) -> str:
        return hmac.digest(self._key, content.encode(), "sha256").hex()


def payment_callback_routes(
    payments: Payments, tokens: CallbackTokens, unverified: UnverifiedPayments | None, access_log: AccessLog | None
) -> list[Route]:
    """`POST /callbacks/token` (key_k, key_d) and `POST /callbacks/payment` (order_number, shop_number, weixin_number,
    token). A notification is acknowledged with 0 only when it is on disk.

    With `unverified`, one whose token was not issued here is answered as the security platform judges the token.
    """
    saving = StateLog("notification not saved", "notifications saved again", "error")
    throttle = LogThrottle()

    async def issue_token(_request: Request, form: Form) -> Answer:
        token = tokens.issue(form.get("key_k", ""), form.get("key_d", ""))
        if token is None:
            return {"code": REFUSED, "msg": "token获取失败"}
        return {"code": GIVEN, "msg": "token获取成功", "token": token}

    async def receive(request: Request, form: Form) -> Answer:
        token = form.get("token", "")
        is_own = tokens.accepts(token)
        if not is_own and (unverified is None or not token or is_own is not None):
            return {"code": TOKEN_INVALID}
        numbers = Numbers(*[form.get(name, "") for name in Numbers._fields])
        if wrong := malformed(numbers):
            if is_own:
                log.error("notification malformed", field=wrong[0])
            elif (left_out := throttle.left_out("malformed")) is not None:
                log.warning("unverified notification malformed", field=wrong[0], left_out=left_out)
            return {"code": NOT_SAVED}
        try:
            if is_own or unverified is None:
                receipt = await payments.receive(*numbers, subject=SUBJECT)
            else:
                receipt = await unverified.receive(numbers, token, _sender(request), SUBJECT)
        except PlatformAuthError:
            return {"code": TOKEN_INVALID}
        except JournalError as error:
            saving.failed(reason=error.reason)
            return {"code": NOT_SAVED}
        except GatewayError:  # of the platform, which is logged where it happens
            return {"code": NOT_SAVED}
        saving.worked()
        if receipt.kind is ReceiptKind.CONFLICT:
            log.error("notification conflicts", payment=receipt.payment.id)
            return {"code": NOT_SAVED}
        return {"code": SAVED}

    def route(path: str, answer: Callable[[Request, Form], Awaitable[Answer]]) -> Route:
        async def endpoint(request: Request) -> Response:
            started, note = perf_counter(), (lambda *_: None) if access_log is None else access_log.callback
            try:
                answered = await answer(request, await _form(request))
            except HTTPException as error:
                note(path, started, error.status_code)
                raise
            body = orjson.dumps(answered)
            note(path, started, 200, answered["code"], len(body))
            return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

        return Route(path, endpoint, methods=["POST"])

    return [route("/callbacks/token", issue_token), route("/callbacks/payment", receive)]


def _sender(request: Request) -> str:
    """The address that a limit is for: of IPv6 the first 64 bits, since one sender has all of the others."""
    host = "" if request.client is None else request.client.host
    return ":".join(ip_address(host.partition("%")[0]).exploded.split(":")[:4]) if ":" in host else host


async def _form(request: Request) -> Form:
    """The form fields. Raises HTTPException for a body that is no form, larger than any notification, or incomplete."""
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        raise HTTPException(415)
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = await read_body(request.receive, request.headers.get("content-length"), LARGEST_FORM)
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except Refusal as refusal:
        raise HTTPException(refusal.status) from None
    except TimeoutError:
        raise HTTPException(408, headers={"connection": "close"}) from None
    except (ClientDisconnect, ValueError):
        raise HTTPException(400) from None
