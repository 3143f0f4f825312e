"""What an execution gives back, and its JSON; and how a plan gives up."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import orjson
from graphql import GraphQLError, GraphQLResolveInfo, located_error

from gateway.errors import drop_tracebacks

PathKeys: TypeAlias = tuple[str | int, ...]
"""A place in a response: the keys of objects and the indexes of lists that lead there."""


@dataclass(slots=True)
class Response:
    """The outcome of one operation.

    `executed` is False for a request error (unknown operation, variables of the wrong type): then nothing was
    resolved and the response has no `data` entry, not even null (GraphQL specification, 7.1). `planned` says
    whether a compiled plan gave the answer; otherwise graphql-core did. `event_id` is the cursor of the event of a
    subscription that it answers, where that has one.
    """

    data: dict[str, Any] | None
    errors: list[GraphQLError] = field(default_factory=list)
    executed: bool = True
    planned: bool = False
    event_id: str | None = None

    def to_bytes(
        self,
        *,
        errors: Sequence[Mapping[str, Any]] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The response as JSON, UTF-8.

        `errors` replaces the formatted errors (to add codes, or to hide messages); `extensions` is the response's own
        entry. Raises `orjson.JSONEncodeError` where a custom scalar gave something JSON cannot hold.
        """
        body: dict[str, Any] = {"data": self.data} if self.executed else {}
        if self.errors:
            body["errors"] = [error.formatted for error in self.errors] if errors is None else errors
        if extensions:
            body["extensions"] = extensions
        return orjson.dumps(body)


ValueT = TypeVar("ValueT")


class IncompleteError(Exception):
    """`part` is what there is, `cause` why there is no more."""

    def __init__(self, part: Any, cause: Exception) -> None:
        super().__init__(str(cause))
        self.part = part
        self.cause = cause


async def reported(value: Awaitable[ValueT], info: GraphQLResolveInfo[Any]) -> ValueT:
    """For graphql-core, what is awaited, or the part of it that there is: the context has the cause reported."""
    try:
        return await value
    except IncompleteError as error:
        drop_tracebacks(error)
        info.context.report(located_error(error.cause, info.field_nodes, info.path.as_list()))
        part: ValueT = error.part
        return part


class UnplannableError(BaseException):
    """Plans do not cover this operation; graphql-core does.

    Not an Exception: a resolver that reads something which only graphql-core knows raises this through its own
    `except Exception`, which must not take it for a failure.
    """


class HandOverError(Exception):
    """The arguments of a field cannot be read, or what it awaited failed and may not be null.

    graphql-core reports it, or never gets to that field, or is luckier.
    """
