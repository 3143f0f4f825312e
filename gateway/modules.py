"""Feature modules: the switches of wjdh (document 3.2) and the production states of the security platform (3.1.1).

Modules are switched at wjdh; security reports their production state and is never written to (quirk 166).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, cast

import msgspec

from gateway.actions.action import Action, AskedT, Done, Prepared, Undecided, Write, WriteRefusal, Written, user_error
from gateway.auth.principal import Scope
from gateway.errors import ConnectionLostError, PlatformError, RefusedError
from gateway.journal.records import Operation, RecordRef
from gateway.loaders.loader import Lookup
from gateway.normalise.records import DataIssue, Field, Issues, Kind, Record, is_blank
from gateway.normalise.shapes import ShapeError, row_list, unwrap
from gateway.normalise.table import Rows
from gateway.normalise.values import IDENTIFIER, compare_code, flag, is_code, word
from gateway.normalise.vocabulary import FLAG_FORM, ON_OFF, PlatformName, UserErrorCode, WireEnum
from gateway.normalise.wire import Wire
from gateway.platforms.call import Call
from gateway.platforms.client import PlatformClient
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.envelope import Envelope
from gateway.platforms.security import SECURITY, Security
from gateway.platforms.wjdh import WJDH, Wjdh
from gateway.wording.enums import NOT_LISTED, Word
from gateway.wording.inputs import WriteWording

T = TypeVar("T")


class ModuleName(WireEnum, chinese="小区功能模块", english="Feature module of a community"):  # 3.1.1.4
    BIND_HOUSE = Word("绑定房屋", "Binding to a house")
    BIND_FAMILY = Word("绑定家属", "Binding of family")
    LIVING_PAYMENTS = Word("生活缴费", "Payment of charges")
    REPAIRS = Word("物业报修", "Requests for repairs")
    CLOUD_PARKING = Word("云停车场", "Cloud car park")
    COMPLAINTS = Word("投诉建议", "Complaints and suggestions")
    ANNOUNCEMENTS = Word("公告通知", "Announcements")
    EMERGENCY_PHONES = Word("应急电话", "Emergency phone numbers")
    VISITOR_PASSES = Word("访客通行", "Visitor passes")
    UNRECOGNIZED = NOT_LISTED


def _read_community(sent: object, path: str, issues: Issues, asked: str) -> str:
    """The community that was asked for. The row's own code may have lost its zeros (quirk 65); another is an issue."""
    compare_code(sent, asked, path, issues)
    return asked


COMMUNITY = Kind(read=_read_community, required=True, used=("asked",))
LABEL = msgspec.structs.replace(IDENTIFIER, identifies=True, words=ModuleName)
NAME = Kind(
    read=lambda path, issues, label: word(ModuleName, label, path, issues) or ModuleName.UNRECOGNIZED, used=("label",)
)
KNOWN_NAME = msgspec.structs.replace(
    NAME, read=lambda _path, issues, label: issues.source.wire.words[ModuleName].get(label) or ModuleName.UNRECOGNIZED
)
SWITCH = Kind(read=partial(flag, switch=ON_OFF), required=True, words=ON_OFF)


class Module(Record, frozen=True, gc=False):
    """A feature module of a community on wjdh (3.2.1). `label` is the platform's word; writes go by it (quirk 80)."""

    community_code: Annotated[
        str, Field("Code of its community (小区标识).", "community_identifier", COMMUNITY, identifier=True)
    ]
    name: Annotated[ModuleName, Field("Name of the module (模块名称).", kind=NAME)]
    label: Annotated[str, Field("The platform's name for it (模块名称原文).", "module_name", LABEL)]
    enabled: Annotated[
        bool | None,
        Field("Whether it is on; null when unreadable, see dataIssues (模块状态).", "module_status", SWITCH),
    ] = None
    data_issues: tuple[DataIssue, ...] = ()

    @property
    def identifier(self) -> str:
        """What identifies it within its community: its name, or the platform's word where that is none of
        `ModuleName`.
        """
        return self.label if self.name is ModuleName.UNRECOGNIZED else self.name.value


class ModuleState(Record, frozen=True, gc=False):
    """A module's production state on the security platform (3.1.1), which has no rows: a name and a value each."""

    name: Annotated[ModuleName, Field(kind=KNOWN_NAME)]
    label: Annotated[str, Field(key="module_name", kind=IDENTIFIER)]
    enabled: Annotated[bool | None, Field(key="module_status", kind=SWITCH)]
    data_issues: tuple[DataIssue, ...] = ()


ModuleStates = dict[str, tuple[ModuleState, ...] | None]
"""By community code. A community that is missing is unknown, not "off" (quirk 167)."""

MODULE_ROWS = Rows(Module, PlatformName.WJDH, unread=("id",))
STATE_ROWS = Rows(ModuleState, PlatformName.SECURITY)


