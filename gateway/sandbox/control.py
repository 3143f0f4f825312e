"""The sandbox's own controls over HTTP, for when it runs in another process: `/__sandbox__/...` on each platform.

POST   faults         switch a fault on: kind, and at will endpoint, times, seconds, status, body
POST   faults/off     switch one off: endpoint, or without one that of the whole platform
GET    faults         what is on, of both platforms, and what can be: the kinds, the endpoints
DELETE faults         switch all faults off, let hanging calls go on
GET    calls          counts, the newest calls
DELETE calls          forget them
GET    effects        what writes did
POST   tokens/expire  let every token of this platform die
POST   pay            order_number, callback_url: pay an order, notify the receiver, return its answers
POST   reset          everything as at the start

Each request has the header `X-Sandbox` (with any value), which no form of a page can send, an address of this machine
in `Host`, and no `Origin`: a page that is open in a browser here cannot switch anything.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from http.client import HTTPException
from typing import Protocol

import msgspec

from gateway.sandbox.dialects.dialect import Row
from gateway.sandbox.effects import Effects
from gateway.sandbox.endpoint import Form, Platform, PlatformName
from gateway.sandbox.faults import Fault, FaultKind, Faults
from gateway.sandbox.http import Connection, Request
from gateway.sandbox.log import CallLog
from gateway.sandbox.resident import Notification

PREFIX = "/__sandbox__/"

HOSTS = frozenset((b"127.0.0.1", b"localhost"))


class Controlled(Protocol):
    """What is controlled: the sandbox."""

    log: CallLog
    faults: Faults
    effects: Effects

    @property
    def platforms(self) -> Sequence[Platform]: ...

    def expire_tokens(self, platform: PlatformName | None = None) -> None: ...

    def reset(self) -> None: ...

    async def pay(self, order_number: str, callback_url: str) -> Notification: ...


class Control:
    """Answers the control paths."""

    def __init__(self, sandbox: Controlled) -> None:
        self._sandbox = sandbox
        self._paying: set[asyncio.Task[None]] = set()
        self._actions: Mapping[tuple[str, str], Callable[[PlatformName, Form], Row]] = {
            ("POST", "faults"): self._set_fault,
            ("POST", "faults/off"): self._remove_fault,
            ("GET", "faults"): self._list_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "calls"): self._calls,
            ("DELETE", "calls"): self._forget_calls,
            ("GET", "effects"): self._effects,
            ("POST", "tokens/expire"): self._expire_tokens,
            ("POST", "reset"): self._reset,
        }

    def answer(self, platform: PlatformName, request: Request, connection: Connection) -> None:
        """Answer a request to a control path: 200, 400 with what is wrong, or 403 if a page may have sent it."""
        if not _is_own(request):
            connection.reply(msgspec.json.encode({"error": "needs X-Sandbox, a local Host and no Origin"}), 403)
            return
        form = request.form()
        place = (request.method, request.path.removeprefix(PREFIX))
        if place == ("POST", "pay"):
            task = asyncio.get_running_loop().create_task(self._pay(form, connection))
            self._paying.add(task)
            task.add_done_callback(self._paying.discard)
            return
        try:
            connection.reply(msgspec.json.encode(self._actions[place](platform, form)))
        except (KeyError, ValueError) as error:
            connection.reply(msgspec.json.encode({"error": str(error)}), 400)

    def _set_fault(self, platform: PlatformName, form: Form) -> Row:
        status, times = form.get("status"), form.get("times")
        fault = Fault(
            FaultKind(form["kind"]),
            seconds=float(form.get("seconds", "1")),
            status=int(status) if status else None,
            body=form.get("body", "").encode(),
        )
        self._sandbox.faults.set(platform, form.get("endpoint") or None, fault, int(times) if times else None)
        return {}

    def _remove_fault(self, platform: PlatformName, form: Form) -> Row:
        self._sandbox.faults.remove(platform, form.get("endpoint") or None)
        return {}

    def _list_faults(self, _platform: PlatformName, _form: Form) -> Row:
        return {
            "on": [
                {"platform": name, "endpoint": endpoint, "kind": fault.kind, "seconds": fault.seconds, "times": left}
                for name, endpoint, fault, left in self._sandbox.faults.switched_on()
            ],
            "kinds": [{"name": kind, "forWrites": kind.is_for_writes} for kind in FaultKind],
            "endpoints": [
                {"platform": platform.name, "name": endpoint.name, "kind": endpoint.kind}
                for platform in self._sandbox.platforms
                for endpoint in platform.endpoints
            ],
        }

    def _clear_faults(self, _platform: PlatformName, _form: Form) -> Row:
        self._sandbox.faults.clear()
        return {}

    def _calls(self, platform: PlatformName, _form: Form) -> Row:
        log = self._sandbox.log
        return {
            "counts": {endpoint: count for (name, endpoint), count in log.counts().items() if name == platform},
            "calls": [
                {"endpoint": call.endpoint, "form": call.form, "headers": call.headers, "at": call.at}
                for call in log.calls
                if call.platform == platform
            ],
        }

    def _forget_calls(self, _platform: PlatformName, _form: Form) -> Row:
        self._sandbox.log.clear()
        return {}

    def _effects(self, _platform: PlatformName, _form: Form) -> Row:
        return {"effects": [asdict(effect) for effect in self._sandbox.effects.all()]}

    def _expire_tokens(self, platform: PlatformName, _form: Form) -> Row:
        self._sandbox.expire_tokens(platform)
        return {}

    def _reset(self, _platform: PlatformName, _form: Form) -> Row:
        self._sandbox.reset()
        return {}

    async def _pay(self, form: Form, connection: Connection) -> None:
        try:
            notification = await self._sandbox.pay(form["order_number"], form["callback_url"])
        except (KeyError, OSError, HTTPException, msgspec.DecodeError) as error:
            connection.reply(msgspec.json.encode({"error": repr(error)}), 400)
            return
        connection.reply(msgspec.json.encode(asdict(notification)))


def _is_own(request: Request) -> bool:
    host = (request.header(b"host") or b"").partition(b":")[0]
    return host in HOSTS and request.header(b"x-sandbox") is not None and request.header(b"origin") is None
