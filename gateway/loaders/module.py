"""Feature modules: the switches on wjdh (document 3.2.1) and the production state on security (3.1.1)."""

from typing import Literal

from gateway.loaders.batch import BatchLoader
from schema.normalise.records import Module, ModuleState

ModuleStates = dict[str, tuple[ModuleState, ...]]
"""By community code. A community that is missing is unknown, not "off" (quirk 167)."""


class ModulesLoader(BatchLoader[str, tuple[Module, ...]]):
    """Keyed by community code."""

    async def load_one(self, key: str) -> tuple[Module, ...]:
        return await self.source.read("modules", key, None, lambda: self.source.platforms.wjdh.modules(key))


class ModuleStatesLoader(BatchLoader[Literal["all"], ModuleStates]):
    """One call tells of all communities, also ones the caller may not see: pick, never hand out (quirk 167)."""

    async def load_one(self, key: Literal["all"]) -> ModuleStates:
        return await self.source.read("modules-sync", None, key, self.source.platforms.security.module_states)