def parse_modules(wire: Wire, data: object, community_code: str) -> tuple[Module, ...]:
    """The `data` of the modules list, asked for this community, without rows that name no module. Raises ShapeError,
    also where no row has a name.
    """
    rows, read = row_list(data), wire.table(MODULE_ROWS).read
    modules = [module for row in rows if (module := read(row, community_code)) is not None]
    if rows and not modules:
        raise ShapeError("expected modules with a name")
    return tuple(modules)


def parse_module_states(wire: Wire, data: object) -> ModuleStates:
    """The `data` of modules-sync: every community's states by community code (quirks 4, 167); None for states that
    cannot be read: unknown, not "off". States under what is no code are no community's. Raises ShapeError, also where
    no community has states: then its keys are no codes.
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


def _get_states(wire: Wire, modules: object) -> tuple[ModuleState, ...] | None:
    if not isinstance(modules, dict):
        return () if modules == [] else None
    read = wire.table(STATE_ROWS).read
    rows = [{"module_name": label, "module_status": status} for label, status in modules.items() if not is_blank(label)]
    return tuple([state for row in rows if (state := read(row)) is not None])


class ModuleDrift(Record, frozen=True, gc=False):
    """A module whose state differs between the platforms. None: that platform does not report it."""

    name: ModuleName
    label: str
    wjdh: bool | None
    security: bool | None


StateT = TypeVar("StateT", Module, ModuleState)


def readable(states: Sequence[StateT] | None) -> Sequence[StateT] | None:
    """What a platform reports of a community; None where there are states, and not one could be read."""
    return None if states and all(state.enabled is None for state in states) else states


def module_drift(modules: Iterable[Module], states: Iterable[ModuleState]) -> Iterator[ModuleDrift]:
    """Where the switches of wjdh and the production states of security differ (quirk 166): a module that only one side
    reports is a difference; a state that could not be read is none.
    """
    of_security = {state.label: state for state in states}
    of_wjdh = set()
    for module in modules:
        of_wjdh.add(module.label)
        state = of_security.get(module.label)
        if state is None:
            yield ModuleDrift(module.name, module.label, module.enabled, None)
        elif module.enabled is not None and state.enabled is not None and module.enabled != state.enabled:
            yield ModuleDrift(module.name, module.label, module.enabled, state.enabled)
    for label, state in of_security.items():
        if label not in of_wjdh:
            yield ModuleDrift(state.name, label, None, state.enabled)


MODULE_LIST = Endpoint(WJDH, "modules", "POST", "wjdh/modules", Effect.READ, record=Module)
MODULE = Endpoint(WJDH, "module", "PUT", "wjdh/module", Effect.WRITE)
MODULES_SYNC = Endpoint(SECURITY, "modules-sync", "POST", "", Effect.READ, setting="security_modules_path")


def _read(endpoint: Endpoint, envelope: Envelope, client: PlatformClient, parse: Callable[..., T], *asked: object) -> T:
    return parse(client.wire, client.data(endpoint, envelope), *asked)


def read_modules(wjdh: Wjdh, community_code: str) -> Call[tuple[Module, ...]]:
    """The community's feature modules (3.2.1)."""
    return Call(wjdh, MODULE_LIST, {"xiaoqu": community_code}, _read, wjdh, parse_modules, community_code)


def read_module_states(security: Security) -> Call[ModuleStates]:
    """The production state of every community's modules, by community code (3.1.1; quirk 167)."""
    return Call(security, MODULES_SYNC, {}, _read, security, parse_module_states)


async def set_module(wjdh: Wjdh, community_code: str, label: str, enabled: bool) -> None:
    """Switch a module on or off (3.2.2), by the platform's word for it (quirk 80)."""
    form = {"xiaoqu": community_code, "module_name": label, "module_status": FLAG_FORM[enabled]}
    await wjdh.succeed(MODULE, form)


MODULES = Lookup[str, tuple[Module, ...]](
    endpoint=MODULE_LIST, scope=Scope.MODULE_READ, read=read_modules, nothing="0", cached_as="modules", community=str
)
"""Of a community, by its code."""

MODULE_STATES = Lookup[Literal["all"], ModuleStates](
    endpoint=MODULES_SYNC,
    scope=Scope.MODULE_READ,
    read=lambda security, _all: read_module_states(security),
    nothing="all",
    cached_as="modules",
)
"""One call answers for all communities, also ones the caller may not see: pick, never hand out (quirk 167)."""


