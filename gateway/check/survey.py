"""What the deep check asks: every reading endpoint, a few pages of each community, and calls that find nothing."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gateway.check.asking import Answer, Asker
from gateway.check.renaming import all_renamed_keys
from gateway.normalise.field import declared_fields
from gateway.normalise.house import house_of_label
from gateway.normalise.observation import DeclaredKeys, Observer, rows_in
from gateway.normalise.records import HouseKey
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.shenhe_content import ShenheHouse, ShenhePeople
from gateway.normalise.vocabulary import ShenheStatus, ShenheType
from gateway.platforms.session import Credential
from gateway.platforms.wjdh import PROBE_COMMUNITY

BEYOND = "9999"
"""A page that no list has."""

NO_RECORD = "2147483647"
PEOPLE = 10
RECORDS = 10
PROBE_PERSON = {"name": "无", "phone": "0"}

LISTS = {"shenheList": "community_identifier", "order/list": "xiaoqu", "repair/list": "xiaoqu"}
"""The lists, and how each calls the community."""


class Survey:
    """The answers, in memory alone, and what was observed of their rows."""

    def __init__(self, communities: Sequence[str]) -> None:
        self.communities = tuple(communities)
        self.answers: list[Answer] = []
        self.observer = Observer()
        self.renamed: dict[str, dict[str, tuple[str, str]]] = {}
        """By record and documented key: the key that came in its place, and the evidence."""
        self.tokens: dict[str, dict[str, bool | None]] = {}
        self.uses_printed_secret = False
        self.writes: dict[str, bool | None] = {}

    def add(self, answer: Answer) -> None:
        self.answers.append(answer)
        self._observe(answer)

    def look_again(self) -> None:
        """Look at all rows once more, knowing which keys stand in the place of which."""
        self.renamed = all_renamed_keys(self.observer)
        by_record = {
            record: {key: declared for declared, (key, _) in found.items()} for record, found in self.renamed.items()
        }
        self.observer = Observer(by_record)
        for answer in self.answers:
            self._observe(answer)

    def _observe(self, answer: Answer) -> None:
        if answer.succeeded and answer.purpose != "elsewhere":
            for record, rows in get_rows(answer):
                self.observer.rows(record, rows)

    def of(self, endpoint: str, *purposes: str) -> list[Answer]:
        """The answers of an endpoint, to calls of these purposes if any are named."""
        return [
            answer
            for answer in self.answers
            if answer.endpoint == endpoint and (not purposes or answer.purpose in purposes)
        ]

    def rows(self, endpoint: str, *purposes: str) -> list[Any]:
        return [
            row
            for answer in self.of(endpoint, *purposes)
            if answer.succeeded
            for row in listed(answer)
            if isinstance(row, dict)
        ]


def listed(answer: Answer) -> list[Any]:
    """The rows of a list."""
    return [] if answer.record is None else rows_in(DeclaredKeys(answer.record, {}).fields, answer.data)


def page_info(answer: Answer) -> dict[str, Any]:
    """`meta` or `pages`, wherever they stand; empty where there is none."""
    data = answer.data
    info = (
        answer.body.get("meta") or answer.body.get("pages") or (data.get("pages") if isinstance(data, dict) else None)
    )
    return info if isinstance(info, dict) else {}


def get_rows(answer: Answer) -> Iterator[tuple[str, list[Any]]]:
    """The rows in an answer, with the name of their record."""
    if answer.record is not None:
        yield answer.record, listed(answer)


def get_content(row: dict[str, Any]) -> dict[str, Any]:
    """The content of a review, as far as it is an object."""
    value = row.get("shenhe_content")
    if isinstance(value, str):
        try:
            value = read_json(value)
        except NotJsonError:
            return {}
    return value if isinstance(value, dict) else {}


def get_part(row: dict[str, Any], part: str) -> dict[str, Any]:
    value = get_content(row).get(part)
    return value if isinstance(value, dict) else {}


def count_calls(communities: int, pages: int) -> int:
    """About how many calls a survey makes."""
    return communities * (5 * pages + 2 + 2 * RECORDS) + 2 * PEOPLE + 45


class Surveyor:
    """Asks, in an order that lets one answer say what to ask next."""

    def __init__(self, wjdh: Asker, security: Asker, survey: Survey, pages: int) -> None:
        self._wjdh = wjdh
        self._security = security
        self._survey = survey
        self._pages = pages

    async def run(self) -> None:
        await self._tokens(self._wjdh, "shenheList", {"community_identifier": PROBE_COMMUNITY})
        await self._tokens(self._security, "people", PROBE_PERSON)
        for at, code in enumerate(self._survey.communities):
            await self._community(code, with_probes=at == 0)
        await self._unknown_community()
        await self._security_platform()

    async def _tokens(self, asker: Asker, endpoint: str, form: dict[str, str]) -> None:
        """Whether an invalid token is noticed, and whether a login ends the token before it."""
        login = (
            next(name for name, route in asker.client.routes.items() if route.is_login) if asker.client.routes else ""
        )
        if not login or not asker.can(endpoint):
            return
        await asker.ask(login, dict(asker.client.login_form), "login")
        first = await asker.ask(endpoint, form, "first token")
        token = asker.client.session.current()
        if token is None or first.envelope is None:
            return
        await asker.client.session.replace(token)
        earlier = await asker.ask(endpoint, form, "earlier token", credential=token)
        of_header = bool(token.authorization)
        invalid = Credential(b"Bearer x") if of_header else Credential(field=b"token=x")
        dead = await asker.ask(endpoint, form, "invalid token", credential=invalid)
        is_dead = asker.client.token_is_dead
        endpoints = asker.client.routes
        self._survey.tokens[asker.client.platform] = {
            "login ends earlier tokens": None
            if earlier.envelope is None
            else is_dead(endpoints[endpoint].endpoint, earlier.envelope),
            "invalid token is noticed": None
            if dead.envelope is None
            else is_dead(endpoints[endpoint].endpoint, dead.envelope),
        }

    async def _community(self, code: str, *, with_probes: bool) -> None:
        wjdh = self._wjdh
        for endpoint, name in LISTS.items():
            statuses: tuple[str, ...] = ("", "0", "1") if endpoint == "repair/list" else ("",)
            for status in statuses:
                await self._read_pages(endpoint, {name: code, "status": status}, code)
            if with_probes:
                await self._probe_list(endpoint, name, code)
        await self._ask(wjdh, "modules", {"xiaoqu": code}, "listed", code)
        await self._single("shenhe", "shenheList", ("id", "shenhe_id"), code)
        await self._single("repair", "repair/list", ("id",), code)
        shorter = code.lstrip("0")
        if shorter != code and shorter:
            await self._ask(wjdh, "shenheList", {"community_identifier": shorter}, "elsewhere", code)

    async def _read_pages(self, endpoint: str, form: dict[str, str], code: str) -> None:
        sized = {} if endpoint == "order/list" else {"per_page": "20"}
        for number in range(1, self._pages + 1):
            purpose = f"page {number}" if not form.get("status") else f"status {form['status']}, page {number}"
            answer = await self._ask(self._wjdh, endpoint, {**form, **sized, "page": str(number)}, purpose, code)
            last = page_info(answer or Answer("", "", "", None, {}, 0)).get("last_page")
            if answer is None or not str(last).isdecimal() or int(str(last)) <= number:
                break

    async def _probe_list(self, endpoint: str, name: str, code: str) -> None:
        form = {name: code}
        wjdh = self._wjdh
        await self._ask(wjdh, endpoint, form, "no size", code)
        await self._ask(wjdh, endpoint, {**form, "per_page": "5"}, "five a page", code)
        await self._ask(wjdh, endpoint, {**form, "per_page": "500"}, "many a page", code)
        await self._ask(wjdh, endpoint, {**form, "page": BEYOND}, "beyond", code)
        await self._ask(wjdh, endpoint, form, "empty filter", code, extra=b"status=")
        await self._ask(wjdh, endpoint, {}, "no community")
        if endpoint == "shenheList":
            await self._ask(wjdh, endpoint, {**form, "type": ShenheType.BIND_OWNER.wire_label}, "Chinese filter", code)
            await self._ask(wjdh, endpoint, {**form, "status": ShenheStatus.PENDING.wire_code}, "status filter", code)
        if endpoint == "order/list":
            await self._ask(wjdh, endpoint, {**form, "danyuan": "1"}, "incomplete house", code)
            await self._ask(wjdh, endpoint, {**form, "status": "1"}, "status filter", code)
            await self._ask(wjdh, endpoint, {**form, "title": "\u65e0\u6b64\u6536\u8d39"}, "nothing found", code)
            titles = [row["title"] for row in self._survey.rows(endpoint) if isinstance(row.get("title"), str)]
            if title := next((title for title in titles if len(title) > 2), None):
                await self._ask(wjdh, endpoint, {**form, "title": title[:-1]}, "cut title", code)

    async def _single(self, endpoint: str, of: str, keys: tuple[str, ...], code: str) -> None:
        rows = [row for answer in self._survey.of(of) if answer.community == code for row in listed(answer)]
        numbers = dict.fromkeys(str(row[key]) for row in rows if isinstance(row, dict) for key in keys if row.get(key))
        for number in [*numbers][:RECORDS]:
            await self._ask(self._wjdh, endpoint, {"id": number}, "single", code)
        if code == self._survey.communities[0]:
            await self._ask(self._wjdh, endpoint, {"id": NO_RECORD}, "no record")
            await self._ask(self._wjdh, endpoint, {}, "no id")

    async def _unknown_community(self) -> None:
        for endpoint, name in {**LISTS, "modules": "xiaoqu"}.items():
            await self._ask(self._wjdh, endpoint, {name: PROBE_COMMUNITY}, "unknown community")

    async def _security_platform(self) -> None:
        security = self._security
        await self._ask(security, "people", PROBE_PERSON, "nobody")
        await self._ask(security, "people", {"phone": PROBE_PERSON["phone"]}, "phone alone, of nobody")
        for person in self._people()[:PEOPLE]:
            await self._ask(security, "people", person, "found")
        for person in self._people()[:1]:
            await self._ask(security, "people", {"phone": person["phone"]}, "phone alone")
        await self._ask(security, "owner", house_form(HouseKey(PROBE_COMMUNITY, 0, 0, 0, 0)), "no house")
        for house in self._houses()[:PEOPLE]:
            await self._ask(security, "owner", house_form(house), "found")
        await self._ask(security, "modules-sync", {}, "listed")

    def _people(self) -> list[dict[str, str]]:
        """Applicants of the reviews that were read."""
        names, phones = _keys(ShenhePeople, "name"), _keys(ShenhePeople, "phone")
        parts = [get_part(row, "people") for row in self._survey.rows("shenheList")]
        found = dict.fromkeys((_first(part, names), _first(part, phones)) for part in parts)
        return [{"name": name, "phone": phone} for name, phone in found if name and phone]

    def _houses(self) -> list[HouseKey]:
        """Houses of the orders and reviews that were read."""
        found: dict[HouseKey, None] = {}
        for answer in self._survey.of("order/list"):
            for row in listed(answer):
                label = row.get("house") if isinstance(row, dict) else None
                house = house_of_label(label, answer.community or "") if isinstance(label, str) else None
                if house is not None and house.key is not None and answer.community:
                    found[house.key] = None
        numbers = [_keys(ShenheHouse, part) for part in ("building", "unit", "floor", "room")]
        for answer in self._survey.of("shenheList"):
            for row in listed(answer):
                part = get_part(row, "house") if isinstance(row, dict) else {}
                address = [_first(part, keys) for keys in numbers]
                if answer.community and all(each.removeprefix("-").isdecimal() for each in address):
                    found[HouseKey(answer.community, *map(int, address))] = None
        return [*found]

    async def _ask(
        self,
        asker: Asker,
        endpoint: str,
        form: dict[str, str],
        purpose: str,
        community: str | None = None,
        extra: bytes = b"",
    ) -> Answer | None:
        return await asker.ask(endpoint, form, purpose, community, extra=extra) if asker.can(endpoint) else None


def house_form(house: HouseKey) -> dict[str, str]:
    names = ("community_identifier", "building_number", "unit_number", "floor_number", "house_number")
    return dict(zip(names, map(str, house), strict=True))


def _keys(record: type, attribute: str) -> tuple[str, ...]:
    return declared_fields(record)[attribute].keys


def _first(part: dict[str, Any], keys: Sequence[str]) -> str:
    return next((str(part[key]).strip() for key in keys if part.get(key) is not None), "")


Done = Callable[[Answer], None]
