"""Repairs: pages of a community's list by status, slices over both, and one repair by its id (document 4.1, 4.2)."""

import asyncio
from typing import NamedTuple

from gateway.loaders.batch import BatchLoader, Source
from gateway.loaders.paging import Slice, read_slice
from schema.normalise.records import Page, Repair
from schema.normalise.vocabulary import RepairStatus


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


class RepairPageLoader(BatchLoader[RepairPageKey, Page[Repair]]):
    async def load_one(self, key: RepairPageKey) -> Page[Repair]:
        return await self.source.read(
            "repair/list",
            key.community_code,
            key,
            lambda: self.source.platforms.wjdh.repairs(key.community_code, key.status, key.page, key.per_page),
        )


class RepairsLoader(BatchLoader[RepairsKey, Slice[Repair]]):
    def __init__(self, source: Source, pages: RepairPageLoader) -> None:
        super().__init__(source)
        self._pages = pages

    async def load_one(self, key: RepairsKey) -> Slice[Repair]:
        if key.status is not None:
            return await self._slice(key, key.status, key.offset, key.first)
        opened, resolved = await asyncio.gather(
            self._slice(key, RepairStatus.OPEN, key.offset, key.first),
            self._slice(key, RepairStatus.RESOLVED, 0, key.first),
        )
        missing = key.first - len(opened.items)
        resolved_offset = max(0, key.offset - opened.total)
        if missing and resolved_offset:
            resolved = await self._slice(key, RepairStatus.RESOLVED, resolved_offset, missing)
        items = (*opened.items, *resolved.items[:missing])
        return Slice(items, key.offset, key.first, opened.total + resolved.total)

    async def _slice(self, key: RepairsKey, status: RepairStatus, offset: int, first: int) -> Slice[Repair]:
        def fetch(page: int) -> "asyncio.Future[Page[Repair]]":
            return self._pages.load(RepairPageKey(key.community_code, status, page, key.first))

        return await read_slice(fetch, offset, first, key.first)


class RepairLoader(BatchLoader[RepairKey, Repair | None]):
    async def load_one(self, key: RepairKey) -> Repair | None:
        return await self.source.read(
            "repair",
            key.community_code,
            key.platform_id,
            lambda: self.source.platforms.wjdh.repair(key.platform_id, key.community_code),
        )
