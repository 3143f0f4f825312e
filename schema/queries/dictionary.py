"""Dictionaries: every enum as labels for interfaces."""

from typing import Annotated

import strawberry

from gateway.errors import refuse_input
from gateway.normalise import wire_enum
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
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
        refuse_input(
            (
                Violation(("names", str(index)), InputWording.NO_ENUM(field=f"names.{index}"))
                for index, name in enumerate(names)
                if name not in DICTIONARIES
            ),
            [Violation(("names",), InputWording.EACH_ONCE(field="names"))] if len(set(names)) < len(names) else (),
        )
        return [DICTIONARIES[name] for name in names]
