"""People and their houses, as the security platform tells (document 1.1.2)."""

from schema.normalise.records import People


def parse_people(data: object) -> People | None:
    """The `data` of the people look-up; None when it is empty: not found (quirk 23). Raises ShapeError."""
    raise NotImplementedError
