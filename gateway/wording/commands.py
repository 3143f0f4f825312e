"""What the commands print, but for their help and for what is wrong with settings."""

from enum import unique

from gateway.wording.wording import Wording


@unique
class CommandWording(Wording):
    NOT_SET = "{name}: not set", "{name}：未设置"
    ONE_PROBLEM = "1 problem:", "1 个问题："
    PROBLEMS = "{count} problems:", "{count} 个问题："
    COMMUNITY = """community {code} {what}: is it the account's, with all its leading zeros?
        小区 {code} {what}：是否属于该账号，开头的零是否齐全？"""
    OF_COMMUNITY = "{endpoint} of {code}", "{endpoint}（小区 {code}）"
    NO_COMMUNITY = """Calls of no community ask for what does not exist, so a refusal such as "code 1" is as good as OK.
        不带小区的调用查询的是不存在的内容，所以“code 1”这样的拒绝与 OK 同样正常。"""
    SEE_DEEP = """Whether lists and records can be read, `gateway check --deep` says.
        列表和记录能否读取，请运行 `gateway check --deep`。"""
    TOKEN_REFUSED = "The token is refused: {why}", "令牌被拒绝：{why}"
    TOKEN_TAKEN = "The token is taken.", "令牌有效。"
    SCOPES = "scopes: {scopes}", "权限：{scopes}"
    CODES = "communities: {codes}", "小区：{codes}"
    NEW_KEY = """made a new key, {path}: only a gateway with this GATEWAY_DATA_DIR takes its tokens
        新建了密钥 {path}：只有使用这个 GATEWAY_DATA_DIR 的网关接受它签发的令牌"""
    UNKNOWN_SCOPE = "unknown scope {scope}; known are {scopes}", "没有权限 {scope}；可用 {scopes}"
    NO_PAYMENTS = "no payments that are {states}", "没有 {states} 的缴费通知"
    CONFIRM = "Deliver {count} payments again? [y/N]", "重新投递 {count} 条缴费通知？[y/N]"
    TIMES = "{count} times", "{count} 次"
    AGO = "{age} ago", "{age}前"
    IN = "in {age}", "{age}后"
    WAITING = "waiting: {why}", "等待：{why}"
    SERVES = """The gateway serves GraphQL at {url}/graphql, GraphiQL at {url}/
        网关的 GraphQL 接口在 {url}/graphql，GraphiQL 在 {url}/"""
    OVER = """over sandboxes of wjdh at {wjdh} and security at {security}
        背后是沙箱：wjdh 在 {wjdh}，安防平台在 {security}"""
    ASK = """Ask it yourself, with a token for everything, good for {hours} hours (GraphiQL has it too):
        可以自己发送查询；令牌拥有全部权限，有效 {hours} 小时（GraphiQL 也用它）："""
    TRY = """To try in GraphiQL: under Sandbox switch security slow, then run Reviews and look at Calls; or run a
        subscription such as Changes, press "Make one happen" under Events, and see the event arrive.
        在 GraphiQL 中可以把沙箱的安防平台设为响应缓慢，运行审核的示例并看“调用”；或运行报修变动的订阅，看事件到达。"""
    STOP = "Stop with Ctrl+C. GraphiQL, with examples, is at {url}/", "按 Ctrl+C 停止。GraphiQL 和示例在 {url}/"
