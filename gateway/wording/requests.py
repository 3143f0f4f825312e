"""Why a request is turned away: its form, its document, its caller, its size."""

from gateway.wording.wording import ViolationRule as Rule
from gateway.wording.wording import Wording


class RequestWording(Wording):
    # the form of a request
    NO_JSON_TYPE = "The body must be application/json", "请求体须为 application/json"
    COMPRESSED = "The body must not be compressed", "请求体不能压缩"
    TOO_LARGE = "The request is larger than {max} bytes", "请求超过 {max} 字节"
    VARIABLES_TOO_LARGE = """Variables and extensions have {requested} bytes; the limit is {max}
        变量和扩展共 {requested} 字节，上限为 {max} 字节"""
    ANSWER_TOO_LARGE = """The answer has {requested} bytes; the limit is {max}
        响应有 {requested} 字节，上限为 {max} 字节"""
    QUERY_STRING = """The query string is not URL-encoded UTF-8, or has too many fields
        查询字符串不是 URL 编码的 UTF-8，或字段过多"""
    PARAMETER_TWICE = "The query string gives a parameter twice", "查询字符串中有重复的参数"
    NO_OBJECT = Rule.FORMAT("{name} must be an object", "{name} 须为对象")
    NO_STRING = Rule.FORMAT("{name} must be a string", "{name} 须为字符串")
    STRING_REQUIRED = Rule.REQUIRED("{name} is required and must be a string", "{name} 不能缺少，且须为字符串")
    PERSISTED_VERSION = Rule.FORMAT("""extensions.persistedQuery must be of version 1
        extensions.persistedQuery 的版本须为 1""")
    NO_BATCHES = Rule.FORMAT("""{name} must be one JSON object: operations are not run in batches
        {name} 须为一个 JSON 对象：不支持批量执行操作""")
    ONE_OBJECT = Rule.FORMAT("{name} must be one JSON object", "{name} 须为一个 JSON 对象")
    NO_JSON = Rule.FORMAT("{name} is not valid JSON", "{name} 不是有效的 JSON")
    NESTING = "Objects and lists nest beyond {max} levels", "对象和列表的嵌套超过 {max} 层"
    BODY_LATE = "The body did not arrive in time", "请求体没有按时到达"
    BODY_NO_OBJECT = "The body is not a JSON object", "请求体不是 JSON 对象"
    ACCEPT = """Accept must allow application/graphql-response+json or application/json
        Accept 须允许 application/graphql-response+json 或 application/json"""
    METHODS = "GraphQL is served by GET and POST", "GraphQL 只支持 GET 和 POST"
    MUTATION_BY_GET = "Mutations are run by POST", "变更须用 POST 执行"
    SUBSCRIPTION_BY_HTTP = """Subscriptions go over WebSocket, or as text/event-stream if no JSON is accepted
        订阅须通过 WebSocket；或在不接受 JSON 时以 text/event-stream 传送"""
    SUBSCRIPTIONS_ONLY = "An event stream carries subscriptions only", "事件流只传送订阅"
    OTHER_HOST = """This host is not the gateway's: GATEWAY_ALLOWED_HOSTS lists those that are
        该主机名不是网关的：GATEWAY_ALLOWED_HOSTS 列出了网关的主机名"""
    DEADLINE = "The request took longer than its deadline", "请求超过了时限"
    TOO_LATE = "The time of the request was over before this was sent", "请求已超时，这一项没有发出"
    NO_EVENT_CURSOR = "{argument} is not a cursor of this gateway.", "{argument} 不是本网关的游标。"

    # documents
    TOO_LONG = "The document is longer than {max}", "查询文本超过 {max} 个字符"
    TOO_MANY_TOKENS = """The document has more than {max} tokens or comments, or nests too deeply
        查询文本的词或注释超过 {max} 个，或嵌套过深"""
    TOO_MANY_LEVELS = """The operation has {requested} levels of nested fields; the limit is {max}
        操作的字段嵌套 {requested} 层，上限为 {max} 层"""
    TOO_MANY_ALIASES = """The operation has {requested} aliases; the limit is {max}
        操作有 {requested} 个别名，上限为 {max} 个"""
    TOO_MANY_ROOT_FIELDS = """The operation has {requested} root fields; the limit is {max}
        操作有 {requested} 个根字段，上限为 {max} 个"""
    TOO_MANY_DIRECTIVES = """The operation has {requested} directives; the limit is {max}
        操作有 {requested} 个指令，上限为 {max} 个"""
    TOO_MUCH_INTROSPECTION = """The operation introspects about {requested} fields of the schema; the limit is {max}
        操作内省约 {requested} 个模式字段，上限为 {max} 个"""
    TOO_MANY_COMPARISONS = """The document has too many fields of the same name, or nests fragments too deeply
        查询文本中同名字段过多，或片段嵌套过深"""
    TOO_EXPENSIVE = """The operation may cause {requested} calls to the platforms; the limit is {max}. Ask for smaller
        pages
        操作可能引起 {requested} 次平台调用，上限为 {max} 次。请减少每页条数"""
    NO_MORE_CALLS = """The operation has made {max} calls to the platforms, its limit: what is missing was not asked for
        操作已达到 {max} 次平台调用的上限，缺少的内容未再查询"""
    TOO_MANY_GROUPS = """The counts have more than {max} groups. Ask for a shorter period, or by less
        计数超过 {max} 组。请缩短时间范围，或减少分组方式"""
    TOO_MANY_OPERATIONS = "The connection has {max} operations under way", "该连接上已有 {max} 个操作在进行"
    NO_SUCH_OPERATION = "The document has no operation of that name", "查询文本中没有该名称的操作"
    WHICH_OPERATION = """The document has several operations: operationName must name one
        查询文本中有多个操作：operationName 须指定其中一个"""
    NO_SUCH_DOCUMENT = "PersistedQueryNotFound", "没有此标识对应的文档（PersistedQueryNotFound）"
    NOT_TRUSTED = "Only documents of the trusted list are run", "只执行受信任列表中的文档"
    OTHER_HASH = "provided sha does not match query", "所给的 sha 与查询文本不符"
    ORDER_NOT_NEWEST = """The order is not among the newest ones, and the platform can only be searched page by page.
        该订单不在最新的订单之中，而平台只能逐页查找。"""

    # callers
    TOKEN_NEEDED = "A valid bearer token is needed", "需要有效的令牌"  # what a caller is told
    TOKEN_EXPIRED = "The token has expired", "令牌已过期"
    TOKEN_REFUSED = "A valid bearer token is needed: {reason}", "需要有效的令牌：{reason}"  # as above
    KEYS_UNKNOWN = "Tokens cannot be checked before the issuer gives its keys", "签发方尚未提供密钥，暂时无法验证令牌"
    SCOPE_NEEDED = "This needs the scope {scope}", "需要权限 {scope}"
    TOO_MANY_REQUESTS = "Too many requests", "请求过于频繁"
    TOO_MANY_CALLS = "Too many calls to the platforms", "对平台的调用过于频繁"
    TOO_MANY_WATCHES = "Too many communities are watched at once", "同时关注的小区过多"
    TOO_MANY_LOOKUPS = "Too many look-ups of people", "查人过于频繁"

    # the gateway's own page
    NOT_LOCAL = """Only the page of this gateway may ask for this, in a browser on the same machine
        只有本网关的页面、且在同一台机器的浏览器中，才能请求此内容"""
    NO_TOKEN = "{detail}", "无法签发该令牌。"  # as above
    PLATFORMS = "The platforms are {names}", "平台有 {names}"
    SANDBOX_REFUSED = "{detail}", "沙箱拒绝了请求。"
    SANDBOX_DOWN = "The sandbox does not answer: {detail}", "沙箱没有响应。"


