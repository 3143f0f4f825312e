"""What a platform's answer says, before anybody looks at its data: pure, no sockets.

The body first, then the status (quirk 14); `code` alone decides, whatever `msg` says (quirk 17). Broken JSON that
deployments are known to send is mended; everything else is a CallError, whose message holds nothing of the body.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.errors import PlatformBusyError, ProtocolError
from gateway.platforms.answer import CallError, RawAnswer
from gateway.wording.faults import FaultWording

SUCCESS = 0
TOKEN_DEAD = 9
"""The code that is in no table (quirk 11)."""

LONGEST_MESSAGE = 200

LARGEST_CODE = 999_999_999
"""What is larger is no code. Reported to callers, it might not fit into their JSON, nor into the gateway's."""

TOKEN_WORDS = "token|鉴权|令牌"  # noqa: S105 # words, and no secret
CREDENTIAL_WORDS = f"{TOKEN_WORDS}|登录|过期|失效"
ERROR_WORDS = (
    f"{CREDENTIAL_WORDS}|权限|授权|异常|错误|繁忙|超时|稍后|维护中|系统维护|升级|停机|暂停|故障|宕机|不可用|连接|网络|"
    "SQLSTATE|error|exception|time.?out|unavailable|maintenance|busy"
)
"""What platforms say of tokens and errors: a failure without them may mean "not found" (quirks 23, 31)."""

COMMUNITY_REFUSAL = re.compile(
    r"(?:没有|没|无)权限?(?:管理|访问|查看|操作)该?(?:小区|社区)|(?:小区|社区)(?:没有|未|没)(?:被)?授权"
)
"""What wjdh says of a community it refuses (1.2.2.4): its codes differ by endpoint (quirk 27)."""

LONGEST_MENDED = 1024 * 1024
"""Bytes of an answer that is read although it is no strict JSON in UTF-8: that takes ten times as long."""

_NOT_FINE = 300

NOTHING: Mapping[str, Any] = MappingProxyType({})

_decode = msgspec.json.Decoder().decode

START = re.compile(r"""(?:^|>)[ \t]*(?=\{\s*["'])""", re.MULTILINE)
"""Where the JSON begins: first of all, or behind the notices of PHP (quirk 190), which may name {main}."""

_TOKEN = re.compile(
    r"""  "[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)   # a string, or what is left of one
        | '[^']*(?:'|\Z)                       # the same as PHP and the document's example quote it
        | ,(?=\s*[}\]])                        # a comma before the end of an object or array
    """,
    re.VERBOSE | re.DOTALL,
)
_LOOSE = re.compile(r"[\x00-\x1f]|\\u[dD]")
"""What strict JSON does not allow in a string: raw line breaks, halves of surrogate pairs."""

_NUMBER = re.compile(r"\s*(-?[0-9]{1,9})\s*", re.ASCII)
_BLANK = "\ufeff\0 \t\r\n"


class Envelope(msgspec.Struct, gc=False):
    """A judged answer. `code` is None where there is none: shenheList succeeds without (quirk 15).

    A success that came as documented has typed rows in its `body`, as its endpoint's `decode` makes them.
    `has_failed`: it came with the status of a server's failure, or, where its code says success, of any failure.
    """

    code: int | None
    body: Mapping[str, Any]
    has_failed: bool = False

    def __repr__(self) -> str:
        return f"Envelope(code={self.code})"

    @property
    def token_is_dead(self) -> bool:
        """Code 9, or a failure without data and with `token_expired` 0, which means expired (quirks 10 to 13, 32)."""
        if self.code == SUCCESS:
            return False
        return self.code == TOKEN_DEAD or (self.is_empty and self.body.get("token_expired") in (0, "0"))

    @property
    def is_empty(self) -> bool:
        """Whether `data` says nothing: left out, null, "", [] or {} (quirk 32)."""
        return self.body.get("data") in (None, "", [], {})

    @property
    def msg(self) -> str | None:
        """The text for users. Its neighbour `message` is for the platform's developers (quirk 26)."""
        msg = self.body.get("msg")
        return msg.strip()[:LONGEST_MESSAGE] or None if isinstance(msg, str) else None

    def says(self, wordings: Iterable[str]) -> bool:
        """Whether it is a refusal, of no token, one of whose texts has one of these in it."""
        return self.code not in (None, SUCCESS, TOKEN_DEAD) and any(wording in self.hints for wording in wordings)

    @property
    def forbids_community(self) -> bool:
        """Whether it is a refusal because of the community."""
        return self.code not in (None, SUCCESS, TOKEN_DEAD) and COMMUNITY_REFUSAL.search(self.hints) is not None

    @property
    def hints(self) -> str:
        """Both texts, to look for words in: the only way to distinguish some answers (quirk 23). Never to be shown."""
        return " ".join(text for text in (self.body.get("msg"), self.body.get("message")) if isinstance(text, str))


