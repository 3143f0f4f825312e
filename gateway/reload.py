"""Settings read again while requests are served, on SIGHUP: which of them take effect, and which need a restart."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec
import structlog

from gateway.settings import PREFIX, Settings, SettingsError

RELOADED: Final = frozenset(
    (
        "log_level",
        "allowed_origins",
        "allowed_headers",
        "allowed_hosts",
        "auth_issuer",
        "auth_audience",
        "auth_jwks_url",
        "auth_key_file",
        "auth_scope_claims",
        "auth_community_claims",
        "auth_require_typ",
        "trusted_documents",
        "trusted_documents_mode",
    )
)
"""The settings that take effect: nothing but the next request depends on them."""

Apply: TypeAlias = Callable[[], Awaitable[None]]
Step: TypeAlias = Callable[[Settings], Awaitable[Apply]]
"""Prepares what the settings say, such as keys of a file. What it returns has it hold. Raises SettingsError."""

log = structlog.get_logger(__name__)


class Reload:
    """Has all steps prepare the new settings, and applies them only when all of them can: else the old ones hold."""

    def __init__(self, settings: Settings, read: Callable[[], Settings]) -> None:
        """`settings` are those of the start, `read` reads them again."""
        self.settings = settings
        self.steps: list[Step] = []
        self._read = read
        self._lock = asyncio.Lock()

    async def __call__(self) -> None:
        async with self._lock:
            try:
                read = await asyncio.to_thread(self._read)
                settings = msgspec.structs.replace(self.settings, **{name: getattr(read, name) for name in RELOADED})
                prepared = [await step(settings) for step in self.steps]
            except SettingsError as error:
                log.error("settings not reloaded", reasons=error.mistakes)
                return
            changed, self.settings = _differences(self.settings, settings), settings
            for apply in prepared:
                await apply()
            log.info("settings reloaded", changed=changed)
            if waiting := _differences(settings, read):
                log.warning("settings need a restart", changed=waiting)


def _differences(one: Settings, other: Settings) -> list[str]:
    """The variables of the settings in which both differ."""
    return [PREFIX + name.upper() for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)]