class _SwitchesModules(Action[AskedT], is_base=True):
    """What is expected of the write is the new state of `modules`, by identifier."""

    scope = Scope.MODULE_WRITE
    endpoint = MODULE
    stale = (MODULE_LIST.name, MODULES_SYNC.name)  # what security reports may follow

    async def read_back(self, operation: Operation, _write: Write[AskedT] | None = None) -> Done | Undecided:
        wanted = _wanted(operation.expected)
        now = await read_modules(self.wjdh, str(operation.community_code))
        modules = {module.identifier: module.enabled for module in now}
        missing = [name for name, enabled in wanted.items() if modules.get(name) is not enabled]
        if not missing:
            return Done()
        if any(modules.get(name) is None for name in missing):
            return Undecided.UNCLEAR
        message = WriteWording.SOME_NOT_MADE(made=len(wanted) - len(missing), all=len(wanted))
        return Done(errors=(user_error(UserErrorCode.UPSTREAM_REFUSED, message),))


class Switch(NamedTuple):
    """`label` is the platform's word for the module, which may be none of `ModuleName`."""

    community_code: str
    label: str
    enabled: bool


class SetModule(_SwitchesModules[Switch]):
    mutation = "setModule"

    def get_name(self, label: str) -> ModuleName | None:
        """Which module the platform's word is of; None where it is none of `ModuleName`."""
        name = cast("ModuleName | None", self.wjdh.wire.words[ModuleName].get(label))
        return None if name is ModuleName.UNRECOGNIZED else name  # a word that a profile lists among the others

    def record(self, switch: Switch) -> RecordRef:
        return RecordRef("Module", switch.community_code, self.get_name(switch.label) or switch.label)

    async def prepare(self, write: Write[Switch]) -> Prepared:
        code, label, enabled = write.asked
        name = self.get_name(label)
        field = "label" if name is None else "name"
        for module in await read_modules(self.wjdh, code):
            if getattr(module, field) == (name or label):
                expected = {"modules": {name or label: enabled}, "label": label, "before": module.enabled}
                return Prepared(partial(set_module, self.wjdh, *write.asked), expected)
        raise WriteRefusal(user_error(UserErrorCode.NOT_FOUND, WriteWording.NO_SUCH_MODULE(), field))


class Sync(NamedTuple):
    """Which community is brought to what the security platform reports."""

    community_code: str


class SyncModules(_SwitchesModules[Sync]):
    """Carry out a plan: one operation, and a call for each module whose switch differs from what security reports.
    Where the platform refuses some changes the others are made all the same, and the refusal says how many.
    """

    mutation = "syncModules"

    def record(self, sync: Sync) -> RecordRef:
        return RecordRef("Community", sync.community_code, sync.community_code)

    async def prepare(self, write: Write[Sync]) -> Prepared:
        """The plan. It is refused where security does not report the community, or either platform not readably:
        unknown is not "off" (quirk 167), nor as it should be.
        """
        states = readable((await read_module_states(self.platforms.security)).get(write.asked.community_code))
        modules = None if states is None else readable(await read_modules(self.wjdh, write.asked.community_code))
        if states is None or modules is None:
            raise WriteRefusal(user_error(UserErrorCode.NOT_FOUND, WriteWording.NOT_REPORTED(), "communityCode"))
        changes = [
            drift
            for drift in module_drift(modules, states)
            if drift.security is not None and drift.wjdh is not None and drift.name is not ModuleName.UNRECOGNIZED
        ]
        expected = {"modules": {change.name.value: change.security for change in changes}}
        return Prepared(partial(self._switch, write.asked, changes), expected, sends=bool(changes))

    async def _switch(self, sync: Sync, changes: list[ModuleDrift]) -> Done:
        refused: dict[str, RefusedError] = {}
        for change in changes:
            try:
                await set_module(self.wjdh, *sync, change.name.wire_label, change.security is True)
            except RefusedError as error:
                refused[change.label] = error
            except PlatformError as error:
                if error.sent or change is changes[0]:
                    raise
                # This change never left, but others before it did.
                raise ConnectionLostError(error.platform, error.endpoint, error.message) from error
        if not refused:
            return Done()
        *_, last = refused.values()
        made, labels = len(changes) - len(refused), "、".join(refused)
        message = WriteWording.SOME_REFUSED(made=made, all=len(changes), labels=labels)
        why = user_error(UserErrorCode.UPSTREAM_REFUSED, message, upstream_message=last.upstream_message)
        return Done(errors=(why,))


def changes(written: Written) -> list[ModuleDrift]:
    """What a switching or a synchronisation changes, also when its idempotency key is used again: `wjdh` from the state
    before, `security` to the new one. Nothing where a module is as wanted.
    """
    expected = written.expected or {}
    states = [(key, expected.get("before", not enabled), enabled) for key, enabled in _wanted(expected).items()]
    names = {key: ModuleName.__members__.get(key, ModuleName.UNRECOGNIZED) for key, *_ in states}
    return [
        ModuleDrift(names[key], expected.get("label") or names[key].wire_label, before, enabled)
        for key, before, enabled in states
        if enabled is not before
    ]


def _wanted(expected: Mapping[str, Any] | None) -> dict[str, bool]:
    """The new states of modules, by identifier."""
    wanted: dict[str, bool] = (expected or {}).get("modules", {})
    return wanted
