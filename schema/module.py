"""Feature modules of a community (document chapter 3)."""

from typing import Annotated, NamedTuple

import strawberry

from gateway.actions.module import module_identifier, planned, switched
from gateway.actions.write import Write, WriteRefusal, Written
from gateway.auth.node_ids import NodeIds
from gateway.context import Info
from gateway.errors import UserInputError, find_violations
from gateway.execution.load import Load
from gateway.journal.history import HistoryKey
from gateway.normalise import composed
from gateway.normalise.module import Module as ModuleRecord
from gateway.normalise.states import Outcome
from gateway.normalise.vocabulary import ModuleName
from gateway.wording.inputs import InputWording
from schema import writes
from schema.arguments import CommunityCode, community, recognized
from schema.costs import MOST_ENTRIES, ONE_CALL, SYNCHRONISATION, WRITE, bulk_costs
from schema.fields import needs, node_id, optional, plain, record_type
from schema.operation import MutationPayload, with_history
from schema.record import DataIssue, Node, data_issues, its_community


def _recorded(module: ModuleRecord, _ids: NodeIds) -> HistoryKey:
    """Writes call it by its name, or by its label where that is none of the names; synchronisations have a plan."""
    if module.name is ModuleName.UNRECOGNIZED:
        return HistoryKey("Module", module.community_code, (module.label,))
    return HistoryKey("Module", module.community_code, (module.name.value, module.label), module.name.value)


@record_type(ModuleRecord, description="A feature module of a community, as wjdh switches it (功能模块).")
@with_history(_recorded)
class Module(Node):
    data_issues: list[DataIssue] = data_issues()

    id: strawberry.ID = node_id("Module", "label", "The module's node id (节点标识).")
    community = its_community()


@record_type(composed.ModuleDrift, description="A module about which the platforms disagree (模块差异).")
class ModuleDrift:
    name: ModuleName = plain("Which module (模块名称).")
    label: str = plain("The platform's own word for it (模块名称原文).")
    wjdh: bool | None = plain("Whether it is on at wjdh; null when not reported there, or not readably (万家灯火状态).")
    security: bool | None = plain(
        "Whether it is on at security; null when not reported there, or not readably (安防平台状态)."
    )


def load_modules(info: Info, community_code: str) -> Load[str, tuple[ModuleRecord, ...]] | None:
    """Modules of a community; None when the caller may not see it. Raises UserInputError."""
    code = community(community_code)
    return Load(info.context.loaders.modules, code) if info.context.principal.sees(code) else None


@strawberry.type
class ModuleQueries:
    @strawberry.field(
        description="The feature modules of a community, as wjdh switches them (功能模块列表).",
        directives=needs(["module:read"]),
        graphql_type=list[Module] | None,
        metadata=ONE_CALL,
    )
    def modules(self, info: Info, community_code: CommunityCode) -> Load[str, tuple[ModuleRecord, ...]] | None:
        return load_modules(info, community_code)


@strawberry.input(description="Switch a module (改变功能模块状态).")
class SetModuleInput:
    community_code: strawberry.ID = strawberry.field(description="Code of the community (小区标识).")
    name: ModuleName | None = optional("Which module; either this or `label` (模块名称).")
    label: str | None = optional("A module that has no name here, by the platform's own word for it (模块名称原文).")
    enabled: bool = strawberry.field(description="On or off (模块状态).")
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.input(description="Switch a module of several communities (批量改变功能模块状态).")
class SetModulesInput:
    community_codes: list[strawberry.ID] = strawberry.field(
        description=f"Codes of the communities, 1 to {MOST_ENTRIES} (小区标识列表)."
    )
    name: ModuleName = strawberry.field(description="Which module (模块名称).")
    enabled: bool = strawberry.field(description="On or off (模块状态).")
    dry_run: bool = strawberry.field(
        default=True, description="Only show what would change or be refused: nothing is written or recorded (仅预览)."
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_EACH_KEY)


