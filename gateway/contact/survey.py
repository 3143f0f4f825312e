"""What the deep check asks: every reading endpoint, a few pages of each community, and calls that find nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import httpx
import msgspec

from gateway.contact.renaming import Renamed, all_renamed_keys
from gateway.errors import PlatformError, RefusedError
from gateway.loaders.data_quality import read_whole, records_with_issues
from gateway.loaders.lists import LISTS
from gateway.loaders.record_list import RecordList
from gateway.normalise.observation import Observer, rows_in
from gateway.normalise.order import Order
from gateway.normalise.profile import AS_DECLARED
from gateway.normalise.records import DataIssue, HouseKey, Page
from gateway.normalise.shenhe import Shenhe
from gateway.normalise.verification import applied_house
from gateway.normalise.vocabulary import DataProblem
from gateway.normalise.wire import Wire
from gateway.platforms.call import Call
from gateway.platforms.client import PlatformClient
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError, Envelope, open_envelope
from gateway.platforms.platforms import Platforms
from gateway.platforms.route import encode_form
from gateway.platforms.session import Credential
from gateway.platforms.wjdh import PROBE_COMMUNITY

NO_RECORD = 2147483647
RECORDS = 10
PER_PAGE, FEW = 20, 5

FIVE_A_PAGE, SINGLE = "five a page", "single"
NOTHING = "nothing"
"""Purposes of calls; the last one is of what does not exist."""

ENDS_TOKENS = "login ends earlier tokens"
IS_NOTICED = "invalid token is noticed"


class Answer(msgspec.Struct):
    """One call, and what came of it: the value that the gateway's own reader made, or the code of the failure.

    `envelope` is None where no answer of the protocol came. `size` is in bytes. All of it is in memory alone.
    """

    platform: str
    endpoint: Endpoint
    purpose: str
    community: str | None
    seconds: float = 0.0
    envelope: Envelope | None = None
    size: int = 0
    value: Any = None
    failure: str | None = None
    is_refusal: bool = False

    @property
    def records(self) -> tuple[Any, ...]:
        match self.value:
            case Page(items=items) | tuple(items):
                return items
            case dict():  # the modules of communities
                return tuple(state for states in self.value.values() for state in states or ())
        return () if self.value is None else (self.value,)

    @property
    def has_failed(self) -> bool:
        """A refusal of what does not exist is none."""
        return self.failure is not None and not (self.is_refusal and self.purpose == NOTHING)


class Survey:
    """The answers, and what was observed of their rows."""

    def __init__(self, communities: Sequence[str], wire: Wire) -> None:
        self.communities = tuple(communities)
        self._wire = wire
        self.answers: list[Answer] = []
        self.observer = Observer(wire)
        self.renamed: dict[str, Renamed] = {}
        self.tokens: dict[str, dict[str, bool | None]] = {}
        self.writes: dict[str, bool | None] = {}

    def add(self, answer: Answer) -> None:
        self.answers.append(answer)
        self._observe(answer)

    def look_again(self) -> None:
        """Look at all rows once more, knowing which keys stand in the place of which."""
        self.renamed = all_renamed_keys(self.observer)
        self.observer = Observer(
            self._wire,
            {record: {key: declared for declared, (key, _) in found.items()} for record, found in self.renamed.items()},
        )
        for answer in self.answers:
            self._observe(answer)

    def _observe(self, answer: Answer) -> None:
        if answer.endpoint.record is not None:
            self.observer.rows(answer.endpoint.record.__name__, self.rows(answer))

    def rows(self, answer: Answer) -> list[Any]:
        """The rows of a success, as they came."""
        record, envelope = answer.endpoint.record, answer.envelope
        if record is None or envelope is None or envelope.code not in (None, 0):
            return []
        return rows_in(self.observer.declared(record.__name__).fields, envelope.body.get("data"))

    def of(self, endpoint: str, *purposes: str) -> list[Answer]:
        """The answers of an endpoint, to calls of these purposes if any are named."""
        return [
            answer
            for answer in self.answers
            if answer.endpoint.name == endpoint and (not purposes or answer.purpose in purposes)
        ]

    def turns_pages(self, endpoint: str) -> bool | None:
        """Whether page 2 is another than page 1; None where there is no second."""
        pages = pairwise(self.of(endpoint, "page 1", "page 2"))
        second = [(one, two) for one, two in pages if two.purpose == "page 2" and two.envelope is not None]
        return any(self.rows(one) != self.rows(two) for one, two in second) if second else None

    def page_size(self, endpoint: str, purpose: str) -> int | None:
        pages = [answer.value for answer in self.of(endpoint, purpose) if isinstance(answer.value, Page)]
        return next((page.per_page for page in pages if page.per_page is not None), None)

    def stops(self) -> Iterator[tuple[str, str]]:
        """What the gateway cannot read: the endpoint, and why."""
        for endpoint in dict.fromkeys(answer.endpoint.name for answer in self.answers):
            answers = self.of(endpoint)
            if failed := [answer for answer in answers if answer.has_failed]:
                codes = ", ".join(dict.fromkeys(str(answer.failure) for answer in failed))
                yield endpoint, f"{len(failed)} of {len(answers)} calls failed: {codes}"
            if dropped := sum(answer.value.dropped for answer in answers if isinstance(answer.value, Page)):
                yield endpoint, f"{dropped} rows have no identifier"
            singles = self.of(endpoint, SINGLE)
            if lost := sum(answer.value is None and answer.failure is None for answer in singles):
                yield endpoint, f"{lost} of {len(singles)} records of the list are not found"
            read = sum(len(answer.records) for answer in answers)
            unreadable = Counter(
                field
                for answer in answers
                for *_record, issues in records_with_issues(answer.value)
                for field in {issue_path(each) for each in issues if each.problem is DataProblem.MALFORMED}
            )
            for field in (field for field, count in unreadable.items() if count == read):
                yield endpoint, f"{field} can be read in none of {read} records"


def issue_path(issue: DataIssue) -> str:
    """The field of an issue, without the numbers of entries of a list."""
    return ".".join(part for part in issue.field.split(".") if not part.isdigit())


class Surveyor:
    """Asks one call at a time, in an order that lets one answer say what to ask next. `done` is called after each."""

    def __init__(self, platforms: Platforms, survey: Survey, pause: float, done: Callable[[Answer], None]) -> None:
        self.wjdh = platforms.wjdh
        self.security = platforms.security
        self.survey = survey
        self._lists = platforms.profile.lists
        self._pause = pause
        self._done = done

    async def run(self, pages: int) -> None:
        for client in (self.wjdh, self.security):
            await self._tokens(client)
        for at, code in enumerate(self.survey.communities):
            for records in LISTS:
                await self._list(records, code, pages, with_probes=at == 0)
            await self.ask(self.wjdh.modules(code), "listed", code)
        await self._security_platform()

    async def ask(self, call: Call[Any], purpose: str, community: str | None = None) -> Answer:
        """Never raises for what a platform did, nor for what a reader made of it."""
        platform = self.wjdh.platform if call.endpoint.name in self.wjdh.endpoints else self.security.platform
        answer = Answer(platform, call.endpoint, purpose, community)
        began = time.perf_counter()
        try:
            answer.value = read_whole(await call)
        except PlatformError as error:
            answer.failure, answer.is_refusal = error.code, isinstance(error, RefusedError)
        except Exception as error:  # noqa: BLE001 # a reader's mistake stops the gateway as well
            answer.failure = f"INTERNAL ({type(error).__name__})"
        answer.seconds = time.perf_counter() - began
        answer.size = call.size
        answer.envelope = None if call.answer is None else open_envelope(call.answer)
        self.survey.add(answer)
        self._done(answer)
        await asyncio.sleep(self._pause)
        return answer

    async def _tokens(self, client: PlatformClient) -> None:
        """Whether a login ends the token before it, and whether an invalid token is noticed."""
        try:
            token = await client.session.credential()
            await client.session.replace(token)
        except PlatformError:
            return  # each call says so
        invalid = Credential(b"Bearer x") if token.authorization else Credential(field=b"token=x")
        self.survey.tokens[client.platform] = {
            ENDS_TOKENS: await self._is_dead(client, token),
            IS_NOTICED: await self._is_dead(client, invalid),
        }

    async def _is_dead(self, client: PlatformClient, credential: Credential) -> bool | None:
        """None where nothing was answered."""
        asks_wjdh = client is self.wjdh
        name, form = ("modules", {"xiaoqu": PROBE_COMMUNITY}) if asks_wjdh else ("people", {"name": "无", "phone": "0"})
        if (route := client.routes.get(name)) is None:
            return None
        deadline = asyncio.get_running_loop().time() + client.call_timeout
        await asyncio.sleep(self._pause)
        try:
            envelope = open_envelope(await route.exchange(encode_form(form), credential, deadline))
        except (httpx.TransportError, BadAnswerError, BusyAnswerError):
            return None
        return client.token_is_dead(route.endpoint, envelope)

    async def _list(self, records: RecordList[Any], code: str, pages: int, *, with_probes: bool) -> None:
        found: dict[int, None] = {}
        turns_pages = self._lists.get(records.endpoint, AS_DECLARED).pages
        queries = records.queries(records.everything)
        for query in queries:
            for number in range(1, pages + 1 if turns_pages else 2):
                call = records.read_page(self.wjdh, code, query, number, PER_PAGE)
                answer = await self.ask(call, f"page {number}", code)
                found |= dict.fromkeys(record.platform_id for record in answer.records)
                if not isinstance(answer.value, Page) or (answer.value.last_page or 0) <= number:
                    break
        for platform_id in [*found][:RECORDS] if records.record_endpoint else ():
            await self.ask(records.read_record(self.wjdh, platform_id, code), SINGLE)
        if with_probes:
            await self.ask(records.read_page(self.wjdh, code, queries[0], 1, FEW), FIVE_A_PAGE, code)
            if records.record_endpoint:
                await self.ask(records.read_record(self.wjdh, NO_RECORD, code), NOTHING)

    async def _security_platform(self) -> None:
        records = [record for answer in self.survey.answers for record in answer.records]
        reviews = [record for record in records if isinstance(record, Shenhe)]
        applicants = [review.content.people for review in reviews if review.content and review.content.people]
        people = dict.fromkeys((each.name, each.phone) for each in applicants if each.name and each.phone)
        homes = [record.house.key for record in records if isinstance(record, Order) and record.house]
        houses = dict.fromkeys(key for key in (*homes, *map(applied_house, reviews)) if key is not None)
        await self.ask(self.security.people("无", "0"), NOTHING)
        for name, phone in [*people][:RECORDS]:
            await self.ask(self.security.people(str(name), str(phone)), "found")
        await self.ask(self.security.house_owner(HouseKey(PROBE_COMMUNITY, 0, 0, 0, 0)), NOTHING)
        for house in [*houses][:RECORDS]:
            await self.ask(self.security.house_owner(house), "found")
        await self.ask(self.security.module_states(), "listed")
