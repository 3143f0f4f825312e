"""The enums of the schema: those of `gateway.normalise`, with the descriptions that their words give.

Importing this module makes them known to Strawberry. `schema.types.fields` does, so that they are before any type is.
"""

from enum import StrEnum
from typing import Any, cast

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from gateway.normalise.enum_words import EnumWords
from gateway.normalise.state_words import STATES
from gateway.normalise.words import ENUMS

DESCRIBED = {**ENUMS, **STATES}


def _declare(enum: type[StrEnum], words: EnumWords[Any]) -> None:
    """Make a plain enum one of the schema's; Strawberry itself describes members only where they are defined."""
    strawberry.enum(enum, description=f"{words.description}.")
    definition = cast("StrawberryEnumDefinition", enum.__strawberry_definition__)  # type: ignore[attr-defined] # Strawberry sets it
    for value in definition.values:
        value.description = f"{words.members[enum[value.name]].description}."


for _enum, _words in DESCRIBED.items():
    _declare(_enum, _words)
