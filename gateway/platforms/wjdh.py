"""The wjdh platform (万家灯火): reviews, orders, modules, repairs, announcements."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import structs

from gateway.errors import ProtocolError
from gateway.normalise import forms
from gateway.normalise.module import Module, parse_modules
from gateway.normalise.order import ORDERS, Order, OrderQuery
from gateway.normalise.records import Page, Record
from gateway.normalise.repair import REPAIRS, Repair, RepairQuery
from gateway.normalise.requests import NewAnnouncement, NewOrder
from gateway.normalise.shenhe import REVIEWS, Shenhe, ShenheQuery
from gateway.normalise.table import Rows
from gateway.normalise.values import row_id
from gateway.normalise.vocabulary import RepairStatus, ShenheStatus
from gateway.platforms.call import Call
from gateway.platforms.client import PlatformClient, Probe, read_token
from gateway.platforms.endpoint import Endpoint, Kind
from gateway.platforms.envelope import ERROR_WORDS, Envelope
from gateway.platforms.route import Upstream, encode_form
from gateway.platforms.session import Credential, Token
from gateway.wording.faults import FaultWording

# Some paths have wjdh/ in front and some have not, and order/list is not orders/list (quirks 49 to 52).
SECRET = Endpoint("secret", "POST", "wjdh/secret", Kind.LOGIN)
SHENHE_LIST = Endpoint("shenheList", "POST", "wjdh/shenheList", Kind.READ, decode=REVIEWS.decode_list, record=Shenhe)
SHENHE = Endpoint("shenhe", "POST", "wjdh/shenhe", Kind.READ, record=Shenhe)
SHENHE_UPDATE = Endpoint("shenhe/update", "PUT", "wjdh/shenhe", Kind.REPEATABLE_WRITE)
ORDER_NEW = Endpoint("order/new", "POST", "order/new", Kind.UNREPEATABLE_WRITE)
ORDER_LIST = Endpoint(
    "order/list", "POST", "order/list", Kind.READ, shows_why=False, decode=ORDERS.decode_list, record=Order
)
MODULES = Endpoint("modules", "POST", "wjdh/modules", Kind.READ, record=Module)
MODULE = Endpoint("module", "PUT", "wjdh/module", Kind.REPEATABLE_WRITE)
REPAIR_LIST = Endpoint("repair/list", "POST", "wjdh/repair/list", Kind.READ, decode=REPAIRS.decode_list, record=Repair)
REPAIR = Endpoint("repair", "POST", "repair", Kind.READ, record=Repair)
REPAIR_UPDATE = Endpoint("repair/update", "PUT", "repair", Kind.REPEATABLE_WRITE)
ANNOUNCEMENT_NEW = Endpoint("announcement/new", "POST", "announcement/new", Kind.UNREPEATABLE_WRITE)

ENDPOINTS = (
    SHENHE_LIST,
    SHENHE,
    SHENHE_UPDATE,
    ORDER_NEW,
    ORDER_LIST,
    MODULES,
    MODULE,
    REPAIR_LIST,
    REPAIR,
    REPAIR_UPDATE,
    ANNOUNCEMENT_NEW,
)

RecordT = TypeVar("RecordT", bound=Record)
OneT = TypeVar("OneT", Shenhe, Repair)

API = "/api/v1"
DEFAULT_LIFETIME = 3600.0
PROBE_COMMUNITY = "0"
MOST_SHORT = 10
"""A community code that no community has."""

_ORDER_NUMBER = re.compile(r"(?=.*[1-9])[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
"""Digits as documented; letters may be among them, but "null" and 0 are no number."""

_SCHEME = re.compile(r"[A-Za-z]{1,20}")
FAILED_FETCH = re.compile(f"{ERROR_WORDS}|数据库", re.IGNORECASE)


class Wjdh(PlatformClient):
    """A typed method per endpoint.

    Every method raises a PlatformError when the platform did not give what was asked; "not found" is None.
    """

    platform = "WJDH"
    not_offered = ("bill/list", "complaint/list")

    def __init__(
        self,
        url: str,
        secret_id: str,
        secret_key: str,
        upstream: Upstream,
        *,
        token_lifetime: float | None = None,
        not_found: Sequence[str] = (),
    ) -> None:
        """`token_lifetime`: seconds, whatever logins say. `not_found`: texts that stand in answers which found nothing.

        Raises httpx.InvalidURL or httpx.UnsupportedProtocol. The URL may end in /api/v1 or leave that out."""
        base = url.rstrip("/")
        if base:
            base = base.removesuffix(API) + API
        super().__init__(base, SECRET, ENDPOINTS, upstream)
        self._token_lifetime = token_lifetime
        self._not_found = not_found
        self._secret = {"secret_id": secret_id, "secret_key": secret_key}

    def shenhes(self, community_code: str, query: ShenheQuery, page: int = 1, per_page: int = 20) -> Call[Page[Shenhe]]:
        """A page of the community's reviews (1.2.2)."""
        form = {"community_identifier": community_code, **forms.query_form(query)}
        form |= _paging(page, per_page)
        return Call(self, SHENHE_LIST, encode_form(form), self._page, REVIEWS, community_code, page)

    def shenhe(self, platform_id: int, community_code: str | None = None) -> Call[Shenhe | None]:
        """One review (1.2.3). `community_code` is what the caller knows of it: the answer does not say (quirk 175)."""
        return Call(self, SHENHE, _id_form(platform_id), self._record, REVIEWS, platform_id, community_code)

    async def decide_shenhe(
        self, platform_id: int, status: ShenheStatus, *, content: str | None = None, reason: str | None = None
    ) -> None:
        """Approve or reject a review (1.2.4). `content` is the complete document as JSON text (quirk 116).

        `reason` goes as `shenhe_refuse_reason`, which the document does not list (quirk 145). What the platform
        echoes proves nothing (quirk 18).
        """
        form = {"id": str(platform_id), **forms.shenhe_decision_form(status, content)}
        await self._succeed(SHENHE_UPDATE, form | ({"shenhe_refuse_reason": reason} if reason else {}))

    async def create_order(self, order: NewOrder) -> str:
        """Create an order (2.1.1) and return its number. Never repeated: a lost answer leaves it unknown (quirk 154).

        Raises RefusedError with `upstream_code` 2 (no such person or vehicle) or 3 (not registered).
        """
        number = (await self._succeed(ORDER_NEW, forms.new_order_form(order))).get("data")
        text = str(number).strip() if type(number) is int or isinstance(number, str) else ""
        if _ORDER_NUMBER.fullmatch(text):
            return text
        raise ProtocolError(self.platform, ORDER_NEW.name, FaultWording.NO_ORDER_NUMBER())

    def orders(self, community_code: str, query: OrderQuery, page: int = 1) -> Call[Page[Order]]:
        """A page of the community's orders (2.1.2); its size is the platform's choice (quirk 134)."""
        form = {"xiaoqu": community_code, **forms.query_form(query), "page": _page_number(page)}
        return Call(self, ORDER_LIST, encode_form(form), self._page, ORDERS, community_code, page)

    def probe_communities(self, codes: Sequence[str]) -> list[Coroutine[Any, Any, Probe]]:
        """Try a page of the first one, and of those whose code is shorter than another: it may have lost a zero."""
        short = [code for code in codes if len(code) < max(map(len, codes))][:MOST_SHORT]
        return [self._probe_community(code, code in short) for code in dict.fromkeys((*codes[:1], *short))]

    async def _probe_community(self, code: str, is_short: bool) -> Probe:
        rows: list[Order] = []

        async def read() -> None:
            rows.extend((await self.orders(code, OrderQuery())).items)

        probe = await self._try(ORDER_LIST.name, read)
        problem, is_refused = probe.problem, (probe.answer or "").startswith("code ")
        if is_refused or (probe.answer == "OK" and is_short and not rows):
            what = "is refused" if is_refused else "has no orders"
            problem = f"order/list: community {code} {what}: is it the account's, with all its leading zeros?"
        return structs.replace(probe, endpoint=f"{probe.endpoint} of {code}", problem=problem)

    def modules(self, community_code: str) -> Call[tuple[Module, ...]]:
        """The community's feature modules (3.2.1)."""
        return Call(self, MODULES, encode_form({"xiaoqu": community_code}), self._read_modules, community_code)

    def _read_modules(self, endpoint: Endpoint, envelope: Envelope, community_code: str) -> tuple[Module, ...]:
        return parse_modules(self.wire, self._data(endpoint, envelope), community_code)

    async def set_module(self, community_code: str, label: str, enabled: bool) -> None:
        """Switch a module, by the platform's word for it, on or off (3.2.2)."""
        await self._succeed(MODULE, forms.module_form(community_code, label, enabled))

    def repairs(self, community_code: str, query: RepairQuery, page: int = 1, per_page: int = 20) -> Call[Page[Repair]]:
        """A page of the community's repairs of one status (4.1): without one, the open ones (quirk 146)."""
        form = {"xiaoqu": community_code, **forms.query_form(query)}
        form |= _paging(page, per_page)
        return Call(self, REPAIR_LIST, encode_form(form), self._page, REPAIRS, community_code, page)

    def repair(self, platform_id: int, community_code: str | None = None) -> Call[Repair | None]:
        """One repair with its date (4.2). `community_code` as in `shenhe`."""
        return Call(self, REPAIR, _id_form(platform_id), self._record, REPAIRS, platform_id, community_code)

    async def update_repair(self, platform_id: int, status: RepairStatus, reply: str | None = None) -> None:
        """Set a repair's status (4.3); an absent reply keeps the old one (quirk 55)."""
        await self._succeed(REPAIR_UPDATE, {"id": str(platform_id), **forms.repair_update_form(status, reply)})

    async def create_announcement(self, announcement: NewAnnouncement) -> int:
        """Publish an announcement (5.1) and return its id. Never repeated (quirk 154)."""
        number = row_id((await self._succeed(ANNOUNCEMENT_NEW, forms.new_announcement_form(announcement))).get("data"))
        if number is None:
            raise ProtocolError(self.platform, ANNOUNCEMENT_NEW.name, FaultWording.NO_ANNOUNCEMENT_ID())
        return number

    def _page(
        self,
        endpoint: Endpoint,
        envelope: Envelope,
        rows: Rows[RecordT],
        community_code: str,
        page: int,
    ) -> Page[RecordT]:
        """The page in an answer."""
        return self.wire.table(rows).page(self._accept(endpoint, envelope), community_code, page)

    def _record(
        self,
        endpoint: Endpoint,
        envelope: Envelope,
        rows: Rows[OneT],
        platform_id: int,
        community_code: str | None,
    ) -> OneT | None:
        """The record in an answer to a call by id; None when there is none."""
        if _is_not_found(envelope, self._not_found):
            return None
        record = self.wire.table(rows).one(self._accept(endpoint, envelope).get("data"), community_code)
        if record is not None and record.platform_id != platform_id:
            raise ProtocolError(self.platform, endpoint.name, FaultWording.OTHER_RECORD())
        return record

    def _credentials(self) -> Mapping[str, str]:
        return self._secret

    def _token(self, body: Mapping[str, Any]) -> Token | None:
        """1.2.1: `token_type` and the token make the header; 3600 s where the lifetime cannot be read (quirk 39)."""
        token, scheme = read_token(body.get("access_token")), body.get("token_type")
        if token is None:
            return None
        if not isinstance(scheme, str) or not _SCHEME.fullmatch(scheme):
            scheme = "Bearer"
        credential = Credential(authorization=f"{scheme} {token}".encode("ascii"))
        lifetime = self._token_lifetime or row_id(body.get("expires_in")) or DEFAULT_LIFETIME
        return Token(credential, float(lifetime))

    def _harmless_reads(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        return {
            SHENHE_LIST.name: lambda: self.shenhes(PROBE_COMMUNITY, ShenheQuery(), per_page=1),
            SHENHE.name: lambda: self.shenhe(0),
            ORDER_LIST.name: lambda: self.orders(PROBE_COMMUNITY, OrderQuery()),
            MODULES.name: lambda: self.modules(PROBE_COMMUNITY),
            REPAIR_LIST.name: lambda: self.repairs(PROBE_COMMUNITY, RepairQuery(status=RepairStatus.OPEN), per_page=1),
            REPAIR.name: lambda: self.repair(0),
        }


def _paging(page: int, per_page: int) -> dict[str, str]:
    """Always said, for the default is 20 here and 15 there (quirk 135)."""
    return {"page": _page_number(page), "per_page": str(per_page)}


def _page_number(page: int) -> str:
    """Pages count from 1. Raises ValueError below: a platform that answers such a page gives another one."""
    if page < 1:
        raise ValueError(f"page {page} of a list")
    return str(page)


def _id_form(platform_id: int) -> bytes:
    return b"id=%d" % platform_id


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
