"""The sandbox: both platforms as two real HTTP servers on loopback, with seeded data, faults and a log."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gateway.sandbox.control import Control
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.effects import Effects
from gateway.sandbox.endpoint import Platform, PlatformName
from gateway.sandbox.faults import Faults
from gateway.sandbox.log import CallLog, LoggedCall
from gateway.sandbox.platform import PlatformServer
from gateway.sandbox.resident import Notification, Payment, notify
from gateway.sandbox.security import DEFAULT_PATHS, Security, SecurityPaths
from gateway.sandbox.seed.order import payment_numbers
from gateway.sandbox.tokens import Tokens
from gateway.sandbox.variant import AS_DOCUMENTED, Variant
from gateway.sandbox.wjdh.context import WjdhContext
from gateway.sandbox.wjdh.platform import Wjdh
from gateway.sandbox.world import World


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """How the platforms are set up. The credentials are the sandbox's own, made for nothing else.

    `clock` gives seconds since 1970; tokens live `token_lifetime` seconds of it, and with `single_token` only until
    the next one is given out (quirk 42). `orders_per_page` cannot be chosen by clients (quirk 134).
    `keeps_refusal_reason`: whether wjdh stores a reason that the document has no parameter for (quirk 145).
    `made_communities`: so many more of them, no two rows of which are alike. Port 0 lets the system choose.
    """

    dialect: Dialect = Dialect.MIXED
    wjdh_port: int = 0
    security_port: int = 0
    security_paths: SecurityPaths = DEFAULT_PATHS
    wjdh_credentials: tuple[str, str] = ("sandbox-secret-id", "sandbox-secret-key")
    security_credentials: tuple[str, str] = ("sandbox-key-k", "sandbox-key-d")
    callback_credentials: tuple[str, str] = ("sandbox-callback-k", "sandbox-callback-d")
    token_lifetime: float = 3600.0
    single_token: bool = False
    orders_per_page: int = 15
    keeps_refusal_reason: bool = False
    made_communities: int = 0
    variant: Variant = AS_DOCUMENTED
    clock: Callable[[], float] = time.time


class Sandbox:
    """Both platforms, running in the event loop that entered it.

    async with Sandbox() as sandbox:
        environ |= sandbox.settings()
        sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.RESET), times=1)
        ...
        assert sandbox.count("WJDH", "order/list") == 2
    """

    world: World
    tokens: dict[PlatformName, Tokens]

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        self.log = CallLog()
        self.effects = Effects()
        wjdh, security = self._build()
        self._wjdh = wjdh
        self.faults = Faults(
            {
                platform.name: frozenset(endpoint.name for endpoint in platform.endpoints)
                for platform in (wjdh, security)
            }
        )
        control = Control(self)
        self.wjdh = PlatformServer(wjdh, self.log, self.faults, control, self.options.clock, self.options.variant)
        self.security = PlatformServer(
            security, self.log, self.faults, control, self.options.clock, self.options.variant
        )

    async def __aenter__(self) -> Self:
        await self.wjdh.listener.start(self.options.wjdh_port)
        await self.security.listener.start(self.options.security_port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.wjdh.listener.stop()
        await self.security.listener.stop()

    def settings(self) -> dict[str, str]:
        """The environment that points the gateway at this sandbox."""
        options, paths = self.options, self.options.security_paths
        return {
            "GATEWAY_WJDH_URL": self.wjdh.url,
            "GATEWAY_WJDH_SECRET_ID": options.wjdh_credentials[0],
            "GATEWAY_WJDH_SECRET_KEY": options.wjdh_credentials[1],
            "GATEWAY_SECURITY_URL": self.security.url,
            "GATEWAY_SECURITY_KEY_K": options.security_credentials[0],
            "GATEWAY_SECURITY_KEY_D": options.security_credentials[1],
            "GATEWAY_SECURITY_TOKEN_PATH": paths.token,
            "GATEWAY_SECURITY_PEOPLE_PATH": paths.people,
            "GATEWAY_SECURITY_OWNER_PATH": paths.owner,
            "GATEWAY_SECURITY_CALLBACK_PATH": paths.callback,
            "GATEWAY_SECURITY_MODULES_PATH": paths.modules,
            "GATEWAY_CALLBACK_KEY_K": options.callback_credentials[0],
            "GATEWAY_CALLBACK_KEY_D": options.callback_credentials[1],
        }

    @property
    def platforms(self) -> tuple[Platform, Platform]:
        return self.wjdh.platform, self.security.platform

    @property
    def communities(self) -> str:
        """The codes and names of those that the gateway's account may manage, as the setting for them is written."""
        managed = [community for community in self.world.communities.values() if community.authorised]
        return ",".join(f"{community.code}={community.name}" for community in managed)

    @property
    def calls(self) -> list[LoggedCall]:
        """The newest calls, oldest of them first."""
        return self.log.calls

    def count(self, platform: str, endpoint: str) -> int:
        """How many calls an endpoint received."""
        return self.log.counts().get((platform, endpoint), 0)

    def counts(self) -> dict[tuple[str, str], int]:
        """Calls by (platform, endpoint): {("WJDH", "order/list"): 2, ("WJDH", "secret"): 1}."""
        return self.log.counts()

    def reset_calls(self) -> None:
        """Forget the calls and the highest concurrency; effects and state stay."""
        self.log.clear()
        self.wjdh.forget_concurrency()
        self.security.forget_concurrency()

    def expire_tokens(self, platform: PlatformName | None = None) -> None:
        """Let every token die now, of one platform or both."""
        for name, tokens in self.tokens.items():
            if platform in (None, name):
                tokens.expire()

    def reset(self) -> None:
        """Everything as at the start, but for open connections."""
        self.faults.clear()
        self.effects.clear()
        self.reset_calls()
        self._wjdh, security = self._build()
        self.wjdh.serve(self._wjdh)
        self.security.serve(security)

    def pay_unannounced(self, order_number: str) -> Payment:
        """A resident pays an order without a notification; once more changes nothing. Raises KeyError for no order."""
        order = self.world.order_numbered[order_number]
        if order.shop_number is None or order.weixin_number is None:
            order.shop_number, order.weixin_number = payment_numbers(order)
            order.is_touched = True
            self._wjdh.forget(order)
        return Payment(order.number, order.shop_number, order.weixin_number)

    async def pay(self, order_number: str, callback_url: str) -> Notification:
        """A resident pays an order, and the receiver at `callback_url` (its base URL) is notified, as `notify` says.

        Once more, for an order already paid: the same notification again.
        """
        payment = self.pay_unannounced(order_number)
        return await asyncio.to_thread(notify, callback_url, self.options.callback_credentials, payment)

    def _build(self) -> tuple[Wjdh, Security]:
        options = self.options
        self.world = World(options.made_communities)
        self.tokens = {
            name: Tokens(name.lower(), options.clock, options.token_lifetime, single=options.single_token)
            for name in PlatformName
        }
        wjdh = Wjdh(
            WjdhContext(self.world, self.effects, options.dialect, options.clock),
            self.tokens[PlatformName.WJDH],
            options.wjdh_credentials,
            orders_per_page=options.orders_per_page,
            variant=options.variant,
            keeps_reason=options.keeps_refusal_reason,
        )
        security = Security(
            self.world,
            self.effects,
            self.tokens[PlatformName.SECURITY],
            options.dialect,
            options.security_paths,
            options.security_credentials,
        )
        return wjdh, security
