"""A small reader for the notation of orders' `extra`: Python's or PHP's, single-quoted (quirk 7). It evaluates nothing.

{'单价':'100元/平方'}    ['单价' => 100]    array('单价' => true)    [1, 2]
"""

import re

DEEPEST = 32

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string> '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" )
    | (?P<number> -?[0-9]{1,30}(?:\.[0-9]{1,30})?(?![\w.]) )
    | (?P<word> [A-Za-z]+ )
    | (?P<mark> => | [\[\]{}():,] )
    )\s*""",
    re.VERBOSE | re.DOTALL,
)
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_ESCAPE = re.compile(r"""(?:\\u[0-9a-fA-F]{4})+|\\['"\\/nrt]""")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_CLOSING = {"{": "}", "[": "]", "(": ")"}
_WORDS = {"true": True, "false": False, "null": None, "none": None}


class LiteralError(ValueError):
    """The text is not in this notation. The message holds nothing of it."""


def read_literal(text: str) -> object:
    """The value that `text` spells: made of dicts, lists, strings, integers, booleans and None. Raises LiteralError.

    A number that is not written as integers are is a string, as it was written: 30.00 is a price, 007 that of a meter.
    """
    reader = _Reader(text)
    value = reader.value(DEEPEST)
    if reader.lexeme:
        raise LiteralError("text after the value")
    return value


class _Reader:
    """Reads one value after another; `kind` and `lexeme` are the next token, empty at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._advance()

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._position)
        if match is not None and match.lastgroup is not None:
            self._position = match.end()
            self.kind, self.lexeme = match.lastgroup, match[match.lastgroup]
        elif self._position == len(self._text):
            self.kind, self.lexeme = "end", ""
        else:
            raise LiteralError("not in this notation")

    def value(self, depth: int) -> object:
        kind, lexeme = self.kind, self.lexeme
        self._advance()
        if kind == "string":
            return _unescape(lexeme[1:-1])
        if kind == "number":
            return int(lexeme) if _INTEGER.fullmatch(lexeme) else lexeme
        if kind == "word":
            if lexeme.lower() in _WORDS:
                return _WORDS[lexeme.lower()]
            if lexeme.lower() == "array" and self.lexeme == "(":
                lexeme = self.lexeme
                self._advance()
        if lexeme not in _CLOSING:
            raise LiteralError("not a value")
        if depth == 0:
            raise LiteralError("nested too deeply")
        return self._collection(_CLOSING[lexeme], depth - 1)

    def _collection(self, closing: str, depth: int) -> object:
        """The entries up to `closing`: a dict when they are pairs, else a list; empty braces are a dict."""
        pairs: dict[str, object] = {}
        items: list[object] = []
        while self.lexeme != closing:
            item = self.value(depth)
            if self.lexeme in (":", "=>"):
                self._advance()
                if isinstance(item, dict | list):
                    raise LiteralError("not a key")
                pairs[str(item)] = self.value(depth)
            else:
                items.append(item)
            if self.lexeme == ",":
                self._advance()
            elif self.lexeme != closing:
                raise LiteralError("punctuation missing")
        self._advance()
        if pairs and items:
            raise LiteralError("pairs and items mixed")
        return pairs if pairs or (closing == "}" and not items) else items


def _unescape(body: str) -> str:
    return _ESCAPE.sub(_unescaped, body) if "\\" in body else body


def _unescaped(match: re.Match[str]) -> str:
    escape = match[0]
    if escape[1] != "u":
        return _ESCAPED.get(escape[1], escape[1])
    # JSON spells characters beyond the BMP as two surrogates; half of a pair is no character.
    units = bytes.fromhex(escape.replace("\\u", ""))
    return units.decode("utf-16-be", errors="replace")
