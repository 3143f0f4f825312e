"""What GraphiQL has in the demo besides: tokens, and the switches of the sandbox."""

from collections.abc import Mapping

import httpx
import msgspec
import orjson
from starlette.requests import Request
from starlette.routing import Route

from gateway.addresses import make_url
from gateway.auth.issuer import DevelopmentIssuer
from gateway.errors import GatewayError, UserInputError
from gateway.http.local_page import Answer, local_route, read_fields
from gateway.wording.requests import RequestWording

SANDBOX_PATH = "/explorer/sandbox"

NO_PAGE = {"x-sandbox": "1"}
"""What the sandbox asks of each request: no page of another origin can send it."""

TIMEOUT = 30.0
"""Seconds. A payment waits for this gateway's own answer."""

FAULT_FIELDS = frozenset(("kind", "endpoint", "times", "seconds"))


class SandboxError(GatewayError):
    """The sandbox does not answer."""

    code = "UPSTREAM_UNAVAILABLE"


def sandbox_routes(platforms: Mapping[str, str]) -> list[Route]:
    """For the demo only. `platforms`: the sandbox's address of each, by its name in lower case."""
    controls = {name: f"{url}/__sandbox__" for name, url in platforms.items()}
    anywhere = next(iter(controls.values()))

    def address(request: Request) -> str:
        name = request.path_params["platform"]
        if name not in controls:
            raise UserInputError("platform", RequestWording.PLATFORMS(names=", ".join(controls)))
        return controls[name]

    async def set_fault(request: Request, body: bytes) -> bytes:
        form = {name: str(value) for name, value in read_fields(body).items() if name in FAULT_FIELDS}
        return await _send("POST", f"{address(request)}/faults", form)

    async def clear_faults(_request: Request, _body: bytes) -> bytes:
        return await _send("DELETE", f"{anywhere}/faults")

    async def expire_tokens(request: Request, _body: bytes) -> bytes:
        return await _send("POST", f"{address(request)}/tokens/expire")

    async def pay(request: Request, body: bytes) -> bytes:
        host, port = request.scope["server"]
        form = {"order_number": str(read_fields(body).get("order_number", "")), "callback_url": make_url(host, port)}
        return await _send("POST", f"{anywhere}/pay", form)

    async def reset(_request: Request, _body: bytes) -> bytes:
        return await _send("POST", f"{anywhere}/reset")

    def route(path: str, answer: Answer, method: str = "POST") -> Route:
        return local_route(f"{SANDBOX_PATH}/{path}", answer, (method,))

    return [
        route("faults", clear_faults, "DELETE"),
        route("pay", pay),
        route("reset", reset),
        route("{platform}/faults", set_fault),
        route("{platform}/tokens/expire", expire_tokens),
    ]


async def _send(method: str, url: str, form: Mapping[str, str] | None = None) -> bytes:
    """The sandbox's answer. Raises UserInputError with what it says is wrong, SandboxError."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as client:
            response = await client.request(method, url, data=form, headers=NO_PAGE)
    except httpx.HTTPError as error:
        raise SandboxError(RequestWording.SANDBOX_DOWN(reason=type(error).__name__)) from None
    if response.status_code != 200:
        raise UserInputError("sandbox", RequestWording.SANDBOX_REFUSED(reason=response.json().get("error")))
    return response.content


TOKEN_PATH = "/explorer/token"  # noqa: S105 - where tokens are asked for

LONGEST_TTL = 24 * 3600
"""Seconds."""


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the token is to say. `*` among scopes or communities means all of them; `ttl` is in seconds."""

    scopes: list[str]
    communities: list[str]
    subject: str = "developer"
    ttl: int = 3600


def token_routes(issuer: DevelopmentIssuer) -> list[Route]:
    """For the demo only: whoever can send requests to it can have its tokens."""

    async def mint(_request: Request, body: bytes) -> bytes:
        try:
            asked = msgspec.json.decode(body, type=TokenRequest)
            if asked.ttl > LONGEST_TTL:
                raise ValueError(f"the ttl is at most {LONGEST_TTL} seconds")
            token = issuer.mint(asked.scopes, asked.communities, asked.subject, asked.ttl)
        except ValueError as error:  # msgspec's is one too
            raise UserInputError("token", RequestWording.NO_TOKEN(reason=error)) from None
        return orjson.dumps({"token": token})

    return [local_route(TOKEN_PATH, mint)]
