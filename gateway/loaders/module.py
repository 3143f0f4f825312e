"""Feature modules: the switches on wjdh (document 3.2.1) and the production state on security (3.1.1)."""

from typing import Literal

from gateway.in_flight import Read, ReadKey
from gateway.loaders.loader import ReadLoader
from gateway.normalise.module import Module, ModuleState

ModuleStates = dict[str, tuple[ModuleState, ...] | None]
"""By community code. A community that is missing is unknown, not "off" (quirk 167)."""


class ModulesLoader(ReadLoader[str, tuple[Module, ...]]):
    """Keyed by community code."""

    endpoint = "modules"

    def identify(self, key: str) -> ReadKey:
        return key, None, self.source.view

    def read(self, key: str) -> Read:
        return self.source.platforms.wjdh.modules(key)


class ModuleStatesLoader(ReadLoader[Literal["all"], ModuleStates]):
    """One call answers for all communities, also ones the caller may not see: pick, never hand out (quirk 167)."""

    endpoint = "modules-sync"

    def identify(self, key: Literal["all"]) -> ReadKey:
        return None, None, self.source.view

    def read(self, key: Literal["all"]) -> Read:
        return self.source.platforms.security.module_states()
