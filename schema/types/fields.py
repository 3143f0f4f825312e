"""How types declare the fields that are more than an attribute of their record."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
import strawberry

import schema.enums  # noqa: F401 # declared before the types that use them
from gateway.actions.identity import Identity
from gateway.auth.masking import mask_text, masker
from gateway.context import REVEALING, Info
from gateway.execution.classes import by_class
from gateway.execution.variants import attribute_in
from gateway.normalise.records import Record
from gateway.normalise.vocabulary import PiiKind
from schema.directives import Pii, RequiresScope
from schema.types.identity import IDENTITY

TypeT = TypeVar("TypeT", bound=type)


PERSONAL_IF = "personal if"
"""Under this key of a field's metadata stands when a record's value in it is personal; without it, each value is."""


def record_type(record: type, *, description: str, identity: Identity | None = None) -> Callable[[TypeT], TypeT]:
    """An object type whose instances are records of this class: plain fields are the record's attributes.

    What the parsers make holds what it is annotated with. Tests see to it. A type with personal fields has an `id`
    (`schema/types/identity.py`), or the `identity` of the record that its own are part of.
    """

    def declare(cls: TypeT) -> TypeT:
        if identity is not None:
            setattr(cls, IDENTITY, identity)
        cls.is_type_of = staticmethod(by_class(record, typed=issubclass(record, Record)))  # type: ignore[attr-defined] # Strawberry looks for it on the class
        return strawberry.type(cls, description=description)

    return declare


def plain(description: str, *scopes: str, metadata: Mapping[str, Any] | None = None, instead: str | None = None) -> Any:
    """A field that is an attribute of the record. It is deprecated where `instead` says what to ask for."""
    return strawberry.field(
        description=description, directives=needs(scopes), metadata=metadata, deprecation_reason=instead
    )


def pii(kind: PiiKind, description: str, attribute: str) -> Any:
    """An attribute of the record that is personal data: shown as the caller may see it, and observed when revealed."""
    resolve = attribute_in(REVEALING, attribute, otherwise=masker(kind))
    return strawberry.field(resolver=resolve, description=description, directives=[Pii(kind=kind)])


def needs(scopes: Sequence[str]) -> list[object]:
    """The directive that declares what a field needs of its caller."""
    return [RequiresScope(scopes=list(scopes))] if scopes else []


NUMBERS_MASKED = "ID and phone numbers in it are masked without the scope `pii:read`."
"""Ends the description of every such text: most types have no `maskedFields` to name it."""


def free_text(description: str, attribute: str, *, observed: bool = True) -> Any:
    """Text that people wrote: ID numbers and phones inside it are masked like those in fields of their own.

    `observed` is False where the object around it is observed as a whole.
    """
    return strawberry.field(
        resolver=attribute_in(REVEALING, attribute, otherwise=mask_text, observed=observed),
        description=f"{description} {NUMBERS_MASKED}",
        metadata={PERSONAL_IF: lambda record: has_number(getattr(record, attribute))},
    )


def has_number(text: str | None) -> bool:
    """Whether an ID number or phone stands in the text."""
    return mask_text(text) != text


def parts_with_text(description: str, attribute: str, is_personal: Callable[[Any], bool]) -> Any:
    """Parts of the record that hold text which people wrote: they are observed as a whole, with the record.

    `is_personal` tells whether a part holds personal data.
    """
    return strawberry.field(
        resolver=attribute_in(REVEALING, attribute, otherwise=lambda parts: parts),
        description=description,
        metadata={PERSONAL_IF: lambda record: any(map(is_personal, getattr(record, attribute)))},
    )


def masked_names(
    root: msgspec.Struct, personal: Mapping[str, str], info: Info, texts: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """The public names of those attributes that hold something which this caller does not see as it is.

    Of `texts` that is so where something is masked inside them.
    """
    if info.context.principal.reveals_pii:
        return []
    names = [name for attribute, name in personal.items() if getattr(root, attribute) is not None]
    names += [name for attribute, name in texts.items() if mask_text(text := getattr(root, attribute)) != text]
    return names


def optional(description: str) -> Any:
    """An input field that may be left out."""
    return strawberry.field(default=None, description=description)
