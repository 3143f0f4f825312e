"""Lists: one connection type over the platforms' three shapes of paging (quirk 133)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from inspect import Signature, isawaitable, signature
from operator import attrgetter
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import strawberry

from gateway.context import Info
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.execution.cost import Cost
from gateway.execution.load import Load, reported
from gateway.journal.records import Listed
from gateway.loaders import paging
from gateway.loaders.paging import RowPlace, Slice
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.costs import LARGEST_FIRST, LIST_OF_THE_JOURNAL
from schema.fields import derived, described, plain, resolved
from schema.record import wrong_codes

NodeT = TypeVar("NodeT")

TAG_LENGTH = 8  # characters of a cursor that say of which list it is


class Window(NamedTuple):
    """Which part of a list is asked for: from an offset, or after the places or the row of a cursor. `is_page`: by its
    number. `tag` is what the cursor says of its list, if there is one; `asked` is of which list, for new cursors.
    """

    offset: int
    first: int
    places: paging.Places | None = None
    is_page: bool = False
    row: str | None = None
    tag: str | None = None
    asked: tuple[object, ...] = ()


@described(
    first="Number of items, 1 to 100 (条数).",
    after="Only items after this cursor; not together with `page` (游标).",
    page="Page number, from 1, in pages of `first` items; not together with `after` (页码).",
)
def window(first: int = 20, after: str | None = None, page: int | None = None) -> Window:
    """The part of a list that the arguments name. Raises UserInputError."""
    if 1 <= first <= LARGEST_FIRST:
        if page is None:
            return Window(0, first) if after is None else _window_after(after, first)
        if after is None and 1 <= page <= paging.LAST_OFFSET // first:
            return Window((page - 1) * first, first, is_page=True)
    refuse_input(_wrong_window(first, after, page))
    raise AssertionError("one of the arguments is wrong")


def _wrong_window(first: int, after: str | None, page: int | None) -> Iterator[Violation]:
    if not 1 <= first <= LARGEST_FIRST:
        yield Violation(("first",), InputWording.RANGE(field="first", min=1, max=LARGEST_FIRST))
    last = paging.LAST_OFFSET // min(max(first, 1), LARGEST_FIRST)
    if page is not None and after is not None:
        yield Violation(("page",), InputWording.EXCLUSIVE(field="page", other="after"))
    elif page is not None and not 1 <= page <= last:
        yield Violation(("page",), InputWording.RANGE(field="page", min=1, max=last))
    if after is not None:
        yield from find_violations(_window_after, after, first)


def _window_after(after: str, first: int) -> Window:
    try:
        tag, cursor = after[:TAG_LENGTH], paging.read_cursor(after[TAG_LENGTH:])
    except paging.InvalidCursorError:
        raise foreign_cursor() from None
    if isinstance(cursor, RowPlace):
        return Window(cursor.offset + 1, first, row=cursor.key, tag=tag)
    return Window(0, first, cursor, tag=tag)


def require_same_list(part: Window, info: Info, asked: tuple[object, ...]) -> None:
    """Raises UserInputError where the part begins at the cursor of another list than what is asked for."""
    if part.tag != _tag(info, asked):
        raise foreign_cursor()


def _tag(info: Info, asked: tuple[object, ...]) -> str:
    """What cursors say of their list."""
    return info.context.ids.hashed("Cursor", *map(repr, asked))[-TAG_LENGTH:]


def foreign_cursor() -> UserInputError:
    return UserInputError("after", InputWording.CURSOR(field="after"))


async def listed(info: Info, rows: Any, query: Any, part: Window) -> Slice[Any]:
    """A part of a list of the journal, as it is shown: the whole is counted if anybody asks."""
    found = await rows.list(query, part.first, part.offset, part.row)
    return keyed(found, part, info.context.loaders.count(rows.count, query), attrgetter("id"))


def keyed(found: Listed[Any], part: Window, total: Load[Any, int], key: Callable[[Any], str]) -> Slice[Any]:
    """A part of a list of the journal, whose items have these keys."""
    keys = tuple(map(key, found.items))
    return Slice(found.items, part.offset, part.first, total, found.has_more, part.asked, keys)


@dataclass(eq=False)
class Cursors:
    part: Slice[Any]
    info: Info

    @cached_property
    def tag(self) -> str:
        return _tag(self.info, self.part.asked)

    def at(self, position: int) -> str:
        return self.tag + self.part.cursor(position)


class PositionedNode(NamedTuple):
    """An item and where it stands: what an edge is made of."""

    node: Any
    cursors: Cursors
    position: int


@strawberry.type(description="Page information, as in Relay (分页信息).")
class PageInfo:
    has_more: bool = plain(
        "Whether more items follow; also true if a community could not be read completely (是否有下一页).",
        name="hasNextPage",
    )

    @resolved()
    def has_previous_page(root: Slice[Any]) -> bool:
        """Whether there are items before this page (是否有上一页)."""
        if root.items or not root.offset:
            return root.offset > 0
        return root.count(lambda total: total > 0)  # type: ignore[return-value] # a load stands for its value

    @resolved()
    def start_cursor(root: Slice[Any], info: Info) -> str | None:
        """Cursor of the first item of this page; null if there is none (起始游标)."""
        return Cursors(root, info).at(0) if root.items else None

    @resolved()
    def end_cursor(root: Slice[Any], info: Info) -> str | None:
        """Cursor of the last item, null if there is none: pass it as `after` for the next page, which resumes a
        community that failed where it stopped (结束游标)."""
        return Cursors(root, info).at(len(root.items) - 1) if root.items or root.failures else None

    @resolved()
    def page(root: Slice[Any]) -> int | None:
        """Page number, from 1; null if the items do not begin at the start of a page (页码)."""
        page, rest = divmod(root.offset, root.first)
        return None if rest else page + 1

    page_count = derived(
        int, "Number of pages of this size (总页数).", lambda root: root.count(lambda total: -(-total // root.first))
    )
    first = plain("Page size: the requested `first` (每页条数).", name="perPage", shown=int)


@strawberry.type(description="An item of a list with its cursor (列表项).")
class Edge(Generic[NodeT]):
    node: NodeT = plain("The item (内容).")

    @resolved()
    def cursor(root: PositionedNode) -> str:
        """Position in the list, for `after`. It stays valid when earlier items are added or removed (游标)."""
        return root.cursors.at(root.position)


@strawberry.type(description="One page of a list (列表).")
class Connection(Generic[NodeT]):
    @resolved()
    def edges(root: Slice[Any], info: Info) -> list[Edge[NodeT]]:
        """The items with their cursors (列表项)."""
        cursors = Cursors(root, info)
        return [PositionedNode(item, cursors, index) for index, item in enumerate(root.items)]  # type: ignore[misc] # records stand for their types

    items = plain("The items without cursors (内容).", name="nodes", shown=list[NodeT])
    page_info = derived(PageInfo, "Page information, as in Relay (分页信息).", lambda root: root)
    total_count = derived(
        int,
        "Total number of items, unreadable ones included. A community of which nothing could be read is not counted "
        "and is an error (总数).",
        lambda root: root.count(int),
    )


def connection_field(
    node: type,
    *scopes: str,
    description: str | None = None,
    cost: Cost = LIST_OF_THE_JOURNAL,
    cursors: Literal["places", "rows"] = "rows",
    has_pages: bool = True,
    wrong_filter: Callable[[Any], Iterable[Violation]] = lambda given: () if given is None else given.wrong(),
) -> Callable[[Callable[..., Any]], Any]:
    """A field that shows a part of a list, as `resolved` makes it. It has the arguments of `window`; its resolver gets
    the `part` they name.

    `cursors`: places in streams of platforms, or rows of the journal.
    `has_pages`: it takes the number of a page. `wrong_filter` finds what is wrong with its argument `filter`, by its
    method `wrong` where nothing else is said. With what the resolver raises, or is wrong with the part, all that is
    wrong with the filter and the codes is reported.
    """
    of_window = [each for name, each in signature(window).parameters.items() if has_pages or name != "page"]

    def declare(resolve: Callable[..., Any]) -> Any:
        def resolve_part(
            *sources: Any, first: int = 20, after: str | None = None, page: int | None = None, **arguments: Any
        ) -> Any:
            info = arguments["info"] if "info" in arguments else sources[-1]  # plans pass it by position
            try:
                part = window(first, after, page)
                if (part.row if cursors == "places" else part.places) is not None:
                    raise foreign_cursor()
                if cursors == "rows":  # of lists of platforms the query says it
                    refuse_input(wrong_filter(arguments.get("filter")))
                    given = [(name, value) for name, value in arguments.items() if name != "info" and value is not None]
                    part = part._replace(asked=(node.__name__, sorted(given)))
                    if part.tag is not None:
                        require_same_list(part, info, part.asked)
                found = resolve(*sources, part=part, **arguments)
            except UserInputError as error:
                codes = wrong_codes(arguments.get("community_code"), arguments.get("community_codes"))
                refuse_input(error.violations, codes, wrong_filter(arguments.get("filter")))
                raise
            return reported(found, info._raw_info) if type(info) is strawberry.Info and isawaitable(found) else found

        own = [parameter for name, parameter in signature(resolve).parameters.items() if name != "part"]
        resolve_part.__doc__ = resolve.__doc__
        resolve_part.__signature__ = Signature([*own, *of_window])  # type: ignore[attr-defined] # Strawberry reads it
        shown = Connection[node] | None  # type: ignore[valid-type] # made for this field
        return resolved(shown, *scopes, cost=cost, description=description)(resolve_part)

    return declare
