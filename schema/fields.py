"""How types declare the fields that are more than an attribute of their record, and whose data they hold."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from gateway.actions.identity import Identity
from gateway.auth.masking import has_number, mask_text, masker
from gateway.auth.node_ids import NodeIds, Part
from gateway.context import REVEALING, Info
from gateway.execution.strawberry_adapter import by_class
from gateway.execution.variants import attribute_in
from gateway.journal.records import RecordRef
from gateway.normalise import states, vocabulary
from gateway.normalise.corrections import correctable
from gateway.normalise.field import DeclaredField, declared_fields, public_name
from gateway.normalise.records import Record
from gateway.normalise.vocabulary import PiiKind
from gateway.normalise.wire_enum import DescribedEnum
from schema.directives import Pii, RequiresScope

IDENTITY = "_identity"
"""Under this key of the metadata of its `id`, or as an attribute of its class, a type has its `Identity`."""


def node_id(
    type_name: str, attribute: str, description: str, *, identifier: Callable[[Any], Part] | None = None
) -> Any:
    """The signed id of a record that an attribute identifies within its community.

    `identifier` gives what the id and the audit trail call the record where that is not the attribute.
    """
    identify: Callable[[Any], Part] = identifier or attrgetter(attribute)

    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        return info.context.ids.encode(type_name, root.community_code, identify(root))

    def reference(record: Any, _ids: NodeIds) -> RecordRef:
        return RecordRef(type_name, record.community_code, str(identify(record)))

    identity = Identity(attrgetter(attribute), reference)
    return strawberry.field(resolver=resolve, description=description, metadata={IDENTITY: identity})


def hashed_id(type_name: str, attributes: tuple[str, ...], description: str) -> Any:
    """The id of a record without a number at any platform (quirk 85): a hash of what identifies it."""
    parts = attrgetter(*attributes)

    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        return info.context.ids.hashed(type_name, *parts(root))

    def reference(record: Any, ids: NodeIds) -> RecordRef:
        return RecordRef(type_name, None, ids.hashed(type_name, *parts(record)))

    identity = Identity(parts, reference)
    return strawberry.field(resolver=resolve, description=description, metadata={IDENTITY: identity})


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

TypeT = TypeVar("TypeT", bound=type)


PERSONAL_IF = "personal if"
"""Under this key of a field's metadata stands when a record's value in it is personal; without it, each value is."""

FREE_TEXT = "free text"
"""With this key in its metadata, a value is personal where a phone or ID number stands in it."""


def record_type(
    record: type, *, description: str, identity: Identity | None = None, within: str = ""
) -> Callable[[TypeT], TypeT]:
    """An object type whose instances are records of this class.

    The fields that the record class declares with a description (`gateway.normalise.field`) need not be declared again;
    other plain fields are the record's attributes. What readers make holds what it is annotated with: tests see to it.
    A type with personal fields has an `id` (`node_id`, `hashed_id`), or the `identity` of the record that its own
    are part of. `within`: it shows the fields whose public path begins so.
    """

    def declare(cls: TypeT) -> TypeT:
        if identity is not None:
            setattr(cls, IDENTITY, identity)
        _declare_fields(cls, record, within)
        cls.is_type_of = staticmethod(by_class(record, typed=issubclass(record, Record)))  # type: ignore[attr-defined] # Strawberry looks for it on the class
        return strawberry.type(cls, description=description)

    return declare


def record_interface(record: type, *, description: str) -> Callable[[TypeT], TypeT]:
    """An interface of types whose records are of subclasses of this class."""

    def declare(cls: TypeT) -> TypeT:
        _declare_fields(cls, record)
        return strawberry.interface(cls, description=description)

    return declare


def record_input(record: type, *, description: str) -> Callable[[TypeT], TypeT]:
    """An input type with the fields of a record class, all of them optional, before its own."""
    return _optional_input(declared_fields(record), description)


def correction_input(record: type, *, description: str) -> Callable[[TypeT], TypeT]:
    """An input type with the fields of a record class that a reviewer may correct, all of them optional."""
    return _optional_input(correctable(record), description)


def _optional_input(fields: Mapping[str, DeclaredField], description: str) -> Callable[[TypeT], TypeT]:
    def declare(cls: TypeT) -> TypeT:
        derived = {name: _schema_type(declared) | None for name, declared in fields.items()}
        cls.__annotations__ = derived | vars(cls).get("__annotations__", {})
        for name, declared in fields.items():
            correction = declared.field.correction
            setattr(cls, name, optional((correction and correction.description) or declared.field.description))
        return strawberry.input(cls, description=description)

    return declare


def _declare_fields(cls: type, record: type, within: str = "") -> None:
    """Give the class of a type the fields that its record class itself declares with a description, before its own."""
    own = vars(cls).get("__annotations__", {})
    derived = {
        name: declared
        for attribute, declared in _shown_fields(record, within)
        if attribute in vars(record)["__annotations__"] and (name := declared.name) not in own
    }
    cls.__annotations__ = {name: _schema_type(declared) for name, declared in derived.items()} | own
    for name, declared in derived.items():
        setattr(cls, name, _shown(declared))


@cache
def _shown_fields(record: type, within: str) -> list[tuple[str, DeclaredField]]:
    """The fields of a record class that a type shows as they are declared, by attribute."""
    return [
        (attribute, declared)
        for attribute, declared in declared_fields(record).items()
        if declared.field.description and declared.path.rpartition(".")[0] == within
    ]


def _shown(declared: DeclaredField) -> Any:
    """The field of a type that shows a declared field, masked for callers who may not see it as it is."""
    field = declared.field
    if field.pii is not None:
        return pii(field.pii, field.description, declared.attribute)
    if field.free_text:
        return free_text(field.description, declared.attribute)
    return plain(field.description)


def _schema_type(declared: DeclaredField) -> Any:
    """The annotation of the type's field: that of the record's, without the bounds of numbers."""
    parts = get_args(declared.type) if get_origin(declared.type) in (Union, UnionType) else (declared.type,)
    one, *_ = [part for part in parts if part is not NoneType]
    held = strawberry.ID if declared.field.identifier else get_args(one)[0] if get_origin(one) is Annotated else one
    return held | None if NoneType in parts else held


def with_fields(fields: Mapping[str, Any]) -> Callable[[TypeT], TypeT]:
    """A class with these fields besides its own, to be made a type."""

    def give(cls: TypeT) -> TypeT:
        for name, field in fields.items():
            setattr(cls, name, field)
        return cls

    return give


def plain(description: str, *scopes: str, metadata: Mapping[str, Any] | None = None) -> Any:
    """A field that is an attribute of the record."""
    return strawberry.field(description=description, directives=needs(scopes), metadata=metadata)


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
        metadata={FREE_TEXT: True},
    )


def parts_with_text(description: str, attribute: str, is_personal: Callable[[Any], bool]) -> Any:
    """Parts of the record that hold text which people wrote: they are observed as a whole, with the record.

    `is_personal` says whether a part holds personal data.
    """
    return strawberry.field(
        resolver=attribute_in(REVEALING, attribute, otherwise=lambda parts: parts),
        description=description,
        metadata={PERSONAL_IF: lambda record: any(map(is_personal, getattr(record, attribute)))},
    )


def masked_names(root: msgspec.Struct, info: Info, within: str = "") -> list[str]:
    """The public names of those fields of the record that hold something which this caller does not see as it is: all
    personal data, and texts in which something is masked. `within` is the path of the object around them.
    """
    if info.context.principal.reveals_pii:
        return []
    fields = _shown_fields(type(root), within)
    personal = [declared for _, declared in fields if declared.field.pii is not None]
    texts = [declared for _, declared in fields if declared.field.free_text]
    masked = [declared for declared in personal if getattr(root, declared.attribute) is not None]
    masked += [declared for declared in texts if has_number(getattr(root, declared.attribute))]
    return [public_name(declared.name) for declared in masked]


def optional(description: str) -> Any:
    """An input field that may be left out."""
    return strawberry.field(default=None, description=description)
