"""GraphiQL, served from this package alone: users sit on closed networks (`scripts/build-explorer` builds it)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.auth.issuer import DemoIssuer
from gateway.auth.principal import Scope
from gateway.http.sandbox_controls import SANDBOX_PATH, TOKEN_PATH, sandbox_routes, token_routes
from gateway.settings import Settings

ASSETS = Path(__file__).parent / "explorer_assets"
EXAMPLES = Path(__file__).parent / "examples"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "connect-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the editor writes its colours into style elements
        "font-src 'self' data:",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
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
    return [_read_example(path) for path in sorted(EXAMPLES.glob("*.graphql"))]


def _read_example(path: Path) -> Example:
    text = path.read_text(encoding="utf-8")
    head = _EXAMPLE_HEAD.match(text)
    if head is None:
        raise ValueError(f"{path.name}: the first line is not '# desk: title | 标题'")
    return Example(head[1], head[2], head[3], text[head.end() :])


def explorer_routes(
    graphql_path: str,
    subscription_path: str = "",
    *,
    token_path: str = "",
    sandbox_path: str = "",
    token: str = "",
    scopes: Iterable[str] = (),
) -> list[Route]:
    """The page at `/`, and what it loads under `/explorer/`. Empty paths: the gateway does not offer it.

    A `token` is on the page for everybody who opens it. `scopes` are those a token may have.
    """
    page = Template((ASSETS / "index.html").read_text(encoding="utf-8")).substitute(
        graphql_path=graphql_path,
        subscription_path=subscription_path,
        token_path=token_path,
        sandbox_path=sandbox_path,
        token=escape(token),
        scopes=" ".join(scopes),
    )
    examples = orjson.dumps(read_examples())
    built = {path.name for path in ASSETS.iterdir() if path.suffix in (".js", ".css")}

    async def show_page(request: Request) -> Response:
        return HTMLResponse(page, headers=FRESH)

    async def list_examples(request: Request) -> Response:
        return Response(examples, media_type="application/json", headers=FRESH)

    async def send_asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in built:
            raise HTTPException(404)
        return FileResponse(ASSETS / name, headers=FOREVER)

    return [
        Route("/", show_page),
        Route("/explorer/examples.json", list_examples),
        Route("/explorer/{name}", send_asset),
    ]


def open_explorer(settings: Settings, graphql_path: str, token: str, sandbox: Mapping[str, str]) -> list[BaseRoute]:
    """GraphiQL where it is shown; tokens and switches only where both platforms are the `sandbox`.

    No request shows whether it is of this machine: a plain proxy sends those of others on from here, to a name of here.
    """
    if not settings.shows_explorer:
        return []
    if not sandbox or settings.auth_issuer:
        return [*explorer_routes(graphql_path, graphql_path, token=token, scopes=Scope)]
    paths = {"token_path": TOKEN_PATH, "sandbox_path": SANDBOX_PATH}
    return [
        *token_routes(DemoIssuer.open(settings)),
        *sandbox_routes(sandbox),
        *explorer_routes(graphql_path, graphql_path, token=token, scopes=Scope, **paths),
    ]
