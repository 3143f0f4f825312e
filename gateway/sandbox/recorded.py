"""A sandbox of recorded exchanges: both platforms as two servers on loopback that answer what was recorded.

A request finds its answer by platform, path and form, without the token, and the fields in any order. Of several
answers to the same request the newest is given. A list that was recorded with another size of a page is given with that
size, as platforms do that choose it themselves (quirk 134). What was not recorded is refused, with code 404 and a text
that says so, and counted.
"""

from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import msgspec

from gateway.recording.folder import TOKEN, Exchange
from gateway.sandbox.endpoint import Form, PlatformName
from gateway.sandbox.http import JSON, Connection, Listener, Request

NOT_RECORDED = 404
MESSAGE = "not in the recording (录制中没有此请求): "
SHOWN_FIELDS = ("community_identifier", "xiaoqu", "page", "per_page", "status", "paied", "id")
"""Fields of a form whose values may be shown."""

_SIZE = "per_page"
_LOGIN_PATHS = ("/api/v1/wjdh/secret", "/token")
_LOGIN = {
    "code": 0,
    "access_token": TOKEN,
    "token": TOKEN,
    "token_type": "Bearer",
    "expires_in": 3600,
}


Fields = frozenset[tuple[str, str]]


class RecordedPlatform:
    """The answers of one platform, and a server that gives them."""

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self._answers: dict[tuple[str, str, Fields], Exchange] = {}
        self._of_size: dict[tuple[str, str, Fields], dict[str, Exchange]] = {}
        self._dead: dict[str, Exchange] = {}
        self._sizes: Counter[tuple[str, str]] = Counter()
        self.listener = Listener(self._handle)
        self.missed: Counter[str] = Counter()
        """Requests that were not recorded, without a value of a person."""
        for exchange in exchanges:
            self._add(exchange)

    @property
    def url(self) -> str:
        return self.listener.url

    def _add(self, exchange: Exchange) -> None:
        if exchange.dead_token:
            self._dead[exchange.path] = exchange
            return
        where = exchange.method, exchange.path
        fields = {name: value for name, value in exchange.form.items() if name != _SIZE}
        self._answers[(*where, frozenset(exchange.form.items()))] = exchange
        size = exchange.form.get(_SIZE, "")
        self._of_size.setdefault((*where, frozenset(fields.items())), {})[size] = exchange
        if size:
            self._sizes[exchange.path, size] += 1

    def find(self, method: str, path: str, form: Form) -> Exchange | None:
        """The answer to a request; a form without its token."""
        found = self._answers.get((method, path, frozenset(form.items())))
        if found is not None or _SIZE not in form:
            return found
        # The same size for each page of a list: that which was recorded most often.
        fields = frozenset((name, value) for name, value in form.items() if name != _SIZE)
        sizes = self._of_size.get((method, path, fields), {})
        return max(sizes.items(), key=lambda each: self._sizes[path, each[0]])[1] if sizes else None

    def _handle(self, request: Request, connection: Connection) -> None:
        form = request.form()
        token = form.pop("token", "") or (request.header(b"authorization") or b"").decode("latin-1").rpartition(" ")[2]
        found = self.find(request.method, request.path, {} if request.path in _LOGIN_PATHS else form)
        if token and token != TOKEN:
            found = self._dead.get(request.path, found)
        if found is not None:
            headers = "".join(f"{name}: {value}\r\n" for name, value in found.headers.items() if name == "retry-after")
            content_type = found.headers.get("content-type", JSON.decode()).encode()
            connection.reply(found.body, found.status, content_type, headers.encode())
        elif request.path in _LOGIN_PATHS:
            connection.reply(msgspec.json.encode(_LOGIN))
        else:
            connection.reply(msgspec.json.encode(self._miss(request, form)), NOT_RECORDED)

    def _miss(self, request: Request, form: Form) -> dict[str, Any]:
        shown = [f"{name}={form[name]}" if name in SHOWN_FIELDS else name for name in sorted(form)]
        what = f"{request.method} {request.path} {'&'.join(shown)}".strip()
        self.missed[what] += 1
        return {"code": NOT_RECORDED, "msg": f"{MESSAGE}{what}", "data": None}


class RecordedSandbox:
    """Both platforms, running in the event loop that entered it."""

    def __init__(self, exchanges: Iterable[Exchange], wjdh_port: int = 0, security_port: int = 0) -> None:
        every = [*exchanges]
        self._ports = wjdh_port, security_port
        self.wjdh, self.security = (
            RecordedPlatform(exchange for exchange in every if exchange.platform == name)
            for name in (PlatformName.WJDH, PlatformName.SECURITY)
        )

    async def __aenter__(self) -> Self:
        for platform, port in zip((self.wjdh, self.security), self._ports, strict=True):
            await platform.listener.start(port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.wjdh.listener.stop()
        await self.security.listener.stop()

    def settings(self) -> dict[str, str]:
        """The environment that points a gateway at this sandbox. It takes any secret."""
        secrets = ("WJDH_SECRET_ID", "WJDH_SECRET_KEY", "SECURITY_KEY_K", "SECURITY_KEY_D")
        return {
            "GATEWAY_WJDH_URL": self.wjdh.url,
            "GATEWAY_SECURITY_URL": self.security.url,
            "GATEWAY_SECURITY_TOKEN_PATH": "/token",
            "GATEWAY_SECURITY_PEOPLE_PATH": "/people",
            "GATEWAY_SECURITY_OWNER_PATH": "/owner",
            "GATEWAY_SECURITY_CALLBACK_PATH": "/callback",
            "GATEWAY_SECURITY_MODULES_PATH": "/modules-sync",
            **{f"GATEWAY_{name}": "recorded" for name in secrets},
        }
