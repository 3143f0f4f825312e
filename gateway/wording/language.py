"""The language of what a command prints: Chinese where the locale or `--lang` says so, else English.

A message with values is declared in a table (`Wording`), a fixed text as one with the Chinese below the English:

    sys.stdout.write(local(CommandWording.TAKEN(scopes=scopes)))
    parser.add_argument("--json", help=either("as JSON lines\\n以 JSON 行输出"))

Log lines, JSON and CSV are read by programs, and are English.
"""

import os
from collections.abc import Mapping
from typing import Final

from gateway.wording.wording import Text

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


ARGPARSE: Final[Mapping[str, str]] = {
    "usage: ": "用法：",
    "%(heading)s:": "%(heading)s：",
    "positional arguments": "位置参数",
    "options": "选项",
    "show this help message and exit": "显示本帮助并退出",
    "show program's version number and exit": "显示版本号并退出",
    "%(prog)s: error: %(message)s\n": "%(prog)s：错误：%(message)s\n",
    "argument %(argument_name)s: %(message)s": "参数 %(argument_name)s：%(message)s",
    "the following arguments are required: %s": "缺少参数：%s",
    "one of the arguments %s is required": "须给出参数 %s 之一",
    "not allowed with argument %s": "不能与参数 %s 同时给出",
    "unrecognized arguments: %s": "无法识别的参数：%s",
    "ambiguous option: %(option)s could match %(matches)s": "选项 %(option)s 不明确，可能是 %(matches)s",
    "expected one argument": "缺少取值",
    "expected at least one argument": "至少须有一个取值",
    "invalid %(type)s value: %(value)r": "%(value)r 不是有效的 %(type)s 值",
    "invalid choice: %(value)r (choose from %(choices)s)": "不能取 %(value)r（可选：%(choices)s）",
}
"""What argparse says, by its own words."""
