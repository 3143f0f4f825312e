"""The texts of messages that come in English, from parts that do not know the tables."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from gateway.wording.codes import ErrorCode
from gateway.wording.inputs import ScalarWording
from gateway.wording.wording import Sentence, Text, Wording
from gateway.wording.wording import ViolationRule as Rule

_NOT_GIVEN = Rule.REQUIRED("{field} must be given.", "{field}不能缺少。")
_NULL = Rule.REQUIRED("{field} must not be null.", "{field}不能为空。")
_NO_MEMBER = Rule.ONE_OF("{field} must be a value of {type}.", "{field}不在可选范围内。")
_NO_FIELD = Rule.ONE_OF("{field} has no field {name}: its type is {type}.", "{field}没有字段 {name}。")
_ONE_FIELD = Rule.ONE_OF("{field} must have exactly one field, and not null.", "{field}须恰好填写一项，且不能为空。")
_NO_INT = Rule.RANGE("{field} must be a whole number of at most 32 bits.", "{field}须为 32 位以内的整数。")

VALUES: Final[Mapping[str, Sentence]] = {
    "Expected a value of non-null type '{type}' to be provided": _NOT_GIVEN,
    "Expected value of non-null type '{type}' not to be ": _NULL,
    "Expected variable '{name}' provided to non-null type '{type}' not to be ": _NULL,
    "Expected value of type '{type}' to include required field '{name}'": _NOT_GIVEN,
    "Expected value of type '{type}' not to include unknown field '{name}'": _NO_FIELD,
    "Within OneOf Input Object type '{type}', exactly one ": _ONE_FIELD,
    "Value '{value}' does not exist in '{type}' enum": _NO_MEMBER,
    "Enum '{type}' cannot represent ": _NO_MEMBER,
    "Int cannot represent non 32-bit signed integer value": _NO_INT,
    "Expected value of type '{type}' to be an object": Rule.FORMAT("{field} must be an object.", "{field}须为对象。"),
    "Expected value of type '{type}'": Rule.FORMAT("{field} must be of the type {type}.", "{field}须为 {type} 类型。"),
    "Int cannot represent ": Rule.FORMAT("{field} must be a whole number.", "{field}须为整数。"),
    "Float cannot represent ": Rule.FORMAT("{field} must be a number.", "{field}须为数字。"),
    "String cannot represent ": Rule.FORMAT("{field} must be a text.", "{field}须为文本。"),
    "Boolean cannot represent ": Rule.FORMAT("{field} must be true or false.", "{field}须为 true 或 false。"),
    "ID cannot represent ": Rule.FORMAT("{field} must be a text or a whole number.", "{field}须为文本或整数。"),
}
"""What graphql-core says of values: its words, and what is said of the field."""

DOCUMENTS: Final[Mapping[str, str]] = {
    "Argument '{name}' of type '{type}' is required": "缺少必填参数 {name}，其类型为 {type}。",
    "Argument '{name}' of required type '{type}' was not ": "缺少必填参数 {name}，其类型为 {type}。",
    "Syntax Error: Expected {what}, found ": "语法错误：此处应为 {what}。",
    "Syntax Error: Unexpected <EOF>": "语法错误：查询文本不完整。",
    "Syntax Error: Unexpected ": "语法错误：此处有多余或不当的内容。",
    "Syntax Error: Unterminated string": "语法错误：字符串没有结束。",
    "Syntax Error: ": "语法错误：数字、字符或转义的写法不对。",
    "Cannot query field '{name}' on type '{type}'": "类型 {type} 没有字段 {name}。",
    "Field '{name}' must not have a selection since type '{type}'": "字段 {name} 的类型 {type} 不能选择子字段。",
    "Field '{name}' of type '{type}' must have ": "字段 {name} 的类型为 {type}，须选择子字段。",
    "Fields '{name}' conflict because ": "字段 {name} 有冲突：请为不同的字段或参数使用不同的别名。",
    "Unknown argument '{name}' on {kind} '{where}'": "{where} 没有参数 {name}（{kind}）。",
    "Unknown type '{name}'": "没有类型 {name}。",
    "Unknown directive '{name}'": "没有指令 {name}。",
    "Unknown fragment '{name}'": "没有片段 {name}。",
    "Fragment '{name}' is never used": "片段 {name} 没有被使用。",
    "Cannot spread fragment '{name}' within itself": "片段 {name} 不能展开自己。",
    "Fragment '{name}' cannot be spread here": "片段 {name} 不能在此展开：类型不可能相符。",
    "Fragment cannot be spread here as objects of type '{type}'": "片段不能在此展开：类型 {type} 不可能相符。",
    "This anonymous operation must be the only ": "没有名称的操作须为唯一的操作。",
    "There can be only one {kind} named '{name}'": "名称 {name} 只能出现一次（{kind}）。",
    "Variable '{name}' is not defined": "没有定义变量 {name}。",
    "Variable '{name}' is never used": "变量 {name} 没有被使用。",
    "Variable '{name}' cannot be non-input type '{type}'": "变量 {name} 的类型 {type} 不能用于输入。",
    "Variable '{name}' of type '{type}' used in position expecting type '{expected}'": (
        "变量 {name} 的类型为 {type}，此处应为 {expected}。"
    ),
    "{subscription} must select only one top level field": "订阅只能选择一个根字段（{subscription}）。",
    "GraphQL introspection has been disabled": "内省已停用。",
}
"""What graphql-core says of documents. What it says rarely is not here, and has the Chinese of its code."""

SERVER: Final[Mapping[str, str]] = {
    "The server has as many connections as it takes": "服务器的连接数已满",
    "This is not well-formed HTTP": "请求不是正确的 HTTP",
    "The request line and headers are too long": "请求行和请求头过长",
    "The server is no proxy": "服务器不是代理",
    "Too many requests wait on this connection": "该连接上等待的请求过多",
    "An upgrade needs HTTP/1.1, and no other request before it": "协议升级须用 HTTP/1.1，且之前不能有其他请求",
    "The headers did not arrive in time": "请求头没有按时到达",
    "The body did not arrive in time": "请求体没有按时到达",
    "The headers are too many or too long": "请求头过多或过长",
    "The address is too long: use POST": "地址过长：请用 POST",
    "The server speaks HTTP/1.1": "服务器只支持 HTTP/1.1",
    "The header {name} appears twice": "请求头 {name} 出现了两次",
    "The header host is missing": "缺少请求头 host",
    "The only transfer coding is chunked": "传输编码只支持 chunked",
    "The address has bytes beyond ASCII": "地址含有 ASCII 以外的字节",
    "The header host is not that of the address": "请求头 host 与地址不符",
}
"""What the HTTP server says, which knows nothing of the gateway."""

_AROUND: Final = re.compile(
    r"(?:Variable '\$(?P<variable>\w+)'|Argument '(?:[^'(]*\()?(?P<argument>\w+)(?::\))?')"
    r" has invalid (?:default )?value(?: at (?P<path>(?:\.\w+|\[\d+\])+))?: (?P<reason>.+)",
    re.DOTALL,
)
_SUGGESTED: Final = re.compile(r"\.( Did you mean (?:the enum value )?'\w+'(?:(?:,| or|, or) '\w+')*\?)(?= Found: |\Z)")
_MISSING: Final = re.compile(r"Expected value of type '.+?' to include required field '(\w+)'")

_PLACEHOLDER: Final = re.compile(r"\\\{(\w+)\\\}")


def translate(message: str, code: ErrorCode) -> Text:
    """The message with its Chinese; with that of its code, where no table has it."""
    return find_text(message) or Text(Sentence(code.word.meaning, code.label), {}, message)


def find_place(message: str) -> str | None:
    """The dotted path of the variable or argument whose value a message of graphql-core is about; None: of none."""
    around = _AROUND.match(message)
    if around is None:
        return None
    path = (around["path"] or "").replace("[", ".").replace("]", "")
    missing = _MISSING.match(around["reason"])
    return (around["variable"] or around["argument"]) + path + (f".{missing[1]}" if missing else "")


def find_text(message: str) -> Text | None:
    """The message with its Chinese; None where no table has it. What is wrong with a value is said of its field."""
    around, place = _AROUND.match(message), find_place(message)
    reason = message if around is None else around["reason"]
    for known, pattern in _patterns():
        if found := pattern.match(reason):
            # Of no place is a value in the text of a document.
            values = found.groupdict() | {"field": "该值" if place is None else place.removeprefix("input.")}
            if place is None or "{field}" not in known.chinese:
                return Text(known, values, message)
            suggested = _SUGGESTED.match(reason, found.end())  # values that a message may show come later
            return Text(known, values, suggested and f"{known.english.format_map(values)}{suggested[1]}")
    return None


@cache
def _patterns() -> list[tuple[Wording | Sentence, re.Pattern[str]]]:
    """Of the beginnings of messages, and the whole where a value is at the end; a longer one comes first."""
    said: list[tuple[Wording | Sentence, str]] = [(known, known.english) for known in ScalarWording]
    said += [(known, english) for english, known in VALUES.items()]
    said += [(Sentence(*texts), texts[0]) for texts in (*DOCUMENTS.items(), *SERVER.items())]
    patterns: list[tuple[Wording | Sentence, re.Pattern[str]]] = []
    for known, english in sorted(said, key=lambda each: len(each[1]), reverse=True):
        pattern = _PLACEHOLDER.sub(r"(?P<\1>.+?)", re.escape(english))
        end = r"\Z" if english.endswith("}") else ""
        patterns.append((known, re.compile(pattern + end, re.DOTALL)))
    return patterns
