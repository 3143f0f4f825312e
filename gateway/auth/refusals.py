"""Why tokens are refused: for operators always, for callers in development alone."""

from enum import StrEnum

import structlog

from gateway.errors import UnauthenticatedError
from gateway.ops.logs import LogThrottle
from gateway.ops.metrics import Metrics
from gateway.wording.requests import RequestWording, TokenWording
from gateway.wording.wording import Text

REFUSAL = RequestWording.TOKEN_NEEDED()
"""What every refused caller gets in production: which check failed would help only those who try."""

log = structlog.get_logger(__name__)


class RefusalReason(StrEnum):
    """The check that failed, in the order of the checks; `words` say it to people."""

    words: Text

    def __new__(cls, value: str, wording: TokenWording) -> "RefusalReason":
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.words = wording()
        return reason

    MISSING = "missing", TokenWording.MISSING
    SCHEME = "scheme", TokenWording.SCHEME
    FORM = "form", TokenWording.FORM
    HEADER = "header", TokenWording.HEADER
    ALG = "alg", TokenWording.ALG
    TYP = "typ", TokenWording.TYP
    KEY = "key", TokenWording.KEY
    SIGNATURE = "signature", TokenWording.SIGNATURE
    CLAIMS = "claims", TokenWording.CLAIMS
    ISS = "iss", TokenWording.ISS
    AUD = "aud", TokenWording.AUD
    EXP = "exp", TokenWording.EXP
    NBF = "nbf", TokenWording.NBF


class InvalidTokenError(UnauthenticatedError):
    """A token that is not believed, or none. The message says nothing of the reason."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(REFUSAL)
        self.reason = reason


class Refusals:
    """Counts refused tokens by reason, for Prometheus, and logs one of each reason a minute: nothing of the token."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._counts = {reason: metrics.refused_tokens.labels(reason.value) for reason in RefusalReason}
        self._throttle = LogThrottle()

    def record(self, reason: RefusalReason) -> None:
        self._counts[reason].inc()
        left_out = self._throttle.left_out(reason)
        if left_out is not None:
            log.warning("token refused", reason=reason.value, because=reason.words, left_out=left_out)