@strawberry.input(description="Bring wjdh to what the security platform reports (同步功能模块).")
class SyncModulesInput:
    community_code: strawberry.ID = strawberry.field(description="Code of the community (小区标识).")
    dry_run: bool = strawberry.field(
        default=True,
        description="Only show what would change: nothing is written or recorded, and the outcome is PLANNED (仅预览).",
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


SetInput = Annotated[SetModuleInput, strawberry.argument(description="Which module, on or off (输入).")]
SetAllInput = Annotated[
    SetModulesInput, strawberry.argument(description="Which module, on or off, and of which communities (输入).")
]
SyncInput = Annotated[SyncModulesInput, strawberry.argument(description="Which community (输入).")]


@strawberry.type(description="A switch of a module, and its state before (模块变更).")
class ModuleChange:
    name: ModuleName | None = plain("Which module (模块名称).")
    label: str | None = plain("The platform's own word for it (模块名称原文).")

    @strawberry.field(name="from", description="Whether it was on; null where that is not known (原状态).")
    def before(root: strawberry.Parent[composed.ModuleDrift]) -> bool | None:
        return root.wjdh

    @strawberry.field(description="Whether it is to be on (新状态).")
    def to(root: strawberry.Parent[composed.ModuleDrift]) -> bool:
        return root.security is True


@record_type(Written, description="How the switching of a module ended (模块状态结果).")
class ModulePayload(MutationPayload):
    @strawberry.field(
        description="What setModules or syncModules would change, from and to; empty: nothing (变更).",
        graphql_type=list[ModuleChange],
    )
    def changes(root: strawberry.Parent[Written], info: Info) -> list[composed.ModuleDrift]:
        return switched(root) if writes.written_record(info, root) else []

    @strawberry.field(
        description="The module as the platform shows it now (功能模块).",
        directives=needs(["module:read"]),
        graphql_type=Module | None,
        metadata=ONE_CALL,
    )
    async def module(root: strawberry.Parent[Written], info: Info) -> ModuleRecord | None:
        record = writes.written_record(info, root)
        if record is None:
            return None
        modules: tuple[ModuleRecord, ...] = await Load(info.context.loaders.modules, str(record.community_code))
        return next((module for module in modules if module_identifier(module) == record.platform_id), None)


@strawberry.type(description="How the switching of a module of several communities ended (批量模块状态结果).")
class ModulesPayload:
    results = writes.results_field(ModulePayload, "community")


class Synchronised(NamedTuple):
    """The source of a SyncModulesPayload: how it ended, and the plan."""

    written: Written
    community_code: str
    changes: list[composed.ModuleDrift]

    @property
    def outcome(self) -> Outcome:
        return self.written.outcome

    @property
    def user_errors(self) -> tuple[object, ...]:
        return self.written.user_errors

    @property
    def operation(self) -> object:
        return self.written.operation


@record_type(Synchronised, description="What a synchronisation changes, and how it ended (同步功能模块结果).")
class SyncModulesPayload(MutationPayload):
    @strawberry.field(
        description="The plan: what differed before, each to become what security reports (变更).",
        directives=needs(["module:read"]),
        graphql_type=list[ModuleDrift] | None,
    )
    def changes(root: strawberry.Parent[Synchronised], info: Info) -> list[composed.ModuleDrift] | None:
        return root.changes if info.context.principal.sees(root.community_code) else None

    @strawberry.field(
        description="The modules as wjdh shows them now (功能模块).",
        directives=needs(["module:read"]),
        graphql_type=list[Module] | None,
        metadata=ONE_CALL,
    )
    async def modules(root: strawberry.Parent[Synchronised], info: Info) -> tuple[ModuleRecord, ...] | None:
        if not info.context.principal.sees(root.community_code):
            return None
        modules: tuple[ModuleRecord, ...] = await Load(info.context.loaders.modules, root.community_code)
        return modules


@strawberry.type
class ModuleMutations:
    @strawberry.mutation(
        description="Switch a module on or off, at wjdh (改变功能模块状态).",
        directives=needs(["module:write"]),
        graphql_type=ModulePayload | None,
        metadata=WRITE,
    )
    async def set_module(self, info: Info, input: SetInput) -> Written:
        key, code = input.idempotency_key, str(input.community_code)
        writes.require(
            find_violations(writes.idempotency_key, key),
            find_violations(community, code, "input.communityCode"),
            find_violations(_label, input),
        )
        written = await info.context.actions.module.set(info.context.principal, code, _label(input), input.enabled, key)
        return writes.finished(info, written)

    @strawberry.mutation(
        description="Switch a module of several communities on or off, at wjdh: a result and an operation for each, "
        "unless it is a dry run, which is the default (批量改变功能模块状态).",
        directives=needs(["module:write"]),
        graphql_type=ModulesPayload | None,
        metadata=bulk_costs("input.communityCodes"),
    )
    async def set_modules(self, info: Info, input: SetAllInput) -> list[Written]:
        key = input.idempotency_key
        writes.require(
            find_violations(writes.entries, "communityCodes", input.community_codes),
            find_violations(writes.idempotency_key, key),
            find_violations(recognized, input.name, "input.name"),
        )
        make_switch = info.context.actions.module.make_switch

        def switch(code: str) -> Write:
            return make_switch(
                info.context.principal, code, input.name.wire_label, input.enabled, writes.entry_key(key, code)
            )

        switches = writes.community_writes("setModule", input.community_codes, switch)
        return await writes.write_all(info, switches, dry_run=input.dry_run)

    @strawberry.mutation(
        description="Bring wjdh to what the security platform reports: shows the plan, and carries it out unless it is "
        "a dry run, which is the default (同步功能模块).",
        directives=needs(["module:write"]),
        graphql_type=SyncModulesPayload | None,
        metadata=SYNCHRONISATION,
    )
    async def sync_modules(self, info: Info, input: SyncInput) -> Synchronised:
        key, code = input.idempotency_key, str(input.community_code)
        writes.require(
            find_violations(writes.idempotency_key, key), find_violations(community, code, "input.communityCode")
        )
        actions, principal = info.context.actions.module, info.context.principal
        if input.dry_run:
            try:
                return Synchronised(Written(Outcome.PLANNED), code, await actions.plan(principal, code))
            except WriteRefusal as refusal:
                return Synchronised(Written.refused(*refusal.errors), code, [])
        written = writes.finished(info, await actions.sync(principal, code, key))
        return Synchronised(written, code, planned(written.operation))


def _label(input: SetModuleInput) -> str:
    """The platform's word for a module. Raises UserInputError unless it is named in one way."""
    if (input.name is None) == (input.label is None):
        raise UserInputError("input.name", InputWording.EITHER(field="name", other="label"))
    recognized(input.name, "input.name")
    return input.name.wire_label if input.name is not None else str(input.label).strip()
