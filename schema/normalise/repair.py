"""Repairs (document 4)."""

from collections.abc import Mapping

from schema.normalise.records import Page, Repair


def parse_repair_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Repair]:
    """The whole body of repair/list, asked for this community and page. Raises ShapeError."""
    raise NotImplementedError


def parse_repair(data: object, community_code: str | None) -> Repair | None:
    """The `data` of a single repair (4.2); None when it is empty or has no id (quirk 31). Raises ShapeError."""
    raise NotImplementedError
