"""Houses: a person's place in one, its owner, and the label that names one (document 1.1.2.5, 1.1.3)."""

from schema.normalise.records import HouseOwner


def parse_owner(data: object) -> HouseOwner | None:
    """The `data` of the owner look-up (1.1.3); None when it is empty: the house has none. Raises ShapeError."""
    raise NotImplementedError
