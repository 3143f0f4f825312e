"""The intake of payment notifications, in the protocol of the document's chapters 1.1.1 and 2.2.

The resident platform calls it as it would call the security platform: only the address differs. Every answer is JSON
with a `code`; HTTP 200 but for what is no such call at all.
"""

import asyncio
from ipaddress import ip_address
from urllib.parse import parse_qsl

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.actions.payment import Notification, PaymentActions
from gateway.actions.unverified import UnverifiedPayments
from gateway.auth.callback_tokens import CallbackTokens
from gateway.errors import GatewayError, JournalError, PlatformAuthError
from gateway.http.access_log import AccessLog, Answering
from gateway.http.parameters import BodyTooLargeError, read_body
from gateway.journal.records import ReceiptKind
from gateway.ops.logs import LogThrottle, StateLog

log = structlog.get_logger(__name__)

GIVEN, REFUSED = 0, 1
"""The codes of `/callbacks/token` (1.1.1)."""

SAVED, TOKEN_INVALID, NOT_SAVED = 0, 1, 2
"""The codes of `/callbacks/payment` (2.2)."""

SUBJECT = "payment callback"
LARGEST_FORM = 8 * 1024
MOST_FIELDS = 20
BODY_TIMEOUT = 10.0
"""Seconds for a notification to arrive in full."""


def payment_callback_routes(
    payments: PaymentActions,
    tokens: CallbackTokens,
    unverified: UnverifiedPayments | None = None,
    access_log: AccessLog | None = None,
) -> list[Route]:
    """`POST /callbacks/token` (key_k, key_d) and `POST /callbacks/payment` (order_number, shop_number, weixin_number,
    token). A notification is acknowledged with 0 only when it is on disk.

    With `unverified`, one whose token was not issued here is answered as the security platform judges the token.
    """
    saving = StateLog("notification not saved", "notifications saved again", "error")
    throttle = LogThrottle()

    async def issue_token(request: Request) -> Response:
        form = await _form(request)
        token = tokens.issue(form.get("key_k", ""), form.get("key_d", ""))
        if token is None:
            return _answer({"code": REFUSED, "msg": "token获取失败"})
        return _answer({"code": GIVEN, "msg": "token获取成功", "token": token})

    async def receive(request: Request) -> Response:
        form = await _form(request)
        token = form.get("token", "")
        is_own = tokens.accepts(token)
        if not is_own and (unverified is None or not token or tokens.issued(token)):
            return _answer({"code": TOKEN_INVALID})
        notification = Notification(*(form.get(name, "") for name in Notification.__struct_fields__))
        if malformed := notification.malformed():
            if is_own:
                log.error("notification malformed", field=malformed[0])
            elif (left_out := throttle.left_out("malformed")) is not None:
                log.warning("unverified notification malformed", field=malformed[0], left_out=left_out)
            return _answer({"code": NOT_SAVED})
        try:
            if is_own or unverified is None:
                receipt = await payments.receive(notification, SUBJECT)
            else:
                receipt = await unverified.receive(notification, token, _sender(request), SUBJECT)
        except PlatformAuthError:
            return _answer({"code": TOKEN_INVALID})
        except JournalError as error:
            saving.failed(reason=error.reason)
            return _answer({"code": NOT_SAVED})
        except GatewayError:  # of the platform, which is logged where it happens
            return _answer({"code": NOT_SAVED})
        saving.worked()
        if receipt.kind is ReceiptKind.CONFLICT:
            log.error("notification conflicts", payment=receipt.payment.id)
            return _answer({"code": NOT_SAVED})
        return _answer({"code": SAVED})

    endpoints: dict[str, Answering] = {"/callbacks/token": issue_token, "/callbacks/payment": receive}
    if access_log is not None:
        endpoints = {path: access_log.answering(path, answer) for path, answer in endpoints.items()}
    return [Route(path, answer, methods=["POST"]) for path, answer in endpoints.items()]


def _sender(request: Request) -> str:
    """The address that a limit is for: of IPv6 the first 64 bits, since one sender has all of the others."""
    host = "" if request.client is None else request.client.host
    return ":".join(ip_address(host.partition("%")[0]).exploded.split(":")[:4]) if ":" in host else host


async def _form(request: Request) -> dict[str, str]:
    """The form fields. Raises HTTPException for a body that is no form, larger than any notification, or incomplete."""
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        raise HTTPException(415)
    length = request.headers.get("content-length")
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            body = await read_body(request.receive, None if length is None else length.encode(), LARGEST_FORM)
    except BodyTooLargeError:
        raise HTTPException(413) from None
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
