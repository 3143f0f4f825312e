"""What each code of an error means, and which text stands for a message that no table knows."""

from enum import unique

from gateway.wording.wording import Wording


@unique
class CodeWording(Wording):
    """By code, as in `extensions.code`."""

    BAD_USER_INPUT = "An argument or a variable is wrong", "参数或变量的值有误"
    UNAUTHENTICATED = "The token is missing, expired or not valid here", "令牌缺失、过期，或在此无效"
    FORBIDDEN = "The token lacks a scope or a community", "令牌缺少权限或小区"
    FORBIDDEN_COMMUNITY = "One of the communities is not the caller's", "其中有无权访问的小区"
    RATE_LIMITED = "The caller asks too often", "请求过于频繁"
    QUERY_TOO_COMPLEX = "The request is beyond a limit of the gateway", "请求超出网关的限制"
    PERSISTED_QUERY_NOT_FOUND = "No document is known by this identifier", "没有此标识对应的文档"
    QUERY_NOT_IN_SAFELIST = "Only listed documents are run", "只执行受信任列表中的文档"
    METHOD_NOT_ALLOWED = "The operation or the address asks for another HTTP method", "HTTP 方法不对"
    GRAPHQL_PARSE_FAILED = "The text is not a GraphQL document", "文本不是 GraphQL 文档"
    GRAPHQL_VALIDATION_FAILED = "The document does not fit the schema", "文档与 schema 不符"
    NOT_CONFIGURED = "The settings give no path for this endpoint", "设置中没有该接口的路径"
    UPSTREAM_UNAVAILABLE = "A platform cannot be reached, or takes no calls", "无法连接平台，或平台不接受调用"
    UPSTREAM_TIMEOUT = "A platform, or the whole request, took too long", "平台或整个请求超过了时限"
    UPSTREAM_PROTOCOL = "A platform answered in another way than documented", "平台返回的内容不符合协议"
    UPSTREAM_AUTH = "A platform refuses the gateway's credentials", "平台拒绝网关的凭据"
    UPSTREAM_REFUSED = "A platform understood the call and said no", "平台理解了调用，但拒绝执行"
    UPSTREAM_FORBIDDEN_COMMUNITY = (
        "A platform has not authorised the gateway for the community",
        "平台没有授权网关管理该小区",
    )
    INTERNAL = "The gateway failed, or its journal", "网关内部错误，或操作台账不可用"
