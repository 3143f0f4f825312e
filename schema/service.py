"""What the gateway says of itself: who asks, its words, its platforms and what these send, and who was shown what."""

from datetime import datetime
from operator import attrgetter

import strawberry

from gateway.actions.identity import public_id
from gateway.auth.principal import Principal, Scope
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.journal import audit
from gateway.journal.audit import AuditQuery
from gateway.loaders import answers
from gateway.loaders.answers import Finding
from gateway.loaders.paging import Slice
from gateway.normalise.vocabulary import Availability, CircuitState, DataProblem, PlatformName
from gateway.ops.calls import EndpointState, PlatformStatus
from gateway.wording.codes import ErrorCode
from gateway.wording.enums import ENUMS, DescribedEnum
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.community import community_list
from schema.connection import Window, connection_field, foreign_cursor, keyed
from schema.fields import derived, described, plain, record_type, resolved
from schema.operation import LONGEST_SUBJECT
from schema.record import OptionalCommunityCode, find_record, get_communities, wrong_name, wrong_period


@record_type(Principal, "The caller: subject, scopes and communities (当前用户).")
class Viewer:
    subject: str = plain("The subject of the token (主体).")
    scopes = derived(list[str], "The caller's scopes (权限范围).", lambda root: sorted(root.scopes))
    community_codes = derived(
        list[strawberry.ID] | None,
        "Codes of the communities the caller may see, as in the token; null: all (小区标识).",
        lambda root: root.codes,
    )
    sees_all_communities = derived(
        bool, "Whether the caller may see all communities (能否查看全部小区).", lambda root: root.sees_all
    )
    communities = community_list()


class ViewerQueries:
    @resolved(Viewer)
    def viewer(self, info: Info) -> Principal:
        """The caller (当前用户)."""
        return info.context.principal


@strawberry.type(description="One value of a dictionary (字典项).")
class DictionaryEntry:
    value: str = plain("The enum member, as the schema names it (枚举值).")
    label: str = plain("The Chinese label to display (显示名称).")
    code = derived(
        str | None, "The platform's number for it; null if there is none (编码).", lambda root: root.word.code
    )
    note = derived(str | None, "Remark in the platforms' document; null if none (补充).", lambda root: root.word.note)
    deprecated = derived(bool, "Whether it should no longer be offered (是否停用).", lambda root: root.word.deprecated)


@strawberry.type(description="The labels of an enum, for user interfaces (字典).")
class Dictionary:
    name = derived(str, "The enum's name in the schema (枚举名称).", lambda root: root.__name__)
    title = derived(str, "Its Chinese name (字典名称).", lambda root: root.chinese)
    entries = derived(list[DictionaryEntry], "Its values, in display order (字典项).", lambda root: [*root])


@strawberry.type(description="A code of errors, and what to do about it (错误码说明).")
class ErrorCodeEntry:
    code = derived(ErrorCode, "The code, as in `extensions.code` (错误码).", lambda root: root)
    retryable = derived(
        bool,
        "Whether the same request may succeed later, unless the error's own `retryable` says otherwise (能否重试).",
        lambda root: root.word.retryable,
    )
    message = derived(str, "What it means, in English (含义).", lambda root: root.texts["en"][0])
    message_zh = derived(str, "What it means, in Chinese (中文含义).", lambda root: root.texts["zh"][0])
    advice = derived(str, "What to do, in English (处理建议).", lambda root: root.texts["en"][1])
    advice_zh = derived(str, "What to do, in Chinese (中文处理建议).", lambda root: root.texts["zh"][1])


class WordQueries:
    @resolved(list[Dictionary])
    @described(names='Names of enums, each once, such as "ShenheStatus"; omitted: all (枚举名称).')
    def dictionaries(self, names: list[str] | None = None) -> list[type[DescribedEnum]]:
        """Labels of enums, for user interfaces, in the requested order (数据字典)."""
        if names is None:
            return list(ENUMS.values())
        refuse_input(
            (
                Violation(("names", str(index)), InputWording.NO_ENUM(field=f"names.{index}"))
                for index, name in enumerate(names)
                if name not in ENUMS
            ),
            [Violation(("names",), InputWording.EACH_ONCE(field="names"))] if len(set(names)) < len(names) else (),
        )
        return [ENUMS[name] for name in names]

    @resolved(list[ErrorCodeEntry])
    def error_codes(self) -> list[ErrorCode]:
        """How requests to this endpoint fail: each code, what to do about it, and whether to try again (错误码列表)."""
        return list(ErrorCode)


@record_type(EndpointState, "An endpoint of a platform (平台接口).")
class PlatformEndpoint:
    name: str = plain('Its name in the document, such as "order/list" (接口名称).')
    availability: Availability = plain("Whether it can be used (接口可用性).")
    circuit: CircuitState = plain("Its circuit breaker (熔断状态).")


