"""The enums of the schema: all of `gateway.normalise`, with their own descriptions.

Importing this module makes them known to Strawberry. `schema.types.fields` does, so that they are before any type is.
"""

from typing import cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from gateway.normalise import states, vocabulary
from gateway.normalise.wire_enum import DescribedEnum

ENUMS: tuple[type[DescribedEnum], ...] = tuple(
    enum
    for module in (vocabulary, states)
    for enum in vars(module).values()
    if isinstance(enum, type) and issubclass(enum, DescribedEnum) and len(enum)
)


def _declare(enum: type[DescribedEnum]) -> None:
    """Make a plain enum one of the schema's; Strawberry itself describes members only where they are defined."""
    strawberry.enum(enum, description=enum.describe())
    definition = cast("StrawberryEnumDefinition", enum.__strawberry_definition__)  # type: ignore[attr-defined] # Strawberry sets it
    for value in definition.values:
        value.description = enum[value.name].description


for _enum in ENUMS:
    _declare(_enum)
