"""Everything that can go wrong, in one tree.

    GatewayError
    ├── UserInputError            BAD_USER_INPUT: an argument is wrong; names it
    ├── UnauthenticatedError      UNAUTHENTICATED: no caller, or a token that does not verify
    ├── IssuerUnavailableError    UPSTREAM_UNAVAILABLE: not known yet whether a token verifies
    ├── ForbiddenError            FORBIDDEN: a known caller without the right; names the missing scope
    ├── ForbiddenCommunityError   FORBIDDEN_COMMUNITY: one of several communities is not the caller's
    ├── RateLimitedError          RATE_LIMITED: too many requests; says when to come back
    ├── QueryTooComplexError      QUERY_TOO_COMPLEX: a limit of the edge; names limit and bound
    ├── PersistedQueryNotFoundError  PERSISTED_QUERY_NOT_FOUND: no document is known by this identifier
    ├── UntrustedDocumentError    QUERY_NOT_IN_SAFELIST: only listed documents are run
    ├── MethodNotAllowedError     METHOD_NOT_ALLOWED: this operation, or this address, asks for another HTTP method
    ├── RequestTimeoutError       UPSTREAM_TIMEOUT: the whole request took too long
    ├── JournalError              INTERNAL: the durable record cannot be read or written
    │   └── JournalRefusedError   INTERNAL: it can be written, and refuses this entry
    └── PlatformError             a platform did not give what was asked
        ├── NotConfiguredError    NOT_CONFIGURED: this endpoint has no path in the settings
        ├── NotSentError          UPSTREAM_UNAVAILABLE: no byte of the request left (safe to repeat)
        ├── ConnectionLostError   UPSTREAM_UNAVAILABLE: the request may have arrived, the answer did not
        ├── PlatformTimeoutError  UPSTREAM_TIMEOUT: the total deadline passed
        ├── PlatformBusyError     UPSTREAM_UNAVAILABLE: too many calls, maintenance, or a proxy that gave up
        ├── ProtocolError         UPSTREAM_PROTOCOL: the answer is not of the documented protocol
        ├── PlatformAuthError     UPSTREAM_AUTH: the platform refuses the gateway's own credentials
        └── RefusedError          UPSTREAM_REFUSED: the platform understood and said no
            └── CommunityRefusedError  UPSTREAM_FORBIDDEN_COMMUNITY: the account may not manage the community

Messages are for callers: no URL, no upstream body, no secret, no personal data. They come from `gateway.wording`, in
English and Chinese.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Literal, ParamSpec

from gateway.wording.requests import RequestWording
from gateway.wording.wording import Text, Violation

PlatformId = Literal["WJDH", "SECURITY"]

ParamsT = ParamSpec("ParamsT")


class GatewayError(Exception):
    """Base of all errors that carry a public code.

    `extensions()` is what goes into `errors[].extensions` of a GraphQL response, the request id and the message in
    Chinese apart.
    """

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: Text) -> None:
        super().__init__(message)
        self.message = message

    def extensions(self) -> Mapping[str, object]:
        return {"code": self.code}


class UserInputError(GatewayError):
    """Arguments of the caller's are wrong: `violations` are all that were found, and the message is that of the first.

    `argument` is its dotted GraphQL name, such as `filter.unit`.
    """

    code = "BAD_USER_INPUT"

    def __init__(self, argument: str, message: Text, *others: Violation) -> None:
        super().__init__(message)
        self.argument = argument
        self.violations = (Violation(tuple(argument.split(".")), message), *others)

    def extensions(self) -> Mapping[str, object]:
        rule, bounds = self.message.rule, {"min": self.message.min, "max": self.message.max}
        if rule is None:  # it is about the request, not about a value in it
            return {"code": self.code, "argument": self.argument}
        return {
            "code": self.code,
            "argument": self.argument,
            "rule": rule,
            **{name: bound for name, bound in bounds.items() if bound is not None},
            "violations": [violation.to_json() for violation in self.violations],
        }


def find_violations(
    check: Callable[ParamsT, object], *arguments: ParamsT.args, **options: ParamsT.kwargs
) -> tuple[Violation, ...]:
    """What a check finds wrong; empty where it passes."""
    try:
        check(*arguments, **options)
    except UserInputError as error:
        return error.violations
    return ()


def refuse_input(*found: Iterable[Violation]) -> None:
    """Raises UserInputError with all of these violations, each once, where there is one."""
    violations = dict.fromkeys(violation for some in found for violation in some)
    if violations:
        first, *others = violations
        raise UserInputError(".".join(first.field), first.message, *others)


class UnauthenticatedError(GatewayError):
    """The caller did not show a valid token."""

    code = "UNAUTHENTICATED"


class IssuerUnavailableError(GatewayError):
    """The issuer gives no keys, and none of it can be trusted: no token can be checked. `retry_after` in seconds.

    `reason` is for operators, why the last try failed: who sent the token learns nothing of how the issuer fares.
    """

    code = "UPSTREAM_UNAVAILABLE"

    def __init__(self, message: Text, retry_after: float, reason: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason or message

    def extensions(self) -> Mapping[str, object]:
        return {"code": self.code, "retryable": True, "retryAfter": self.retry_after}


class ForbiddenError(GatewayError):
    """The caller is known and lacks `scope`."""

    code = "FORBIDDEN"

    def __init__(self, message: Text, scope: str | None = None) -> None:
        super().__init__(message)
        self.scope = scope

    def extensions(self) -> Mapping[str, object]:
        if self.scope is None:
            return {"code": self.code}
        return {"code": self.code, "missingScope": self.scope}


class ForbiddenCommunityError(GatewayError):
    """The caller names a community, among others, that is not theirs."""

    code = "FORBIDDEN_COMMUNITY"


class RateLimitedError(GatewayError):
    """The caller asked too often: more than `limit` times a minute, if that is the bound. `retry_after` in seconds.

    `subject` is what there is too much of, for operators; `policy` names the bound to callers.
    """

    code = "RATE_LIMITED"

    def __init__(
        self,
        message: Text,
        retry_after: float,
        limit: int | None = None,
        *,
        subject: str = "rate",
        policy: str = "caller",
    ) -> None:
        super().__init__(message)
        self.policy = policy
        self.retry_after = retry_after
        self.limit = limit
        self.subject = subject

    def extensions(self) -> Mapping[str, object]:
        return {"code": self.code, "retryable": True, "retryAfter": self.retry_after}


class QueryTooComplexError(GatewayError):
    """The document is beyond a limit of the edge: `limit` names it, `bound` and `requested` are counts."""

    code = "QUERY_TOO_COMPLEX"

    def __init__(self, message: Text, limit: str, bound: int, requested: int | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.bound = bound
        self.requested = requested

    def extensions(self) -> Mapping[str, object]:
        return {"code": self.code, "limit": self.limit, "bound": self.bound, "requested": self.requested}


class PersistedQueryNotFoundError(GatewayError):
    """No document is known by the identifier. Clients know the message, too: they then send the document itself."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__(RequestWording.NO_SUCH_DOCUMENT())


