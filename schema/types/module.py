"""Feature modules of a community (document chapter 3)."""

import strawberry

from gateway.auth.node_ids import NodeIds
from gateway.context import Info
from gateway.execution.load import Load
from gateway.journal.history import HistoryKey
from gateway.normalise import composed
from gateway.normalise.module import Module as ModuleRecord
from gateway.normalise.vocabulary import ModuleName
from schema.types.arguments import community
from schema.types.belonging import its_community
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import plain, record_type
from schema.types.history import with_history
from schema.types.identity import node_id
from schema.types.node import Node


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
