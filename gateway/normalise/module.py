"""Feature modules: wjdh's switches (document 3.2.1) and the security platform's production states (3.1.1)."""

from collections.abc import Mapping

from gateway.normalise.issues import Issues
from gateway.normalise.records import Module, ModuleState
from gateway.normalise.shapes import ShapeError, row_list, unwrap
from gateway.normalise.values import compare_code, flag, identifier, is_blank, is_code, required_word
from gateway.normalise.vocabulary import ON_OFF, DataProblem, ModuleName, PlatformName


class ModuleIssues(Issues):
    platform = PlatformName.WJDH


class StateIssues(Issues):
    platform = PlatformName.SECURITY


def parse_modules(data: object, community_code: str) -> tuple[Module, ...]:
    """The `data` of the modules list, asked for this community. Raises ShapeError, also where no row has a name.

    A row without a name names no module and is left out. The row's own id is of no use: writes go by name (quirk 80).
    """
    rows = row_list(data)
    modules = (_module(row, community_code) for row in rows if isinstance(row, dict))
    named = tuple([module for module in modules if module is not None])
    if rows and not named:
        raise ShapeError("expected modules with a name")
    return named


def _module(row: Mapping[str, object], community_code: str) -> Module | None:
    issues = ModuleIssues()
    label = identifier(row.get("module_name"), "name", issues)
    if label is None:
        return None
    enabled = _enabled(row.get("module_status"), issues)
    compare_code(row.get("community_identifier"), community_code, issues)
    return Module(
        community_code=community_code,
        name=required_word(ModuleName, label, "name", issues),
        label=label,
        enabled=enabled,
        data_issues=issues.found,
    )


def parse_module_states(data: object) -> dict[str, tuple[ModuleState, ...] | None]:
    """The `data` of modules-sync: every community's states by community code (quirks 4, 167). Raises ShapeError, also
    where no community has states: then its keys are no codes.

    None stands for states that cannot be read: unknown, not "off". States under what is no code are no community's.
    """
    communities = unwrap(data)
    if communities is None or communities == []:
        return {}
    if not isinstance(communities, dict):
        raise ShapeError("expected an object of communities")
    states = {code.strip(): _states_of(modules) for code, modules in communities.items() if is_code(code.strip())}
    if communities and all(modules is None for modules in states.values()):
        raise ShapeError("expected communities with modules")
    return states


def _states_of(modules: object) -> tuple[ModuleState, ...] | None:
    if modules == []:
        return ()
    if not isinstance(modules, dict):
        return None
    return tuple([_state(label.strip(), status) for label, status in modules.items() if not is_blank(label)])


def _state(label: str, status: object) -> ModuleState:
    issues = StateIssues()
    name = ModuleName.by_wire.get(label) or ModuleName.UNRECOGNIZED
    return ModuleState(name, label, _enabled(status, issues), issues.found)


def _enabled(status: object, issues: Issues) -> bool | None:
    if is_blank(status):
        issues.add("enabled", status, DataProblem.MISSING)
        return None
    return flag(status, "enabled", issues, ON_OFF)
