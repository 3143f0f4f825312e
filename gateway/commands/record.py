"""`gateway record`: asks both platforms what desks ask them, and keeps the answers with pseudonyms."""

import asyncio
import sys
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from gateway.check.asking import Asker
from gateway.check.deep import PAUSE, read_codes
from gateway.check.survey import Survey, Surveyor
from gateway.errors import PlatformError
from gateway.loaders.lists import LISTS
from gateway.loaders.people import PeopleKey
from gateway.loaders.record_list import RecordList
from gateway.normalise.field import declared_fields
from gateway.normalise.house import House
from gateway.normalise.order import Order, OrderQuery
from gateway.normalise.people import People
from gateway.normalise.profile import use_profile
from gateway.normalise.records import HouseKey, Page
from gateway.normalise.repair import Repair
from gateway.normalise.shenhe import Shenhe
from gateway.normalise.values import mobile_number
from gateway.normalise.verification import applied_house
from gateway.normalise.wire_enum import WireEnum
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.profile import read_profile
from gateway.recording.folder import MIB, Folder, RecordingError, get_files
from gateway.recording.recorder import KEY_FILE, Recorder, read_key
from gateway.recording.values import Values
from gateway.settings import Mistakes, Settings, SettingsError

PER_PAGE = 20
MOST_PEOPLE = 1000
"""Who is asked for at most: members of a house lead to others."""

ValueT = TypeVar("ValueT")


class RecordOptions(NamedTuple):
    """`communities` are codes, empty for those of the settings; `pages` of each list. `key` is the file of the key,
    None for that of the data directory. All files together have at most `largest_mib`.
    """

    folder: Path
    communities: Sequence[str] = ()
    pages: int = 3
    pause: float = PAUSE
    key: Path | None = None
    largest_mib: int = 64


async def record(settings: Settings, options: RecordOptions) -> int:
    """Ask, write, and print how much. Returns 0, or 1 where nothing was answered or not all could be written.

    Raises SettingsError.
    """
    mistakes = Mistakes()
    with mistakes.collect():
        profile = read_profile(settings)
    with mistakes.collect():
        codes = read_codes(settings, options.communities)
    with mistakes.collect():
        key = read_key(options.key or settings.data_dir / KEY_FILE, options.folder)
    mistakes.check()
    use_profile(profile)
    try:
        folder = Folder(options.folder, options.largest_mib * MIB)
    except RecordingError as error:
        raise SettingsError(str(error)) from None
    recorder = Recorder(Values(key, codes, profile.not_found), folder)
    platforms = make_platforms(settings, profile, reads_by_engine=False, record=recorder)
    async with aclosing(platforms):
        survey = Survey(codes)
        wjdh, security = (Asker(client, options.pause, survey.add) for client in (platforms.wjdh, platforms.security))
        await Surveyor(wjdh, security, survey, options.pages).run()
        await Walk(platforms, options.pages, options.pause).run(codes)
    folder.close()
    sys.stdout.write(
        f"{folder.written} exchanges in {len(get_files(options.folder))} files of {options.folder}\n"
        "Every value of a person is replaced. Read the files before they leave the house.\n"
    )
    if folder.left_out:
        sys.stderr.write(f"gateway: {folder.left_out} exchanges were left out: each is larger than a file\n")
    if folder.removed:
        sys.stderr.write(f"gateway: {folder.removed} files were removed: --max-mib bounds the folder\n")
    if recorder.failure is not None:
        sys.stderr.write(f"gateway: {recorder.failure}\n")
    return 0 if folder.written and recorder.failure is None else 1


class Walk:
    """Asks as the loaders do: pages of all lists, by each status; every record of them alone; everybody who is named in
    one; the owner and the orders of every house. Once each.
    """

    def __init__(self, platforms: Platforms, pages: int, pause: float) -> None:
        self._platforms = platforms
        self._pages = pages
        self._pause = pause
        self._people: dict[PeopleKey, None] = {}
        self._houses: dict[HouseKey, None] = {}

    async def run(self, codes: Iterable[str]) -> None:
        for code in codes:
            await self._ask(self._platforms.wjdh.modules(code))
            for records in LISTS:
                await self._list(records, code)
        security = self._platforms.security
        asked = 0
        while asked < min(len(self._people), MOST_PEOPLE):  # whose houses have members, who are people as well
            name, phone = [*self._people][asked]
            self._note_residencies(await self._ask(security.people(name, phone)))
            asked += 1
        for house in self._houses:
            await self._ask(security.house_owner(house))
            parts = house._asdict()
            code = parts.pop("community_code")
            await self._ask(self._platforms.wjdh.orders(code, OrderQuery(**parts)))
        await self._ask(security.module_states())

    async def _list(self, records: RecordList[Any], code: str) -> None:
        everything = records.queries(records.everything)
        for query in dict.fromkeys([*everything, records.waiting, *_by_each_status(records)]):
            rows = await self._rows(records, code, query)
            if query in everything:
                for row in rows:
                    self._note(row)
                    if records.record_endpoint:
                        await self._ask(records.read_record(self._platforms.wjdh, row.platform_id, code))

    async def _rows(self, records: RecordList[Any], code: str, query: Any) -> list[Any]:
        rows: list[Any] = []
        for number in range(1, self._pages + 1):
            page: Page[Any] | None = await self._ask(
                records.read_page(self._platforms.wjdh, code, query, number, PER_PAGE)
            )
            if page is None:
                break
            rows += page.items
            if number >= (page.last_page or 1):
                break
        return rows

    def _note(self, row: Any) -> None:
        """Whom and what the record names."""
        match row:
            case Shenhe():
                applicant = row.content and row.content.people
                if applicant:
                    self._note_person(applicant.name, applicant.phone)
                if (key := applied_house(row)) is not None:
                    self._houses[key] = None
            case Repair():
                self._note_person(row.reporter_name, row.reporter_phone)
            case Order() if row.house is not None:
                self._note_houses([row.house])

    def _note_residencies(self, person: People | None) -> None:
        houses = [residency.house for residency in person.residencies] if person is not None else []
        self._note_houses(houses)
        for member in (member for house in houses for member in house.members or ()):
            self._note_person(member.name, member.phone)

    def _note_person(self, name: str | None, phone: str | None) -> None:
        if name and phone:
            self._people[PeopleKey(name, mobile_number(phone))] = None

    def _note_houses(self, houses: Iterable[House]) -> None:
        self._houses |= dict.fromkeys(house.key for house in houses if house.key is not None)

    async def _ask(self, call: Awaitable[ValueT]) -> ValueT | None:
        """What it gives, None for an error: that is recorded as well."""
        try:
            return await call
        except PlatformError:
            return None
        finally:
            await asyncio.sleep(self._pause)


def _by_each_status(records: RecordList[Any]) -> Iterable[Any]:
    """The queries for one status each."""
    for name, declared in declared_fields(records.query).items():
        kinds = getattr(declared.type, "__args__", ())
        enum = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, WireEnum)), None)
        if enum is not None and enum.numbered:
            members = [member for member in enum if member is not enum.fallback]
            yield from (msgspec.structs.replace(records.everything, **{name: member}) for member in members)
