"""Registration reviews and their content (document 1.2.2 to 1.2.4, preface 审核数据)."""

from collections.abc import Mapping

from schema.normalise.records import Page, Shenhe


def parse_shenhe_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Shenhe]:
    """The whole body of shenheList, asked for this community and page. Raises ShapeError."""
    raise NotImplementedError


def parse_shenhe(data: object, community_code: str | None) -> Shenhe | None:
    """The `data` of a single review; None when it is empty or has no id (quirk 31). Raises ShapeError."""
    raise NotImplementedError


def render_shenhe_content(original_raw: str | None, corrections: Mapping[str, Mapping[str, object]]) -> str:
    """The complete content document with the corrections merged in, as JSON text (quirk 116).

    `corrections` maps "people" and "house" to attribute names of `ShenhePeople` and `ShenheHouse` with typed values;
    None keeps what was submitted. Raises ContentError when there is no document to correct, or a correction is masked.
    """
    raise NotImplementedError
