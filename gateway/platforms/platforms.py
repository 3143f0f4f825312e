"""Both platforms, opened and closed together by the composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.platforms.security import Security
from gateway.platforms.wjdh import Wjdh
from gateway.settings import Settings


class Platforms:
    """The typed clients of both platforms."""

    __slots__ = ("security", "wjdh")

    def __init__(self, wjdh: Wjdh, security: Security) -> None:
        self.wjdh = wjdh
        self.security = security


@asynccontextmanager
async def open_platforms(settings: Settings) -> AsyncIterator[Platforms]:
    """The clients for `settings`; nothing is called until somebody asks. Closes every connection at the end."""
    yield Platforms(Wjdh(), Security())
