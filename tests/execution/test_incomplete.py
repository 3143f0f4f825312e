"""Values of which a part is missing: the part and the error are both in the response, by whichever way it is made."""

from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLError
from loading import make_schema, parsed

from gateway.errors import NotSentError
from gateway.execution.executor import Executor
from gateway.execution.response import IncompleteError, reported
from gateway.wording.faults import FaultWording

SDL = """
type Query { part: Part odd: Part list: [Part] }
type Part { n: Int unplannable: Int broken: Int! }
"""
MESSAGE = "Too many calls to this platform are under way."


class Context:
    def __init__(self) -> None:
        self.reported: list[GraphQLError] = []

    def report(self, error: GraphQLError) -> None:
        self.reported.append(error)


async def incomplete() -> Any:
    part = SimpleNamespace(n=1, broken=2)
    raise IncompleteError(part, NotSentError("WJDH", "order/list", FaultWording.TOO_MANY_CALLS()))


def resolve_part(_source: Any, info: Any) -> Any:
    return incomplete() if type(info).__name__ == "PlanInfo" else reported(incomplete(), info)


SCHEMA = make_schema(
    SDL,
    {
        "Query.part": resolve_part,
        "Query.odd": lambda _source, _info: incomplete(),
        "Part.unplannable": lambda _source, info: len(info.path.as_list()),
        "Part.broken": lambda source, _info: source.broken,
    },
)


@pytest.mark.parametrize("plans", [True, False])
@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("{ part { n } }", {"part": {"n": 1}}),
        ("{ part { n unplannable } }", {"part": {"n": 1, "unplannable": 2}}),
        ("{ a: part { n } b: part { n } }", {"a": {"n": 1}, "b": {"n": 1}}),
    ],
)
async def test_part_and_error_are_in_the_response(query: str, data: Any, plans: bool) -> None:
    executor = Executor(SCHEMA, plans=plans)
    for _ in range(2):
        context = Context()
        response = await executor.execute(parsed(query), context=context)

        assert response.data == data
        errors = [*response.errors, *context.reported]
        assert sorted((error.path or ["?"])[0] for error in errors) == sorted(data)
        assert {error.message for error in errors} == {MESSAGE}
        assert all(isinstance(error.original_error, NotSentError) and error.locations for error in errors)


async def test_unexpected_part_is_an_error() -> None:
    response = await Executor(SCHEMA, plans=False).execute(parsed("{ odd { n } }"), context=Context())

    assert response.data == {"odd": None}
    assert [error.message for error in response.errors] == [MESSAGE]
