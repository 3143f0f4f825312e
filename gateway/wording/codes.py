"""What `extensions.code` may be: what each code means, what to do about it, and whether to try again."""

from msgspec.structs import replace

from gateway.wording.enums import DescribedEnum, Word


class Failure(Word, frozen=True, kw_only=True):
    """`advice` says what to do, in English and Chinese. `retryable`: the same request may succeed later."""

    advice: str
    advice_zh: str
    retryable: bool = False


def _lasting(lines: str) -> Failure:
    """The meaning, a sentence, and the advice in English, and on the last line both in Chinese."""
    english, chinese = lines.rsplit("\n", 1)
    meaning, advice = " ".join(english.split()).split(". ", 1)
    label, advice_zh = chinese.strip().split("。", 1)
    return Failure(label, meaning, advice=advice, advice_zh=advice_zh)


def _passing(lines: str) -> Failure:
    return replace(_lasting(lines), retryable=True)


class ErrorCode(
    DescribedEnum, chinese="错误码", english="Why a request, or a part of it, failed: `extensions.code` of an error"
):
    """The list is closed. An error may say by its own `retryable` that it is another case."""

    BAD_USER_INPUT = _lasting("""An argument or a variable is wrong. Correct the arguments: `violations` lists all that
        is wrong.
        参数或变量的值有误。请改正参数：`violations` 列出所有有误之处。""")
    UNAUTHENTICATED = _lasting("""The token is missing, expired or not valid here. Log in again, and send the new token.
        令牌缺失、过期，或在此无效。请重新登录，并使用新令牌。""")
    FORBIDDEN = _lasting("""The token lacks a scope or a community. Use a token with the scope that `missingScope`
        names, or leave the field out.
        令牌缺少权限或小区。请使用含 `missingScope` 所示权限的令牌，或去掉该字段。""")
    FORBIDDEN_COMMUNITY = _lasting("""One of the communities is not the caller's. Leave out the community that
        `communityCode` names: the rows of the others are there.
        其中有无权访问的小区。请去掉 `communityCode` 所示的小区，其他小区的行照常返回。""")
    RATE_LIMITED = _passing("""The caller asks too often. Wait `retryAfter` seconds, then ask again.
        请求过于频繁。请等待 `retryAfter` 秒后再试。""")
    QUERY_TOO_COMPLEX = _lasting("""The request is beyond a limit of the gateway. Ask for fewer fields or smaller
        pages: `limit` names the limit, `bound` is allowed.
        请求超出网关的限制。请减少字段或每页条数：`limit` 是超出的限制，`bound` 是允许的数量。""")
    PERSISTED_QUERY_NOT_FOUND = _lasting("""No document is known by this identifier. Send the document itself once, as
        Apollo Client and urql do.
        没有此标识对应的文档。请发送一次完整文档，Apollo Client 和 urql 会自动这样做。""")
    QUERY_NOT_IN_SAFELIST = _lasting("""Only trusted documents are executed. Have the document added to the trusted
        documents.
        只执行受信任列表中的文档。请把文档加入受信任列表。""")
    METHOD_NOT_ALLOWED = _lasting("""The HTTP method is wrong for this operation or address. Use POST: GET is for
        queries only.
        HTTP 方法不适用于该操作或地址。请改用 POST：GET 只能用于查询。""")
    GRAPHQL_PARSE_FAILED = _lasting("""The text is not a GraphQL document. Correct the document where `locations`
        points.
        文本不是 GraphQL 文档。请在 `locations` 所示之处改正文档。""")
    GRAPHQL_VALIDATION_FAILED = _lasting("""The document does not fit the schema. Correct the field or argument that
        the message names.
        文档与 schema 不符。请改正消息指出的字段或参数。""")
    NOT_CONFIGURED = _lasting("""The settings give no path for this endpoint. Have an operator set its path.
        设置中没有该接口的路径。需由运维人员设置其路径。""")
    UPSTREAM_UNAVAILABLE = _passing("""A platform cannot be reached, or takes no calls. Offer to try again in some
        seconds; `platforms` shows which circuits are open.
        无法连接平台，或平台不接受调用。请几秒后重试；`platforms` 显示哪些接口已熔断。""")
    UPSTREAM_TIMEOUT = _passing("""A platform, or the whole request, took too long. Offer to try again. Of a write,
        look first at how its operation ended.
        平台或整个请求超过了时限。请重试。如为写操作，请先查看其结果。""")
    UPSTREAM_PROTOCOL = _passing("""A platform's answer does not follow its protocol. Try again; if it stays, report it
        to the platform with the `requestId`.
        平台返回的内容不符合协议。请重试；如仍出现，请附 `requestId` 告知平台方。""")
    UPSTREAM_AUTH = _lasting("""A platform refuses the gateway's credentials. Have an operator check the credentials in
        the settings.
        平台拒绝网关的凭据。需由运维人员检查设置中的凭据。""")
    UPSTREAM_REFUSED = _lasting("""A platform understood the call and refused it. Show its `upstreamMessage`, if there
        is one: the same call is refused again.
        平台理解了调用，但拒绝执行。如有 `upstreamMessage`，请显示给用户；同样的调用仍会被拒绝。""")
    UPSTREAM_FORBIDDEN_COMMUNITY = _lasting("""A platform has not authorised the gateway for the community. Hide the
        community, and report it to the operator.
        平台没有授权网关管理该小区。请隐藏该小区，并告知运维人员。""")
    INTERNAL = _lasting("""The gateway failed, or its journal. Report the `requestId`. With `retryable: true` try
        again, a write with the same key.
        网关内部错误，或操作台账不可用。请告知 `requestId`。如有 `retryable: true`，请重试，写操作使用同一个幂等键。""")

    word: Failure

    @property
    def texts(self) -> dict[str, tuple[str, str]]:
        """What it means, and what to do, by language."""
        said = self.word
        return {"en": (f"{said.meaning}.", said.advice), "zh": (f"{said.label}。", said.advice_zh)}
