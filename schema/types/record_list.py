"""How the schema shows a list of a community's records: what `gateway.loaders.lists` leaves to say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import strawberry

from gateway.context import Info, Lookup
from gateway.errors import UserInputError
from gateway.execution.cost import Cost
from gateway.execution.load import Load
from gateway.loaders.paging import Slice
from gateway.loaders.record_list import RecordList, SliceKey
from gateway.normalise.field import DeclaredField, declared_fields
from gateway.normalise.kinds import IDENTIFIER
from gateway.normalise.wire_enum import WireEnum
from schema.types.arguments import CommunityCode, community, recognized
from schema.types.connection import Window, connection_field
from schema.types.costs import ONE_CALL, list_costs
from schema.types.fields import needs

SliceLoad: TypeAlias = Lookup[SliceKey, Slice[Any]]

_TOTAL = attrgetter("total")


@dataclass(frozen=True, eq=False, kw_only=True)
class CommunityList:
    """A list in the schema, whose records are shown as `node`, and its words.

    `filter` is the annotation of the argument. `name` is the name of the field that shows one record; `noun` and
    `chinese` are what descriptions call it. `of_community` describes the list at the root, `listed` that in the
    community, `changes` what happens to records. `count` has the name and description of the field that counts what
    waits. `complete` makes the attributes of the query of the values of the filters; it raises UserInputError.
    """

    records: RecordList[Any]
    node: type
    filter: Any
    name: str
    noun: str
    chinese: str
    of_community: str
    listed: str
    count: tuple[str, str]
    changes: str = ""
    complete: Callable[[Any, dict[str, Any]], Mapping[str, Any]] = lambda _filters, given: given

    @cached_property
    def costs(self) -> dict[str, Cost]:
        return list_costs(self.records)

    def load(
        self, info: Info, community_code: str, filters: Any, part: Window, **fixed: str | int | None
    ) -> SliceLoad | None:
        """A part of a community's list; None when the caller may not see it. `fixed` are filters that are not the
        caller's own.

        Raises UserInputError for a code or filter that is none. Who asks for somebody's records may be guessing at what
        is masked: such filters of the caller's make it a look-up of people.
        """
        code = community(community_code)
        query = self.query(filters)
        if not info.context.principal.sees(code):
            return None
        asked = msgspec.structs.replace(query, **fixed) if fixed else query
        load = info.context.loaders.slice(self.records, code, asked, *part)
        return info.context.counted(load) if filters is not None and self.records.names_someone(query) else load

    def query(self, filters: Any) -> Any:
        """The query that the filters mean. Raises UserInputError."""
        if filters is None:
            return self.records.everything
        declared = declared_fields(self.records.query)
        asked = {name: _asked(field, getattr(filters, name)) for name, field in declared.items()}
        return self.records.query(**self.complete(filters, asked))

    def community_field(self) -> Any:
        """The list, as a field of its community."""

        def resolve(root: strawberry.Parent[Any], info: Info, part: Window, filter: Any = None) -> SliceLoad | None:
            return self.load(info, root.code, filter, part)

        return self._connection_field(self.listed, resolve)

    def root_field(self) -> Any:
        """The list, as a field of the root."""

        def resolve(info: Info, part: Window, community_code: CommunityCode, filter: Any = None) -> SliceLoad | None:
            return self.load(info, community_code, filter, part)

        return self._connection_field(self.of_community, resolve)

    def _connection_field(self, description: str, resolve: Any) -> Any:
        resolve.__annotations__["filter"] = self.filter
        return connection_field(self.node, description, self.records.scope, metadata=self.costs)(resolve)

    def count_field(self) -> Any:
        """How many records wait, as a field of the community's summary."""

        def resolve(root: strawberry.Parent[Any], info: Info) -> Load[SliceKey, int]:
            load = info.context.loaders.slice(self.records, root.code, self.records.waiting, offset=0, first=1)
            return Load(load.loader, load.key, _TOTAL)

        return strawberry.field(
            resolver=resolve,
            description=self.count[1],
            directives=needs([self.records.scope]),
            graphql_type=int | None,
            metadata=ONE_CALL,
        )


def _asked(declared: DeclaredField, value: Any) -> Any:
    """The value of a filter, as it is looked for. Raises UserInputError (quirks 103, 151)."""
    argument = f"filter.{declared.path}"
    if isinstance(value, WireEnum):
        return recognized(value, argument)
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise UserInputError(argument, f"{argument} must not be empty: leave it out instead.")
    return value.strip() if declared.field.kind is IDENTIFIER else value  # the platform compares every character
