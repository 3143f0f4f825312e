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

import re
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, ParamSpec

from gateway.wording.codes import ErrorCode
from gateway.wording.wording import Text, Violation

ParamsT = ParamSpec("ParamsT")

_UNDERSCORE = re.compile("_(.)")


class GatewayError(Exception):
    """Base of all errors that carry a public code.

    `extensions()` is what goes into `errors[].extensions` of a GraphQL response, the request id and the message in
    Chinese apart: its code, and the attributes that `shown` names.
    """

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    shown: ClassVar[tuple[str, ...]] = ()

    def __init__(self, message: Text) -> None:
        super().__init__(message)
        self.message = message

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code.word.retryable

    def extensions(self) -> Mapping[str, object]:
        shown = {_UNDERSCORE.sub(lambda it: it[1].upper(), name): getattr(self, name) for name in self.shown}
        return {"code": self.code, **shown}


class UserInputError(GatewayError):
    """Arguments of the caller's are wrong: `violations` are all that were found, and the message is that of the first.

    `argument` is its dotted GraphQL name, such as `filter.unit`.
    """

    code = ErrorCode.BAD_USER_INPUT

    def __init__(self, argument: str, message: Text, *others: Violation) -> None:
        super().__init__(message)
        self.argument = argument
        self.violations = (Violation(tuple(argument.split(".")), message), *others)

    def extensions(self) -> Mapping[str, object]:
        named = {"code": self.code, "argument": self.argument}
        if self.message.rule is None:  # it is about the request, not about a value in it
            return named
        violations = [violation.to_json() for violation in self.violations]
        return {**named, "rule": self.message.rule, **self.message.bounds, "violations": violations}


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
    code = ErrorCode.UNAUTHENTICATED


class IssuerUnavailableError(GatewayError):
    """The issuer gives no keys, and none of it can be trusted: no token can be checked. `retry_after` in seconds.

    `reason` is for operators, why the last try failed: who sent the token learns nothing of how the issuer fares.
    """

    code = ErrorCode.UPSTREAM_UNAVAILABLE
    shown = "retryable", "retry_after"

    def __init__(self, message: Text, retry_after: float, reason: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason or message


class ForbiddenError(GatewayError):
    code = ErrorCode.FORBIDDEN

    def __init__(self, message: Text, scope: str | None = None) -> None:
        super().__init__(message)
        self.scope = scope

    def extensions(self) -> Mapping[str, object]:
        return {"code": self.code} if self.scope is None else {"code": self.code, "missingScope": self.scope}


class ForbiddenCommunityError(GatewayError):
    code = ErrorCode.FORBIDDEN_COMMUNITY


class RateLimitedError(GatewayError):
    """The caller asked too often: more than `limit` times a minute, if that is the bound. `retry_after` in seconds.

    `subject` is what there is too much of, for operators; `policy` names the bound to callers.
    """

    code = ErrorCode.RATE_LIMITED
    shown = "retryable", "retry_after"

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


class QueryTooComplexError(GatewayError):
    """The document is beyond a limit of the edge: `limit` names it, `bound` and `requested` are counts."""

    code = ErrorCode.QUERY_TOO_COMPLEX
    shown = "limit", "bound", "requested"

    def __init__(self, message: Text, limit: str, bound: int, requested: int | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.bound = bound
        self.requested = requested


class PersistedQueryNotFoundError(GatewayError):
    """No document is known by the identifier. Clients know the message: they send the document itself."""

    code = ErrorCode.PERSISTED_QUERY_NOT_FOUND


class UntrustedDocumentError(GatewayError):
    code = ErrorCode.QUERY_NOT_IN_SAFELIST


class MethodNotAllowedError(GatewayError):
    code = ErrorCode.METHOD_NOT_ALLOWED


class RequestTimeoutError(GatewayError):
    """The total deadline of the request passed before its answer was complete; its reads were given up."""

    code = ErrorCode.UPSTREAM_TIMEOUT
    shown = ("retryable",)


class JournalError(GatewayError):
    """The durable record cannot be read or written now. What was to be written may be in it, or not.

    No platform is sent a write that is not in it: the same request may succeed later, with the same idempotency key.
    `reason` is for operators: it names the setting, and what is wrong.
    """

    shown = ("retryable",)
    retryable = True

    def __init__(self, message: Text, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class JournalRefusedError(JournalError):
    """The durable record refuses what was to be written, and would again: a constraint, a value out of range."""

    retryable = False


class PlatformError(GatewayError):
    """A platform did not give what was asked.

    `platform` and `endpoint` (as in the document: "order/list") say where. `retryable` says whether the same call may
    succeed later; `sent` whether the platform may have executed the request: ask the error, not its class, for a call
    may fail before it begins (on the way to a token, say). `retry_after` in seconds, None where nobody knows.
    """

    code = ErrorCode.UPSTREAM_UNAVAILABLE
    shown: ClassVar[tuple[str, ...]] = ("platform", "endpoint", "retryable")
    sent: bool = True

    def __init__(
        self,
        platform: str,
        endpoint: str,
        message: Text,
        *,
        retry_after: float | None = None,
        sent: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.platform = platform
        self.endpoint = endpoint
        self.retry_after = retry_after
        if sent is not None:
            self.sent = sent

    def extensions(self) -> Mapping[str, object]:
        extensions = super().extensions()
        return extensions if self.retry_after is None else {**extensions, "retryAfter": self.retry_after}


class NotConfiguredError(PlatformError):
    code = ErrorCode.NOT_CONFIGURED
    sent = False


class NotSentError(PlatformError):
    sent = False


class ConnectionLostError(PlatformError):
    """The connection broke after the request began to leave: whether it was executed is unknown."""


class PlatformTimeoutError(PlatformError):
    """The total deadline of the call passed. `sent` of the class is the careful reading: it may have arrived."""

    code = ErrorCode.UPSTREAM_TIMEOUT


class PlatformBusyError(PlatformError):
    """The platform turns calls away: HTTP 429, which executes nothing, or 503 (quirk 191). Or a proxy before it has
    given up, 502, 504 or above: then the call may still be under way.
    """


class ProtocolError(PlatformError):
    code = ErrorCode.UPSTREAM_PROTOCOL


class PlatformAuthError(PlatformError):
    code = ErrorCode.UPSTREAM_AUTH
    sent = False


class RefusedError(PlatformError):
    """The platform answered with a code other than 0.

    `upstream_code` is that code; `upstream_message` its `msg` for users, or None where the document's own `msg`
    contradicts the code (order/list, quirk 17). The platform's `message` is for its developers and is never kept.
    """

    code = ErrorCode.UPSTREAM_REFUSED
    shown = (*PlatformError.shown, "upstream_code", "upstream_message")

    def __init__(
        self, platform: str, endpoint: str, message: Text, upstream_code: int, upstream_message: str | None
    ) -> None:
        super().__init__(platform, endpoint, message)
        self.upstream_code = upstream_code
        self.upstream_message = upstream_message


class CommunityRefusedError(RefusedError):
    """The platform says that the gateway's account is not authorised for the community (1.2.2.4). Nothing else shows
    which ones it may manage (quirk 46).
    """

    code = ErrorCode.UPSTREAM_FORBIDDEN_COMMUNITY


def drop_tracebacks(error: BaseException) -> None:
    """Of an error that has been dealt with, and of what it came from: frames hold the error that went through them, and
    together they would keep a whole request until the cycle collector comes.
    """
    errors = [error]
    while errors:
        each = errors.pop()
        if each.__traceback__ is not None:
            each.__traceback__ = None
            errors += filter(None, (each.__cause__, each.__context__, getattr(each, "original_error", None)))
