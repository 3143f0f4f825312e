"""Callers for the tests: an issuer's keys, tokens good and forged, a server of keys."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from gateway.auth.principal import Principal

ISSUER = "https://login.example"
AUDIENCE = "wanjia"
NOW = 1_795_000_000.0

TLS = ssl.create_default_context()
"""For the clients of tests: each would make one of its own, in 10 ms, although it connects without TLS."""


class Signers:
    """An issuer's private keys by key id, a stranger's, and what of them is public."""

    def __init__(self) -> None:
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
        self.ec = ECKey.generate_key("P-256", {"kid": "ec"})
        self.ed = OKPKey.generate_key("Ed25519", {"kid": "ed"})
        self.stranger = OKPKey.generate_key("Ed25519", {"kid": "ed"})
        self.known: Mapping[str, Key] = {"rsa": self.rsa, "ec": self.ec, "ed": self.ed}


def jwks(*keys: Key) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def sign(key: Key | OctKey, claims: object, alg: str, **header: object) -> str:
    """A token as its maker wants it: nothing is checked, members of the header given as None are left out."""
    members = {"alg": alg, "typ": "at+jwt", "kid": key.kid, **header}
    return sign_raw(key, {name: value for name, value in members.items() if value is not None}, claims, alg)


def sign_raw(key: Key | OctKey, header: object, claims: object, alg: str) -> str:
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = b".".join(urlsafe_b64encode(part) for part in parts)
    return (signed + b"." + urlsafe_b64encode(JWSRegistry.algorithms[alg].sign(signed, key))).decode()


def claims(**changes: object) -> dict[str, Any]:
    """The claims of a token that is accepted, with changes; a change to None leaves the claim out."""
    plain = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "lin",
        "iat": NOW,
        "exp": NOW + 600,
        "jti": "t1",
        "scope": "order:read",
        "communities": ["10002"],
    }
    return {name: value for name, value in {**plain, **changes}.items() if value is not None}


def principal(*scopes: str, communities: set[str] | None = None, subject: str = "lin") -> Principal:
    seen = None if communities is None else frozenset(communities)
    return Principal(subject, frozenset(scopes), seen, expires_at=NOW + 600)


class Issuer:
    """An OIDC issuer as production wants one: a key file for the gateway, and tokens for its callers."""

    def __init__(self, directory: Path) -> None:
        self._key = OKPKey.generate_key("Ed25519")
        self._key_file = directory / "issuer-public.pem"
        self._key_file.write_bytes(self._key.as_pem(private=False))

    def settings(self) -> dict[str, str]:
        """What turns the settings of a gateway over a sandbox into those of production."""
        return {
            "GATEWAY_ENV": "production",
            "GATEWAY_ID_KEY": "k" * 40,
            "GATEWAY_AUTH_ISSUER": ISSUER,
            "GATEWAY_AUTH_AUDIENCE": AUDIENCE,
            "GATEWAY_AUTH_KEY_FILE": str(self._key_file),
        }

    def jwks(self) -> bytes:
        """What it publishes."""
        return jwks(self._key)

    def mint(self, scopes: str, communities: str = "*") -> str:
        """A token for ten minutes; names have blanks between them."""
        given = claims(exp=int(time.time()) + 600, scope=scopes, communities=communities.split(), iat=None)
        return sign(self._key, given, "Ed25519", kid=None)


class KeyServer:
    """Publishes a JWK set over HTTP, badly on request, and counts the requests."""

    def __init__(self) -> None:
        self.body = jwks()
        self.status = "200 OK"
        self.headers = ""
        self.asked = 0
        self.arrived = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["KeyServer"]:
        async with await asyncio.start_server(self.answer, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
            yield self
            self.answering.set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        self.arrived.set()
        await self.answering.wait()
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n{self.headers}\r\n"
        writer.write(head.encode() + self.body)
        await writer.drain()
        writer.close()
