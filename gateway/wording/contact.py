"""What `gateway check --deep` says: while it asks, in its report, and in the profile that it proposes."""

from enum import unique

from gateway.wording.wording import Wording


@unique
class ContactWording(Wording):
    ESTIMATE = """{calls} calls at most, for {asked} of {known} communities: some {minutes} min at {each} s a call.
        检查 {known} 个小区中的 {asked} 个：至多 {calls} 次调用，按每次 {each} 秒计约 {minutes} 分钟。"""
    CALLS = "{calls} calls, {platform} {endpoint}", "已调用 {calls} 次，{platform} {endpoint}"
    NO_CODES = "GATEWAY_COMMUNITIES: needed, or --communities with codes", "须有 GATEWAY_COMMUNITIES 或 --communities"
    CONFIRM = """This switches one module of community {community} off or on and back, and sets the status of one
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
