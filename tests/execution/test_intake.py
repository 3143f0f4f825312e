"""Which texts of persisted documents are kept."""

import sys
from hashlib import sha256
from typing import Any, NamedTuple

import pytest
from graphql import build_schema

from gateway.execution.documents import DocumentError, Documents
from gateway.execution.intake import Intake
from gateway.execution.limits import Limits

SCHEMA = build_schema(f"type Query {{ {' '.join(f'f{number}: Int' for number in range(10))} }}")
LIMITS = Limits(tokens=2000, depth=15)


class Asked(NamedTuple):
    query: str | None
    variables: dict[str, Any] | None = None
    document_id: str | None = None
    operation_name: str | None = None


class Unlimited:
    def charge(self, calls: int, most: float) -> None:
        """Whatever it costs."""


class Nobody:
    budget = Unlimited()

    def get_size(self, name: str | None) -> int:
        raise KeyError(name)

    get_pages = get_size


NOBODY = Nobody()


def stored(intake: Intake, texts: list[str]) -> list[str]:
    """Those of the texts that a hash alone brings back."""
    found = []
    for text in texts:
        try:
            intake.admit(Asked(None, document_id=sha256(text.encode()).hexdigest()), NOBODY)
            found.append(text)
        except DocumentError:
            pass
    return found


def store(intake: Intake, text: str) -> None:
    intake.admit(Asked(text, document_id=sha256(text.encode()).hexdigest()), NOBODY)


def test_persisted_store_evicts_unused_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{{ f{number} }}" + "#" * 100 for number in range(10)]
    monkeypatch.setattr("gateway.execution.intake.PERSISTED_BYTES", 4 * sys.getsizeof(texts[0]))
    intake = Intake(Documents(SCHEMA, LIMITS, size=64))
    store(intake, texts[0])
    for text in texts[1:]:
        assert stored(intake, texts[:1])
        store(intake, text)

    assert stored(intake, texts) == [texts[0], *texts[7:]]


def test_text_larger_than_the_store_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.execution.intake.PERSISTED_BYTES", 100)
    intake = Intake(Documents(SCHEMA, LIMITS, size=64))
    text = "{ f0 }" + "#" * 1000
    store(intake, text)

    assert stored(intake, [text]) == []
