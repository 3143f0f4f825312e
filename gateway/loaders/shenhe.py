"""Reviews: pages of a community's list, slices of it, and one review by its id (document 1.2.2, 1.2.3)."""

import asyncio
from typing import NamedTuple

from gateway.loaders.batch import BatchLoader, Source
from gateway.loaders.paging import Slice, read_slice
from schema.normalise.records import Page, Shenhe
from schema.normalise.vocabulary import ShenheStatus, ShenheType


class ShenhePageKey(NamedTuple):
    community_code: str
    type: ShenheType | None
    status: ShenheStatus | None
    page: int
    per_page: int


class ShenhesKey(NamedTuple):
    community_code: str
    type: ShenheType | None
    status: ShenheStatus | None
    offset: int
    first: int


class ShenheKey(NamedTuple):
    """One review. `community_code` is None where only the platform's bare number is known (quirk 175)."""

    platform_id: int
    community_code: str | None


class ShenhePageLoader(BatchLoader[ShenhePageKey, Page[Shenhe]]):
    async def load_one(self, key: ShenhePageKey) -> Page[Shenhe]:
        return await self.source.read(
            "shenheList",
            key.community_code,
            key,
            lambda: self.source.platforms.wjdh.shenhes(
                key.community_code, type=key.type, status=key.status, page=key.page, per_page=key.per_page
            ),
        )


class ShenhesLoader(BatchLoader[ShenhesKey, Slice[Shenhe]]):
    def __init__(self, source: Source, pages: ShenhePageLoader) -> None:
        super().__init__(source)
        self._pages = pages

    async def load_one(self, key: ShenhesKey) -> Slice[Shenhe]:
        def fetch(page: int) -> "asyncio.Future[Page[Shenhe]]":
            return self._pages.load(ShenhePageKey(key.community_code, key.type, key.status, page, key.first))

        return await read_slice(fetch, key.offset, key.first, key.first)


class ShenheLoader(BatchLoader[ShenheKey, Shenhe | None]):
    async def load_one(self, key: ShenheKey) -> Shenhe | None:
        return await self.source.read(
            "shenhe",
            key.community_code,
            key.platform_id,
            lambda: self.source.platforms.wjdh.shenhe(key.platform_id, key.community_code),
        )
