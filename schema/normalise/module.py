"""Feature modules: wjdh's switches (document 3.2.1) and the security platform's production states (3.1.1)."""

from schema.normalise.records import Module, ModuleState


def parse_modules(data: object, community_code: str) -> tuple[Module, ...]:
    """The `data` of the modules list, asked for this community. Raises ShapeError."""
    raise NotImplementedError


def parse_module_states(data: object) -> dict[str, tuple[ModuleState, ...]]:
    """The `data` of modules-sync: every community's states by community code (quirks 4, 167). Raises ShapeError."""
    raise NotImplementedError
