"""Collecting what did not arrive as documented."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from gateway.normalise.records import DataIssue
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName


class IssueSource(NamedTuple):
    """Whose rows are read: the platform, the kinds of personal data by public path, and the paths whose values may
    speak of any community, not only of that of the record.
    """

    platform: PlatformName
    pii: Mapping[str, PiiKind]
    of_any_community: Collection[str] = ()


class Issues:
    """The issues of one record while it is read. `gathered` gets them as well, for the whole answer."""

    __slots__ = ("_source", "found", "gathered")

    def __init__(self, source: IssueSource, gathered: list[DataIssue]) -> None:
        self._source = source
        self.gathered = gathered
        self.found: tuple[DataIssue, ...] = ()

    def add(self, path: str, value: object, problem: DataProblem) -> None:
        """Note what the platform sent as `value` for the field with this public path."""
        raw = value if isinstance(value, str) else raw_text(value)
        platform, pii, of_any_community = self._source
        issue = DataIssue(path, raw, problem, platform, pii.get(path), path in of_any_community)
        self.found += (issue,)
        self.gathered.append(issue)


def raw_text(value: object) -> str | None:
    """A decoded JSON value as text: strings as they are, None for null, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return msgspec.json.encode(value).decode()
