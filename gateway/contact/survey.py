"""What the deep check asks: every reading endpoint, a few pages of each community, and calls that find nothing."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, pairwise
from typing import Any

import msgspec

from gateway.entities import LISTS, LOOKUPS
from gateway.errors import PlatformError, RefusedError
from gateway.loaders.answers import read_whole, records_with_issues
from gateway.loaders.lists import RecordList
from gateway.modules import read_module_states, read_modules
from gateway.normalise.observation import Observer, RecordSeen
from gateway.normalise.records import DataIssue, Page
from gateway.normalise.vocabulary import DataProblem
from gateway.normalise.wire import AS_DECLARED, Wire
from gateway.ops.trace import records_in
from gateway.orders.record import Order
from gateway.people import HOUSE_OWNERS, PEOPLE, read_house_owner, read_people
from gateway.platforms.call import Call
from gateway.platforms.client import PlatformClient
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.envelope import Envelope
from gateway.platforms.platforms import Platforms
from gateway.platforms.session import Credential
from gateway.shenhe.record import Shenhe
from gateway.verification import applied_house
from gateway.wording.commands import CommandWording
from gateway.wording.language import local
from gateway.wording.wording import Text

UNREAD = (DataProblem.MALFORMED, DataProblem.MISSING)
ALIKE = 0.8  # how similar a key that vanished and one that came must be, to be one
ENOUGH_ROWS = 3

Renamed = dict[str, tuple[str, Text]]
"""For a documented key that no row has: the key that came in its place, and the evidence."""


def all_renamed_keys(observer: Observer) -> dict[str, Renamed]:
    """By record. What is certain of one record is so of another that has the new key and declares the same old one,
    even if a few of its rows have that.
    """
    found = {record: renamed_keys(seen) for record, seen in observer.seen.items()}
    certain = {key: (new, record) for record, renamed in found.items() for key, (new, _) in renamed.items()}
    for record, seen in observer.seen.items():
        for key, (new, other) in certain.items():
            if new in seen.unknown_keys and key in seen.keys and seen.keys[key].field and key not in found[record]:
                found[record][key] = new, CommandWording.AS_IN(other=other)
    return {record: renamed for record, renamed in found.items() if renamed}


def renamed_keys(seen: RecordSeen) -> Renamed:
    """The keys of a record that came in the place of others, where there is no doubt of it; one of a field."""
    if seen.rows < ENOUGH_ROWS:
        return {}
    missing = {key: under.field.attribute for key in seen.missing_keys if (under := seen.keys[key]).field}
    unknown = [key for key in seen.unknown_keys if 2 * seen.keys[key].present > seen.rows]
    found: Renamed = {}
    for key, field in missing.items():
        words = {word for word in seen.keys[key].known_words or () if not word.isdecimal()}
        values = [each for each in unknown if seen.keys[each].samples & words]
        alike = [each for each in unknown if SequenceMatcher(None, key, each).ratio() >= ALIKE]
        if field in map(missing.get, found):
            pass
        elif len(values) == 1:
            found[key] = values[0], CommandWording.BY_WORDS()
        elif len(alike) == 1:
            found[key] = alike[0], CommandWording.BY_NAME()
    claimed = Counter(new for new, _ in found.values())
    found = {key: renamed for key, renamed in found.items() if claimed[renamed[0]] == 1}
    mended, new_keys = {missing[key] for key in found}, dict(found.values())
    left = {missing[key]: key for key in reversed(missing) if missing[key] not in mended}
    others = [key for key in unknown if key not in new_keys]
    if len(left) == len(others) == 1:
        found[left.popitem()[1]] = others[0], CommandWording.ONLY_ONE()
    return found


NO_RECORD = 2147483647
RECORDS = 10
PER_PAGE, FEW = 20, 5
FIVE_A_PAGE, SINGLE = "five a page", "single"
NOTHING = "nothing"
"""Purposes of calls; the last one is of what does not exist."""

TOKEN_CALLS = 8  # two log-ins at each platform, and two calls with a token that may be dead


class Answer(msgspec.Struct):
    """One call, and what came of it: the value that the gateway's own reader made, or the code of the failure. The
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
    reason: Text | str = ""

    @property
    def records(self) -> tuple[Any, ...]:
        if isinstance(self.value, dict):  # the modules of communities
            return tuple(state for states in self.value.values() for state in states or ())
        return records_in(self.value)

    @property
    def has_failed(self) -> bool:
        """A refusal of what does not exist is none."""
        return self.failure is not None and not (self.is_refusal and self.purpose == NOTHING)


