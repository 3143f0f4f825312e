"""Documents that clients send once and then name by their hash: automatic persisted queries.

The protocol is Apollo's, `extensions.persistedQuery {version: 1, sha256Hash}`, and the `documentId` of the GraphQL over
HTTP draft ("Persisted Documents"). Nothing else of a request is kept: no variables, no caller.
"""

import sys

from gateway.execution.kept import Kept

MAX_BYTES = 4 * 1024 * 1024
"""Of memory, for the texts that are kept."""


class PersistedQueries:
    """Texts by the SHA-256 of their UTF-8 form in hexadecimal; the least recently used go first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._texts: Kept[str, str] = Kept(max_bytes, sys.getsizeof)

    def get(self, sha256: str) -> str | None:
        try:
            return self._texts.use(sha256)
        except KeyError:
            return None

    def keep(self, sha256: str, text: str) -> None:
        """Remember a text that may be run. One larger than the whole store is not kept."""
        self._texts.keep(sha256, text)
