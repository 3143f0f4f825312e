"""The security platform (安防平台): how it logs in, and by which answers it refuses a token."""

import re
from collections.abc import Mapping
from typing import Any, Self

from gateway.normalise.vocabulary import PlatformName
from gateway.platforms.client import PlatformClient, read_token
from gateway.platforms.endpoint import Effect, Endpoint, Upstream
from gateway.platforms.envelope import CREDENTIAL_WORDS, SUCCESS, TOKEN_WORDS, Envelope
from gateway.platforms.session import Credential, Token
from gateway.settings import Settings

SECURITY = PlatformName.SECURITY
TOKEN = Endpoint(SECURITY, "token", "POST", "", Effect.LOGIN, setting="security_token_path")

DEFAULT_LIFETIME = 1800.0  # seconds of a token. None is documented (quirk 40)
FAILURE = 1
NOT_FOUND = 2

_CREDENTIAL_WORDS = re.compile(CREDENTIAL_WORDS, re.IGNORECASE)
_TOKEN_WORDS = re.compile(TOKEN_WORDS, re.IGNORECASE)


class Security(PlatformClient):
    """People, house owners, module states and payment notifications; only the settings know its paths (quirk 56)."""

    platform = SECURITY
    login = TOKEN
    address_settings = "GATEWAY_SECURITY_URL, GATEWAY_SECURITY_*_PATH"

    @classmethod
    def open(cls, settings: Settings, upstream: Upstream) -> Self:
        keys = {"key_k": settings.security_key_k, "key_d": settings.security_key_d}
        return cls(settings.security_url, keys, upstream)

    def find_token(self, body: Mapping[str, Any]) -> Token | None:
        """1.1.1: no lifetime is given (quirk 40)."""
        token = read_token(body.get("token"))
        lifetime = self.wire.profile.token_lifetimes.get(SECURITY, DEFAULT_LIFETIME)
        return None if token is None else Token(_credential(token), lifetime)

    def lending(self, token: str) -> Self:
        """The same client, for calls with this token: the gateway's own is neither used nor called dead by them."""
        return self.with_credential(_credential(token))

    def token_is_dead(self, endpoint: Endpoint, envelope: Envelope) -> bool:
        """Code 9 here as well (quirk 12); the code that the table of the endpoint has for it; elsewhere undocumented
        (quirk 21): any code of a failure, where the text speaks of the token. Who is not found (2) may not have logged
        in to something.
        """
        if envelope.token_is_dead:
            return True
        if endpoint.dead_token is not None:
            return envelope.code == endpoint.dead_token
        words = _TOKEN_WORDS if envelope.code == NOT_FOUND else _CREDENTIAL_WORDS
        return envelope.code not in (None, SUCCESS) and words.search(envelope.hints) is not None


def _credential(token: str) -> Credential:
    return Credential(fields={"token": token})
