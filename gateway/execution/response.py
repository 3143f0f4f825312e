"""What an execution gives back, and its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson
from graphql import GraphQLError

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
