"""What surrounds the data: code, token_expired, msg, message (quirks 9 to 18)."""

from collections.abc import Mapping

from gateway.sandbox.dialects.dialect import Dialect, Row

_CHAPTER_1 = frozenset({"secret", "shenheList", "shenhe", "shenhe/update", "token", "people"})

_TEXT_CODES: Mapping[Dialect, frozenset[str]] = {
    Dialect.DOCUMENTED: frozenset(),
    Dialect.EXAMPLES: _CHAPTER_1,
    Dialect.MIXED: _CHAPTER_1 - {"shenhe"} | {"order/list", "repair", "modules-sync"},
}
"""The endpoints whose codes are strings: those of chapter 1 by the examples, others as well in real life."""


class Envelope:
    """Wraps answers in the dialect's types."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._text_codes = _TEXT_CODES[dialect]

    def wjdh(self, endpoint: str, code: int, msg: str, message: str | None = None, **data: object) -> Row:
        """An answer of wjdh; `data` are the fields the document prints between msg and message."""
        row: Row = {"code": self.code(endpoint, code), "token_expired": self.code(endpoint, 1), "msg": msg, **data}
        if message is not None:
            row["message"] = message
        return row

    def security(self, endpoint: str, code: int, msg: str, **data: object) -> Row:
        """An answer of the security platform, which never mentions its token (quirk 16)."""
        return {"code": self.code(endpoint, code), "msg": msg, **data}

    def expired(self) -> Row:
        """The token is dead (1.1.1.4): strings, even where the endpoint answers integers (quirk 13)."""
        code, token_expired = (9, 0) if self._dialect is Dialect.DOCUMENTED else ("9", "0")
        return {
            "code": code,
            "token_expired": token_expired,
            "msg": "请重新建立智慧平台鉴权连接",
            "message": "token值因各种原因而失效，请重新调用接口获取token",
        }

    def code(self, endpoint: str, value: int) -> int | str:
        """A code in the type that the endpoint has in this dialect."""
        return str(value) if endpoint in self._text_codes else value
