"""The language of what a command prints: Chinese where the locale or `--lang` says so, else English.

A message with values is declared in a table (`Wording`), a fixed text as one with the Chinese below the English:

    sys.stdout.write(local(CommandWording.TAKEN(scopes=scopes)))
    parser.add_argument("--json", help=either("as JSON lines\\n以 JSON 行输出"))

Log lines, JSON and CSV are read by programs, and are English.
"""

import os
import re
from collections.abc import Mapping
from typing import Final

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
a whole number from 0 to 65535 = 0 至 65535 的整数 | a whole number from 1 to 36500 = 1 至 36500 的整数
a number from 0 to 1 = 0 至 1 的数 | a number above 0, 2000000 at most = 大于 0、不超过 2000000 的数
a URL that begins with postgresql:// = 以 postgresql:// 开头的地址
an http or https URL without a path, with user:password@ before the host if the proxy asks for it = \
不含路径的 http 或 https 地址，代理要求登录时主机前有 user:password@
one audience, without a comma or blank = 一个受众，不含逗号和空格
at most 64 letters, digits and . _ + - = 最多 64 个字母、数字和 . _ + -
origins of a scheme and a host, such as https://console.example.org = 由协议和主机组成的来源，例如 https://console.example.org
names of headers, such as X-Tenant = 请求头的名称，例如 X-Tenant
names without a port, such as gateway.example.org = 不含端口的名称，例如 gateway.example.org
names of operations, such as OrdersPage = 操作的名称，例如 OrdersPage
seconds, such as people=60,orders=5; there are all, people, owners, modules, repairs, shenhes, orders = \
秒数，例如 people=60,orders=5；可用 all、people、owners、modules、repairs、shenhes、orders
"""

WORDS: Final[Mapping[str, str]] = dict(each.split(" = ") for each in re.split(r" \| |\n", _WORDS.strip()))
"""What argparse and the system say, what values of settings must be, and the heads and words of tables."""


def known(english: str) -> Text:
    """A text of `WORDS`; what is not there is of English alone."""
    return Text(Sentence("{english}", WORDS.get(english, "{english}")), {"english": english})
