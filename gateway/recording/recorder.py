"""Records the calls to the platforms: what was sent and answered, with pseudonyms, into a folder."""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from gateway.auth.secret_files import read_or_create
from gateway.errors import PlatformId
from gateway.platforms.answer import RawAnswer
from gateway.platforms.endpoint import Endpoint, Kind
from gateway.platforms.envelope import (
    CREDENTIAL_WORDS,
    BadAnswerError,
    BusyAnswerError,
    Envelope,
    decode_text,
    open_envelope,
)
from gateway.recording.folder import Exchange, Folder, RecordingError, body_fields
from gateway.recording.texts import replace_values
from gateway.recording.values import Values
from gateway.settings import SettingsError

KEY_FILE = "recording.key"
KEY_BYTES = 32
LONGEST_BODY = 1024 * 1024
"""Bytes. A longer body is cut: it takes seconds to replace all of it."""

WJDH_BASE = "/api/v1/"

_KEPT_HEADERS = {
    b"content-type": re.compile(rb"[a-z]+/[a-z.+-]+(?:\s*;\s*charset=\"?[A-Za-z0-9_-]{1,20}\"?)?", re.IGNORECASE),
    b"retry-after": re.compile(rb"[0-9]{1,6}"),
}
_CREDENTIAL_WORDS = re.compile(CREDENTIAL_WORDS, re.IGNORECASE)
_FORM_FAILURE = 1


def read_key(path: Path, folder: Path) -> bytes:
    """The key of pseudonyms, made if there is none. Raises SettingsError, also where it would lie in the folder."""
    if path.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(f"{path}: the key of pseudonyms must not lie in the folder that leaves the house")
    key = read_or_create(path, lambda: secrets.token_bytes(KEY_BYTES))
    if len(key) < KEY_BYTES:
        raise SettingsError(f"{path}: the key of pseudonyms must have at least {KEY_BYTES} bytes")
    return key


class Recorder:
    """`failure` is why nothing more is written, once that is so: a call never fails for its recording."""

    def __init__(self, values: Values, folder: Folder) -> None:
        self._values = values
        self._folder = folder
        self.failure: str | None = None

    def __call__(self, platform: PlatformId, endpoint: Endpoint, form: bytes, answer: RawAnswer) -> None:
        """Write an exchange. `form` is without the token."""
        if self.failure is not None:
            return
        try:
            self._folder.write(to_exchange(platform, endpoint, form, answer, self._values))
        except RecordingError as error:
            self.failure = str(error)


def to_exchange(platform: PlatformId, endpoint: Endpoint, form: bytes, answer: RawAnswer, values: Values) -> Exchange:
    """What is recorded of a call. Of a login nothing that was sent, and not where the platforms are."""
    is_login = endpoint.kind is Kind.LOGIN
    return Exchange(
        platform=platform,
        endpoint=endpoint.name,
        method=endpoint.method,
        path=f"{WJDH_BASE}{endpoint.path}" if platform == "WJDH" else f"/{endpoint.name}",
        form={} if is_login else _replaced_form(form, values),
        status=answer.head.status,
        dead_token=not is_login and _has_dead_token(answer),
        headers=dict(_kept_headers(answer)),
        **body_fields(_replaced_body(answer, values)),
    )


def _replaced_form(form: bytes, values: Values) -> dict[str, str]:
    fields: Mapping[str, str] = dict(parse_qsl(form.decode("utf-8", "replace"), keep_blank_values=True))
    return {
        values.key(key): replace_values(value, values, (key,), 1)
        if value[:1] in ("{", "[") and values.may_hold_json(key)
        else values.value(key, value)
        for key, value in fields.items()
        if key != "token"
    }


def _replaced_body(answer: RawAnswer, values: Values) -> bytes:
    text, encoding = decode_text(msgspec.structs.replace(answer, body=answer.body[:LONGEST_BODY]))
    return replace_values(text, values).encode(encoding, "replace")


def _kept_headers(answer: RawAnswer) -> list[tuple[str, str]]:
    found = {name: answer.head.header(name) for name in _KEPT_HEADERS}
    return [
        (name.decode(), value.decode())
        for name, value in found.items()
        if value is not None and _KEPT_HEADERS[name].fullmatch(value)
    ]


def _has_dead_token(answer: RawAnswer) -> bool:
    """As both platforms say it (quirks 10 to 13, 21)."""
    try:
        envelope: Envelope = open_envelope(answer)
    except (BadAnswerError, BusyAnswerError):
        return False
    speaks_of_token = envelope.code == _FORM_FAILURE and _CREDENTIAL_WORDS.search(envelope.hints) is not None
    return envelope.token_is_dead or (speaks_of_token and envelope.is_empty)
