"""The demo: both platforms as a sandbox, the gateway over them, one query with its real answer, a token for more."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec
import orjson
import uvicorn

from gateway.app import GRAPHQL_PATH, create_app
from gateway.auth.issuer import DemoIssuer, is_loopback
from gateway.commands.serve import EmbeddedServer, bind, report_failure, server_options
from gateway.http.explorer import is_private
from gateway.ops.logs import configure_logs
from gateway.ops.metrics import Metrics
from gateway.sandbox.day import live_through_a_day
from gateway.sandbox.server import Sandbox
from gateway.settings import Settings, SettingsError, StartError, load_settings, make_url
from gateway.wording.commands import CommandWording
from gateway.wording.language import local
from gateway.wording.settings import Mistake

QUERY = """\
query Dashboard {
  community(code: "10002") {
    summary { pendingShenhes unpaidOrders openRepairs disabledModules }
    shenhes(filter: { status: PENDING }, first: 1) {
      nodes { type status createdAt verification { findings { code severity field } } }
    }
    orders(first: 2) {
      totalCount
      nodes { number title amount { text } paymentStatus house { address owner { phone role } } }
    }
  }
}
"""

TOKEN_TTL = 24 * 3600


async def demo(given: Settings, once: bool, allow_remote: bool) -> int:
    """Show one query and its answer, then serve until stopped, or with `once` end. Returns the exit status.

    The settings are those of the environment, but for the platforms, which are the sandbox, and the journal, which ends
    with the sandbox, so that no later one gets deliveries of unknown records. Raises SettingsError where there is no
    development issuer: the demo hands its token to everybody who opens GraphiQL. With `allow_remote` it listens at any
    address and is for names of this machine alone, as a container's port is that is published on 127.0.0.1.
    """
    if not allow_remote and not is_loopback(given.host):
        raise SettingsError(Mistake.LOCAL_DEMO("GATEWAY_HOST"))
    own = {"GATEWAY_METRICS_PORT": ""} | ({"GATEWAY_HOST": "127.0.0.1"} if allow_remote else {})
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="wanjia-gateway-"))
        sandbox = await stack.enter_async_context(Sandbox())
        environ = {"GATEWAY_COMMUNITIES": sandbox.communities, **os.environ, **sandbox.settings(), **own}
        settings = load_settings(environ)
        configure_logs("critical")  # of the day that is made up, nobody has to look into a line
        token = DemoIssuer.open(settings).mint(["*"], ["*"], "demo", TOKEN_TTL)
        metrics = Metrics()
        app = create_app(
            settings,
            failed=report_failure,
            explorer_token=token,
            sandbox={"wjdh": sandbox.wjdh.url, "security": sandbox.security.url},
            is_local=is_private if allow_remote else is_loopback,
            journal=msgspec.structs.replace(settings, database_url="", data_dir=Path(folder)),
            metrics=metrics,
        )
        server = EmbeddedServer(uvicorn.Config(app, **server_options(settings, metrics) | {"loop": "none"}))
        async with server.serving(_listen(given)) as port:
            address = make_url(settings.host, port)
            headers = {"authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False) as client:
                await live_through_a_day(sandbox, address, partial(_execute, client))
                configure_logs(settings.log_level)
                answer = await _execute(client, QUERY)
            sys.stdout.write(
                f"{local(CommandWording.SERVES(url=address))}\n"
                f"{local(CommandWording.OVER(wjdh=sandbox.wjdh.url, security=sandbox.security.url))}\n\n"
                f"{QUERY}\n{orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()}\n"
            )
            if not once:
                _invite(address, token)
                stopped = asyncio.Event()
                for number in (signal.SIGINT, signal.SIGTERM):
                    asyncio.get_running_loop().add_signal_handler(number, stopped.set)
                await stopped.wait()
    return 0 if "errors" not in answer else 1


def _listen(settings: Settings) -> socket.socket:
    """Listen on the port of the settings; where that is taken and was not asked for, on any. Raises StartError."""
    try:
        return bind(settings.host, settings.port)
    except StartError:
        if os.environ.get("GATEWAY_PORT", "").strip():
            raise
        return bind(settings.host, 0)


async def _execute(client: httpx.AsyncClient, query: str, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    response = await client.post(GRAPHQL_PATH, json={"query": query, "variables": variables})
    answer: dict[str, Any] = response.json()
    return answer


def _invite(address: str, token: str) -> None:
    sys.stdout.write(
        f"\n{local(CommandWording.ASK(hours=TOKEN_TTL // 3600))}\n\n"
        f"curl -s {address}{GRAPHQL_PATH} -H 'content-type: application/json' -H 'authorization: Bearer {token}' "
        """-d '{"query": "{ viewer { subject scopes } }"}'\n\n"""
        f"{local(CommandWording.TRY())}\n\n{local(CommandWording.STOP(url=address))}\n"
    )
    sys.stdout.flush()
