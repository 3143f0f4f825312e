"""Which names and web pages are answered: what a reload of the settings may change."""

from starlette.types import ASGIApp

from gateway.http.application import Application, Hosts, for_pages
from gateway.http.websocket import WebSocketEndpoint
from gateway.reload import Apply
from gateway.settings import Settings


async def admit_pages(
    application: Application, endpoint: ASGIApp, web_sockets: WebSocketEndpoint, settings: Settings
) -> Apply:
    """A step of a reload, and of the start."""

    async def apply() -> None:
        application.graphql = for_pages(endpoint, settings.allowed_origins, settings.allowed_headers)
        application.hosts = Hosts(settings.hosts)
        web_sockets.origins = settings.allowed_origins

    return apply
