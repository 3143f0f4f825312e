"""Switching feature modules (document 3.2.2), one at a time or to what the security platform reports."""

from gateway.actions.write import (
    Done,
    Expected,
    Found,
    MarkSent,
    ReadBack,
    Write,
    WriteRefusal,
    Written,
    require_community,
    user_error,
)
from gateway.actions.writer import Writer
from gateway.auth.principal import Principal, Scope
from gateway.errors import ConnectionLostError, PlatformError, RefusedError
from gateway.events import EventBus, ReadsDropped
from gateway.journal.records import Operation, RecordRef, UserError
from gateway.normalise.composed import ModuleDrift, module_drift, readable
from gateway.normalise.module import Module
from gateway.normalise.states import Outcome, UserErrorCode
from gateway.normalise.vocabulary import ModuleName
from gateway.platforms.platforms import Platforms
from gateway.wording.writes import WriteWording


class ModuleActions:
    """Modules are switched at wjdh; security reports their production state and is never written to (quirk 166)."""

    def __init__(self, writer: Writer, platforms: Platforms, events: EventBus) -> None:
        self._writer = writer
        self._wjdh = platforms.wjdh
        self._security = platforms.security
        self._events = events

    def get_name(self, label: str) -> ModuleName | None:
        """Which module the platform's word is of."""
        name: ModuleName | None = self._wjdh.wire.words[ModuleName].get(label)
        return name

    async def set(
        self, principal: Principal, community_code: str, label: str, enabled: bool, key: str | None
    ) -> Written:
        """Switch one module. Raises GatewayError for faults."""
        return await self._writer.carry_out(principal, self.make_switch(principal, community_code, label, enabled, key))

    def make_switch(
        self, principal: Principal, community_code: str, label: str, enabled: bool, key: str | None
    ) -> Write:
        """`label` is the platform's word for the module, which may be none of `ModuleName`."""
        principal.require(Scope.MODULE_WRITE)
        name = self.get_name(label)
        identifier = label if name is None else name.value

        async def check() -> Expected:
            require_community(principal, community_code)
            field = "label" if name is None else "name"
            for module in await self._wjdh.modules(community_code):
                if getattr(module, field) == (name or label):
                    return {"modules": {identifier: enabled}, "label": label, "before": module.enabled}
            raise WriteRefusal(user_error(UserErrorCode.NOT_FOUND, WriteWording.NO_SUCH_MODULE(), field))

        async def perform(mark_sent: MarkSent) -> Done:
            await mark_sent()
            await self._wjdh.set_module(community_code, label, enabled)
            return Done()

        return Write(
            mutation="setModule",
            arguments=[community_code, identifier, enabled],
            community_code=community_code,
            idempotency_key=key,
            record=RecordRef("Module", community_code, identifier),
            check=check,
            perform=perform,
            read_back=self.read_back,
            on_change=self.on_change,
        )

    async def plan(self, principal: Principal, community_code: str) -> list[ModuleDrift]:
        """What `sync` would change: the modules whose switch differs from what security reports.

        Raises WriteRefusal where security does not report the community, or not readably: unknown is not "off" (quirk
        167).
        """
        principal.require(Scope.MODULE_WRITE)
        require_community(principal, community_code)
        states = readable((await self._security.module_states()).get(community_code))
        if states is None:
            raise WriteRefusal(user_error(UserErrorCode.NOT_FOUND, WriteWording.NOT_REPORTED(), "communityCode"))
        return [
            drift
            for drift in module_drift(await self._wjdh.modules(community_code), states)
            if drift.security is not None and drift.wjdh is not None and drift.name is not ModuleName.UNRECOGNIZED
        ]

    async def sync(self, principal: Principal, community_code: str, key: str | None) -> Written:
        """Make the plan and carry it out: one operation, and a call for each change. Raises GatewayError for faults.

        Where the platform refuses some changes the others are made all the same, and the refusal says how many.
        """
        principal.require(Scope.MODULE_WRITE)
        changes: list[ModuleDrift] = []
        refused: list[tuple[ModuleDrift, RefusedError]] = []

        async def perform(mark_sent: MarkSent) -> Done:
            changes.extend(await self.plan(principal, community_code))
            if changes:
                await mark_sent({"modules": {change.name.value: change.security for change in changes}})
            for change in changes:
                try:
                    await self._wjdh.set_module(community_code, change.name.wire_label, change.security is True)
                except RefusedError as error:
                    refused.append((change, error))
                except PlatformError as error:
                    if error.sent or change is changes[0]:
                        raise
                    # This change never left, but others before it did.
                    raise ConnectionLostError(error.platform, error.endpoint, error.message) from error
            if refused:
                raise refused[-1][1]
            return Done()

        def refusal(error: RefusedError) -> UserError:
            labels = "、".join(change.label for change, _ in refused)
            return user_error(
                UserErrorCode.UPSTREAM_REFUSED,
                WriteWording.SOME_REFUSED(made=len(changes) - len(refused), all=len(changes), labels=labels),
                upstream_message=error.upstream_message,
            )

        write = Write(
            mutation="syncModules",
            arguments=[community_code],
            community_code=community_code,
            idempotency_key=key,
            record=RecordRef("Community", community_code, community_code),
            perform=perform,
            refusal=refusal,
            read_back=self.read_back,
            on_change=self.on_change,
        )
        return await self._writer.carry_out(principal, write)

    async def read_back(self, operation: Operation) -> ReadBack:
        """Whether the modules of an operation are now as it wanted them."""
        wanted: dict[str, bool] = (operation.expected or {}).get("modules", {})
        modules = {module_identifier(each): each.enabled for each in await self._wjdh.modules(_community(operation))}
        missing = [name for name, enabled in wanted.items() if modules.get(name) is not enabled]
        if not missing:
            return ReadBack(Found.APPLIED)
        if any(modules.get(name) is None for name in missing):
            return ReadBack(Found.UNCLEAR)
        error = user_error(
            UserErrorCode.UPSTREAM_REFUSED,
            WriteWording.SOME_NOT_MADE(made=len(wanted) - len(missing), all=len(wanted)),
        )
        return ReadBack(Found.NOT_APPLIED, errors=(error,))

    def on_change(self, operation: Operation) -> None:
        """What was read before is out of date; what security reports may follow."""
        self._events.publish(ReadsDropped(_community(operation), ("modules", "modules-sync")))


