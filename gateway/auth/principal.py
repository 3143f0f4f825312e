"""Who asks, and what they may do and see."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

from gateway.errors import ForbiddenError
from gateway.wording.requests import RequestWording

EVERYTHING = "*"  # as a community: all of them. Only the development issuer takes it for scopes, and writes them out


class Scope(StrEnum):
    """The rights of the contract: a token names them, `@requiresScope` asks for them; see `docs/security.md`."""

    PEOPLE_READ = "people:read"
    SHENHE_READ = "shenhe:read"
    SHENHE_REVIEW = "shenhe:review"
    ORDER_READ = "order:read"
    ORDER_CREATE = "order:create"
    REPAIR_READ = "repair:read"
    REPAIR_WRITE = "repair:write"
    MODULE_READ = "module:read"
    MODULE_WRITE = "module:write"
    ANNOUNCEMENT_READ = "announcement:read"
    ANNOUNCEMENT_WRITE = "announcement:write"
    PAYMENT_READ = "payment:read"
    PAYMENT_WRITE = "payment:write"
    OPERATION_READ = "operation:read"
    AUDIT_READ = "audit:read"
    PII_READ = "pii:read"
    TRACE_READ = "trace:read"
    SCHEMA_INTROSPECT = "schema:introspect"


READING = frozenset(scope for scope in Scope if scope.endswith(":read"))

_ALTERS_ANSWERS = READING - {Scope.TRACE_READ} | {Scope.SHENHE_REVIEW}
"""Scopes that a read's answer depends on; `shenhe:review` decides `Shenhe.canReview`."""


View: TypeAlias = tuple[frozenset[str] | None, frozenset[str]]
"""What a principal may see, a part of every shared cache's key: communities, and the scopes that alter answers."""


@lru_cache(4096)
def _view(communities: frozenset[str] | None, scopes: frozenset[str]) -> View:
    """The same object each time: hundreds of communities would be compared with each read."""
    return communities, scopes


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token has been verified.

    `communities` are the codes the caller may see, None for all of them; `codes` are the same in the order of the
    token. `expires_at` is in Unix seconds: a connection that outlives it has no principal any more.
    """

    subject: str
    scopes: frozenset[str]
    communities: frozenset[str] | None
    expires_at: float
    codes: tuple[str, ...] | None = field(default=None, repr=False, compare=False)
    view: View = field(init=False, repr=False, compare=False)
    reveals_pii: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.codes is None and self.communities is not None:
            object.__setattr__(self, "codes", tuple(sorted(self.communities)))
        object.__setattr__(self, "view", _view(self.communities, self.scopes & _ALTERS_ANSWERS))
        object.__setattr__(self, "reveals_pii", Scope.PII_READ in self.scopes)

    @property
    def sees_all(self) -> bool:
        """Whether the caller may see all communities."""
        return self.communities is None

    def sees(self, community_code: str | None) -> bool:
        """Whether a record of this community may be shown. A record of no known community needs all of them."""
        return self.communities is None or community_code in self.communities

    def require(self, *scopes: str) -> None:
        """Raises ForbiddenError that names the first scope the caller lacks."""
        for scope in scopes:
            if scope not in self.scopes:
                raise ForbiddenError(RequestWording.SCOPE_NEEDED(scope=scope), str(scope))
