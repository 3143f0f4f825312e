"""Feature modules of a community (document chapter 3)."""

import msgspec
import strawberry

from gateway import modules as records
from gateway.actions.action import Written
from gateway.context import Info
from gateway.errors import UserInputError, find_violations
from gateway.execution.load import Load
from gateway.modules import MODULES, ModuleName, SetModule, Switch, Sync, SyncModules, changes
from gateway.normalise.vocabulary import Outcome
from gateway.wording.inputs import InputWording
from schema import writes
from schema.costs import MOST_ENTRIES, SYNCHRONISATION, bulk_cost
from schema.fields import derived, described, node_id, optional, plain, record_type, required, resolved
from schema.operation import MutationPayload, writes_of, written_field
from schema.record import CommunityCode, Node, community, its_community, recognized


@record_type(records.Module, "A feature module of a community, with its state at wjdh (功能模块).")
class Module(Node):
    id: strawberry.ID = node_id("Module", "identifier", "The module's node id (节点标识).")
    community = its_community()
    history = writes_of(id)


@record_type(records.ModuleDrift, "A module whose state differs between the platforms (模块差异).")
class ModuleDrift:
    name: ModuleName = plain("Name of the module (模块名称).")
    label: str = plain("The platform's name for it (模块名称原文).")
    wjdh: bool | None = plain("Whether it is on at wjdh; null if not reported or unreadable (万家灯火状态).")
    security: bool | None = plain("Whether it is on at security; null if not reported or unreadable (安防平台状态).")


class ModuleQueries:
    @resolved(list[Module] | None, lookup=MODULES)
    def modules(self, info: Info, community_code: CommunityCode) -> Load[str, tuple[records.Module, ...]] | None:
        """The feature modules of a community, with their state at wjdh (功能模块列表)."""
        code = community(community_code)
        return Load(info.context.loaders.of(MODULES), code) if info.context.principal.sees(code) else None


@strawberry.input(description="Switch a module (改变功能模块状态).")
class SetModuleInput:
    community_code: strawberry.ID = required("Code of the community (小区标识).")
    name: ModuleName | None = optional("Name of the module; give either this or `label` (模块名称).")
    label: str | None = optional("The platform's name of a module that is not in ModuleName (模块名称原文).")
    enabled: bool = required("On or off (模块状态).")
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.input(description="Switch a module of several communities (批量改变功能模块状态).")
class SetModulesInput:
    community_codes: list[strawberry.ID] = required(f"Codes of the communities, 1 to {MOST_ENTRIES} (小区标识列表).")
    name: ModuleName = required("Name of the module (模块名称).")
    enabled: bool = required("On or off (模块状态).")
    dry_run: bool = optional(
        "Only show what would change or be refused: nothing is written or recorded (仅预览).", True
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_EACH_KEY)


@strawberry.input(description="Set the modules at wjdh to what the security platform reports (同步功能模块).")
class SyncModulesInput:
    community_code: strawberry.ID = required("Code of the community (小区标识).")
    dry_run: bool = optional(
        "Only show what would change: nothing is written or recorded, and the outcome is PLANNED (仅预览).", True
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.type(description="A module switched on or off, with its previous state (模块变更).")
class ModuleChange:
    name: ModuleName | None = plain("Name of the module (模块名称).")
    label: str | None = plain("The platform's name for it (模块名称原文).")

    before = resolved(bool | None, name="from", description="Whether it was on; null if unknown (原状态).")(
        lambda root: root.wjdh
    )
    to = derived(bool, "Whether it is switched on (新状态).", lambda root: root.security is True)


@record_type(Written, "Result of switching a module (模块状态结果).")
class ModulePayload(MutationPayload):
    @resolved(list[ModuleChange])
    def changes(root: Written, info: Info) -> list[records.ModuleDrift]:
        """What setModules or syncModules changes; empty: nothing (变更)."""
        is_visible = root.outcome is not Outcome.REFUSED and writes.written_record(info, root)
        return changes(root) if is_visible else []

    module = written_field(Module, "The module as the platform shows it now; null if there is none (功能模块).")


ModulesPayload = writes.payload_of_several(
    ModulePayload, "community", "Result of switching a module of several communities (批量模块状态结果)."
)


class Synchronised(Written, frozen=True):
    """The source of a SyncModulesPayload: how it ended, or would, and where."""

    community_code: str = ""


@record_type(Synchronised, "Result of a module synchronisation (同步功能模块结果).")
class SyncModulesPayload(MutationPayload):
    @resolved(list[ModuleDrift] | None, "module:read")
    def changes(root: Synchronised, info: Info) -> list[records.ModuleDrift] | None:
        """The plan: modules whose state differed, each to be set to what security reports (变更)."""
        return changes(root) if info.context.principal.sees(root.community_code) else None

    @resolved(list[Module] | None, lookup=MODULES)
    async def modules(root: Synchronised, info: Info) -> tuple[records.Module, ...] | None:
        """The modules as wjdh shows them now (功能模块)."""
        sees = info.context.principal.sees(root.community_code)
        return await Load(info.context.loaders.of(MODULES), root.community_code) if sees else None


class ModuleMutations:
    @writes.mutation(SetModule, ModulePayload)
    @described(input="Which module, on or off (输入).")
    async def set_module(self, info: Info, input: SetModuleInput) -> Written:
        """Switch a module on or off, at wjdh (改变功能模块状态)."""
        code = str(input.community_code)
        refused = (*writes.wrong_community(code), *find_violations(_label, input))
        switch = Switch(code, "" if refused else _label(input), input.enabled)
        return await writes.write_one(info, SetModule, switch, input.idempotency_key, refused)

    @writes.mutation(SetModule, ModulesPayload, bulk_cost("input.communityCodes"))
    @described(input="Which module, on or off, and of which communities (输入).")
    async def set_modules(self, info: Info, input: SetModulesInput) -> list[Written]:
        """Switch a module of several communities on or off, at wjdh, each with its own result and operation; a dry
        run, the default, writes nothing (批量改变功能模块状态)."""
        return await writes.write_communities(
            info,
            SetModule,
            input.community_codes,
            lambda code: Switch(code, input.name.wire_label, input.enabled),
            input.idempotency_key,
            find_violations(recognized, input.name, "input.name"),
            dry_run=input.dry_run,
        )

    @writes.mutation(SyncModules, SyncModulesPayload, SYNCHRONISATION)
    @described(input="Which community (输入).")
    async def sync_modules(self, info: Info, input: SyncModulesInput) -> Synchronised:
        """Set the modules at wjdh to what the security platform reports. Returns the plan; a dry run, the default,
        does not carry it out (同步功能模块)."""
        key, code = input.idempotency_key, str(input.community_code)
        wrong = writes.wrong_community(code)
        written = await writes.write_one(info, SyncModules, Sync(code), key, wrong, dry_run=input.dry_run)
        return Synchronised(**msgspec.structs.asdict(written), community_code=code)


def _label(input: SetModuleInput) -> str:
    """The platform's word for a module. Raises UserInputError unless it is named in one way."""
    if (input.name is None) == (input.label is None):
        raise UserInputError("input.name", InputWording.EITHER(field="name", other="label"))
    recognized(input.name, "input.name")
    return input.name.wire_label if input.name is not None else str(input.label).strip()
