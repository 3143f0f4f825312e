"""Lists: one connection type over the platforms' three shapes of paging (quirk 133)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import Signature, isawaitable, signature
from operator import attrgetter
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import strawberry

from gateway.context import Info
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.execution.load import Load
from gateway.execution.response import reported
from gateway.journal.listing import Cut
from gateway.journal.records import Listed
from gateway.loaders.paging import (
    LAST_OFFSET,
    InvalidCursorError,
    KeyedSlice,
    Places,
    RowPlace,
    Slice,
    offset_cursor,
    places_after,
    places_cursor,
    read_cursor,
    row_cursor,
)
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.arguments import wrong_codes
from schema.costs import LARGEST_FIRST
from schema.fields import needs, plain

NodeT = TypeVar("NodeT")

TAG_LENGTH = 8
"""Characters of a cursor that say of which list it is."""

First = Annotated[int, strawberry.argument(description="How many: 1 to 100 (条数).")]
After = Annotated[str | None, strawberry.argument(description="A cursor: what comes after it. Excludes `page` (游标).")]
PageNumber = Annotated[
    int | None,
    strawberry.argument(description="The page, from 1, in pages of `first`. Excludes `after` (页码)."),
]


class Window(NamedTuple):
    """Which part of a list is asked for: from an offset, or after the places or the row of a cursor. `is_page`: by its
    number. `tag` is what the cursor says of its list, if there is one; of the list itself once it is `checked`.
    """

    offset: int
    first: int
    places: Places | None = None
    is_page: bool = False
    row: str | None = None
    tag: str | None = None

    @property
    def cut(self) -> Cut:
        """The same of a list of the journal."""
        return Cut(self.first, self.offset, self.row)


Part: TypeAlias = Slice[Any] | KeyedSlice[Any]


def window(first: First = 20, after: After = None, page: PageNumber = None) -> Window:
    """The part of a list that the arguments name. Raises UserInputError."""
    if 1 <= first <= LARGEST_FIRST:
        if page is None:
            return Window(0, first) if after is None else _window_after(after, first)
        if after is None and 1 <= page <= LAST_OFFSET // first:
            return Window((page - 1) * first, first, is_page=True)
    refuse_input(_wrong_window(first, after, page))
    raise AssertionError("one of the arguments is wrong")


def _wrong_window(first: int, after: str | None, page: int | None) -> Iterator[Violation]:
    if not 1 <= first <= LARGEST_FIRST:
        yield Violation(("first",), InputWording.RANGE(field="first", min=1, max=LARGEST_FIRST))
    last = LAST_OFFSET // min(max(first, 1), LARGEST_FIRST)
    if page is not None and after is not None:
        yield Violation(("page",), InputWording.EXCLUSIVE(field="page", other="after"))
    elif page is not None and not 1 <= page <= last:
        yield Violation(("page",), InputWording.RANGE(field="page", min=1, max=last))
    if after is not None:
        yield from find_violations(_window_after, after, first)


def _window_after(after: str, first: int) -> Window:
    try:
        tag, cursor = after[:TAG_LENGTH], read_cursor(after[TAG_LENGTH:])
    except InvalidCursorError:
        raise foreign_cursor() from None
    if isinstance(cursor, int):
        return Window(cursor + 1, first, tag=tag)
    if isinstance(cursor, RowPlace):
        return Window(cursor.offset + 1, first, row=cursor.key, tag=tag)
    return Window(0, first, cursor, tag=tag)


def checked(part: Window, info: Info, *asked: object) -> Window:
    """The part of the list of what is asked for. Raises UserInputError for a cursor of another one."""
    tag = info.context.ids.hashed("Cursor", *map(repr, asked))[-TAG_LENGTH:]
    if part.tag not in (None, tag):
        raise foreign_cursor()
    return part._replace(tag=tag)


def foreign_cursor() -> UserInputError:
    return UserInputError("after", InputWording.CURSOR(field="after"))


def listed(
    found: Listed[Any], part: Window, total: Load[Any, int], key: Callable[[Any], str] = attrgetter("id")
) -> KeyedSlice[Any]:
    """A part of a list of the journal, as it is shown. `total` counts the whole list, if anybody asks."""
    return KeyedSlice(
        found.items, tuple(map(key, found.items)), part.offset, part.first, found.has_more, total, tag=part.tag or ""
    )


def _cursor(part: Part, position: int) -> str:
    """Of the item at this position."""
    if isinstance(part, KeyedSlice):
        return part.tag + row_cursor(RowPlace(part.offset + position, part.keys[position]))
    if part.parts or part.failures:
        return part.tag + places_cursor(places_after(part, position + 1))
    return part.tag + offset_cursor(part.offset + position)


class PositionedNode(NamedTuple):
    """An item and where it stands: what an edge is made of."""

    node: Any
    part: Part
    position: int


@strawberry.type(description="Where a page of a list lies in the whole (分页信息).")
class PageInfo:
    @strawberry.field(
        description="Whether more follow; true as well when a community could not be read, or not to the end: its "
        "items may follow (是否有下一页)."
    )
    def has_next_page(root: strawberry.Parent[Part]) -> bool:
        return root.has_more

    @strawberry.field(description="Whether some come before (是否有上一页).")
    def has_previous_page(root: strawberry.Parent[Part]) -> bool:
        if root.items or not root.offset:
            return root.offset > 0
        return root.count(lambda total: total > 0)  # type: ignore[return-value] # a load stands for its value

    @strawberry.field(description="Cursor of the first item here (起始游标).")
    def start_cursor(root: strawberry.Parent[Part]) -> str | None:
        return _cursor(root, 0) if root.items else None

    @strawberry.field(
        description="Cursor of the last item here: as `after` it gives the next page. After a failure it begins where "
        "the community that failed was left (结束游标)."
    )
    def end_cursor(root: strawberry.Parent[Part]) -> str | None:
        return _cursor(root, len(root.items) - 1) if root.items or root.failures else None

    @strawberry.field(description="This page's number, from 1; null when it begins within a page (页码).")
    def page(root: strawberry.Parent[Part]) -> int | None:
        page, rest = divmod(root.offset, root.first)
        return None if rest else page + 1

    @strawberry.field(description="How many pages of this size there are (总页数).")
    def page_count(root: strawberry.Parent[Part]) -> int:
        return root.count(lambda total: -(-total // root.first))  # type: ignore[return-value] # as above

    @strawberry.field(description="The size of a page: `first` as asked for (每页条数).")
    def per_page(root: strawberry.Parent[Part]) -> int:
        return root.first


@strawberry.type(description="An item of a list and its place (列表项).")
class Edge(Generic[NodeT]):
    node: NodeT = plain("The item (内容).")

    @strawberry.field(
        description="Its place in the list. It is found again when items before it have come or gone; of announcements "
        "it is an offset of the moment (游标)."
    )
    def cursor(root: strawberry.Parent[PositionedNode]) -> str:
        return _cursor(root.part, root.position)


@strawberry.type(description="A part of a list (列表).")
class Connection(Generic[NodeT]):
    @strawberry.field(description="The items with their cursors (列表项).")
    def edges(root: strawberry.Parent[Part]) -> list[Edge[NodeT]]:
        return [PositionedNode(item, root, index) for index, item in enumerate(root.items)]  # type: ignore[misc] # records stand for their types

    @strawberry.field(description="The items alone (内容).")
    def nodes(root: strawberry.Parent[Part]) -> list[NodeT]:
        return root.items  # type: ignore[return-value] # records stand for their types

    @strawberry.field(description="Page information, as in Relay (分页信息).")
    def page_info(root: strawberry.Parent[Part]) -> PageInfo:
        return root  # type: ignore[return-value] # a slice stands for its page info

    @strawberry.field(
        description="How many items there are in all, those that could not be read included; without those of a "
        "community of which nothing could be read, which is an error (总数)."
    )
    def total_count(root: strawberry.Parent[Part]) -> int:
        return root.count(int)  # type: ignore[return-value] # a load stands for its value


def connection_field(
    node: type,
    description: str,
    *scopes: str,
    metadata: Mapping[str, Any] | None = None,
    cursors: Literal["offsets", "places", "rows"] = "offsets",
    has_pages: bool = True,
    wrong_filter: Callable[[Any], Iterable[Violation]] = lambda _filter: (),
) -> Callable[[Callable[..., Any]], Any]:
    """A field that shows a part of a list. It has the arguments of `window`; its resolver gets the `part` they name.

    `cursors`: places in streams of platforms, rows of the journal, or offsets alone, which the others take as well.
    `has_pages`: it takes the number of a page. `wrong_filter` finds what is wrong with its argument `filter`, to be
    reported with what is wrong with the part.
    """
    of_window = [each for name, each in signature(window).parameters.items() if has_pages or name != "page"]

    def declare(resolve: Callable[..., Any]) -> Any:
        def resolve_part(
            *sources: Any, first: int = 20, after: str | None = None, page: int | None = None, **arguments: Any
        ) -> Any:
            info = arguments["info"] if "info" in arguments else sources[-1]  # plans pass it by position
            try:
                part = window(first, after, page)
                if (part.places is not None and cursors != "places") or (part.row is not None and cursors != "rows"):
                    raise foreign_cursor()
                if cursors != "places":  # of which the query says it
                    asked = [(name, value) for name, value in arguments.items() if name != "info" and value is not None]
                    part = checked(part, info, node.__name__, sorted(asked))
            except UserInputError as error:
                codes = wrong_codes(arguments.get("community_code"), arguments.get("community_codes"))
                refuse_input(error.violations, codes, wrong_filter(arguments.get("filter")))
                raise
            found = resolve(*sources, part=part, **arguments)
            return reported(found, info._raw_info) if type(info) is strawberry.Info and isawaitable(found) else found

        own = [parameter for name, parameter in signature(resolve).parameters.items() if name != "part"]
        resolve_part.__signature__ = Signature([*own, *of_window])  # type: ignore[attr-defined] # Strawberry reads it
        return strawberry.field(
            resolver=resolve_part,
            description=description,
            directives=needs(scopes),
            graphql_type=Connection[node] | None,  # type: ignore[valid-type] # made for this field
            metadata=metadata,
        )

    return declare
