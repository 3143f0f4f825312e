"""Repairs: pages of a community's list by status, slices over both, and one repair by its id (document 4.1, 4.2)."""

from typing import NamedTuple

from gateway.cache import Read, ReadKey
from gateway.execution.fetch import fetch
from gateway.execution.level_loader import only_values
from gateway.loaders.loader import ComposedLoader, ReadLoader
from gateway.loaders.paging import Slice, read_slice
from gateway.normalise.records import Page
from gateway.normalise.repair import Repair
from gateway.normalise.vocabulary import RepairStatus


class RepairPageKey(NamedTuple):
    community_code: str
    status: RepairStatus
    page: int
    per_page: int


class RepairsKey(NamedTuple):
    """`status` None: both, the open ones first. The platform lists one status at a time (quirk 146)."""

    community_code: str
    status: RepairStatus | None
    offset: int
    first: int


class RepairKey(NamedTuple):
    """One repair. `community_code` is None where only the platform's bare number is known (quirk 175)."""

    platform_id: int
    community_code: str | None


class RepairPageLoader(ReadLoader[RepairPageKey, Page[Repair]]):
    endpoint = "repair/list"

    def identify(self, key: RepairPageKey) -> ReadKey:
        return key.community_code, key, self.source.view

    def read(self, key: RepairPageKey) -> Read:
        return self.source.platforms.wjdh.repairs(key.community_code, key.status, key.page, key.per_page)


class RepairsLoader(ComposedLoader[RepairsKey, Slice[Repair]]):
    def __init__(self, pages: RepairPageLoader) -> None:
        super().__init__()
        self._pages = pages

    async def compose(self, key: RepairsKey) -> Slice[Repair]:
        if key.status is not None:
            return await self._slice(key, key.status, key.offset, key.first)
        both = (
            self._slice(key, RepairStatus.OPEN, key.offset, key.first),
            self._slice(key, RepairStatus.RESOLVED, 0, key.first),
        )
        opened, resolved = only_values(await fetch(both))
        missing = key.first - len(opened.items)
        resolved_offset = max(0, key.offset - opened.total)
        if missing and resolved_offset:
            resolved = await self._slice(key, RepairStatus.RESOLVED, resolved_offset, missing)
        items = (*opened.items, *resolved.items[:missing])
        return Slice(items, key.offset, key.first, opened.total + resolved.total)

    async def _slice(self, key: RepairsKey, status: RepairStatus, offset: int, first: int) -> Slice[Repair]:
        community_code, page_size = key.community_code, key.first
        return await read_slice(
            self._pages,
            lambda number: RepairPageKey(community_code, status, number, page_size),
            offset,
            first,
            page_size,
        )


class RepairLoader(ReadLoader[RepairKey, Repair | None]):
    endpoint = "repair"

    def identify(self, key: RepairKey) -> ReadKey:
        return key.community_code, key.platform_id, self.source.view

    def read(self, key: RepairKey) -> Read:
        return self.source.platforms.wjdh.repair(key.platform_id, key.community_code)
