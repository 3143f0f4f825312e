"""Every enum as labels for interfaces."""

from gateway.normalise import wire_enum
from schema.types.fields import plain, record_type


@record_type(wire_enum.DictionaryEntry, description="One value of a dictionary (字典项).")
class DictionaryEntry:
    value: str = plain("The enum member, as the schema names it (枚举值).")
    label: str = plain("The Chinese word to show (显示名称).")
    code: str | None = plain("The platform's number for it, if it has one (编码).")
    note: str | None = plain("What the platforms' document remarks on it (补充).")
    deprecated: bool = plain("Whether not to offer it any more (是否停用).")


@record_type(wire_enum.Dictionary, description="An enum as labels for interfaces (字典).")
class Dictionary:
    name: str = plain("The enum's name in the schema (枚举名称).")
    title: str = plain("Its Chinese name (字典名称).")
    entries: list[DictionaryEntry] = plain("Its values, in the order to show them (字典项).")
