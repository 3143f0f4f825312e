"""What the gateway says of itself: who asks, its words, its platforms, and what these do not send as documented."""

from datetime import datetime
from typing import Annotated

import strawberry

from gateway.actions.identity import public_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.loaders import data_quality
from gateway.loaders.data_quality import Finding
from gateway.loaders.platform import PlatformStatus
from gateway.normalise import wire_enum
from gateway.normalise.states import Availability, CircuitState
from gateway.normalise.vocabulary import DataProblem, PlatformName
from gateway.ops.resilience import EndpointState
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.arguments import OptionalCommunityCode, get_communities
from schema.community import community_list
from schema.fields import ENUMS, needs, plain, record_type


@strawberry.type(description="The caller: who, with which rights, in which communities (当前用户).")
class Viewer:
    @strawberry.field(description="The caller's name in the token (主体).")
    def subject(self, info: Info) -> str:
        return info.context.principal.subject

    @strawberry.field(description="The caller's scopes (权限范围).")
    def scopes(self, info: Info) -> list[str]:
        return sorted(info.context.principal.scopes)

    @strawberry.field(description="Codes of the communities the caller may see, as in the token; null: all (小区标识).")
    def community_codes(self, info: Info) -> list[strawberry.ID] | None:
        codes = info.context.principal.codes
        return None if codes is None else [strawberry.ID(code) for code in codes]

    @strawberry.field(description="Whether no community is closed to the caller (能否查看全部小区).")
    def sees_all_communities(self, info: Info) -> bool:
        return info.context.principal.sees_all

    communities = community_list()


@strawberry.type
class ViewerQueries:
    @strawberry.field(description="The caller (当前用户).")
    def viewer(self) -> Viewer:
        return Viewer()


@record_type(wire_enum.DictionaryEntry, description="One value of a dictionary (字典项).")
class DictionaryEntry:
    value: str = plain("The enum member, as the schema names it (枚举值).")
    label: str = plain("The Chinese word to show (显示名称).")
    code: str | None = plain("The platform's number for it, if it has one (编码).")
    note: str | None = plain("What the platforms' document remarks on it (补充).")
    deprecated: bool = plain("Whether not to offer it any more (是否停用).")


@record_type(wire_enum.Dictionary, description="An enum as labels for interfaces (字典).")
class Dictionary:
    name: str = plain("The enum's name in the schema (枚举名称).")
    title: str = plain("Its Chinese name (字典名称).")
    entries: list[DictionaryEntry] = plain("Its values, in the order to show them (字典项).")


DICTIONARIES = {enum.__name__: enum.dictionary() for enum in ENUMS}

Names = Annotated[
    list[str] | None,
    strawberry.argument(description='Names of enums, each once, such as "ShenheStatus"; omitted: all (枚举名称).'),
]


@strawberry.type
class DictionaryQueries:
    @strawberry.field(
        description="Enums as labels for interfaces, in the order asked for (数据字典).", graphql_type=list[Dictionary]
    )
    def dictionaries(self, names: Names = None) -> list[wire_enum.Dictionary]:
        if names is None:
            return list(DICTIONARIES.values())
        refuse_input(
            (
                Violation(("names", str(index)), InputWording.NO_ENUM(field=f"names.{index}"))
                for index, name in enumerate(names)
                if name not in DICTIONARIES
            ),
            [Violation(("names",), InputWording.EACH_ONCE(field="names"))] if len(set(names)) < len(names) else (),
        )
        return [DICTIONARIES[name] for name in names]


@record_type(EndpointState, description="An endpoint of a platform (平台接口).")
class PlatformEndpoint:
    name: str = plain('Its name in the document, such as "order/list" (接口名称).')
    availability: Availability = plain("Whether it can be used (接口可用性).")
    circuit: CircuitState = plain("Its circuit breaker (熔断状态).")


@record_type(PlatformStatus, description="A platform behind this gateway (平台).")
class Platform:
    name: PlatformName = plain("Which platform (平台名称).")
    healthy: bool = plain("Whether no circuit is open and the last login gave a token (是否健康).")
    endpoints: list[PlatformEndpoint] = plain("Its endpoints (接口).")


@strawberry.type
class PlatformQueries:
    @strawberry.field(
        description="Both platforms and their endpoints, as far as the gateway knows without asking them (平台状态).",
        graphql_type=list[Platform],
    )
    def platforms(self, info: Info) -> list[PlatformStatus]:
        return info.context.loaders.platforms()


@record_type(
    data_quality.Finding,
    description="A field of an endpoint whose values do not arrive as documented (数据质量问题).",
)
class DataQualityFinding:
    platform: PlatformName = plain("The platform that sends it (来源平台).")
    endpoint: str = plain("The gateway's name of the endpoint, as in `platforms` (接口名称).")
    field: str = plain("Dotted path of public field names from the record (字段).")
    problem: DataProblem = plain("What is wrong with it (问题).")
    count: int = plain("How many values, since this process began to see it (次数).")
    first_seen_at: datetime = plain("When it was seen first (首次发现时间).")
    last_seen_at: datetime = plain("When it was seen last (最近发现时间).")

    @strawberry.field(
        description="Node id of a record that shows it, the one seen last; null where none has an id (示例记录标识)."
    )
    def sample_id(root: strawberry.Parent[data_quality.Finding], info: Info) -> strawberry.ID | None:
        return None if root.sample is None else strawberry.ID(public_id(info.context.ids, root.sample))


@strawberry.type
class DataQualityQueries:
    @strawberry.field(
        description="What does not arrive as documented: data issues, the most frequent first, as far as this process "
        "has read since it started; each of several workers has its own, and `gateway_data_issues_total` of `/metrics` "
        "has all. People, and what is of no known community, are counted "
        "for callers of every community only. Null when the community is not the caller's to see (数据质量).",
        directives=needs([Scope.OPERATION_READ]),
        graphql_type=list[DataQualityFinding] | None,
    )
    def data_quality(self, info: Info, community_code: OptionalCommunityCode = None) -> list[Finding] | None:
        codes = get_communities(info, community_code)
        if codes is not None and not codes:
            return None
        return info.context.loaders.findings(codes)
