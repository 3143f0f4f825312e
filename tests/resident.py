"""The resident platform as a test plays it: what its own code would never send, too."""

from typing import Any

import httpx

ORDER = "20201213104759976889"
SAVED, TOKEN_INVALID, NOT_SAVED = {"code": 0}, {"code": 1}, {"code": 2}


class Resident:
    """Signs in at the gateway for each payment, unless it has signed in at the security platform."""

    def __init__(self, client: httpx.AsyncClient, settings: dict[str, str]) -> None:
        self.client = client
        self.platform_token = ""
        self._token_url = settings["GATEWAY_SECURITY_URL"] + settings["GATEWAY_SECURITY_TOKEN_PATH"]
        self._security = {"key_k": settings["GATEWAY_SECURITY_KEY_K"], "key_d": settings["GATEWAY_SECURITY_KEY_D"]}
        self._gateway = {"key_k": settings["GATEWAY_CALLBACK_KEY_K"], "key_d": settings["GATEWAY_CALLBACK_KEY_D"]}

    async def token(self, **credentials: str) -> dict[str, Any]:
        return (await self.client.post("/callbacks/token", data=self._gateway | credentials)).json()

    async def own_token(self) -> str:
        return str((await self.token())["token"])

    async def sign_in(self) -> str:
        self.platform_token = (await self.client.post(self._token_url, data=self._security)).json()["token"]
        return self.platform_token

    async def pay(
        self, order: str = ORDER, shop: str = "1900", weixin: str = "4200", token: str | None = None
    ) -> dict[str, int]:
        if token is None:
            token = self.platform_token or await self.own_token()
        form = {"order_number": order, "shop_number": shop, "weixin_number": weixin, "token": token}
        return (await self.client.post("/callbacks/payment", data=form)).json()
