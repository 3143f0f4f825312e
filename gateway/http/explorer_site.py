"""The routes of GraphiQL, with what it has in the demo besides: tokens, and the sandbox's switches."""

from collections.abc import Mapping

from starlette.routing import BaseRoute

from gateway.auth.issuer import DevelopmentIssuer, serves_development
from gateway.auth.principal import Scope
from gateway.http.development_tokens import TOKEN_PATH, token_routes
from gateway.http.explorer import ExplorerPage, explorer_routes
from gateway.http.sandbox_controls import SANDBOX_PATH, sandbox_routes
from gateway.settings import Settings


def open_explorer(settings: Settings, graphql_path: str, token: str, sandbox: Mapping[str, str]) -> list[BaseRoute]:
    """GraphiQL where it is shown; tokens and switches only where both platforms are the `sandbox`.

    No request shows whether it is of this machine: a plain proxy sends those of others on from here, to a name of here.
    """
    if not settings.shows_explorer:
        return []
    is_demo = bool(sandbox) and serves_development(settings)
    page = ExplorerPage(
        graphql_path=graphql_path,
        subscription_path=graphql_path,
        token_path=TOKEN_PATH if is_demo else "",
        sandbox_path=SANDBOX_PATH if is_demo else "",
        token=token,
        scopes=tuple(Scope),
    )
    return [
        *(token_routes(DevelopmentIssuer.open(settings)) if page.token_path else ()),
        *(sandbox_routes(sandbox) if page.sandbox_path else ()),
        *explorer_routes(page),
    ]
