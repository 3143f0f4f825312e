"""Replaces the values in the text of an answer where they stand. Pure.

Nothing is parsed and written anew, for what is wrong with an answer is what a recording is made for: commas, quotes,
escapes and blanks stay as they are, and what is cut stays cut. So an answer that could not be read cannot be read
afterwards, and one that could has the same shape. JSON within text is entered.
"""

import json
import re
from collections.abc import Callable

from gateway.platforms.envelope import START
from gateway.recording.values import Values

DEEPEST = 4
"""Texts within texts that are entered."""

_TOKEN = re.compile(
    r"""  (?P<string>"(?:[^"\\]|\\.)*(?:"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z))
        | (?P<bracket>[\[\]{}])
        | (?P<comma>,)
        | (?P<literal>(?<!\w)(?:true|false|null)(?!\w))
        | (?P<number>(?<!\w)-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?!\w))
        | (?P<word>\w+)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DIGITS = re.compile(r"(?<![\w+])(?<!e-)(?<!E-)[0-9]+")
"""Of a number but for its exponent."""

_COLON = re.compile(r"\s*(?::|=>)")
_ESCAPE = re.compile(r"\\u[0-9A-Fa-f]{4}|\\.", re.DOTALL)
_WORD = re.compile(r"\w+")
_OF_JSON = re.compile(r"\s*(?:[\[{]|\"\s*[\[{])")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SLASH = re.compile(r"(?<!\\)(?:\\\\)*\\/")
_ESCAPED = "\\u5929"
"""One of the characters that pseudonyms are made of."""


class _Level:
    """An object or a list that is open, and the key whose value comes next."""

    __slots__ = ("is_object", "key")

    def __init__(self, is_object: bool, key: str) -> None:
        self.is_object = is_object
        self.key = key


def replace_values(text: str, values: Values, above: tuple[str, ...] = (), deep: int = 0) -> str:
    """The text of an answer with its values replaced. `above`: the keys under which it stands."""
    start = START.search(text) if not deep else None
    before, text = ("", text) if start is None else (text[: start.end()], text[start.end() :])
    rewriting = _Rewriting(text, values, above, deep)
    return _WORD.sub(lambda word: values.text(word[0]), before) + _TOKEN.sub(rewriting.token, text)


class _Rewriting:
    def __init__(self, text: str, values: Values, above: tuple[str, ...], deep: int) -> None:
        self._text = text
        self._values = values
        self._above = above
        self._deep = deep
        self._levels: list[_Level] = []

    def token(self, token: re.Match[str]) -> str:
        whole = token[0]
        match token.lastgroup:
            case "string":
                return self._string(whole, token.end())
            case "bracket":
                self._bracket(whole)
            case "comma":
                if self._levels and self._levels[-1].is_object:
                    self._levels[-1].key = ""
            case "number":
                return self._number(whole, token.end())
            case "word":  # of code, of notices, of pages in HTML
                return self._values.text(whole)
        return whole

    def _bracket(self, bracket: str) -> None:
        if bracket in "[{":
            self._levels.append(_Level(bracket == "{", "" if bracket == "{" else self._key()))
        elif self._levels:
            self._levels.pop()

    def _key(self) -> str:
        """Of the value that comes next; in a list, that of the list."""
        return self._levels[-1].key if self._levels else (self._above[-1] if self._above else "")

    def _keys_above(self) -> tuple[str, ...]:
        return (*self._above, *(level.key for level in self._levels if level.is_object))

    def _number(self, number: str, end: int) -> str:
        if _COLON.match(self._text, end) is not None:
            return self._values.key(number, self._keys_above())
        new = self._values.value(self._key(), number, self._keys_above())
        return new if _NUMBER.fullmatch(new) else _DIGITS.sub(lambda digits: self._values.text(digits[0]), number)

    def _string(self, token: str, end: int) -> str:
        level = self._levels[-1] if self._levels else None
        is_key = level is not None and level.is_object and _COLON.match(self._text, end) is not None
        if level is None or not is_key:
            return _in_string(token, self._value)
        new = _in_string(token, lambda key: self._values.key(key, self._keys_above()))
        level.key = _content(token) or ""
        return new

    def _value(self, value: str) -> str:
        key, above = self._key(), self._keys_above()
        if _OF_JSON.match(value) and self._deep < DEEPEST and self._values.may_hold_json(key):
            return replace_values(value, self._values, (*above, key), self._deep + 1)
        return self._values.value(key, value, above)


def _content(token: str) -> str | None:
    """What a string holds; None where its escapes are none of JSON's."""
    quote, body = token[0], token[1:]
    body = body.removesuffix(quote) if len(token) > 1 else body
    if quote == "'":
        body = body.replace('\\"', '"').replace("\\'", "'").replace('"', '\\"')
    try:
        content: str = json.loads(f'"{body}"', strict=False)
    except ValueError:
        return None
    return content


def _in_string(token: str, replace: Callable[[str], str]) -> str:
    """The string with its content replaced, in the same quotes, with escapes of the same kinds."""
    content = _content(token)
    quote = token[0]
    is_whole = len(token) > 1 and token[-1] == quote
    if content is None:
        return quote + _loosely(token[1 : -1 if is_whole else None], replace) + (quote if is_whole else "")
    new = replace(content)
    escapes_all = "\\u" in token and token.isascii()
    body = json.dumps(new, ensure_ascii=escapes_all or _SURROGATE.search(new) is not None)[1:-1]
    if _ESCAPED_SLASH.search(token):
        body = body.replace("/", "\\/")
    if quote == "'":
        body = body.replace('\\"', '"').replace("'", "\\'")
    if token[1:].find("\n") >= 0:
        body = body.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
    return quote + body + (quote if is_whole else "")


def _loosely(body: str, replace: Callable[[str], str]) -> str:
    """Escapes that are none of JSON's stay, those of characters become that of another one."""
    parts: list[str] = []
    end = 0
    for escape in _ESCAPE.finditer(body):
        parts += replace(body[end : escape.start()]), _ESCAPED if escape[0][1] == "u" else escape[0]
        end = escape.end()
    return "".join([*parts, replace(body[end:])])