def planned(operation: Operation | None) -> list[ModuleDrift]:
    """The plan that an operation of `sync` set out with, also when its idempotency key is used again."""
    wanted: dict[str, bool] = ((operation and operation.expected) or {}).get("modules", {})
    return [
        ModuleDrift(name, name.wire_label, not enabled, enabled)
        for name, enabled in ((ModuleName(value), enabled) for value, enabled in wanted.items())
    ]


def switched(written: Written) -> list[ModuleDrift]:
    """What the switching of one module changes, `wjdh` from its state before: nothing where that is as wanted."""
    label, before = written.expected.get("label", ""), written.expected.get("before")
    wanted: dict[str, bool] = {} if written.outcome is Outcome.REFUSED else written.expected.get("modules", {})
    return [
        ModuleDrift(ModuleName.__members__.get(identifier, ModuleName.UNRECOGNIZED), label, before, enabled)
        for identifier, enabled in wanted.items()
        if enabled is not before
    ]


def module_identifier(module: Module) -> str:
    """What the journal knows a module by: its name; the platform's word for it where that is none of `ModuleName`."""
    return module.label if module.name is ModuleName.UNRECOGNIZED else module.name.value


def _community(operation: Operation) -> str:
    if operation.community_code is None:
        raise ValueError("an operation on modules names their community")
    return operation.community_code
