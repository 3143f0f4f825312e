"""What the clients of all platforms share: credentials, refusals, and what is known of the endpoints."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar, Self

import msgspec

from gateway.errors import CommunityRefusedError, PlatformAuthError, ProtocolError, RefusedError
from gateway.normalise.vocabulary import Availability, PlatformName
from gateway.ops.calls import EndpointState
from gateway.ops.trace import METER, Meter, current_trace
from gateway.platforms.call import Call
from gateway.platforms.endpoint import ABSOLUTE, Arguments, Effect, Endpoint, Route, Upstream, endpoint_url
from gateway.platforms.envelope import SUCCESS, TOKEN_DEAD, Envelope, open_envelope
from gateway.platforms.session import NO_CREDENTIAL, Credential, Session, Token
from gateway.settings import Settings
from gateway.wording.faults import FaultWording

LOGIN = "gateway/login"  # the caller of logins: all others wait for them
_TOKEN = re.compile(r"[!-~]{1,8192}")


def read_token(value: object) -> str | None:
    """A token as it can stand in a header or form; None for anything else (quirk 25)."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


class PlatformClient(ABC):
    """What calls one platform, for the entities. `declared` are its endpoints, that of the `login` first.

    Every call raises a PlatformError when the platform did not give what was asked; "not found" is None. An endpoint
    without a path raises NotConfiguredError and calls nothing (quirk 56).
    """

    platform: ClassVar[PlatformName]
    login: ClassVar[Endpoint | None] = None
    not_offered: ClassVar[tuple[str, ...]] = ()
    address_settings: ClassVar[str]
    """What the settings of its addresses must be."""

    open_envelope = staticmethod(open_envelope)
    """What an answer says, judged by the `decode` of its endpoint first. Raises CallError."""

    def __init__(self, url: str, credentials: Mapping[str, str] | Credential, upstream: Upstream) -> None:
        """`credentials`: what the login takes, or a token that needs none. Raises httpx.InvalidURL."""
        self.declared = upstream.endpoints
        self.routes = {
            endpoint.name: Route(self.platform, endpoint, endpoint_url(url, endpoint.path), upstream)
            for endpoint in self.declared
            if endpoint.path and (url or ABSOLUTE.match(endpoint.path))
        }
        """The ways to the endpoints that are set up, by name."""
        self.call_timeout = upstream.call_timeout
        self.shows_exchanges = upstream.shows_exchanges
        self.slots = upstream.slots
        self.wire = upstream.wire
        self.session = Session(self.log_in, fixed=credentials if isinstance(credentials, Credential) else None)
        self._credentials = credentials
        self.account = msgspec.json.encode([self.platform, url, self.declared[0].path, credentials])
        """What the token is of: where the login is, and what it takes. A secret."""
        self._pools = upstream.pools

    @classmethod
    @abstractmethod
    def open(cls, settings: Settings, upstream: Upstream) -> Self:
        """The client that the settings describe. Raises as the constructor does."""

    @property
    def endpoints(self) -> Mapping[str, EndpointState]:
        """Every endpoint of the platform by name, as in the document, those not offered included."""
        states = {each.name: EndpointState(each.name, Availability.NOT_CONFIGURED) for each in self.declared}
        for name, route in self.routes.items():
            states[name] = EndpointState(name, Availability.AVAILABLE, route.calls.circuit)
        return {name: EndpointState(name, Availability.NOT_OFFERED) for name in self.not_offered} | states

    @property
    def healthy(self) -> bool:
        """Every circuit is closed, and the last login that was answered gave a token. Other answers are of single
        calls: one that is not of the protocol says that the endpoint can be reached.
        """
        return not self.session.is_shut_out and not any(route.calls.is_tripped for route in self.routes.values())

    async def aclose(self) -> None:
        await self.session.close()
        for pool in self._pools.values():
            pool.close()

    def token_is_dead(self, endpoint: Endpoint, envelope: Envelope) -> bool:
        """Whether the token was refused, unexecuted. Of a write that met a server's failure only code 9 says so."""
        if envelope.has_failed and endpoint.effect is Effect.WRITE:
            return envelope.code == TOKEN_DEAD
        return envelope.token_is_dead

    async def log_in(self) -> Token:
        """A token of a new login. Raises PlatformError."""
        if self.login is None or isinstance(self._credentials, Credential):
            raise TypeError("a token of the settings takes no login")
        client = self.with_credential(NO_CREDENTIAL)
        meter = METER.set(Meter(caller=LOGIN, trace=current_trace()))
        try:
            return await Call(client, self.login, self._credentials, self._accept_login)
        finally:
            METER.reset(meter)

    def find_token(self, body: Mapping[str, Any]) -> Token | None:
        """The token in the answer to a login, if any."""
        raise NotImplementedError

    def _accept_login(self, endpoint: Endpoint, envelope: Envelope) -> Token:
        token = self.find_token(envelope.body)
        if token is not None:
            return token
        if envelope.code in (None, SUCCESS):
            raise ProtocolError(self.platform, endpoint.name, FaultWording.NO_TOKEN())
        raise PlatformAuthError(self.platform, endpoint.name, FaultWording.CREDENTIALS_REFUSED())

    def with_credential(self, credential: Credential) -> Self:
        """The same client, for calls with this credential: its own is neither used nor called dead by them."""
        client = copy(self)
        client.session = Session(self.log_in, fixed=credential)  # of its own it would be a cycle
        return client

    def succeed(self, endpoint: Endpoint, arguments: Arguments) -> Call[Mapping[str, Any]]:
        """The body of a success. Raises PlatformError."""
        return Call(self, endpoint, arguments, self.accept)

    def accept(self, endpoint: Endpoint, envelope: Envelope) -> Mapping[str, Any]:
        """The body of a success. Raises RefusedError, ProtocolError.

        A read may leave the code out and succeed by its data (quirk 15); a write succeeds by nothing but code 0. Under
        the status of a failure the code alone is not believed: frameworks write 0 on their error pages, that of a wrong
        address among them, and what a write did before the server failed, only the platform's records show.
        """
        if envelope.code == SUCCESS and not envelope.has_failed:
            return envelope.body
        is_write = endpoint.effect is Effect.WRITE
        if envelope.has_failed and (is_write or (envelope.code == SUCCESS and envelope.is_empty)):
            raise ProtocolError(self.platform, endpoint.name, FaultWording.FAILED_AT_WORK())
        if envelope.code == SUCCESS:
            return envelope.body
        if envelope.code is None:
            if envelope.body.get("data") not in (None, "") and not is_write:
                return envelope.body
            raise ProtocolError(self.platform, endpoint.name, FaultWording.NEITHER())
        kind, message = RefusedError, FaultWording.REFUSED(code=envelope.code)
        if envelope.forbids_community:
            kind, message = CommunityRefusedError, FaultWording.COMMUNITY_REFUSED()
        shown = envelope.msg if endpoint.shows_why else None
        raise kind(self.platform, endpoint.name, message, envelope.code, shown)

    def data(self, endpoint: Endpoint, envelope: Envelope) -> object:
        """The `data` of a success, empty or not, where the document promises it. Raises RefusedError, ProtocolError."""
        body = self.accept(endpoint, envelope)
        if "data" not in body:
            raise ProtocolError(self.platform, endpoint.name, FaultWording.NO_DATA())
        return body["data"]