@record_type(PlatformStatus, "A platform behind this gateway (平台).")
class Platform:
    name: PlatformName = plain("Name of the platform (平台名称).")
    healthy: bool = plain("Whether all circuits are closed and the last login succeeded (是否健康).")
    endpoints: list[PlatformEndpoint] = plain("Its endpoints (接口).")


@record_type(answers.Finding, "A field of an endpoint whose values do not arrive as documented (数据质量问题).")
class DataQualityFinding:
    platform: PlatformName = plain("The platform that sends it (来源平台).")
    endpoint: str = plain("The gateway's name of the endpoint, as in `platforms` (接口名称).")
    field: str = plain("Path to the field from the record, with dots (字段).")
    problem: DataProblem = plain("What is wrong with it (问题).")
    count: int = plain("Number of such values since this process started (次数).")
    first_seen_at: datetime = plain("When it was first seen (首次发现时间).")
    last_seen_at: datetime = plain("When it was last seen (最近发现时间).")

    @resolved()
    def sample_id(root: answers.Finding, info: Info) -> strawberry.ID | None:
        """Node id of the latest record with this problem; null if none has an id (示例记录标识)."""
        return None if root.sample is None else strawberry.ID(public_id(info.context.ids, root.sample))


@record_type(
    audit.Reveal,
    "A record shown with personal data unmasked: to whom and which fields, never a value. Repeats within half a "
    "second are one entry, with the time and request of the last (明文查看记录).",
)
class Reveal:
    at: datetime = plain("When it was shown (时间).")
    subject: str = plain("Who saw it: the subject of the token (查看人).")
    fields: list[str] = plain(
        "Paths, from the record, of the fields that contained personal data; `exchange`: all that the platform sent "
        "of it (字段)."
    )
    operation_name: str | None = plain("Name of the GraphQL operation; null if it has none (操作名称).")
    request_id: str = plain("Id of the request, as in the response header `X-Request-Id` (请求标识).")

    @resolved()
    def record_id(root: audit.Reveal, info: Info) -> strawberry.ID | None:
        """Node id of the record, or of the person; null where it has none (记录标识)."""
        return None if root.record is None else strawberry.ID(public_id(info.context.ids, root.record))

    type_name = derived(
        str,
        'The type of the record; "UNKNOWN" for one without an id (记录类型).',
        lambda root: "UNKNOWN" if root.record is None else root.record.type,
    )


class GatewayQueries:
    @connection_field(Reveal, Scope.AUDIT_READ, has_pages=False)
    @described(
        record_id="Only of the record, person or member of a household with this id (记录标识).",
        subject="Only to this caller (查看人).",
        since="Shown at this time or later (起始时间).",
        until="Shown before this time (截止时间).",
    )
    async def reveals(
        self,
        info: Info,
        part: Window,
        record_id: strawberry.ID | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Slice[audit.Reveal]:
        """Who saw personal data unmasked, newest first: one entry per record of a page, for the communities that the
        caller may see. People, and records without a known community, are only for callers with all communities.
        Entries of other processes appear after half a second (明文查看记录列表)."""
        refuse_input(wrong_name(subject, LONGEST_SUBJECT, "subject"), wrong_period(since, until))
        query = AuditQuery(
            communities=info.context.principal.communities,
            subject=subject,
            record=None if record_id is None else find_record(info, record_id, "recordId"),
            since=since,
            until=until,
        )
        _, _, place = (part.row or "").partition(".")
        if part.row is not None and not place.isdecimal():
            raise foreign_cursor()
        reveals = info.context.journal.audit
        await info.context.trail.flush()
        found = await reveals.reveals(query, part.first, part.row)
        return keyed(found, part, info.context.loaders.count(reveals.count_reveals, query), attrgetter("key"))

    @resolved(list[DataQualityFinding] | None, Scope.OPERATION_READ)
    def data_quality(self, info: Info, community_code: OptionalCommunityCode = None) -> list[Finding] | None:
        """Data issues that this process has seen since it started, the most frequent first; each worker has its own,
        `gateway_data_issues_total` in `/metrics` has all. People, and records without a known community, are counted
        only for callers with all communities. Null if the caller may not see the community (数据质量)."""
        codes = get_communities(info, community_code)
        if codes is not None and not codes:
            return None
        return info.context.loaders.quality.findings(codes)

    @resolved(list[Platform])
    def platforms(self, info: Info) -> list[PlatformStatus]:
        """Both platforms and their endpoints, as known to the gateway, without a call (平台状态)."""
        return info.context.loaders.source.platforms.statuses
