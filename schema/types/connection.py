"""Lists: one connection type over the platforms' three shapes of paging (quirk 133)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from inspect import Signature, signature
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import strawberry

from gateway.errors import UserInputError
from gateway.loaders.paging import Slice
from schema.types.costs import LARGEST_FIRST
from schema.types.fields import needs, plain

NodeT = TypeVar("NodeT")

LAST_OFFSET = 2**31 - 1
CURSOR_PREFIX = b"offset:"

First = Annotated[int, strawberry.argument(description="How many: 1 to 100 (条数).")]
After = Annotated[
    str | None,
    strawberry.argument(description="A cursor: what comes after it. Excludes `page` (游标)."),
]
PageNumber = Annotated[
    int | None,
    strawberry.argument(description="The page, from 1, in pages of `first`. Excludes `after` (页码)."),
]


class Window(NamedTuple):
    """Which part of a list is asked for."""

    offset: int
    first: int


def window(first: First = 20, after: After = None, page: PageNumber = None) -> Window:
    """The part of a list that the arguments name. Raises UserInputError."""
    if not 1 <= first <= LARGEST_FIRST:
        raise UserInputError("first", f"first must be from 1 to {LARGEST_FIRST}.")
    if after is not None and page is not None:
        raise UserInputError("page", "page and after exclude each other.")
    if after is not None:
        return Window(_read_cursor(after) + 1, first)
    if page is None:
        return Window(0, first)
    if not 1 <= page <= LAST_OFFSET // first:
        raise UserInputError("page", f"page must be from 1 to {LAST_OFFSET // first}.")
    return Window((page - 1) * first, first)


def _cursor(offset: int) -> str:
    return urlsafe_b64encode(CURSOR_PREFIX + str(offset).encode()).decode()


def _read_cursor(cursor: str) -> int:
    try:
        text = urlsafe_b64decode(cursor.encode("ascii"))
        offset = int(text.removeprefix(CURSOR_PREFIX))
    except ValueError:
        raise UserInputError("after", "after is not a cursor of this list.") from None
    if not text.startswith(CURSOR_PREFIX) or not 0 <= offset < LAST_OFFSET or _cursor(offset) != cursor:
        raise UserInputError("after", "after is not a cursor of this list.")
    return offset


class PositionedNode(NamedTuple):
    """An item and where it stands: what an edge is made of."""

    node: Any
    offset: int


@strawberry.type(description="Where a page of a list lies in the whole (分页信息).")
class PageInfo:
    @strawberry.field(description="Whether more follow (是否有下一页).")
    def has_next_page(root: strawberry.Parent[Slice[Any]]) -> bool:
        return root.offset + root.first < root.total

    @strawberry.field(description="Whether some come before (是否有上一页).")
    def has_previous_page(root: strawberry.Parent[Slice[Any]]) -> bool:
        return root.offset > 0 and root.total > 0

    @strawberry.field(description="Cursor of the first item here (起始游标).")
    def start_cursor(root: strawberry.Parent[Slice[Any]]) -> str | None:
        return _cursor(root.offset) if root.items else None

    @strawberry.field(description="Cursor of the last item here: as `after` it gives the next page (结束游标).")
    def end_cursor(root: strawberry.Parent[Slice[Any]]) -> str | None:
        return _cursor(root.offset + len(root.items) - 1) if root.items else None

    @strawberry.field(description="This page's number, from 1; null when it begins within a page (页码).")
    def page(root: strawberry.Parent[Slice[Any]]) -> int | None:
        page, rest = divmod(root.offset, root.first)
        return None if rest else page + 1

    @strawberry.field(description="How many pages of this size there are (总页数).")
    def page_count(root: strawberry.Parent[Slice[Any]]) -> int:
        return -(-root.total // root.first)

    @strawberry.field(description="The size of a page: `first` as asked for (每页条数).")
    def per_page(root: strawberry.Parent[Slice[Any]]) -> int:
        return root.first


@strawberry.type(description="An item of a list and its place (列表项).")
class Edge(Generic[NodeT]):
    node: NodeT = plain("The item (内容).")

    @strawberry.field(
        description="Its place in the list, an offset of the moment: items that come or go shift the others (游标)."
    )
    def cursor(root: strawberry.Parent[PositionedNode]) -> str:
        return _cursor(root.offset)


@strawberry.type(description="A part of a list (列表).")
class Connection(Generic[NodeT]):
    @strawberry.field(description="The items with their cursors (列表项).")
    def edges(root: strawberry.Parent[Slice[Any]]) -> list[Edge[NodeT]]:
        return [PositionedNode(item, root.offset + index) for index, item in enumerate(root.items)]  # type: ignore[misc] # records stand for their types

    @strawberry.field(description="The items alone (内容).")
    def nodes(root: strawberry.Parent[Slice[Any]]) -> list[NodeT]:
        return root.items  # type: ignore[return-value] # records stand for their types

    @strawberry.field(description="Where this part lies in the whole (分页信息).")
    def page_info(root: strawberry.Parent[Slice[Any]]) -> PageInfo:
        return root  # type: ignore[return-value] # a slice stands for its page info

    @strawberry.field(description="How many items there are in all (总数).")
    def total_count(root: strawberry.Parent[Slice[Any]]) -> int:
        return root.total


def connection_field(
    node: type, description: str, *scopes: str, metadata: Mapping[str, Any] | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """A field that shows a part of a list. It has the arguments of `window`; its resolver gets the `part` they name."""

    def declare(resolve: Callable[..., Any]) -> Any:
        def resolve_part(
            *sources: Any, first: int = 20, after: str | None = None, page: int | None = None, **arguments: Any
        ) -> Any:
            return resolve(*sources, part=window(first, after, page), **arguments)

        own = [parameter for name, parameter in signature(resolve).parameters.items() if name != "part"]
        resolve_part.__signature__ = Signature([*own, *signature(window).parameters.values()])  # type: ignore[attr-defined] # Strawberry reads it
        return strawberry.field(
            resolver=resolve_part,
            description=description,
            directives=needs(scopes),
            graphql_type=Connection[node] | None,  # type: ignore[valid-type] # made for this field
            metadata=metadata,
        )

    return declare
