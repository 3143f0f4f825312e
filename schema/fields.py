"""How types declare the fields that are more than an attribute of their record, and whose data they hold."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from inspect import get_annotations
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
import strawberry
from strawberry.schema_directive import Location
from strawberry.types.enum import StrawberryEnumDefinition

from gateway.actions.identity import Identity
from gateway.auth.masking import has_number, mask_text, mask_texts
from gateway.auth.node_ids import NodeIds
from gateway.context import REVEALING, Info
from gateway.execution.cost import Cost
from gateway.execution.load import Load
from gateway.execution.strawberry_adapter import attribute_in, by_class, one_by_one
from gateway.loaders.loader import KeyT, Lookup
from gateway.normalise import records
from gateway.normalise.records import Field, Record, declared_fields, public_name
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName
from gateway.wording.enums import ENUMS
from schema.costs import COST, ONE_CALL


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="requiresScope",
    description="The caller needs all of these scopes, wherever the field is reached from (权限范围).",
)
class RequiresScope:
    scopes: list[str] = strawberry.directive_field(name="scopes")

    @property
    def note(self) -> str:
        names = " and ".join(f"`{scope}`" for scope in self.scopes)
        return f"Needs the scope{'s' if len(self.scopes) > 1 else ''} {names}."


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="pii",
    description="Personal data (个人信息): masked or withheld from a caller without the scope `pii:read`.",
)
class Pii:
    kind: PiiKind = strawberry.directive_field(name="kind")

    @property
    def note(self) -> str:
        return f"{'Null' if self.kind.masker is None else 'Masked'} without the scope `pii:read`."


IDENTITY = "_identity"
"""Under this key of the metadata of its `id`, or as an attribute of its class, a type has its `Identity`."""

PERSONAL_IF = "personal if"
"""Under this key of a field's metadata stands when a record's value in it is personal; without it, each value is."""


def node_id(type_name: str, attribute: str, description: str) -> Any:
    """The signed id of a record that an attribute identifies within its community."""
    identify = attrgetter(attribute)

    def resolve(root: Any, info: Info) -> Any:
        return info.context.ids.encode(type_name, root.community_code, identify(root))

    identity = Identity(type_name, attrgetter("community_code", attribute))
    return strawberry.field(resolver=resolve, description=description, metadata={IDENTITY: identity})


def hashed_id(type_name: str, attributes: tuple[str, ...], description: str) -> Any:
    """The id of a record without a number at any platform (quirk 85): a hash of what identifies it."""
    parts = attrgetter(*attributes)

    def resolve(root: Any, info: Info) -> Any:
        return info.context.ids.hashed(type_name, *parts(root))

    def name(key: tuple[Any, ...], ids: NodeIds) -> tuple[None, str]:
        return None, ids.hashed(type_name, *key)

    identity = Identity(type_name, parts, name)
    return strawberry.field(resolver=resolve, description=description, metadata={IDENTITY: identity})


for _enum in ENUMS.values():
    strawberry.enum(_enum, description=_enum.describe())
    _definition = cast("StrawberryEnumDefinition", _enum.__strawberry_definition__)  # type: ignore[attr-defined] # Strawberry sets it
    for _value in _definition.values:  # Strawberry itself describes members only where they are defined
        _value.description = _enum[_value.name].description

TypeT = TypeVar("TypeT", bound=type)
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def record_type(
    record: type,
    description: str,
    *,
    identity: Identity | None = None,
    within: str = "",
    declare: Any = strawberry.type,
) -> Callable[[TypeT], TypeT]:
    """An object type whose instances are records of this class; or an interface of such types, of its subclasses.

    The fields that the record class declares with a description (`gateway.normalise.records`) need not be declared
    again, nor its `data_issues`; other plain fields are the record's attributes. What readers make holds what it is
    annotated with: tests see to it.
    A type with personal fields has an `id` (`node_id`, `hashed_id`), or the `identity` of the record that its own
    are part of. `within`: it shows the fields whose public path begins so.
    """

    def make(cls: TypeT) -> TypeT:
        if identity is not None:
            setattr(cls, IDENTITY, identity)
        _declare_fields(cls, record, within)
        cls.is_type_of = staticmethod(by_class(record, typed=issubclass(record, Record)))  # type: ignore[attr-defined] # Strawberry looks for it on the class
        made: TypeT = declare(cls, description=description)
        return made

    return make


def record_input(fields: Mapping[str, Field], description: str) -> Callable[[TypeT], TypeT]:
    """An input type with these fields of a record class, all of them optional, before its own."""

    def declare(cls: TypeT) -> TypeT:
        derived = {name: _schema_type(declared) | None for name, declared in fields.items()}
        cls.__annotations__ = derived | get_annotations(cls)
        for name, declared in fields.items():
            correction = declared.correction
            setattr(cls, name, optional((correction and correction.description) or declared.description))
        return strawberry.input(cls, description=description)

    return declare


def _declare_fields(cls: type, record: type, within: str = "") -> None:
    """Give the class of a type the fields that its record class itself declares with a description, before its own."""
    own = get_annotations(cls)
    of_record = get_annotations(record)
    shown = [each for each in _shown_fields(record, within) if each.attribute in of_record and each.name not in own]
    cls.__annotations__ = {declared.name: _schema_type(declared) for declared in shown} | own
    for declared in shown:
        setattr(cls, declared.name, _shown(declared))
    shows_issues = any("data_issues" in get_annotations(base) for base in cls.__mro__)
    if hasattr(record, "data_issues") and not within and not shows_issues:
        cls.__annotations__["data_issues"] = list[DataIssue]
        cls.data_issues = data_issues()  # type: ignore[attr-defined] # it becomes a field of the type


@cache
def _shown_fields(record: type, within: str) -> list[Field]:
    """The fields of a record class that a type shows as they are declared."""
    fields = declared_fields(record).values()
    return [each for each in fields if each.description and each.path.rpartition(".")[0] == within]


def _shown(field: Field) -> Any:
    """The field of a type that shows a declared field, masked for callers who may not see it as it is."""
    if field.pii is not None:
        return pii(field.pii, field.description, field.attribute)
    if field.free_text:
        return free_text(field.description, field.attribute)
    return plain(field.description)


def _schema_type(declared: Field) -> Any:
    """The annotation of the type's field: that of the record's, without the bounds of numbers."""
    parts = get_args(declared.type) if get_origin(declared.type) in (Union, UnionType) else (declared.type,)
    one, *_ = [part for part in parts if part is not NoneType]
    held = strawberry.ID if declared.identifier else get_args(one)[0] if get_origin(one) is Annotated else one
    return held | None if NoneType in parts else held


def described(**arguments: str) -> Callable[[FunctionT], FunctionT]:
    """A resolver with these descriptions of its arguments, to be made a field."""

    def describe(resolve: FunctionT) -> FunctionT:
        for name, description in arguments.items():
            type_ = resolve.__annotations__[name]
            resolve.__annotations__[name] = Annotated[type_, strawberry.argument(description=description)]
        return resolve

    return describe


def resolved(
    shown: Any = None,
    *scopes: str,
    lookup: Lookup[Any, Any] | None = None,
    cost: Cost | None = None,
    name: str | None = None,
    description: str | None = None,
    declare: Any = strawberry.field,
) -> Callable[[Callable[..., Any]], Any]:
    """A field with a resolver, whose docstring describes it. `shown` is its type, where the annotation of what the
    resolver returns is not; a `lookup` says what it needs and costs.
    """
    if lookup is not None:
        scopes, cost = (lookup.scope,), ONE_CALL
    return lambda resolve: declare(
        resolver=resolve,
        name=name,
        description=description or " ".join((resolve.__doc__ or "").split()),
        directives=needs(scopes),
        graphql_type=shown,
        metadata={COST: cost},
    )


def derived(shown: Any, description: str, get: Callable[[Any], Any]) -> Any:
    """A field whose value follows from the record: `get` is a function of `root`."""
    return resolved(shown, description=description)(get)


subscribed = partial(resolved, declare=strawberry.subscription)


def looked_up(
    shown: Any,
    lookup: Lookup[KeyT, Any],
    key: Callable[[Any], KeyT | None],
    description: str,
    pick: Callable[[Any], Any] | None = None,
) -> Any:
    """What a look-up finds by the key that a record has, or what to `pick` of it; null where it has none."""

    def resolve(root: Any, info: Info) -> Load[KeyT, Any] | None:
        asked = key(root)
        return None if asked is None else Load(info.context.loaders.of(lookup), asked, pick)

    return resolved(shown, lookup=lookup, description=description)(resolve)


def with_fields(fields: Mapping[str, Any]) -> Callable[[TypeT], TypeT]:
    """A class with these fields besides its own, to be made a type."""

    def give(cls: TypeT) -> TypeT:
        for name, field in fields.items():
            setattr(cls, name, field)
        return cls

    return give


def plain(description: str, *scopes: str, cost: Cost | None = None, name: str | None = None, shown: Any = None) -> Any:
    """A field that is an attribute of the record; `shown` is its type, where it is not annotated."""
    return strawberry.field(
        name=name, graphql_type=shown, description=description, directives=needs(scopes), metadata={COST: cost}
    )


def pii(kind: PiiKind, description: str, attribute: str) -> Any:
    """An attribute of the record that is personal data: shown as the caller may see it, and observed when revealed."""
    resolve = attribute_in(REVEALING, attribute, otherwise=kind.masker and one_by_one(kind.masker))
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
        resolver=attribute_in(REVEALING, attribute, otherwise=mask_texts, observed=observed),
        description=f"{description} {NUMBERS_MASKED}",
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


def names_masked(description: str, within: str = "") -> Any:
    """The field `maskedFields` of a type: see `masked_names`."""

    def resolve(root: Any, info: Info) -> list[str]:
        return masked_names(root, info, within)

    return resolved(description=description)(resolve)


def masked_names(root: msgspec.Struct, info: Info, within: str = "") -> list[str]:
    """The public names of those fields of the record that hold something which this caller does not see as it is: all
    personal data, and texts in which something is masked. `within` is the path of the object around them.
    """
    if info.context.principal.reveals_pii:
        return []
    fields = _shown_fields(type(root), within)
    masked = [each for each in fields if each.pii is not None and getattr(root, each.attribute) is not None]
    masked += [each for each in fields if each.free_text and has_number(getattr(root, each.attribute))]
    return [public_name(each.name) for each in masked]


def optional(description: str, default: Any = None) -> Any:
    """An input field that may be left out."""
    return strawberry.field(default=default, description=description)


def required(description: str) -> Any:
    """An input field that has to be given."""
    return strawberry.field(description=description)


def data_issues(elsewhere: str = "") -> Any:
    """The issues of a record. They are observed as a whole, with the record: an issue does not know whose it is.

    `elsewhere` says which issues of its fields stand in another object.
    """
    return parts_with_text(
        f"Values that did not arrive as documented{elsewhere} (数据问题).",
        "data_issues",
        lambda issue: issue.raw is not None and (issue.pii is not None or has_number(issue.raw)),
    )


def _visible(issue: records.DataIssue, info: Info) -> str | None:
    """What the platform sent, as this caller may see it: whatever the field is, it may hold anything."""
    principal = info.context.principal
    if issue.of_any_community and not principal.sees_all:
        return None
    if principal.reveals_pii:
        return issue.raw
    return mask_text(issue.raw) if issue.pii is None else issue.pii.mask(issue.raw)


@record_type(records.DataIssue, "One value that did not arrive as documented (数据问题).")
class DataIssue:
    field: str = plain("Path to the field from the object with this issue, with dots (字段).")
    problem: DataProblem = plain("What is wrong with it (问题).")
    platform: PlatformName = plain("The platform that sent it (来源平台).")

    @resolved()
    def raw(root: records.DataIssue, info: Info) -> str | None:
        """What the platform sent, verbatim; null if it sent nothing. Masked like the field itself, and withheld if it
        may name communities that the caller may not see (原文)."""
        return _visible(root, info)

    @resolved()
    def masked(root: records.DataIssue, info: Info) -> bool:
        """Whether `raw` is masked or withheld from this caller (是否脱敏)."""
        return _visible(root, info) != root.raw
