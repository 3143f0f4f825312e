"""Reviews: pages of a community's list, slices of it, and one review by its id (document 1.2.2, 1.2.3)."""

from typing import NamedTuple

from gateway.cache import Read, ReadKey
from gateway.loaders.loader import ComposedLoader, ReadLoader
from gateway.loaders.paging import Slice, read_slice
from gateway.normalise.records import Page
from gateway.normalise.shenhe import Shenhe
from gateway.normalise.vocabulary import ShenheStatus, ShenheType


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


class ShenhePageLoader(ReadLoader[ShenhePageKey, Page[Shenhe]]):
    endpoint = "shenheList"

    def identify(self, key: ShenhePageKey) -> ReadKey:
        return key.community_code, key, self.source.view

    def read(self, key: ShenhePageKey) -> Read:
        return self.source.platforms.wjdh.shenhes(
            key.community_code, type=key.type, status=key.status, page=key.page, per_page=key.per_page
        )


class ShenhesLoader(ComposedLoader[ShenhesKey, Slice[Shenhe]]):
    def __init__(self, pages: ShenhePageLoader) -> None:
        super().__init__()
        self._pages = pages

    async def compose(self, key: ShenhesKey) -> Slice[Shenhe]:
        community_code, kind, status, offset, first = key
        return await read_slice(
            self._pages, lambda number: ShenhePageKey(community_code, kind, status, number, first), offset, first, first
        )


class ShenheLoader(ReadLoader[ShenheKey, Shenhe | None]):
    endpoint = "shenhe"

    def identify(self, key: ShenheKey) -> ReadKey:
        return key.community_code, key.platform_id, self.source.view

    def read(self, key: ShenheKey) -> Read:
        return self.source.platforms.wjdh.shenhe(key.platform_id, key.community_code)
