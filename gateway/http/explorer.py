"""GraphiQL, served from this package alone: users sit on closed networks (`scripts/build-explorer` builds it)."""

from html import escape
from pathlib import Path
from string import Template

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

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


def example_operations() -> list[str]:
    """The documents GraphiQL opens with, one a tab, in the order of their file names."""
    return [path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.graphql"))]


def explorer_routes(graphql_path: str, subscription_path: str = "", token: str = "") -> list[Route]:
    """The page at `/`, and what it loads under `/explorer/`. Without a subscription path GraphiQL offers none.

    A `token` is on the page for everybody who opens it, and GraphiQL sends it; without one GraphiQL asks for it.
    """
    page = Template((ASSETS / "index.html").read_text(encoding="utf-8")).substitute(
        graphql_path=graphql_path, subscription_path=subscription_path, token=escape(token)
    )
    examples = orjson.dumps(example_operations())
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
