"""GraphiQL, served from this package alone: users sit on closed networks (`scripts/build-explorer` builds it).

In the demo it has tokens and the switches of the sandbox besides. Those routes mint tokens and make platforms fail:
only the gateway's own page may call them, from this machine.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from html import escape
from ipaddress import ip_address
from pathlib import Path
from string import Template
from typing import Final

import httpx
import msgspec
import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from gateway.auth.issuer import DemoIssuer, DevelopmentIssuer, is_loopback
from gateway.auth.principal import Scope as Right
from gateway.errors import ForbiddenError, GatewayError, UserInputError
from gateway.http.errors import json_response
from gateway.http.request import read_body
from gateway.ops.trace import random_id
from gateway.settings import LOOPBACK_NAMES, Settings, make_url
from gateway.wording.codes import ErrorCode
from gateway.wording.requests import RequestWording

ASSETS = Path(__file__).parent / "explorer_assets"
EXAMPLES = Path(__file__).parent / "examples"

CONTENT_SECURITY_POLICY = (  # 'unsafe-inline': the editor writes its colours into style elements
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

FRESH = {**SECURITY_HEADERS, "cache-control": "no-cache"}
FOREVER = {**SECURITY_HEADERS, "cache-control": "public, max-age=31536000, immutable"}
"""Built files have a hash of their content in their name."""

TOKEN_PATH = "/explorer/token"  # noqa: S105 - where tokens are asked for
SANDBOX_PATH = "/explorer/sandbox"

LONGEST_TTL = 24 * 3600  # seconds that a token lasts at most
LARGEST_BODY: Final = 16 * 1024
TIMEOUT = 30.0  # seconds that the sandbox has: a payment waits for this gateway's own answer

FORWARDING_HEADERS: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Of proxies. Behind one every client seems to be on this machine."""

NO_PAGE = {"x-sandbox": "1"}  # what the sandbox asks of each request: no page of another origin can send it

IsLocal = Callable[[str], bool]

_EXAMPLE_HEAD: Final = re.compile(r"# (\w+): (.+) \| (.+)\n")


@dataclass(frozen=True, slots=True)
class Example:
    """A document of the searchable list: the desk it belongs to, and its title in both languages."""

    desk: str
    english: str
    chinese: str
    query: str


def read_examples() -> list[Example]:
    """In the order of the file names. Raises ValueError for a file whose first line is not `# desk: title | 标题`."""
    examples = []
    for path in sorted(EXAMPLES.glob("*.graphql")):
        text = path.read_text(encoding="utf-8")
        if (head := _EXAMPLE_HEAD.match(text)) is None:
            raise ValueError(f"{path.name}: the first line is not '# desk: title | 标题'")
        examples.append(Example(head[1], head[2], head[3], text[head.end() :]))
    return examples


def open_explorer(
    settings: Settings, graphql_path: str, token: str, sandbox: Mapping[str, str], is_local: IsLocal = is_loopback
) -> list[Route]:
    """GraphiQL where it is shown: the page at `/`, and what it loads under `/explorer/`. The `token` is on the page for
    everybody who opens it. Tokens and switches are there only where both platforms are the `sandbox`, for clients at
    an address that `is_local`.

    No request shows whether it is of this machine: a plain proxy sends those of others on from here, to a name of here.
    """
    if not settings.shows_explorer:
        return []
    is_demo = bool(sandbox) and not settings.auth_issuer
    page = Template((ASSETS / "index.html").read_text(encoding="utf-8")).substitute(
        graphql_path=graphql_path,
        subscription_path=graphql_path,
        token_path=TOKEN_PATH if is_demo else "",
        sandbox_path=SANDBOX_PATH if is_demo else "",
        token=escape(token),
        scopes=" ".join(Right),
        error_codes=escape(orjson.dumps({code.value: code.texts for code in ErrorCode}).decode()),
    )
    examples = orjson.dumps(read_examples())
    built = {path.name for path in ASSETS.iterdir() if path.suffix in (".js", ".css")}

    async def send_asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in built:
            raise HTTPException(404)
        return FileResponse(ASSETS / name, headers=FOREVER)

    return [
        *([token_route(DemoIssuer.open(settings), is_local), *sandbox_routes(sandbox, is_local)] if is_demo else ()),
        Route("/", HTMLResponse(page, headers=FRESH), methods=["GET"]),
        Route("/explorer/examples.json", Response(examples, 200, FRESH, "application/json"), methods=["GET"]),
        Route("/explorer/{name}", send_asset),
    ]


