"""Node ids: opaque, signed, and the same for the same record.

    text    = base64url(content | signature), without padding
    content = version byte | MessagePack array [type name, community code or null, identifier]
    signature = keyed BLAKE2b-128 of content

Who holds an id was shown its record: only the gateway makes ids, from records an authorised call returned, so an id
stands in for the list check that rows without a community would need (quirk 175). It is not a right in itself: its
community is checked against the caller again at each use.
"""

import secrets
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

import msgspec

from gateway.auth.issuer import read_or_create
from gateway.auth.principal import Principal
from gateway.settings import Settings

_VERSION = b"\x01"
_HASH_VERSION = b"\x02"
"""Both leave "A" as the first character of an id, so that no id looks like a platform's number."""

KEY_FILE = "id.key"

_REMEMBERED = 16_384  # ids, of about 300 bytes each. They hold numbers of platforms, never anything of a person
_SIGNATURE_BYTES = 16
_LONGEST_NUMBER = 18  # digits; all of them fit 64 bits

_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class NodeId(NamedTuple):
    """What an id says: what the journal calls its record, as a `RecordRef` has it."""

    type_name: str
    community_code: str | None
    identifier: str


def join_parts(parts: Iterable[str | int]) -> str:
    """The identifier of a record that these parts identify, such as a house by its address: "1-2-3-301"."""
    return "-".join([str(part) for part in parts])


class InvalidNodeIdError(ValueError):
    """Not an id of this gateway: forged, altered, made with another key, or anything else. It never says which."""

    def __init__(self) -> None:
        super().__init__("not an id of this gateway")


class NodeIds:
    """Makes and reads ids with subkeys of one secret; ids made with another secret are invalid here."""

    __slots__ = ("_hasher", "_pack", "_signer", "_unpack", "encode")

    def __init__(self, key: bytes) -> None:
        """`key` is a secret of any length. Raises ValueError when it is empty."""
        if not key:
            raise ValueError("node ids need a key")
        self._signer = _keyed(key, b"record id")
        self._hasher = _keyed(key, b"hash id")
        self._pack = msgspec.msgpack.Encoder().encode
        self._unpack = msgspec.msgpack.Decoder(NodeId).decode
        self.encode = lru_cache(_REMEMBERED)(self._encode)  # the same records are listed again and again

    def _encode(self, type_name: str, community_code: str | None, *parts: str | int) -> str:
        """Make the id of the record that is identified by these parts."""
        return self._sign(_VERSION + self._pack((type_name, community_code, join_parts(parts))))

    def decode(self, text: str) -> NodeId:
        """What an id says. Raises InvalidNodeIdError for everything that `encode` did not make with this key."""
        content = _data(text)[:-_SIGNATURE_BYTES]
        # Compared as text, made anew: base64 has several spellings of the same bytes, and only one of them is the id.
        if not compare_digest(self._sign(content), text):
            raise InvalidNodeIdError
        return self._unpack(content[len(_VERSION) :])

    def hashed(self, type_name: str, *parts: str | int | None) -> str:
        """An id that only distinguishes records: it cannot be decoded, and without the key it cannot be guessed at."""
        hasher = self._hasher.copy()
        hasher.update(self._pack((type_name, *parts)))
        return _text(_HASH_VERSION + hasher.digest())

    @property
    def check_value(self) -> str:
        """The text by which a journal recognises the key."""
        return self.hashed("id key")

    def _sign(self, content: bytes) -> str:
        signer = self._signer.copy()
        signer.update(content)
        return _text(content + signer.digest())


def resolve_node_id(principal: Principal, ids: NodeIds, text: str, type_name: str | None = None) -> NodeId | None:
    """The record that an id names, or None if this caller cannot reach it: the same as for one that is not there.

    `type_name` is the one type that will do, None for any. A platform's bare number names a record of that type in an
    unknown community, so it takes a caller who sees all of them (quirk 175).
    """
    if type_name is not None and looks_like_number(text):
        return NodeId(type_name, None, str(int(text))) if principal.sees_all else None
    try:
        node = ids.decode(text)
    except InvalidNodeIdError:
        return None
    seen = principal.communities  # not `sees`: a trace would show that the id is none that was made up
    is_foreign = seen is not None and node.community_code not in seen
    return None if type_name not in (None, node.type_name) or is_foreign else node


def looks_like_number(text: str) -> bool:
    """Whether this is a platform's bare number rather than an id of ours."""
    return len(text) <= _LONGEST_NUMBER and text.isascii() and text.isdigit()


def looks_hashed(text: str) -> bool:
    """Whether this has the form of a hashed id, of this key or another."""
    try:
        data = _data(text)
    except InvalidNodeIdError:
        return False
    return data.startswith(_HASH_VERSION) and len(data) == len(_HASH_VERSION) + _SIGNATURE_BYTES and _text(data) == text


def _keyed(key: bytes, purpose: bytes) -> blake2b:
    """A BLAKE2b state for one purpose: neither its key nor its results say anything of another purpose's."""
    subkey = blake2b(key, person=purpose).digest()
    return blake2b(key=subkey, digest_size=_SIGNATURE_BYTES, person=purpose)


def _text(data: bytes) -> str:
    # `urlsafe_b64encode`, which has two more calls: it makes each id of an answer
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL_SAFE).decode()


def _data(text: str) -> bytes:
    """What `_text` wrote. Raises InvalidNodeIdError for what is not ASCII, or no base64."""
    try:
        return urlsafe_b64decode(text + "==")
    except ValueError:
        raise InvalidNodeIdError from None


def read_id_key(settings: Settings) -> bytes:
    """The secret that ids and all other signatures of the gateway derive from.

    It is the settings', which have one in production; development makes itself one in the data directory if none is
    set. Raises SettingsError.
    """
    if settings.id_key:
        return settings.id_key.encode()
    return read_or_create(settings.data_dir / KEY_FILE, lambda: secrets.token_bytes(32))


def read_check_value(settings: Settings) -> str | None:
    """What a journal knows the settings' key by; None where development has made none yet. Raises SettingsError."""
    there = settings.id_key or (settings.data_dir / KEY_FILE).exists()
    return NodeIds(read_id_key(settings)).check_value if there else None
