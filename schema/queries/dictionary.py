"""Dictionaries: every enum as labels for interfaces."""

from typing import Annotated

import strawberry

from gateway.errors import UserInputError
from gateway.normalise import wire_enum
from schema.enums import ENUMS
from schema.types.dictionary import Dictionary

DICTIONARIES = {enum.__name__: enum.dictionary() for enum in ENUMS}

Names = Annotated[
    list[str] | None,
    strawberry.argument(description='Names of enums, each once, such as "ShenheStatus"; omitted: all (枚举名称).'),
]


@strawberry.type
class DictionaryQueries:
    @strawberry.field(
        description="Enums as labels for interfaces, in the order asked for (数据字典).", graphql_type=list[Dictionary]
    )
    def dictionaries(self, names: Names = None) -> list[wire_enum.Dictionary]:
        if names is None:
            return list(DICTIONARIES.values())
        for index, name in enumerate(names):
            if name not in DICTIONARIES:
                raise UserInputError(f"names.{index}", f"names.{index} is not the name of an enum.")
        if len(set(names)) < len(names):
            raise UserInputError("names", "names must be each name once.")
        return [DICTIONARIES[name] for name in names]
