"""The gateway's command line, with times for slow clients that no test has to wait for."""

import sys
from functools import partial

import gateway.commands.serve
import gateway.http.websocket
from gateway.__main__ import main
from gateway.http.server.bounds import ServerLimits

gateway.http.websocket.INIT_TIMEOUT = 1
gateway.commands.serve.ServerLimits = partial(  # type: ignore[attr-defined,assignment]
    ServerLimits, header_timeout=1, body_timeout=1, stall_timeout=1
)
sys.exit(main())
