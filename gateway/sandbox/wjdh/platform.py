"""wjdh as a platform: its paths, its token, its refusals (万家灯火: 1.2, 2.1, 3.2, 4, 5)."""

from collections.abc import Callable
from functools import partial

from gateway.sandbox.dialects.dialect import Row
from gateway.sandbox.endpoint import Endpoint, EndpointKind, Form, PlatformName, RefusedError
from gateway.sandbox.http import Request
from gateway.sandbox.model import Order
from gateway.sandbox.tokens import Tokens
from gateway.sandbox.variant import Variant
from gateway.sandbox.wjdh.announcement import AnnouncementEndpoints
from gateway.sandbox.wjdh.context import SERVER_ERROR, WjdhContext
from gateway.sandbox.wjdh.module import ModuleEndpoints
from gateway.sandbox.wjdh.order import OrderEndpoints
from gateway.sandbox.wjdh.repair import RepairEndpoints
from gateway.sandbox.wjdh.shenhe import ShenheEndpoints

_BEARER = b"Bearer "


class Wjdh:
    """wjdh. One bearer token serves all paths, under /wjdh or not (quirk 43)."""

    name = PlatformName.WJDH

    def __init__(
        self,
        context: WjdhContext,
        tokens: Tokens,
        credentials: tuple[str, str],
        *,
        orders_per_page: int,
        variant: Variant,
        keeps_reason: bool,
    ) -> None:
        self._envelope = context.envelope
        self._tokens = tokens
        self._credentials = credentials
        self._orders = OrderEndpoints(context, orders_per_page, variant)
        shenhe = ShenheEndpoints(context, keeps_reason=keeps_reason)
        module, repair, announcement = (
            ModuleEndpoints(context),
            RepairEndpoints(context),
            AnnouncementEndpoints(context),
        )
        read, write = EndpointKind.READ, EndpointKind.WRITE
        self.endpoints = (
            Endpoint("secret", "POST", "/api/v1/wjdh/secret", EndpointKind.TOKEN, self._secret),
            self._endpoint("shenheList", "POST", "/api/v1/wjdh/shenheList", read, shenhe.list),
            self._endpoint("shenhe", "POST", "/api/v1/wjdh/shenhe", read, shenhe.get),
            self._endpoint("shenhe/update", "PUT", "/api/v1/wjdh/shenhe", write, shenhe.update),
            self._endpoint("order/new", "POST", "/api/v1/order/new", write, self._orders.create),
            self._endpoint("order/list", "POST", "/api/v1/order/list", read, self._orders.list),
            self._endpoint("modules", "POST", "/api/v1/wjdh/modules", read, module.list),
            self._endpoint("module", "PUT", "/api/v1/wjdh/module", write, module.update),
            self._endpoint("repair/list", "POST", "/api/v1/wjdh/repair/list", read, repair.list),
            self._endpoint("repair", "POST", "/api/v1/repair", read, repair.get),
            self._endpoint("repair/update", "PUT", "/api/v1/repair", write, repair.update),
            self._endpoint("announcement/new", "POST", "/api/v1/announcement/new", write, announcement.create),
        )

    def admits(self, endpoint: Endpoint, request: Request, form: Form) -> bool:
        """`Bearer`, one space, the token (quirk 38)."""
        if endpoint.kind is EndpointKind.TOKEN:
            return True
        authorization = request.header(b"authorization") or b""
        return authorization.startswith(_BEARER) and self._tokens.admit(authorization[len(_BEARER) :].decode("latin-1"))

    def expired(self, endpoint: Endpoint) -> Row:
        return self._envelope.expired()

    def refused(self, endpoint: Endpoint) -> Row:
        return self._envelope.wjdh(endpoint.name, 1, SERVER_ERROR, "保存失败")

    def forget(self, order: Order) -> None:
        """The order was paid."""
        self._orders.forget(order)

    def _secret(self, form: Form) -> Row:
        """1.2.1: the failure has no token_expired (quirk 33)."""
        code = partial(self._envelope.code, "secret")
        if (form.get("secret_id"), form.get("secret_key")) != self._credentials:
            return {
                "code": code(1),
                "msg": "没有找到该密钥对儿对应的用户，请联系万家灯火平台的数据库负责人",
                "message": "告诉负责人，是security_platform_managers表里没有查找到",
            }
        return self._envelope.wjdh(
            "secret",
            0,
            "获取到了token值",
            access_token=self._tokens.issue(),
            token_type="Bearer",  # noqa: S106 - how the token is sent
            expires_in=int(self._tokens.lifetime),
        )

    def _endpoint(
        self, name: str, method: str, path: str, kind: EndpointKind, answer: Callable[[Form], Row]
    ) -> Endpoint:
        """An endpoint whose refusals come in the platform's envelope."""

        def answer_or_refuse(form: Form) -> Row:
            try:
                return answer(form)
            except RefusedError as refusal:
                return self._envelope.wjdh(name, refusal.code, refusal.msg, refusal.message)

        return Endpoint(name, method, path, kind, answer_or_refuse)
