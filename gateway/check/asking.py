"""Calls of the deep check: one at a time, with pauses, and the answer as it came."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec

from gateway.errors import PlatformError
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.platforms.answer import RawAnswer
from gateway.platforms.client import PlatformClient
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError, Envelope, open_envelope
from gateway.platforms.route import encode_form
from gateway.platforms.session import NO_CREDENTIAL, Credential


class Answer(msgspec.Struct):
    """One call and what came of it. `envelope` is None where the answer is not of the protocol, `raw` where none came.

    `failure` is the type of what went wrong, never its text.
    """

    platform: str
    endpoint: str
    purpose: str
    community: str | None
    form: dict[str, str]
    seconds: float
    raw: RawAnswer | None = None
    envelope: Envelope | None = None
    failure: str | None = None
    record: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        return dict(self.envelope.body) if self.envelope is not None else {}

    @property
    def code(self) -> int | None:
        return None if self.envelope is None else self.envelope.code

    @property
    def succeeded(self) -> bool:
        """Whether it is a success, by its code or, without one, by its data (quirk 15)."""
        return self.envelope is not None and (self.code == 0 or (self.code is None and "data" in self.body))

    @property
    def data(self) -> Any:
        """The data, or what it holds as JSON text."""
        value = self.body.get("data")
        if isinstance(value, str):
            try:
                return read_json(value)
            except NotJsonError:
                return value
        return value

    @property
    def text(self) -> str:
        """The body as text: in memory alone."""
        return "" if self.raw is None else self.raw.body.decode("utf-8", "replace")


class Asker:
    """Asks one platform. `done` is called after each call."""

    def __init__(self, client: PlatformClient, pause: float, done: Callable[[Answer], None]) -> None:
        self._client = client
        self._pause = pause
        self._done = done

    @property
    def client(self) -> PlatformClient:
        return self._client

    def can(self, endpoint: str) -> bool:
        return endpoint in self._client.routes

    async def ask(
        self,
        endpoint: str,
        form: dict[str, str],
        purpose: str = "",
        community: str | None = None,
        credential: Credential | None = None,
        extra: bytes = b"",
    ) -> Answer:
        """Never raises for what a platform did. `extra` stands in the form as it is."""
        is_login = self._client.routes[endpoint].is_login
        answer = Answer(self._client.platform, endpoint, purpose, community, form, 0.0)
        record = self._client.routes[endpoint].endpoint.record
        answer.record = None if record is None else record.__name__
        try:
            used = NO_CREDENTIAL if is_login else credential or await self._client.session.credential()
            await self._exchange(answer, used, extra)
            if credential is None and not is_login and answer.envelope is not None and answer.envelope.token_is_dead:
                other = await self._client.session.replace(used)
                if other is not None:
                    await self._exchange(answer, other, extra)
        except PlatformError as error:
            answer.failure = error.code
        self._done(answer)
        await asyncio.sleep(self._pause)
        return answer

    async def _exchange(self, answer: Answer, credential: Credential, extra: bytes) -> None:
        route = self._client.routes[answer.endpoint]
        deadline = asyncio.get_running_loop().time() + self._client.call_timeout
        form = b"&".join(part for part in (encode_form(answer.form), extra) if part)
        began = time.perf_counter()
        exchange: Awaitable[RawAnswer] = route.exchange(form, credential, deadline)
        try:
            answer.raw = await exchange
            answer.envelope = open_envelope(answer.raw)
        except (httpx.TransportError, BadAnswerError, BusyAnswerError) as failure:
            answer.failure = type(failure).__name__
        answer.seconds = time.perf_counter() - began
