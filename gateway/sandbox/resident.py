"""The resident platform as the gateway's caller: an order is paid, and the receiver is notified (2.2)."""

from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import msgspec

from gateway.sandbox.dialects.dialect import Row

TIMEOUT = 10.0
"""Seconds to wait for each answer."""


@dataclass(frozen=True, slots=True)
class Payment:
    """The three numbers of a payment notification."""

    order_number: str
    shop_number: str
    weixin_number: str


@dataclass(frozen=True, slots=True)
class Notification:
    """A payment and what its receiver answered: to the token call, and (None without a token) to the payment."""

    payment: Payment
    token_answer: Row
    payment_answer: Row | None


def notify(base_url: str, credentials: tuple[str, str], payment: Payment) -> Notification:
    """Ask `{base_url}/callbacks/token` for a token and post the payment to `{base_url}/callbacks/payment`; blocks.

    Raises OSError or http.client.HTTPException when there is no answer, msgspec.DecodeError when it is not JSON.
    """
    key_k, key_d = credentials
    token_answer = _post(f"{base_url}/callbacks/token", {"key_k": key_k, "key_d": key_d})
    if not token_answer.get("token"):
        return Notification(payment, token_answer, None)
    form = {
        "order_number": payment.order_number,
        "shop_number": payment.shop_number,
        "weixin_number": payment.weixin_number,
        "token": token_answer["token"],
    }
    return Notification(payment, token_answer, _post(f"{base_url}/callbacks/payment", form))


def _post(url: str, form: dict[str, str]) -> Row:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", parts.path, urlencode(form), headers)
        return msgspec.json.decode(connection.getresponse().read(), type=Row)
    finally:
        connection.close()
