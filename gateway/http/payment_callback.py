"""The intake of payment notifications, in the protocol of the document's chapters 1.1.1 and 2.2.

The resident platform calls it as it would call the security platform: only the address differs. Every answer is JSON
with a `code`; HTTP 200 but for what is no such call at all.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from urllib.parse import parse_qsl

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.actions.payment import Notification, PaymentActions
from gateway.errors import JournalError
from gateway.journal.records import ReceiptKind
from gateway.ops.state_log import StateLog

log = structlog.get_logger(__name__)

GIVEN, REFUSED = 0, 1
"""The codes of `/callbacks/token` (1.1.1)."""

SAVED, TOKEN_INVALID, NOT_SAVED = 0, 1, 2
"""The codes of `/callbacks/payment` (2.2)."""

SUBJECT = "payment callback"
TOKEN_SECONDS = 3600
LARGEST_FORM = 8 * 1024
MOST_FIELDS = 20
BODY_TIMEOUT = 10.0
"""Seconds for a notification to arrive in full."""


class CallbackTokens:
    """Tokens of the intake: signed, so that every gateway of the same key takes those of the others.

    Text: expiry in Unix seconds, a random part, and the HMAC-SHA256 of both.
    """

    def __init__(self, key: bytes, key_k: str, key_d: str, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(key, b"payment callback token", "sha256")
        self._credentials = (key_k.encode(), key_d.encode())
        self._clock = clock

    def issue(self, key_k: str, key_d: str) -> str | None:
        """A token for the right credentials, compared in constant time; None for any other."""
        known_k, known_d = self._credentials
        right_k = hmac.compare_digest(key_k.encode(), known_k)
        right_d = hmac.compare_digest(key_d.encode(), known_d)
        if not (right_k and right_d and known_k and known_d):
            return None
        content = f"{int(self._clock()) + TOKEN_SECONDS}.{secrets.token_hex(8)}"
        return f"{content}.{self._sign(content)}"

    def accepts(self, token: str) -> bool:
        """Whether the token is of these credentials and has not expired."""
        content, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(content).encode()):
            return False
        return int(content.partition(".")[0]) > self._clock()

    def _sign(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), "sha256").hexdigest()


def payment_callback_routes(payments: PaymentActions, tokens: CallbackTokens) -> list[Route]:
    """`POST /callbacks/token` (key_k, key_d) and `POST /callbacks/payment` (order_number, shop_number, weixin_number,
    token). A notification is acknowledged with 0 only when it is on disk.
    """
    saving = StateLog("notification not saved", "notifications saved again", "error")

    async def issue_token(request: Request) -> Response:
        form = await _form(request)
        token = tokens.issue(form.get("key_k", ""), form.get("key_d", ""))
        if token is None:
            return _answer({"code": REFUSED, "msg": "token获取失败"})
        return _answer({"code": GIVEN, "msg": "token获取成功", "token": token})

    async def receive(request: Request) -> Response:
        form = await _form(request)
        if not tokens.accepts(form.get("token", "")):
            return _answer({"code": TOKEN_INVALID})
        notification = Notification(*(form.get(name, "") for name in Notification.__struct_fields__))
        malformed = notification.malformed()
        if malformed is not None:
            log.error("notification malformed", field=malformed)
            return _answer({"code": NOT_SAVED})
        try:
            receipt = await payments.receive(notification, SUBJECT)
        except JournalError as error:
            saving.failed(reason=error.reason)
            return _answer({"code": NOT_SAVED})
        saving.worked()
        if receipt.kind is ReceiptKind.CONFLICT:
            log.error("notification conflicts", payment=receipt.payment.id)
            return _answer({"code": NOT_SAVED})
        return _answer({"code": SAVED})

    return [
        Route("/callbacks/token", issue_token, methods=["POST"]),
        Route("/callbacks/payment", receive, methods=["POST"]),
    ]


async def _form(request: Request) -> dict[str, str]:
    """The form fields. Raises HTTPException for a body that is no form, larger than any notification, or incomplete."""
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        raise HTTPException(415)
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > LARGEST_FORM:
        raise HTTPException(413)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_FORM:
                    raise HTTPException(413)
    except TimeoutError:
        raise HTTPException(408, headers={"connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400) from None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise HTTPException(400) from None


def _answer(content: dict[str, object]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json", headers={"cache-control": "no-store"})
