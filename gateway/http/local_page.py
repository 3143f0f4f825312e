"""Routes that only the gateway's own page may call, and only from this machine.

They mint tokens and make platforms fail, so they exist in the demo alone (`gateway.http.explorer_site`). This is what
each of their requests has to pass besides.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.auth.issuer import is_loopback
from gateway.errors import ForbiddenError, GatewayError, QueryTooComplexError, UserInputError
from gateway.http.parameters import BodyTooLargeError, read_body
from gateway.http.request import new_request_id
from gateway.http.responses import CLOSE, Refusal, refusal_response
from gateway.settings import LOOPBACK_NAMES
from gateway.wording.requests import RequestWording

LARGEST_BODY: Final = 16 * 1024

FORWARDING_HEADERS: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Of proxies. Behind one every client seems to be on this machine."""

NO_STORE: Final = (b"cache-control", b"no-store")

Answer = Callable[[Request, bytes], Awaitable[bytes]]
"""From the request and its body to the JSON of the answer. Raises GatewayError."""


def local_route(path: str, answer: Answer, methods: tuple[str, ...] = ("POST",)) -> Route:
    """Answers local requests with JSON and all others with 403."""

    async def endpoint(request: Request) -> Response:
        request_id = new_request_id()
        try:
            require_local(request)
            body = await answer(request, await _read(request))
        except (Refusal, GatewayError) as error:
            return refusal_response(Refusal.from_error(error), request_id, (NO_STORE,))
        headers = {"cache-control": "no-store", "x-request-id": request_id}
        return Response(body, media_type="application/json", headers=headers)

    return Route(path, endpoint, methods=list(methods))


def require_local(request: Request) -> None:
    """Raises ForbiddenError unless a page of this origin sent it from this machine to a name of this machine.

    JSON is no form: another page cannot send it without asking first (Fetch, "CORS-preflight"), and no route here
    answers that.
    """
    headers = request.headers
    if not (
        request.client is not None
        and is_loopback(request.client.host)
        and "@" not in headers.get("host", "")
        and (request.url.hostname or "") in LOOPBACK_NAMES
        and not any(name in headers for name in FORWARDING_HEADERS)
        and headers.get("origin") == f"{request.url.scheme}://{headers.get('host')}"
        and headers.get("sec-fetch-site", "same-origin") == "same-origin"
        and headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    ):
        raise ForbiddenError(RequestWording.NOT_LOCAL())


def read_fields(body: bytes) -> Mapping[str, object]:
    """The members of a JSON object. Raises UserInputError."""
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UserInputError("body", RequestWording.BODY_NO_OBJECT()) from None


async def _read(request: Request) -> bytes:
    length = request.headers.get("content-length")
    try:
        return await read_body(request.receive, None if length is None else length.encode(), LARGEST_BODY)
    except BodyTooLargeError:
        message = RequestWording.BODY_TOO_LARGE(max=LARGEST_BODY)
        raise Refusal(413, QueryTooComplexError(message, "body", LARGEST_BODY), CLOSE) from None
    except ClientDisconnect:
        raise UserInputError("body", RequestWording.BODY_INCOMPLETE()) from None
