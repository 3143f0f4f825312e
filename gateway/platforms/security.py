"""The security platform (安防平台): people, house owners, module states, payment notifications."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from typing import Any

import msgspec

from gateway.errors import PlatformAuthError
from gateway.normalise.house import OWNERS, HouseOwner
from gateway.normalise.module import ModuleState, parse_module_states
from gateway.normalise.people import PEOPLE, People
from gateway.normalise.records import HouseKey
from gateway.platforms.call import Call
from gateway.platforms.client import PlatformClient, read_token
from gateway.platforms.endpoint import Endpoint, Kind
from gateway.platforms.envelope import CREDENTIAL_WORDS, ERROR_WORDS, SUCCESS, TOKEN_WORDS, Envelope
from gateway.platforms.route import Upstream, encode_form, escape
from gateway.platforms.session import Credential, LentSession, Token
from gateway.wording.faults import FaultWording

FAILURE = 1
NOT_FOUND = 2

_CREDENTIAL_WORDS = re.compile(CREDENTIAL_WORDS, re.IGNORECASE)
_TOKEN_WORDS = re.compile(TOKEN_WORDS, re.IGNORECASE)
FAILED_LOOK_UP = re.compile(f"{ERROR_WORDS}|错|失败|缺少|参数|重试|服务器", re.IGNORECASE)


class SecurityPaths(msgspec.Struct, frozen=True, kw_only=True):
    """Where the endpoints are, under the base URL or as whole URLs; "" where nobody knows (quirk 56)."""

    token: str = ""
    people: str = ""
    owner: str = ""
    callback: str = ""
    modules: str = ""


class Security(PlatformClient):
    """A typed method per endpoint.

    Every method raises a PlatformError when the platform did not give what was asked; "not found" is None. An endpoint
    without a path in the settings raises NotConfiguredError and calls nothing (quirk 56).
    """

    platform = "SECURITY"

    def __init__(
        self,
        url: str,
        paths: SecurityPaths,
        key_k: str,
        key_d: str,
        token_ttl: float,
        upstream: Upstream,
        *,
        not_found: Sequence[str] = (),
    ) -> None:
        """`token_ttl` in seconds. `not_found`: texts that stand in answers which found nothing.

        Raises httpx.InvalidURL or httpx.UnsupportedProtocol.
        """
        self._people = Endpoint("people", "POST", paths.people, Kind.READ, decode=PEOPLE.decode_one, record=People)
        self._owner = Endpoint("owner", "POST", paths.owner, Kind.READ, decode=OWNERS.decode_one, record=HouseOwner)
        self._callback = Endpoint("callback", "POST", paths.callback, Kind.REPEATABLE_WRITE)
        self._modules = Endpoint("modules-sync", "POST", paths.modules, Kind.READ)
        login = Endpoint("token", "POST", paths.token, Kind.LOGIN)
        super().__init__(url, login, (self._people, self._owner, self._callback, self._modules), upstream)
        self._keys = {"key_k": key_k, "key_d": key_d}
        self._token_ttl = token_ttl
        self._not_found = not_found

    def people(self, name: str, phone: str) -> Call[People | None]:
        """A person by name and phone (1.1.2)."""
        return Call(self, self._people, encode_form({"name": name, "phone": phone}), self._read_person)

    def _read_person(self, endpoint: Endpoint, envelope: Envelope) -> People | None:
        if _is_nobody(envelope, self._not_found):
            return None
        return self.wire.table(PEOPLE).one(self._data(endpoint, envelope))

    def house_owner(self, house: HouseKey) -> Call[HouseOwner | None]:
        """The owner of a house (1.1.3); None when it has none."""
        return Call(self, self._owner, _house_form(house), self._read_owner, house)

    def _read_owner(self, endpoint: Endpoint, envelope: Envelope, house: HouseKey) -> HouseOwner | None:
        if envelope.is_empty and not envelope.has_failed and self._is_unowned(envelope):
            return None
        return self.wire.table(OWNERS).one(self._data(endpoint, envelope), house)

    def _is_unowned(self, envelope: Envelope) -> bool:
        return envelope.code == NOT_FOUND or envelope.says(self._not_found)

    def module_states(self) -> Call[dict[str, tuple[ModuleState, ...] | None]]:
        """The production state of every community's modules, by community code (3.1.1; quirk 167)."""
        return Call(self, self._modules, b"", self._read_states)

    def _read_states(self, endpoint: Endpoint, envelope: Envelope) -> dict[str, tuple[ModuleState, ...] | None]:
        return parse_module_states(self.wire, self._data(endpoint, envelope))

    async def deliver_payment(
        self, order_number: str, shop_number: str, weixin_number: str, *, token: str | None = None
    ) -> None:
        """Hand over a payment notification (2.2.1). Returns only when the platform says it is saved (code 0).

        With `token`, the sender's, it goes with that one alone: PlatformAuthError where the platform refuses it.
        """
        client = self if token is None else self._lending(token)
        form = {"order_number": order_number, "shop_number": shop_number, "weixin_number": weixin_number}
        await client._succeed(self._callback, form)

    def token_refused(self) -> PlatformAuthError:
        """What is raised where the platform refuses the token of a notification."""
        return PlatformAuthError(self.platform, self._callback.name, FaultWording.TOKEN_REFUSED())

    def _lending(self, token: str) -> "Security":
        """The same client, for calls with this token: the gateway's own is neither used nor called dead by them."""
        client = copy(self)
        client.session = LentSession(_credential(token))
        return client

    def token_is_dead(self, endpoint: Endpoint, envelope: Envelope) -> bool:
        """Code 9 here as well (quirk 12); 1 for the callback, by its table; elsewhere undocumented (quirk 21): any code
        of a failure, where the text speaks of the token. Who is not found (2) may not have logged in to something."""
        if envelope.token_is_dead:
            return True
        if endpoint is self._callback:
            return envelope.code == FAILURE
        words = _TOKEN_WORDS if envelope.code == NOT_FOUND else _CREDENTIAL_WORDS
        return envelope.code not in (None, SUCCESS) and words.search(envelope.hints) is not None

    def _credentials(self) -> Mapping[str, str]:
        return self._keys

    def _token(self, body: Mapping[str, Any]) -> Token | None:
        """1.1.1: no lifetime is given (quirk 40)."""
        token = read_token(body.get("token"))
        return None if token is None else Token(_credential(token), self._token_ttl)

    def _harmless_reads(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        return {
            self._people.name: lambda: self.people("无", "0"),
            self._owner.name: lambda: self.house_owner(HouseKey("0", 0, 0, 0, 0)),
            self._modules.name: self.module_states,
        }


def _credential(token: str) -> Credential:
    return Credential(field=encode_form({"token": token}))


def _house_form(house: HouseKey) -> bytes:
    """As `encode_form` would have it: lists ask for one house after the other."""
    code, building, unit, floor, room = house
    numbers = f"building_number={building}&unit_number={unit}&floor_number={floor}&house_number={room}"
    return f"community_identifier={escape(code)}&{numbers}".encode("ascii")


def _is_nobody(envelope: Envelope, wordings: Sequence[str]) -> bool:
    """Whether nobody has this name and phone: 2, or 1 that does not speak of an error, and no data (quirk 23)."""
    if envelope.has_failed or not envelope.is_empty:
        return False
    if envelope.says(wordings):
        return True
    return envelope.code == NOT_FOUND or (envelope.code == FAILURE and FAILED_LOOK_UP.search(envelope.hints) is None)
