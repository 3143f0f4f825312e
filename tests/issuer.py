"""An OIDC issuer as production wants one: a key file for the gateway, and tokens for its callers."""

import time
from pathlib import Path

from callers import jwks
from joserfc import jwt
from joserfc.jwk import OKPKey

ISSUER = "https://login.example"
AUDIENCE = "wanjia"


class Issuer:
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
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "lin",
            "exp": int(time.time()) + 600,
            "jti": "t1",
            "scope": scopes,
            "communities": communities.split(),
        }
        return jwt.encode({"alg": "Ed25519", "typ": "at+jwt"}, claims, self._key, algorithms=["Ed25519"])
