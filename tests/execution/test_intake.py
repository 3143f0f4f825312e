"""The steps that run before a request is refused, counted instead of timed."""

import sys
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from types import FrameType
from typing import Any, NamedTuple

import pytest
from graphql import GraphQLField, build_schema

from gateway.execution.cost import Amount, Cost
from gateway.execution.documents import CHARACTERS_PER_TOKEN, DocumentError, Documents
from gateway.execution.intake import Intake
from gateway.execution.limits import Limits
from gateway.execution.trusted import TrustedDocuments

FIELDS = [f"f{number}" for number in range(400)]
SCHEMA = build_schema(f"type Query {{ list(first: Int = 1): Query! nested: Query! {': Int '.join(FIELDS)}: Int }}")
LIMITS = Limits(tokens=2000, depth=15)

MANY = " ".join(FIELDS[:150])
LARGEST = f"{{ {' '.join(f'{alias}: nested {{ {MANY} }}' for alias in 'abcdefghijkl')} }}"
"""As large as a document may be: others are held against what it takes to let it in."""

STEPS = {"parse", "check_limits", "Validator.validate", "OperationCost.of"}


class Asked(NamedTuple):
    query: str | None
    variables: dict[str, Any] | None = None
    document_id: str | None = None
    operation_name: str | None = None


class Unlimited:
    def charge(self, calls: int) -> None:
        """Whatever it costs."""


class Nobody:
    budget = Unlimited()

    def get_size(self, name: str) -> int:
        raise KeyError(name)


NOBODY = Nobody()


def get_cost(field: GraphQLField) -> Cost:
    return Cost(calls=Amount("first"), items=Amount("first")) if field.args else Cost()


@pytest.fixture
def intake() -> Intake:
    return Intake(Documents(SCHEMA, LIMITS, size=64, get_cost=get_cost), cost_limit=100)


def work(run: Callable[[], object]) -> Counter[str]:
    """The Python functions that ran, and how often each."""
    ran: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            ran[frame.f_code.co_qualname] += 1

    sys.setprofile(count)
    try:
        run()
    except DocumentError:
        ran["refused"] += 1
    finally:
        sys.setprofile(None)
    return ran


def steps(ran: Counter[str]) -> set[str]:
    return STEPS & set(ran)


REFUSED = {
    "characters": ("{ f0 }" + " " * LIMITS.tokens * CHARACTERS_PER_TOKEN, set()),
    "no GraphQL": ("{ f0", {"parse"}),
    "tokens": ("{ " + "f0 " * LIMITS.tokens + "}", {"parse"}),
    "nesting beyond the parser": ("{ nested " * 1000, {"parse"}),
    "depth": ("{ nested " * 15 + "{ f0 }" + "}" * 15, {"parse", "check_limits"}),
    "aliases": ("{ nested { " + " ".join(f"a{n}: f0" for n in range(31)) + " } }", {"parse", "check_limits"}),
    "root fields": (f"{{ {' '.join(FIELDS)} }}", {"parse", "check_limits"}),
    "directives": ("{ f0 " + "@skip(if: false) " * 51 + "}", {"parse", "check_limits"}),
}


@pytest.mark.parametrize(("query", "begun"), REFUSED.values(), ids=REFUSED.keys())
def test_document_beyond_a_limit_is_never_validated(intake: Intake, query: str, begun: set[str]) -> None:
    largest = work(lambda: intake.admit(Asked(LARGEST), NOBODY))
    refused = work(lambda: intake.admit(Asked(query), NOBODY))

    assert refused["refused"]
    assert steps(refused) == begun
    assert refused.total() < largest.total()
    assert not largest["refused"]


def test_known_document_is_only_looked_up(intake: Intake) -> None:
    intake.admit(Asked(LARGEST), NOBODY)

    assert steps(work(lambda: intake.admit(Asked(LARGEST), NOBODY))) == {"OperationCost.of"}


def test_costly_operation_is_only_weighed(intake: Intake) -> None:
    query = "query ($first: Int) { list(first: $first) { list(first: $first) { f0 } } }"
    intake.admit(Asked(query, {"first": 1}), NOBODY)

    ran = work(lambda: intake.admit(Asked(query, {"first": 10}), NOBODY))
    assert (steps(ran), ran["refused"]) == ({"OperationCost.of"}, 1)
    assert ran.total() < work(lambda: intake.admit(Asked(query + " "), NOBODY)).total() / 10


@pytest.mark.parametrize("asked", [Asked("{ f1 }"), Asked("{ " * 10_000), Asked(None, document_id="x")], ids="abc")
def test_unlisted_document_is_not_parsed(asked: Asked) -> None:
    trusted = TrustedDocuments({"a": "{ f0 }"}, required=True)
    listed = Intake(Documents(SCHEMA, LIMITS, size=4), trusted=trusted)

    ran = work(lambda: listed.admit(asked, NOBODY))
    assert (steps(ran), ran["refused"]) == (set(), 1)


def test_unknown_hash_is_only_looked_up(intake: Intake) -> None:
    ran = work(lambda: intake.admit(Asked(None, document_id="0" * 64), NOBODY))

    assert (steps(ran), ran["refused"]) == (set(), 1)


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
