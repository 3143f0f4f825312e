"""What the commands print, but for their help and for what is wrong with settings."""

from gateway.wording.wording import Wording


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
    CONFIRM_RETRY = "Deliver {count} payments again? [y/N]", "重新投递 {count} 条缴费通知？[y/N]"
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

    # `gateway check --deep`: while it asks, in its report, and in the profile that it proposes
    ESTIMATE = """{calls} calls at most, for {asked} of {known} communities: some {minutes} min at {each} s a call.
        检查 {known} 个小区中的 {asked} 个：至多 {calls} 次调用，按每次 {each} 秒计约 {minutes} 分钟。"""
    CALLS = "{calls} calls, {platform} {endpoint}", "已调用 {calls} 次，{platform} {endpoint}"
    NO_CODES = "GATEWAY_COMMUNITIES: needed, or --communities with codes", "须有 GATEWAY_COMMUNITIES 或 --communities"
    CONFIRM_WRITES = """This switches one module of community {community} off or on and back, and sets the status of one
        repair to what it is. Residents may notice. Type '{wanted}' to go on:
        将切换小区 {community} 的一个模块再切换回来，并把一条报修设为现有状态，居民可能察觉。输入 '{wanted}' 继续："""
    STAYS_SWITCHED = """a module of community {community} is not as it was: look at its modules
        小区 {community} 有功能模块没有恢复原状，请查看"""

    VERDICT = """Problems: {problems}. Words to fill in: {words}. Lists that cannot be read: {unread} of {lists}.
        须解决的问题：{problems} 个。待填写的词：{words} 个。不能读取的列表：{unread} 个（共 {lists} 个）。"""
    FAILED = """{failed} of {calls} calls failed: {codes}. {reason}
        调用 {calls} 次，失败 {failed} 次：{codes}。{reason}"""
    NO_IDENTIFIER = "{rows} rows have no identifier", "{rows} 行没有标识"
    NOT_FOUND = "{lost} of {asked} records of the list are not found", "列表中的 {asked} 条记录有 {lost} 条查不到"
    READ_IN_NONE = "{path} can be read in none of {records} records", "{records} 条记录的 {path} 都不能读取"
    LEFT_OUT = """{rows} more rows: never null, or as documented. --html and --json have them.
        另有 {rows} 行从不为空或与文档一致，见 --html 和 --json。"""

    IN_PLACE_OF = "in place of {key}: {evidence}", "代替 {key}：{evidence}"
    AS_IN = "as in {other}", "与 {other} 相同"
    BY_WORDS = "its words are those of this field", "取值是该字段的用词"
    BY_NAME = "the names are alike", "名称相近"
    ONLY_ONE = "the only field without a key, and the only key without a field", "只有该字段没有键，也只有该键没有字段"
    MAY_STAND = """These keys are not documented: {keys}. One may stand for what no row has:
        以下键不在文档中：{keys}。其中某个可能就是各行都没有的："""
    MEANS = """The document does not have these. Each of them means one of {members}:
        文档中没有以下词。每个词的含义是下列之一：{members}："""
    WITHHELD = """Others may be names, and are withheld; dataIssues has them: {places}
        另有可能是姓名的词，此处不列，见 dataIssues：{places}"""