class TokenWording(Wording):
    """Why a token is refused: the end of `TOKEN_REFUSED`."""

    MISSING = "there is no Authorization header", "缺少 Authorization 请求头"
    SCHEME = "the Authorization header does not begin with Bearer", "Authorization 请求头不以 Bearer 开头"
    FORM = "it is not a signed JWT, or too long", "令牌不是签名的 JWT，或过长"
    HEADER = """its header lacks alg or typ, or brings a key or an extension along
        其头部缺少 alg 或 typ，或带有密钥或扩展"""
    ALG = "its alg is not accepted", "其 alg 不被接受"
    TYP = "its typ is not that of an access token", "其 typ 与访问令牌不符"
    KEY = "the issuer has no key for its kid and alg", "签发方没有与其 kid 和 alg 对应的密钥"
    SIGNATURE = """its signature does not verify: another key signed it, or it was altered
        签名验证不通过：由其他密钥签名，或已被改动"""
    CLAIMS = """iss, aud, sub or exp is missing, or a claim is of a wrong type
        缺少 iss、aud、sub 或 exp，或有声明的类型不对"""
    ISS = "its iss is another issuer", "其 iss 是其他签发方"
    AUD = "its aud is not this gateway", "其 aud 不是本网关"
    EXP = "it has expired (exp)", "它已过期（exp）"
    NBF = "it is not valid yet (nbf, iat): clocks differ", "它尚未生效（nbf、iat）：时钟不一致"
