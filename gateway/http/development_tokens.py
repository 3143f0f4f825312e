"""`POST /explorer/token`: a token of the development issuer, so that the demo shows what another caller would see."""

from collections.abc import Collection
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from gateway.errors import UserInputError
from gateway.http.local_page import local_route, to_json
from gateway.wording.requests import RequestWording

TOKEN_PATH = "/explorer/token"  # noqa: S105 - where tokens are asked for

LONGEST_TTL = 24 * 3600
"""Seconds."""


class Issuer(Protocol):
    def mint(self, scopes: Collection[str], communities: Collection[str], subject: str, ttl: int) -> str: ...


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the token is to say. `*` among scopes or communities means all of them; `ttl` is in seconds."""

    scopes: list[str]
    communities: list[str]
    subject: str = "developer"
    ttl: int = 3600


def token_routes(issuer: Issuer) -> list[Route]:
    """For the demo only: whoever can send requests to it can have its tokens."""

    async def mint(_request: Request, body: bytes) -> bytes:
        try:
            asked = msgspec.json.decode(body, type=TokenRequest)
            if asked.ttl > LONGEST_TTL:
                raise ValueError(f"the ttl is at most {LONGEST_TTL} seconds")
            token = issuer.mint(asked.scopes, asked.communities, asked.subject, asked.ttl)
        except ValueError as error:  # msgspec's is one too
            raise UserInputError("token", RequestWording.NO_TOKEN(reason=error)) from None
        return to_json({"token": token})

    return [local_route(TOKEN_PATH, mint)]
