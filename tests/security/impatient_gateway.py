"""The gateway's command line, with times for slow clients that no test has to wait for."""

import sys
from functools import partial

import gateway.app
import gateway.commands.serve
from gateway.__main__ import main
from gateway.http.server.limits import ServerLimits
from gateway.http.websocket import WebSocketOptions

gateway.app.WebSocketOptions = partial(WebSocketOptions, init_timeout=1)  # type: ignore[attr-defined,assignment]
gateway.commands.serve.ServerLimits = partial(  # type: ignore[attr-defined,assignment]
    ServerLimits, header_timeout=1, body_timeout=1, stall_timeout=1
)
sys.exit(main())
