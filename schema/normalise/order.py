"""Payment orders (document 2.1)."""

from collections.abc import Mapping

from schema.normalise.records import Order, Page


def parse_order_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Order]:
    """The whole body of order/list, asked for this community and page. Raises ShapeError."""
    raise NotImplementedError


def parse_order(row: object, community_code: str) -> Order | None:
    """One row of the list; None when it has no id."""
    raise NotImplementedError