class Survey:
    def __init__(self, communities: Sequence[str], wire: Wire) -> None:
        self.communities = tuple(communities)
        self._wire = wire
        self.answers: list[Answer] = []
        self.observer = Observer(wire)
        self.renamed: dict[str, Renamed] = {}
        self.tokens: dict[str, dict[str, bool | None]] = {}
        self.writes: dict[str, bool | None] = {}

    def look(self) -> None:
        """Look at all rows, and once more, knowing which keys stand in the place of which."""
        self._look({})
        self.renamed = all_renamed_keys(self.observer)
        self._look({record: {new: key for key, (new, _) in found.items()} for record, found in self.renamed.items()})

    def _look(self, renamed: Mapping[str, Mapping[str, str]]) -> None:
        self.observer = Observer(self._wire, renamed)
        for answer in self.answers:
            if answer.endpoint.record is not None:
                self.observer.rows(answer.endpoint.record.__name__, self.rows(answer))

    def rows(self, answer: Answer) -> list[Any]:
        record, envelope = answer.endpoint.record, answer.envelope
        if record is None or envelope is None or envelope.code not in (None, 0):
            return []
        return self.observer.rows_in(record.__name__, envelope.body.get("data"))

    def of(self, endpoint: str, *purposes: str) -> list[Answer]:
        """The answers of an endpoint, to calls of these purposes if any are named."""
        return [it for it in self.answers if it.endpoint.name == endpoint and (not purposes or it.purpose in purposes)]

    def turns_pages(self, endpoint: str) -> bool | None:
        """Whether page 2 is another than page 1; None where there is no second."""
        pages = pairwise(self.of(endpoint, "page 1", "page 2"))
        second = [(one, two) for one, two in pages if two.purpose == "page 2" and two.envelope is not None]
        return any(self.rows(one) != self.rows(two) for one, two in second) if second else None

    def page_size(self, endpoint: str, purpose: str) -> int | None:
        pages = (answer.value for answer in self.of(endpoint, purpose))
        return next((it.per_page for it in pages if isinstance(it, Page) and it.per_page is not None), None)

    def problems(self) -> Iterator[tuple[str, Text]]:
        """What the gateway cannot read: the endpoint, and why."""
        for endpoint in dict.fromkeys(answer.endpoint.name for answer in self.answers):
            answers = self.of(endpoint)
            if failed := [answer for answer in answers if answer.has_failed]:
                codes = ", ".join(dict.fromkeys(str(answer.failure) for answer in failed))
                calls, reason = len(answers), failed[0].reason
                yield endpoint, CommandWording.FAILED(failed=len(failed), calls=calls, codes=codes, reason=reason)
            if dropped := sum(answer.value.dropped for answer in answers if isinstance(answer.value, Page)):
                yield endpoint, CommandWording.NO_IDENTIFIER(rows=dropped)
            singles = self.of(endpoint, SINGLE)
            if lost := sum(answer.value is None and answer.failure is None for answer in singles):
                yield endpoint, CommandWording.NOT_FOUND(lost=lost, asked=len(singles))
            read = sum(len(answer.records) for answer in answers)
            issues_by_record = [issues for it in answers for *_, issues in records_with_issues(it.value)]
            unreadable = ({issue_path(it) for it in issues if it.problem in UNREAD} for issues in issues_by_record)
            for path, count in Counter(chain.from_iterable(unreadable)).items():
                if count == read:
                    yield endpoint, CommandWording.READ_IN_NONE(path=path, records=read)


def issue_path(issue: DataIssue) -> str:
    """The field of an issue, without the numbers of entries of a list."""
    return ".".join(part for part in issue.field.split(".") if not part.isdigit())


def most_calls(communities: int, pages: int) -> int:
    """How many calls a survey makes, its log-ins too, if every list has as many pages."""
    singles = sum(records.record_endpoint is not None for records in LISTS)
    queries = sum(len(records.queries(records.everything)) for records in LISTS)
    of_security = len((PEOPLE, HOUSE_OWNERS)) * (1 + RECORDS) + 1
    return communities * (queries * pages + singles * RECORDS + 1) + len(LISTS) + singles + of_security + TOKEN_CALLS


