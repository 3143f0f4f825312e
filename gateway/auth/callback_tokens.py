"""Tokens of the payment callback: the resident platform fetches one before it sends notifications (document 1.1.1)."""

import hmac
import secrets
import time
from collections.abc import Callable

TOKEN_SECONDS = 3600


class CallbackTokens:
    """Issued and checked by signature, so that every gateway of the same key takes those of the others.

    Text: expiry in Unix seconds, a random part, and the HMAC-SHA256 of both.
    """

    def __init__(self, key: bytes, key_k: str, key_d: str, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(key, b"payment callback token", "sha256")
        self._credentials = (key_k.encode(), key_d.encode())
        self._clock = clock

    def issue(self, key_k: str, key_d: str) -> str | None:
        """A token for the right credentials, compared in constant time; None for any other."""
        known_k, known_d = self._credentials
        right_k = hmac.compare_digest(key_k.encode(), known_k)
        right_d = hmac.compare_digest(key_d.encode(), known_d)
        if not (right_k and right_d and known_k and known_d):
            return None
        content = f"{int(self._clock()) + TOKEN_SECONDS}.{secrets.token_hex(8)}"
        return f"{content}.{self._sign(content)}"

    def accepts(self, token: str) -> bool:
        """Whether the token is of these credentials and has not expired."""
        return self.issued(token) and int(token.partition(".")[0]) > self._clock()

    def issued(self, token: str) -> bool:
        """Whether the token is of these credentials, expired or not."""
        content, _, signature = token.rpartition(".")
        return hmac.compare_digest(signature.encode(), self._sign(content).encode())

    def _sign(self, content: str) -> str:
        return hmac.new(self._key, content.encode(), "sha256").hexdigest()
