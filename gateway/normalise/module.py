"""Feature modules: wjdh's switches (document 3.2.1) and the security platform's production states (3.1.1)."""

from typing import TYPE_CHECKING, Annotated

import msgspec

from gateway.normalise.field import Field, Kind
from gateway.normalise.kinds import IDENTIFIER
from gateway.normalise.records import DataIssue, Issues, IssueSource, Record
from gateway.normalise.shapes import ShapeError, row_list, unwrap
from gateway.normalise.table import Rows
from gateway.normalise.values import compare_code, flag, is_blank, is_code, word
from gateway.normalise.vocabulary import ON_OFF, DataProblem, ModuleName, PlatformName

if TYPE_CHECKING:
    from gateway.normalise.wire import Wire


def _read_community(sent: object, path: str, issues: Issues, asked: str) -> str:
    """The community that was asked for. The row's own code may have lost its zeros (quirk 65); another is an issue."""
    compare_code(sent, asked, path, issues)
    return asked


def _read_name(path: str, issues: Issues, label: str) -> ModuleName:
    return word(ModuleName, label, path, issues) or ModuleName.UNRECOGNIZED


def _read_switch(status: object, path: str, issues: Issues) -> bool | None:
    if is_blank(status):
        issues.add(path, status, DataProblem.MISSING)
        return None
    return flag(status, path, issues, ON_OFF)


COMMUNITY = Kind(read=_read_community, required=True, used=("asked",))
LABEL = msgspec.structs.replace(IDENTIFIER, identifies=True, words=ModuleName)
NAME = Kind(read=_read_name, used=("label",))
SWITCH = Kind(read=_read_switch, required=True, words=ON_OFF)


class Module(Record, frozen=True, gc=False):
    """A feature module of a community on wjdh (3.2.1). `label` is the platform's word; `enabled` may be unknown.

    The row's own id is of no use: writes go by name (quirk 80).
    """

    community_code: Annotated[
        str, Field("Code of its community (小区标识).", "community_identifier", COMMUNITY, identifier=True)
    ]
    name: Annotated[ModuleName, Field("Which module (模块名称).", kind=NAME)]
    label: Annotated[str, Field("The platform's own word for it (模块名称原文).", "module_name", LABEL)]
    enabled: Annotated[
        bool | None,
        Field("Whether it is on; null when unreadable, see dataIssues (模块状态).", "module_status", SWITCH),
    ] = None
    data_issues: tuple[DataIssue, ...] = ()


class ModuleState(Record, frozen=True, gc=False):
    """A module's production state on the security platform (3.1.1)."""

    name: ModuleName
    label: str
    enabled: bool | None
    data_issues: tuple[DataIssue, ...] = ()


MODULES = Rows(Module, PlatformName.WJDH)


def parse_modules(wire: "Wire", data: object, community_code: str) -> tuple[Module, ...]:
    """The `data` of the modules list, asked for this community. Raises ShapeError, also where no row has a name.

    A row without a name names no module and is left out.
    """
    rows, read = row_list(data), wire.table(MODULES).read
    modules = [module for row in rows if (module := read(row, [], community_code)) is not None]
    if rows and not modules:
        raise ShapeError("expected modules with a name")
    return tuple(modules)


def parse_module_states(wire: "Wire", data: object) -> dict[str, tuple[ModuleState, ...] | None]:
    """The `data` of modules-sync: every community's states by community code (quirks 4, 167). Raises ShapeError, also
    where no community has states: then its keys are no codes.

    None stands for states that cannot be read: unknown, not "off". States under what is no code are no community's.
    """
    communities = unwrap(data)
    if communities is None or communities == []:
        return {}
    if not isinstance(communities, dict):
        raise ShapeError("expected an object of communities")
    states = {
        code.strip(): _get_states(wire, modules) for code, modules in communities.items() if is_code(code.strip())
    }
    if communities and all(modules is None for modules in states.values()):
        raise ShapeError("expected communities with modules")
    return states


def _get_states(wire: "Wire", modules: object) -> tuple[ModuleState, ...] | None:
    if modules == []:
        return ()
    if not isinstance(modules, dict):
        return None
    return tuple([_state(wire, label.strip(), status) for label, status in modules.items() if not is_blank(label)])


def _state(wire: "Wire", label: str, status: object) -> ModuleState:
    issues = Issues(IssueSource(wire, PlatformName.SECURITY), [])
    name = wire.words[ModuleName].get(label) or ModuleName.UNRECOGNIZED
    return ModuleState(name, label, _read_switch(status, "enabled", issues), issues.found)