@dataclass(eq=False)
class Surveyor:
    """Asks one call at a time, in an order that lets one answer say what to ask next. `show` is given the progress."""

    platforms: Platforms
    survey: Survey
    pause: float
    show: Callable[[str], None]

    async def run(self, pages: int) -> None:
        for client in self.platforms.all:
            await self._tokens(client)
        for at, code in enumerate(self.survey.communities):
            for records in LISTS:
                await self._list(records, code, pages, with_probes=at == 0)
            await self.ask(read_modules(self.platforms.wjdh, code), "listed", code)
        await self._security_platform()

    async def ask(self, call: Call[Any], purpose: str, community: str | None = None) -> Answer:
        """Never raises for what a platform did, nor for what a reader made of it."""
        answer = Answer(self.platforms.by_endpoint[call.endpoint.name].platform, call.endpoint, purpose, community)
        began = time.perf_counter()
        try:
            answer.value = read_whole(await call)
        except PlatformError as error:
            answer.failure, answer.is_refusal = error.code, isinstance(error, RefusedError)
            answer.reason = error.message
        except Exception as error:  # noqa: BLE001 # a reader's mistake stops the gateway as well
            answer.failure = f"INTERNAL ({type(error).__name__})"
        answer.seconds = time.perf_counter() - began
        answer.size, answer.envelope = call.size, call.open_answer()
        self.survey.answers.append(answer)
        calls, name = len(self.survey.answers), call.endpoint.name
        self.show(local(CommandWording.CALLS(calls=calls, platform=answer.platform, endpoint=name)))
        await asyncio.sleep(self.pause)
        return answer

    async def _tokens(self, client: PlatformClient) -> None:
        """Whether a login ends the token before it, and whether an invalid token is noticed."""
        try:
            token = await client.session.credential()
            if await client.session.replace(token) is None:
                return
        except PlatformError:
            return  # each call says so
        invalid = Credential("Bearer x" if token.header else "", dict.fromkeys(token.fields, "x"))
        ends, noticed = await self._is_dead(client, token), await self._is_dead(client, invalid)
        self.survey.tokens[client.platform] = {"login ends earlier tokens": ends, "invalid token is noticed": noticed}

    async def _is_dead(self, client: PlatformClient, credential: Credential) -> bool | None:
        """None where nothing was answered."""
        read = next((each for each in LOOKUPS if each.endpoint.name in client.routes), None)
        if read is None:
            return None
        call = read.read(client.with_credential(credential), read.nothing)
        await asyncio.sleep(self.pause)
        with suppress(PlatformError):
            await call
        envelope = call.open_answer()
        return None if envelope is None else client.token_is_dead(call.endpoint, envelope)

    async def _list(self, records: RecordList[Any], code: str, pages: int, *, with_probes: bool) -> None:
        wjdh, found = self.platforms.wjdh, dict[int, None]()
        turns_pages = self.platforms.profile.lists.get(records.endpoint.name, AS_DECLARED).pages
        queries = records.queries(records.everything)
        for query in queries:
            for number in range(1, pages + 1 if turns_pages else 2):
                call = records.read_page(wjdh, code, query, number, PER_PAGE)
                answer = await self.ask(call, f"page {number}", code)
                found |= dict.fromkeys(record.platform_id for record in answer.records)
                if not isinstance(answer.value, Page) or (answer.value.last_page or 0) <= number:
                    break
        for platform_id in [*found][:RECORDS] if records.record_endpoint else ():
            await self.ask(records.read_record(wjdh, platform_id, code), SINGLE)
        if with_probes:
            await self.ask(records.read_page(wjdh, code, queries[0], 1, FEW), FIVE_A_PAGE, code)
            if records.record_endpoint:
                await self.ask(records.read_record(wjdh, NO_RECORD, code), NOTHING)

    async def _security_platform(self) -> None:
        security = self.platforms.security
        records = [record for answer in self.survey.answers for record in answer.records]
        reviews = [record for record in records if isinstance(record, Shenhe)]
        applicants = [review.content.people for review in reviews if review.content and review.content.people]
        people = dict.fromkeys((each.name, each.phone) for each in applicants if each.name and each.phone)
        homes = [record.house.key for record in records if isinstance(record, Order) and record.house]
        houses = dict.fromkeys(key for key in (*homes, *map(applied_house, reviews)) if key is not None)
        await self.ask(PEOPLE.read(security, PEOPLE.nothing), NOTHING)
        for name, phone in [*people][:RECORDS]:
            await self.ask(read_people(security, str(name), str(phone)), "found")
        await self.ask(HOUSE_OWNERS.read(security, HOUSE_OWNERS.nothing), NOTHING)
        for house in [*houses][:RECORDS]:
            await self.ask(read_house_owner(security, house), "found")
        await self.ask(read_module_states(security), "listed")
