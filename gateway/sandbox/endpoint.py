"""The endpoints of both platforms, by the names that the log, the effects and the faults know them by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.sandbox.dialects.dialect import Row
from gateway.sandbox.http import Request

Form = dict[str, str]


class PlatformName(StrEnum):
    WJDH = "WJDH"
    SECURITY = "SECURITY"


class EndpointKind(StrEnum):
    """What a call does: every read here is a POST, so the method does not say it (quirk 53)."""

    TOKEN = "token"  # noqa: S105 - a kind of endpoint, not a token
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One documented call. `answer` carries it out and returns the JSON object to send."""

    name: str
    method: str
    path: str
    kind: EndpointKind
    answer: Callable[[Form], Row]


class Platform(Protocol):
    """What a platform is to its server: endpoints, and the answers that are not an endpoint's own."""

    @property
    def name(self) -> PlatformName: ...

    @property
    def endpoints(self) -> Sequence[Endpoint]: ...

    def admits(self, endpoint: Endpoint, request: Request, form: Form) -> bool:
        """Whether the call carries a living token, or needs none."""

    def expired(self, endpoint: Endpoint) -> Row:
        """The answer to a dead token."""

    def refused(self, endpoint: Endpoint) -> Row:
        """The answer of a platform that could not carry out the call, and has not."""


class RefusedError(Exception):
    """The platform says no: a documented code with its `msg` for users and `message` for developers."""

    def __init__(self, code: int, msg: str, message: str = "") -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg
        self.message = message