def open_envelope(answer: RawAnswer, decode: Callable[[bytes], Mapping[str, Any]] | None = None) -> Envelope:
    """Judge an answer; first of all by its endpoint's `decode`. Raises CallError.

    A platform that turned the call away, or a proxy before it that gave up, answers 429, or 502 and above. Proxies have
    many of their own, such as 524 for a platform that is slow.
    """
    head, status = answer.head, answer.head.status
    if decode is not None and status < _NOT_FINE and not head.declares_gbk:
        try:
            return Envelope(SUCCESS, decode(answer.body))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
    body, envelope = _read(answer), None
    if isinstance(body, dict):
        code = _code(body.get("code"))
        failures = _NOT_FINE if code == SUCCESS else HTTPStatus.INTERNAL_SERVER_ERROR
        envelope = Envelope(code, body, status >= failures)
    if envelope is not None and (envelope.code == SUCCESS or (envelope.code is None and status < _NOT_FINE)):
        return envelope
    if status == HTTPStatus.UNAUTHORIZED:
        return Envelope(TOKEN_DEAD, {})
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.BAD_GATEWAY:
        sent = status != HTTPStatus.TOO_MANY_REQUESTS
        message = FaultWording.HTTP_STATUS(status=status)
        raise CallError(PlatformBusyError, message, retry_after=_retry_after(answer), sent=sent)
    if envelope is not None and envelope.code is not None:
        return envelope
    raise CallError(ProtocolError, FaultWording.NOT_IN_PROTOCOL(status=status))


def _code(value: object) -> int | None:
    """The code as a number, whichever way it is spelt (quirk 9). Raises CallError."""
    if type(value) is int and abs(value) <= LARGEST_CODE:
        return value
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_CODE:
        return int(value)
    if isinstance(value, str) and (number := _NUMBER.fullmatch(value)):
        return int(number[1])
    raise CallError(ProtocolError, FaultWording.CODE_NO_NUMBER())


def _retry_after(answer: RawAnswer) -> float | None:
    """Seconds, as Laravel and nginx give them; an HTTP date counts as none."""
    value = answer.head.header(b"retry-after")
    return float(value[:9]) if value is not None and value.isdigit() else None


def _read(answer: RawAnswer) -> object:
    """The body as a value; None when it is no JSON and the status is left to judge. Raises CallError."""
    try:
        if not answer.head.declares_gbk:
            return _decode(answer.body)
    except (msgspec.DecodeError, UnicodeError):
        pass
    except RecursionError:
        raise CallError(ProtocolError, FaultWording.TOO_DEEP()) from None
    if len(answer.body) > LONGEST_MENDED:
        return None
    return _mend(body_text(answer))


def body_text(answer: RawAnswer) -> str:
    """The body as text: as declared; else in UTF-8, unless most of what is not ASCII is none (quirk 190)."""
    body = answer.body
    if not answer.head.declares_gbk:
        text = body.decode("utf-8", "replace")
        lost = text.count("\ufffd")
        if not lost or 2 * lost < len(text) - len(text.encode("ascii", "ignore")):
            return text
    return body.decode("gb18030", "replace")


def _mend(text: str) -> object:
    """The value of JSON that may have PHP notices before it and the slips of the document's examples within it:
    commas before closing brackets, text in single quotes, raw line breaks (quirks 3, 4). None when it is none: of an
    object that is not whole, the last one within it is no answer, nor is the last of several, one after the other.

    Raises CallError for too deep a nesting. Linear in the length of the text.
    """
    text = text.strip(_BLANK)
    start = START.search(text) if text.endswith("}") else None
    if start is None:
        return None
    try:
        return _decode(_TOKEN.sub(_strict, text[start.end() :]))
    except msgspec.DecodeError:
        return None
    except RecursionError:
        raise CallError(ProtocolError, FaultWording.TOO_DEEP()) from None


def _strict(token: re.Match[str]) -> str:
    """The token as strict JSON has it."""
    text = token[0]
    if text[0] == ",":
        return ""
    if text[0] == "'":
        return _quote(text[1:].removesuffix("'"))
    if _LOOSE.search(text) is None:
        return text
    try:
        return _quote(json.loads(text, strict=False))
    except ValueError:
        return text


def _quote(text: str) -> str:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return msgspec.json.encode(whole).decode()