class UntrustedDocumentError(GatewayError):
    """The document is not in the list of trusted ones, and no other is run."""

    code = "QUERY_NOT_IN_SAFELIST"


class MethodNotAllowedError(GatewayError):
    """The HTTP method does not fit: mutations are never run by GET."""

    code = "METHOD_NOT_ALLOWED"


class RequestTimeoutError(GatewayError):
    """The total deadline of the request passed before its answer was complete; its reads were given up."""

    code = "UPSTREAM_TIMEOUT"

    def extensions(self) -> Mapping[str, object]:
        return {"code": self.code, "retryable": True}


class JournalError(GatewayError):
    """The durable record cannot be read or written now. What was to be written may be in it, or not.

    No platform is sent a write that is not in it: the same request may succeed later, with the same idempotency key.
    `reason` is for operators: it names the setting, and what is wrong.
    """

    retryable: ClassVar[bool] = True

    def __init__(self, message: Text, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message

    def extensions(self) -> Mapping[str, object]:
        return {"code": self.code, "retryable": self.retryable}


class JournalRefusedError(JournalError):
    """The durable record refuses what was to be written, and would refuse it again.

    A constraint of a table, a value out of range, a row that is too large.
    """

    retryable = False


class PlatformError(GatewayError):
    """A platform did not give what was asked.

    `platform` and `endpoint` (as in the document: "order/list") say where. `retryable` says whether the same call may
    succeed later; `sent` whether the platform may have executed the request: ask the error, not its class, for a call
    may fail before it begins (on the way to a token, say). `retry_after` in seconds, None where nobody knows.
    """

    code = "UPSTREAM_UNAVAILABLE"
    retryable: ClassVar[bool] = True
    sent: bool = True

    def __init__(self, platform: PlatformId, endpoint: str, message: Text, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.platform = platform
        self.endpoint = endpoint
        self.retry_after = retry_after

    def extensions(self) -> Mapping[str, object]:
        extensions = {
            "code": self.code,
            "platform": self.platform,
            "endpoint": self.endpoint,
            "retryable": self.retryable,
        }
        return extensions if self.retry_after is None else {**extensions, "retryAfter": self.retry_after}


class NotConfiguredError(PlatformError):
    """The settings give no path for this endpoint."""

    code = "NOT_CONFIGURED"
    retryable = False
    sent = False


class NotSentError(PlatformError):
    """No byte of the request left: no connection, no free slot, or the circuit is open."""

    sent = False


class ConnectionLostError(PlatformError):
    """The connection broke after the request began to leave: whether it was executed is unknown."""


class PlatformTimeoutError(PlatformError):
    """The total deadline of the call passed. `sent` of the class is the careful reading: it may have arrived."""

    code = "UPSTREAM_TIMEOUT"


class PlatformBusyError(PlatformError):
    """The platform turns calls away: HTTP 429, which executes nothing, or 503 (quirk 191). Or a proxy before it has
    given up, 502, 504 or above: then the call may still be under way.
    """

    def __init__(
        self, platform: PlatformId, endpoint: str, message: Text, *, retry_after: float | None, sent: bool
    ) -> None:
        super().__init__(platform, endpoint, message, retry_after=retry_after)
        self.sent = sent


class ProtocolError(PlatformError):
    """The answer is not what the document describes: HTML, cut JSON, a wrong shape, too large."""

    code = "UPSTREAM_PROTOCOL"


class PlatformAuthError(PlatformError):
    """The platform refuses the gateway's credentials, or its fresh token."""

    code = "UPSTREAM_AUTH"
    retryable = False
    sent = False


class RefusedError(PlatformError):
    """The platform answered with a code other than 0.

    `upstream_code` is that code; `upstream_message` its `msg` for users, or None where the document's own `msg`
    contradicts the code (order/list, quirk 17). The platform's `message` is for its developers and is never kept.
    """

    code = "UPSTREAM_REFUSED"
    retryable = False

    def __init__(
        self, platform: PlatformId, endpoint: str, message: Text, upstream_code: int, upstream_message: str | None
    ) -> None:
        super().__init__(platform, endpoint, message)
        self.upstream_code = upstream_code
        self.upstream_message = upstream_message

    def extensions(self) -> Mapping[str, object]:
        return {**super().extensions(), "upstreamCode": self.upstream_code, "upstreamMessage": self.upstream_message}


class CommunityRefusedError(RefusedError):
    """The platform says that the gateway's account is not authorised for the community (1.2.2.4). Nothing else shows
    which ones it may manage (quirk 46).
    """

    code = "UPSTREAM_FORBIDDEN_COMMUNITY"


def drop_tracebacks(error: BaseException) -> None:
    """Of an error that has been dealt with, and of what it came from.

    Frames hold the error that went through them. Together they would keep a whole request until the cycle collector
    comes.
    """
    errors = [error]
    while errors:
        each = errors.pop()
        if each.__traceback__ is not None:
            each.__traceback__ = None
            sources = (each.__cause__, each.__context__, getattr(each, "original_error", None))
            errors += [source for source in sources if source is not None]
