"""What `gateway check --deep` says: while it asks, in its report, and in the profile that it proposes."""

import re
from collections.abc import Mapping
from enum import unique
from typing import Final

from gateway.wording.language import local, speaks_chinese
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
    FAILED = (
        "{failed} of {calls} calls failed: {codes}. {reason}",
        "调用 {calls} 次，失败 {failed} 次：{codes}。{reason}",
    )
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


_CHINESE = """
What the platforms send=平台实际返回的内容; Communities:=小区：; Problems=须解决的问题; Endpoints=接口; Lists=列表
Tokens=令牌; Writes=写操作; Data issues=数据问题; Null today=目前为空的字段; Fields=字段; (withheld)=（不列出）
endpoint=接口; why=原因; platform=平台; calls=调用; answered=有返回; codes=代码; failures=失败; median ms=中位耗时 ms
longest ms=最长耗时 ms; largest bytes=最大字节数; list=列表; rows=行数; page size=每页行数; turns pages=可翻页
heeds per_page=遵守 per_page; order=顺序; question=问题; answer=结果; field=字段; problem=问题; values=个数
record=记录; records=记录数; nulls=空值占比; unrecognized=未识别占比; key=键; present=有该键; types=类型
forms=形式; words=取值; undocumented=文档以外; unknown=未知; yes=是; no=否; none=无; in no order=无固定顺序
oldest first=从旧到新; newest first=从新到旧; (not read)=（网关不读）; (not documented)=（文档没有）
(other keys)=（其他键）; login ends earlier tokens=新登录使旧令牌失效; invalid token is noticed=能识别无效令牌
a module can be switched, by a form sent with PUT=可用 PUT 表单切换功能模块; the module is as it was=功能模块已恢复原状
the status of a repair can be set to what it is=可把报修设为现有状态
an absent reply keeps the old one=不传答复则保持不变; eight digits, a date=八位数字日期
epoch seconds=秒级时间戳; decimal text=小数文本; 20 digits=20 位数字; text=文本
18 digits, or 17 and X=18 位数字，末位可为 X; digits=数字文本; mobile number=手机号; JSON text=JSON 文本; empty=空文本
text in braces that is no JSON=花括号文本，不是 JSON; text in ASCII=ASCII 文本; small number=较小的数
not confirmed, nothing was asked or written=未经确认，没有调用，也没有写入
Lines that begin with # are not in force. Fill in what a word means, and remove the #.=
    以 # 开头的行不生效。请填写词的含义，再去掉 #。
Modules besides the nine, if these are no other names of them:=九个以外的模块（如果不是它们的别名）：
Not documented. With #: a key that may stand for a missing one, a type that is not read.=
    不在文档中。带 # 的：可能是缺失字段的键，或不能读取的类型。
whatever per_page says=不受 per_page 影响; page 2 was page 1 once more=第 2 页与第 1 页相同
What was said of what does not exist. Keep what says nothing else:=
    查询不存在的内容时平台的用语。只保留专指“不存在”的："""

CHINESE: Final[Mapping[str, str]] = dict(re.findall(r"\s*([^;=]+)=\s*([^;\n]+)", _CHINESE))
"""Of titles, heads, cells and remarks, by the English."""


def say(text: str) -> str:
    """A message, or a word of the report, in the language of the command."""
    return CHINESE.get(text) or local(text) if speaks_chinese() else text
