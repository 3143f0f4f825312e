"""The wjdh platform (万家灯火): how it logs in, pages, filters, and says that a record does not exist."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Self, TypeVar

import msgspec

from gateway.errors import ProtocolError
from gateway.normalise.records import Page, Record, declared_fields
from gateway.normalise.table import Rows
from gateway.normalise.values import row_id
from gateway.normalise.vocabulary import PlatformName
from gateway.platforms.client import PlatformClient, read_token
from gateway.platforms.endpoint import Effect, Endpoint, Upstream
from gateway.platforms.envelope import ERROR_WORDS, Envelope
from gateway.platforms.session import Credential, Token
from gateway.settings import Settings
from gateway.wording.faults import FaultWording

RecordT = TypeVar("RecordT", bound=Record)

WJDH = PlatformName.WJDH
SECRET = Endpoint(WJDH, "secret", "POST", "wjdh/secret", Effect.LOGIN)

API = "/api/v1"
DEFAULT_LIFETIME = 3600.0

_SCHEME = re.compile(r"[A-Za-z]{1,20}")
FAILED_FETCH = re.compile(f"{ERROR_WORDS}|数据库", re.IGNORECASE)


class Wjdh(PlatformClient):
    """Reviews, orders, modules, repairs and announcements. Paths are irregular (quirks 49 to 52)."""

    platform = WJDH
    login = SECRET
    not_offered = ("bill/list", "complaint/list")
    address_settings = "GATEWAY_WJDH_URL"

    @classmethod
    def open(cls, settings: Settings, upstream: Upstream) -> Self:
        """The URL may end in /api/v1 or leave that out."""
        url = settings.wjdh_url.rstrip("/")
        if url:
            url = url.removesuffix(API) + API
        secret = {"secret_id": settings.wjdh_secret_id, "secret_key": settings.wjdh_secret_key}
        return cls(url, secret, upstream)

    def find_token(self, body: Mapping[str, Any]) -> Token | None:
        """1.2.1: `token_type` and the token make the header; 3600 s where the lifetime cannot be read (quirk 39)."""
        token, scheme = read_token(body.get("access_token")), body.get("token_type")
        if token is None:
            return None
        if not isinstance(scheme, str) or not _SCHEME.fullmatch(scheme):
            scheme = "Bearer"
        lifetime = self.wire.profile.token_lifetimes.get(WJDH) or row_id(body.get("expires_in")) or DEFAULT_LIFETIME
        return Token(Credential(f"{scheme} {token}"), float(lifetime))

    def read_page(
        self, endpoint: Endpoint, envelope: Envelope, rows: Rows[RecordT], community_code: str, page: int
    ) -> Page[RecordT]:
        """A page of a community's list, of the answer to a `Call`."""
        return self.wire.table(rows).page(self.accept(endpoint, envelope), community_code, page)

    def read_record(
        self, endpoint: Endpoint, envelope: Envelope, rows: Rows[RecordT], platform_id: int, community_code: str | None
    ) -> RecordT | None:
        """The record that was asked for by its number, of the answer to a `Call`. `community_code` is what the caller
        knows of it: the answer does not say (quirk 175).
        """
        if _is_not_found(envelope, self.wire.profile.not_found):
            return None
        record: Any = self.wire.table(rows).one(self.accept(endpoint, envelope).get("data"), community_code)
        if record is not None and record.platform_id != platform_id:
            raise ProtocolError(self.platform, endpoint.name, FaultWording.OTHER_RECORD())
        found: RecordT | None = record
        return found


def _is_not_found(envelope: Envelope, wordings: Sequence[str]) -> bool:
    """Whether the record that was asked for by id does not exist, as far as that can be known (quirks 20, 28, 31).

    The document has no answer for it. With an id given, code 1 without data, "服务器开小差" included, can hardly mean
    anything else, unless it speaks of an error.
    """
    if envelope.has_failed or not envelope.is_empty:
        return False
    if envelope.says(wordings):
        return True
    return envelope.code in (1, 2) and FAILED_FETCH.search(envelope.hints) is None


Form = dict[str, str]
"""Values are always text, so that no HTTP client turns true into "true" or a code into a number (quirks 62, 65)."""


def query_form(query: Record) -> Form:
    """The filters of a list: those that are set, under the keys that the record class declares."""
    filters = zip(_filters(type(query)), msgspec.structs.astuple(query), strict=True)
    return {key: str(write(value, "")) for (key, write), value in filters if value is not None}


@cache
def _filters(query: type[Record]) -> tuple[tuple[str, Callable[[Any, object], object]], ...]:
    """The keys of a record class whose attributes all can be sent, in their order, with what writes them."""
    fields = [(declared.keys[0], declared.kind) for declared in declared_fields(query).values()]
    return tuple((key, kind.write) for key, kind in fields if kind is not None and kind.write is not None)


def without_none(fields: Mapping[str, str | None]) -> Form:
    """A form without what says nothing (quirk 151)."""
    return {name: value for name, value in fields.items() if value is not None}
