"""The language of what a command prints: Chinese where the locale or `--lang` says so, else English.

A message with values is declared in a table (`Wording`), a fixed text as one with the Chinese below the English:

    sys.stdout.write(local(CommandWording.TAKEN(scopes=scopes)))
    parser.add_argument("--json", help=either("as JSON lines\\n以 JSON 行输出"))

Log lines, JSON and CSV are read by programs, and are English.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final
from unicodedata import east_asian_width

from gateway.wording.wording import Sentence, Text

LANGUAGES = ("zh", "en")

CHOSEN: Final = "LANGUAGE"  # which goes before the locale for every program, and which workers inherit


def speaks_chinese(environ: Mapping[str, str] = os.environ) -> bool:
    named = (environ.get(variable) for variable in (CHOSEN, "LC_ALL", "LC_MESSAGES", "LANG"))
    return next(filter(None, named), "").startswith("zh")


def local(text: object) -> str:
    """A message in the language of the command. What is of one language only stays as it is."""
    return text.chinese if isinstance(text, Text) and speaks_chinese() else str(text)


def either(both: str) -> str:
    """That line in the language of the command of a text with the Chinese below the English; of one line, itself."""
    return both.split("\n")[-1 if speaks_chinese() else 0]


_WORDS = """
usage: = 用法： | options = 选项 | positional arguments = 位置参数
show this help message and exit = 显示本帮助并退出 | show program's version number and exit = 显示版本号并退出
%(prog)s: error: %(message)s = %(prog)s：错误：%(message)s
argument %(argument_name)s: %(message)s = 参数 %(argument_name)s：%(message)s
the following arguments are required: %s = 缺少参数：%s | one of the arguments %s is required = 须给出 %s 之一
not allowed with argument %s = 不能与 %s 同时给出 | unrecognized arguments: %s = 无法识别的参数：%s
expected one argument = 缺少取值 | invalid %(type)s value: %(value)r = %(value)r 不是有效的 %(type)s 值
invalid choice: %(value)r (choose from %(choices)s) = 不能取 %(value)r（可选：%(choices)s）
Address already in use = 地址已被占用 | Cannot assign requested address = 本机没有该地址
Connection refused = 连接被拒绝 | Permission denied = 没有权限 | No such file or directory = 没有该文件或目录
Is a directory = 是目录，不是文件 | No space left on device = 磁盘已满
development or production = development 或 production | info, warning or error = info、warning 或 error
true or false = true 或 false | gateway or platform = gateway 或 platform
off, report or require = off、report 或 require | a whole number from 1 on = 从 1 起的整数
a whole number from 0 to 65535 = 0 至 65535 的整数 | a number above 0, 2000000 at most = 大于 0、不超过 2000000 的数
a URL that begins with postgresql:// = 以 postgresql:// 开头的地址
an http or https URL without a path, with user:password@ before the host if the proxy asks for it = \
不含路径的 http 或 https 地址，代理要求登录时主机前有 user:password@
one audience, without a comma or blank = 一个受众，不含逗号和空格
at most 64 letters, digits and . _ + - = 最多 64 个字母、数字和 . _ + -
origins of a scheme and a host, such as https://console.example.org = 由协议和主机组成的来源，例如 https://console.example.org
what = 对象 | endpoint = 接口 | reachable = 可连接 | token = 令牌 | answer = 返回 | time = 用时 | yes = 是 | no = 否
not tried = 未尝试 | ready = 可用 | in use = 使用中 | to be made = 待建立 | unusable = 不可用 | journal = 操作台账
development's own = 开发环境自带 | signing keys = 签名公钥 | issuer = 签发方 | is refused = 被拒绝
has no orders = 没有订单
id = 标识 | order = 订单 | state = 状态 | attempts = 次数 | last error = 最近的错误 | community = 小区 | received = 收到
next attempt = 下次尝试 | mutation = 变更 | record = 记录 | sent = 发送 | read back = 回查 | last = 最近 | next = 下次
now = 现在 | never = 从未 | given up: look at the platform = 已放弃，请到平台上查看 | pending = 待执行 | done = 已完成
to be read back, where it can be = 将回查（可以回查的话） | not an unclear operation = 不是结果不明的写操作
queued = 已重新排队 | no entries = 没有记录 | no unclear operations = 没有结果不明的写操作
the journal is of this version = 操作台账是本版本的 | not an id of this gateway = 不是本网关的标识
the journal takes the id key of the next gateway that starts = 操作台账将接受下一个启动的网关的 GATEWAY_ID_KEY
either ids or --all-dead = 标识和 --all-dead 须给出其中之一 | say who saw it where = 请写明谁在哪里看到
not with --follow = 不能与 --follow 同时给出 | not the id of a payment = 不是缴费通知的标识
not the id of an operation, as the log and this command print it = 不是日志和本命令输出的写操作标识
the subject has 1 to 255 characters = 用户须为 1 至 255 个字符 | the ttl is at least 1 second = 有效期至少 1 秒
No problem was found. = 没有发现问题。 | none = 无 | all = 全部 | default = 默认 | environment = 环境变量
What the platforms send = 平台实际返回的内容 | Problems = 须解决的问题 | Endpoints = 接口
Lists = 列表 | Tokens = 令牌 | Writes = 写操作 | Data issues = 数据问题 | Null today = 目前为空的字段 | Fields = 字段
(withheld) = （不列出） | why = 原因 | platform = 平台 | calls = 调用 | answered = 有返回 | codes = 代码
failures = 失败 | median ms = 中位耗时 ms | longest ms = 最长耗时 ms | largest bytes = 最大字节数 | list = 列表
rows = 行数 | page size = 每页行数 | turns pages = 可翻页 | heeds per_page = 遵守 per_page | question = 问题
field = 字段 | problem = 问题 | values = 个数 | records = 记录数 | nulls = 空值占比 | unrecognized = 未识别占比
key = 键 | present = 有该键 | types = 类型 | forms = 形式 | words = 取值 | undocumented = 文档以外 | unknown = 未知
in no order = 无固定顺序 | oldest first = 从旧到新 | newest first = 从新到旧 | (not read) = （网关不读）
(not documented) = （文档没有） | (other keys) = （其他键） | login ends earlier tokens = 新登录使旧令牌失效
invalid token is noticed = 能识别无效令牌 | sorted = 顺序 | result = 结果
a module can be switched, by a form sent with PUT = 可用 PUT 表单切换功能模块
the module is as it was = 功能模块已恢复原状 | the status of a repair can be set to what it is = 可把报修设为现有状态
an absent reply keeps the old one = 不传答复则保持不变 | eight digits, a date = 八位数字日期
epoch seconds = 秒级时间戳 | decimal text = 小数文本 | 20 digits = 20 位数字 | text = 文本
18 digits, or 17 and X = 18 位数字，末位可为 X | digits = 数字文本 | mobile number = 手机号 | JSON text = JSON 文本
empty = 空文本 | text in braces that is no JSON = 花括号文本，不是 JSON | text in ASCII = ASCII 文本
small number = 较小的数 | not confirmed, nothing was asked or written = 未经确认，没有调用，也没有写入
Lines that begin with # are not in force. Fill in what a word means, and remove the #. = \
以 # 开头的行不生效。请填写词的含义，再去掉 #。
Modules besides the nine, if these are no other names of them: = 九个以外的模块（如果不是它们的别名）：
Not documented. With #: a key that may stand for a missing one, a type that is not read. = \
不在文档中。带 # 的：可能是缺失字段的键，或不能读取的类型。
whatever per_page says = 不受 per_page 影响 | page 2 was page 1 once more = 第 2 页与第 1 页相同
What was said of what does not exist. Keep what says nothing else: = \
查询不存在的内容时平台的用语。只保留专指“不存在”的：
a table = 一个表 | a whole number from 1 to 1000 = 1 至 1000 的整数
a list of texts without blanks around them, 100 characters at most = 文本列表，首尾没有空格，每项最多 100 个字符
a number of seconds above 0, 2000000 at most = 大于 0、不超过 2000000 的秒数
names of headers, such as X-Tenant = 请求头的名称，例如 X-Tenant
names without a port, such as gateway.example.org = 不含端口的名称，例如 gateway.example.org
names of operations, such as OrdersPage = 操作的名称，例如 OrdersPage
seconds, such as people=60,orders=5; there are all, people, owners, modules, repairs, shenhes, orders = \
秒数，例如 people=60,orders=5；可用 all、people、owners、modules、repairs、shenhes、orders
days from 183 to 99999, such as payments=10958; there are all, audit, operations, payments, announcements = \
183 至 99999 的天数，例如 payments=10958；可用 all、audit、operations、payments、announcements
"""

WORDS: Final[Mapping[str, str]] = dict(each.split(" = ") for each in re.split(r" \| |\n", _WORDS.strip()))
"""What argparse and the system say, what values of settings must be, and the heads and words of tables."""


def at(place: object, problem: str) -> Text:
    """What is wrong, behind where it is: a setting, an endpoint, the id of a record."""
    return Text(Sentence("{place}: {problem}", "{place}：{problem}"), {"place": place, "problem": problem})


def known(english: str) -> Text:
    """A text of `WORDS`; what is not there is of English alone. A message is itself."""
    if isinstance(english, Text):
        return english
    return Text(Sentence("{english}", WORDS.get(english, "{english}")), {"english": str(english)})


def say(english: str) -> str:
    return local(known(english))


def to_table(lines: Sequence[Sequence[str]]) -> str:
    """Aligned columns. A Chinese character is as wide as two others."""

    def width(text: str) -> int:
        return len(text) + sum(east_asian_width(each) in "WF" for each in text)

    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    padded = ([cell + " " * (most - width(cell)) for cell, most in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)
