"""The security platform's endpoints (安防平台: 1.1, 2.2, 3.1). Its URLs are not documented: the paths are options."""

from typing import NamedTuple

from gateway.sandbox.dialects import module, people
from gateway.sandbox.dialects.dialect import Dialect, Row
from gateway.sandbox.dialects.envelope import Envelope
from gateway.sandbox.effects import Effects
from gateway.sandbox.endpoint import Endpoint, EndpointKind, Form, PlatformName
from gateway.sandbox.http import Request
from gateway.sandbox.model import HouseAddress
from gateway.sandbox.tokens import Tokens
from gateway.sandbox.world import World

_HOUSE_FIELDS = ("building_number", "unit_number", "floor_number", "house_number")
_PAYMENT_FIELDS = ("order_number", "shop_number", "weixin_number")


class SecurityPaths(NamedTuple):
    """Where the security platform's endpoints are."""

    token: str = "/api/token"  # noqa: S105 - a path
    people: str = "/api/people"
    owner: str = "/api/house/owner"
    callback: str = "/api/payment/callback"
    modules: str = "/api/modules/sync"


DEFAULT_PATHS = SecurityPaths()


class Security:
    """The security platform. Its token is a form field of every call (quirk 36)."""

    name = PlatformName.SECURITY

    def __init__(
        self,
        world: World,
        effects: Effects,
        tokens: Tokens,
        dialect: Dialect,
        paths: SecurityPaths,
        credentials: tuple[str, str],
    ) -> None:
        self._world = world
        self._effects = effects
        self._tokens = tokens
        self._dialect = dialect
        self._credentials = credentials
        self._envelope = Envelope(dialect)
        self._payments: dict[str, list[str]] = {}
        self.endpoints = (
            Endpoint("token", "POST", paths.token, EndpointKind.TOKEN, self._token),
            Endpoint("people", "POST", paths.people, EndpointKind.READ, self._people),
            Endpoint("owner", "POST", paths.owner, EndpointKind.READ, self._owner),
            Endpoint("callback", "POST", paths.callback, EndpointKind.WRITE, self._callback),
            Endpoint("modules-sync", "POST", paths.modules, EndpointKind.READ, self._modules_sync),
        )

    def admits(self, endpoint: Endpoint, request: Request, form: Form) -> bool:
        return endpoint.kind is EndpointKind.TOKEN or self._tokens.admit(form.get("token", ""))

    def expired(self, endpoint: Endpoint) -> Row:
        """Code 1 for the callback as its table says, code 9 for the others as 1.1.1.4 does (quirks 12, 21)."""
        if endpoint.name == "callback":
            return {"code": self._envelope.code(endpoint.name, 1)}
        return self._envelope.expired()

    def refused(self, endpoint: Endpoint) -> Row:
        """Only the callback writes: 2, not saved."""
        return {"code": self._envelope.code(endpoint.name, 2)}

    def _token(self, form: Form) -> Row:
        """1.1.1: code and msg are optional, token is not: the mixed dialect leaves them out (quirk 25)."""
        if (form.get("key_k"), form.get("key_d")) != self._credentials:
            return self._envelope.security("token", 1, "token获取失败")
        token = self._tokens.issue()
        if self._dialect is Dialect.MIXED:
            return {"token": token}
        return self._envelope.security("token", 0, "token获取成功", token=token)

    def _people(self, form: Form) -> Row:
        """1.1.2: by name and phone. How "not found" looks is not documented (quirk 23): 1 by the table, else 2."""
        name, phone = form.get("name"), form.get("phone")
        if not name or not phone:
            return self._envelope.security("people", 1, "缺少参数", data="")
        resident = self._world.residents.get((name, phone))
        if resident is not None:
            return self._envelope.security("people", 0, "查找成功", data=people.RENDER[self._dialect](resident))
        if self._dialect is Dialect.DOCUMENTED:
            return self._envelope.security("people", 1, "没查找到", data="")
        return self._envelope.security("people", 2, "没查找到", data=None)

    def _owner(self, form: Form) -> Row:
        """1.1.3: the owner of a house; 2 when it has none or there is no such house."""
        try:
            address = HouseAddress(*(int(form[field]) for field in _HOUSE_FIELDS))
        except (KeyError, ValueError):
            return self._envelope.security("owner", 1, "缺少参数", data="")
        house = self._world.house_at.get((form.get("community_identifier", ""), address))
        if house is None or house.owner is None:
            return self._envelope.security("owner", 2, "没查找到", data="")
        return self._envelope.security("owner", 0, "查找成功", data=people.owner(house, house.owner, self._dialect))

    def _callback(self, form: Form) -> Row:
        """2.2.1: kept once per order. The same again is answered 0, other numbers for a known order 2 (quirk 162)."""
        number, *payment = (form.get(field, "") for field in _PAYMENT_FIELDS)
        known = self._payments.setdefault(number, payment) if number and all(payment) else None
        if known != payment:
            return {"code": self._envelope.code("callback", 2)}
        if known is payment:
            self._effects.record("callback", number, form)
        return {"code": self._envelope.code("callback", 0)}

    def _modules_sync(self, form: Form) -> Row:
        """3.1.1: every community's modules, for every caller (quirk 167)."""
        data = module.production_states(self._world.production_states, self._dialect)
        return {"code": self._envelope.code("modules-sync", 0), "data": data}
