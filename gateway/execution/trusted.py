"""The list of documents that frontends were built with: manifests, read at the start.

Two forms are read: Apollo's, `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "body",
...}]}`, as its generator writes it, and Relay's, `{"<id>": "query ..."}`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from gateway.execution.documents import DocumentError, Documents
from gateway.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

VARIABLE = "GATEWAY_TRUSTED_DOCUMENTS"

MOST_SPREAD = 4
"""How many times as long as the longest listed document a text may be that is compared token by token."""

_TOKEN = re.compile(
    r'''"""(?:\\"""|(?!""").)*(?:""")?|"(?:\\.|[^"\\])*"?|-?\d[\w.+-]*|\w+|\.\.\.|#[^\n\r]*|[^\ufeff\t\n\r ,]''',
    re.DOTALL,
)
"""A token or a comment. A string without an end goes on to the end of the text, so that each text is read once.

graphql-core's own lexer takes ten times as long, for texts that may be anything.
"""


class _Operation(msgspec.Struct):
    id: str
    body: str


class _ApolloManifest(msgspec.Struct):
    format: Literal["apollo-persisted-query-manifest"]
    version: Literal[1]
    operations: list[_Operation]


class TrustedDocuments:
    """Which documents are trusted, by identifier and by their text.

    `required` says whether no other is to be run; else others are only reported.
    """

    def __init__(self, documents: Mapping[str, str], *, required: bool) -> None:
        self.required = required
        self.documents = documents
        self._texts = dict.fromkeys(documents.values())
        self._by_id = {sha256(text.encode()).hexdigest(): text for text in self._texts} | dict(documents)
        self._by_tokens = {_without_ignored(text): text for text in self._texts}
        self._longest = MOST_SPREAD * max(map(len, self._texts), default=0)

    def find(self, text: str) -> str | None:
        """The listed text with the tokens of this one: white space, commas and comments may differ.

        Only a listed text is ever run in the place of another, so what this takes for equal opens nothing.
        """
        if text in self._texts:
            return text
        return self._by_tokens.get(_without_ignored(text)) if len(text) <= self._longest else None

    def operation_names(self, documents: Documents) -> Iterator[str]:
        """The names of the operations in the listed documents that are valid."""
        for text in self._texts:
            with suppress(DocumentError):
                yield from documents.operation_names(text)

    def get(self, id_: str) -> str | None:
        """The text by its identifier in the manifest, or by its SHA-256 in hexadecimal."""
        return self._by_id.get(id_)


def read_trusted_documents(settings: Settings) -> TrustedDocuments | None:
    """The list that the settings name; None where none is, or it is off. Raises SettingsError."""
    mode = settings.trusted_documents_mode
    if not settings.trusted_documents and mode in ("report", "require"):
        raise SettingsError(f"{VARIABLE}: needed for the mode {mode}")
    if not settings.trusted_documents or mode == "off":
        return None
    documents: dict[str, str] = {}
    for path in _manifests(settings.trusted_manifests):
        for operation in _read_manifest(path):
            if documents.setdefault(operation.id, operation.body) != operation.body:
                raise SettingsError(f"{VARIABLE}: two documents have the id {operation.id}")
    if not documents:
        raise SettingsError(f"{VARIABLE}: the manifest lists no document")
    return TrustedDocuments(documents, required=mode != "report")


def open_trusted_documents(settings: Settings, documents: Documents) -> TrustedDocuments | None:
    """As `read_trusted_documents`.

    Documents of the list that are not valid any more are logged, and refused when somebody asks for them.
    """
    trusted = read_trusted_documents(settings)
    for id_, text in trusted.documents.items() if trusted else ():
        try:
            documents.operation_names(text)
        except DocumentError as error:
            log.error("trusted document invalid", id=id_, reason=error.errors[0].message)
    return trusted


def _without_ignored(text: str) -> str:
    return " ".join([token for token in _TOKEN.findall(text) if not token.startswith("#")])


def _manifests(named: Sequence[Path]) -> Iterator[Path]:
    """The files, and those of folders whose names end in .json, in the order of their names. Raises SettingsError."""
    for path in named:
        if not path.is_dir():
            yield path
        elif found := sorted(path.glob("*.json")):
            yield from found
        else:
            raise SettingsError(f"{VARIABLE}: {path.name} has no file whose name ends in .json")


def _read_manifest(path: Path) -> list[_Operation]:
    """What a manifest file lists. Raises SettingsError."""
    try:
        manifest = msgspec.json.decode(path.read_bytes())
        if isinstance(manifest, dict) and "format" in manifest:
            return msgspec.convert(manifest, _ApolloManifest).operations
        return [_Operation(*each) for each in msgspec.convert(manifest, dict[str, str]).items()]
    except OSError as error:
        raise SettingsError(f"{VARIABLE}: {path.name} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, RecursionError):
        raise SettingsError(f"{VARIABLE}: {path.name} is not a manifest of Apollo's or Relay's form") from None
