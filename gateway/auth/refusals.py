"""Why tokens are refused: for operators always, for callers in development alone."""

from enum import StrEnum

import structlog

from gateway.errors import UnauthenticatedError
from gateway.ops.log_throttle import LogThrottle
from gateway.ops.tally import Family, Tally

REFUSAL = "A valid bearer token is needed"
"""What every refused caller gets in production: which check failed would help only those who try."""

REFUSED_TOKENS = Family("gateway_refused_tokens_total", "counter", "Tokens that were refused", ("reason",))

log = structlog.get_logger(__name__)


class RefusalReason(StrEnum):
    """The check that failed, in the order of the checks; `words` say it to people."""

    words: str

    def __new__(cls, value: str, words: str) -> "RefusalReason":
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.words = words
        return reason

    MISSING = "missing", "there is no Authorization header"
    SCHEME = "scheme", "the Authorization header does not begin with Bearer"
    FORM = "form", "it is not a signed JWT, or too long"
    HEADER = "header", "its header lacks alg or typ, or brings a key or an extension along"
    ALG = "alg", "its alg is not one that is believed"
    TYP = "typ", "its typ is not that of an access token"
    KEY = "key", "the issuer has no key for its kid and alg"
    SIGNATURE = "signature", "its signature does not verify: another key signed it, or it was altered"
    CLAIMS = "claims", "iss, aud, sub or exp is missing, or a claim is of a wrong type"
    ISS = "iss", "its iss is another issuer"
    AUD = "aud", "its aud is not this gateway"
    EXP = "exp", "it has expired (exp)"
    NBF = "nbf", "it is not valid yet (nbf, iat): clocks differ"


class InvalidTokenError(UnauthenticatedError):
    """A token that is not believed, or none. The message says nothing of the reason."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(REFUSAL)
        self.reason = reason


class Refusals:
    """Counts refused tokens by reason, for Prometheus, and logs one of each reason a minute: nothing of the token."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._counts = {reason: tally.count(REFUSED_TOKENS, reason.value) for reason in RefusalReason}
        self._throttle = LogThrottle()

    def record(self, reason: RefusalReason) -> None:
        self._counts[reason].add()
        left_out = self._throttle.left_out(reason)
        if left_out is not None:
            log.warning("token refused", reason=reason.value, because=reason.words, left_out=left_out)