def is_private(host: str) -> bool:
    """Whether no address of the internet. To a container, its own machine has one of a network that Docker made."""
    return ip_address(host).is_private


def local_route(
    path: str, answer: Callable[[Request, bytes], Awaitable[bytes]], is_local: IsLocal, method: str = "POST"
) -> Route:
    """Answers local requests with JSON and all others with 403. `answer` makes it of the request and its body."""

    async def endpoint(request: Request) -> Response:
        require_local(request, is_local)
        body = await read_body(request.receive, request.headers.get("content-length"), LARGEST_BODY)
        return json_response(await answer(request, body), random_id())

    return Route(path, endpoint, methods=[method])


def require_local(request: Request, is_local: IsLocal = is_loopback) -> None:
    """Raises ForbiddenError unless a page of this origin sent it from this machine to a name of this machine. JSON is
    no form: another page would have to ask first (Fetch, "CORS-preflight"), and no route here answers that.
    """
    headers = request.headers
    if not (
        request.client is not None
        and is_local(request.client.host)
        and "@" not in headers.get("host", "")
        and (request.url.hostname or "") in LOOPBACK_NAMES
        and not any(name in headers for name in FORWARDING_HEADERS)
        and headers.get("origin") == f"{request.url.scheme}://{headers.get('host')}"
        and headers.get("sec-fetch-site", "same-origin") == "same-origin"
        and headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    ):
        raise ForbiddenError(RequestWording.NOT_LOCAL())


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the token is to say. `*` among scopes or communities means all of them; `ttl` is in seconds."""

    scopes: list[str]
    communities: list[str]
    subject: str = "developer"
    ttl: int = 3600


def token_route(issuer: DevelopmentIssuer, is_local: IsLocal) -> Route:
    """For the demo only: all who can send requests to it can have its tokens."""

    async def mint(_request: Request, body: bytes) -> bytes:
        try:
            asked = msgspec.json.decode(body, type=TokenRequest)
            if asked.ttl > LONGEST_TTL:
                raise ValueError(f"the ttl is at most {LONGEST_TTL} seconds")
            token = issuer.mint(asked.scopes, asked.communities, asked.subject, asked.ttl)
        except ValueError as error:  # msgspec's is one too
            raise UserInputError("token", RequestWording.NO_TOKEN(detail=error)) from None
        return orjson.dumps({"token": token})

    return local_route(TOKEN_PATH, mint, is_local)


class SandboxError(GatewayError):
    code = ErrorCode.UPSTREAM_UNAVAILABLE


def sandbox_routes(platforms: Mapping[str, str], is_local: IsLocal) -> list[Route]:
    """For the demo only. `platforms`: the sandbox's address of each, by its name in lower case."""

    def switch(path: str, *fields: str, method: str = "POST", passed_as: str = "") -> Route:
        """Pass these members of a JSON object on to the sandbox, as a form, and give its answer. What is read is asked
        for by POST, too: a browser sends no `Origin` with a GET of the same origin.
        """
        name = path.removeprefix("{platform}/")

        async def answer(request: Request, body: bytes) -> bytes:
            platform = request.path_params.get("platform", next(iter(platforms)))
            if platform not in platforms:
                raise UserInputError("platform", RequestWording.PLATFORMS(names=", ".join(platforms)))
            try:
                given = msgspec.json.decode(body or b"{}", type=dict[str, object])
            except ValueError:  # msgspec's is one too
                raise UserInputError("body", RequestWording.BODY_NO_OBJECT()) from None
            form = {field: str(value) for field, value in given.items() if field in fields}
            if path == "pay":
                host, port = request.scope["server"]
                form["callback_url"] = make_url(host if is_loopback(host) else "127.0.0.1", port)
            url = f"{platforms[platform]}/__sandbox__/{name}"
            try:
                async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as client:
                    response = await client.request(passed_as or method, url, data=form or None, headers=NO_PAGE)
            except httpx.HTTPError as error:
                raise SandboxError(RequestWording.SANDBOX_DOWN(detail=type(error).__name__)) from None
            if response.status_code != 200:
                raise UserInputError("sandbox", RequestWording.SANDBOX_REFUSED(detail=response.json().get("error")))
            return response.content

        return local_route(f"{SANDBOX_PATH}/{path}", answer, is_local, method)

    return [
        switch("faults", passed_as="GET"),
        switch("faults", method="DELETE"),
        switch("pay", "order_number"),
        switch("reset"),
        switch("{platform}/faults", "kind", "endpoint", "times", "seconds", "body"),
        switch("{platform}/faults/off", "endpoint"),
        switch("{platform}/tokens/expire"),
    ]
