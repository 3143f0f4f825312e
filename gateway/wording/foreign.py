"""The texts of messages that come in English, from parts that do not know the tables."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from gateway.wording.codes import CodeWording
from gateway.wording.faults import WireWording
from gateway.wording.graphql import GraphQLWording, ScalarWording
from gateway.wording.wording import Text, Wording

_PLACEHOLDER: Final = re.compile(r"\\\{(\w+)\\\}")

WRAPPED: Final = "reason"
"""The placeholder of a sentence around another message, which is translated as well."""


def find_graphql_text(message: str) -> Text | None:
    """What graphql-core said, with its Chinese; None for a message that no table has."""
    return _find(message, _graphql_patterns())


def find_wire_text(message: str) -> Text | None:
    """What the HTTP server or a transport said, with its Chinese; None for a message that no table has."""
    return _find(message, _wire_patterns())


def wire_text(message: str, code: str) -> Text:
    """The same; a message that no table has is known in Chinese by its code."""
    return find_wire_text(message) or text_by_code(message, code)


def text_by_code(message: str, code: str) -> Text:
    """A message of which only the code is known in Chinese."""
    known = CodeWording.__members__.get(code, CodeWording.INTERNAL)
    return Text(known, {}, message)


def _find(message: str, patterns: "Iterable[tuple[Wording, re.Pattern[str]]]") -> Text | None:
    for wording, pattern in patterns:
        if found := pattern.match(message):
            values: dict[str, object] = dict(found.groupdict())
            inner = _find(str(values[WRAPPED]), patterns) if WRAPPED in values else None
            if inner is None and wording in _WRAPPERS:
                return None
            return Text(wording, values if inner is None else {**values, WRAPPED: inner}, message)
    return None


_WRAPPERS: Final = frozenset(wording for wording in GraphQLWording if f"{{{WRAPPED}}}" in wording.english)


@cache
def _graphql_patterns() -> tuple[tuple[Wording, re.Pattern[str]], ...]:
    return (*_patterns(ScalarWording), *_patterns(GraphQLWording))


@cache
def _wire_patterns() -> tuple[tuple[Wording, re.Pattern[str]], ...]:
    return tuple(_patterns(WireWording))


def _patterns(table: type[Wording]) -> Iterator[tuple[Wording, re.Pattern[str]]]:
    for wording in table:
        pattern = _PLACEHOLDER.sub(r"(?P<\1>.+?)", re.escape(wording.english))
        yield wording, re.compile(pattern + r"\Z" if wording.english.endswith("}") else pattern, re.DOTALL)
