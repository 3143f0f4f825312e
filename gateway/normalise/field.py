"""What is declared of a record's field beside its type, once: its key on the wire, how it is read, what it holds.

    class Repair(Record, frozen=True, gc=False):
        reply: Annotated[str | None, Field("The property manager's reply (答复).", "reply", TEXT)] = None

From it follow the wire structs and readers (`gateway.normalise.table`), the field of the GraphQL type, what is masked,
what a reviewer may correct, and what a verification compares.
"""

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from gateway.normalise.states import Severity
from gateway.normalise.vocabulary import PiiKind
from gateway.wording.wording import Problem


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How a value is read from the wire.

    `read(v, path, issues, *used)` makes the value, of whatever was sent, and never raises; `v` and `v2` are sent under
    the one or both keys of a field. None is None without a call, unless the field is `required`. `used` names
    attributes that are read before this one.

    `wire` is the type of a documented value under the first key, for msgspec; under the second one any will do.
    `absent` stands for a value that is not there. `inline` is an expression for a value of a documented type, OTHERWISE
    being the call of `read`; `names` is what else it refers to, and WORDS those of the closed list. A row that has no
    value for a field that `identifies` is no record.

    `words` is the closed list that it is of, an enum or a switch. With `same_row`, the value is the record that those
    rows make of the same row; `rows` are those in a list. `write(corrected, submitted)` gives the wire form of a
    corrected value.
    """

    read: Callable[..., Any] | None = None
    wire: Any = Any
    absent: Any = None
    inline: str = "OTHERWISE"
    required: bool = False
    identifies: bool = False
    used: tuple[str, ...] = ()
    names: Mapping[str, Any] = msgspec.field(default_factory=dict)
    words: Any = None
    same_row: Any = None
    rows: Any = None
    write: Callable[[Any, object], object] | None = None


class Correction(msgspec.Struct, frozen=True):
    """That a reviewer may correct the field.

    `problem(value, today)` says what is wrong with a value that cannot be right. `description` is that of the input
    field where it differs; `section` the part of the content that has the key, where it is not that of the record.
    """

    problem: Callable[[Any, date], Problem | None] = lambda _value, _today: None
    description: str | None = None
    section: str | None = None


class Field(msgspec.Struct, frozen=True):
    """A field of a record.

    `description` is the schema's; without one the GraphQL type declares the field itself. `key` is the key on the wire,
    or both keys of a field that has two. Without a `kind` the value is passed to the reader. `path` is the public path
    in issues, where it is not the attribute's name in camel case.

    `pii`: it is personal data of this kind. `free_text`: people wrote it, and the numbers of persons in it are masked.
    `identifier`: it is an ID of the schema. `compared`: what a difference weighs in a verification.
    `of_any_community`: its value may speak of any community, not only of that of the record.
    """

    description: str = ""
    key: str | tuple[str, ...] = ""
    kind: Kind | None = None
    path: str | None = None
    pii: PiiKind | None = None
    free_text: bool = False
    identifier: bool = False
    correction: Correction | None = None
    compared: Severity | None = None
    of_any_community: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return self.key if isinstance(self.key, tuple) else (self.key,) if self.key else ()


class DeclaredField(msgspec.Struct, frozen=True):
    """A field as it stands in a record class."""

    attribute: str
    type: Any
    field: Field

    @property
    def name(self) -> str:
        """The name of the field in its type: the attribute's, or as the path ends."""
        return self.attribute if self.field.path is None else self.field.path.rpartition(".")[2]

    @property
    def path(self) -> str:
        """The public path of the field, from the record: camelCase names with dots between them."""
        return public_name(self.attribute) if self.field.path is None else self.field.path


def public_name(attribute: str) -> str:
    """The name of an attribute in the schema: `birth_date` is `birthDate`."""
    first, *others = attribute.split("_")
    return first + "".join(map(str.capitalize, others))


@cache
def declared_fields(record: type) -> Mapping[str, DeclaredField]:
    """The fields of a record class that have a `Field`, by attribute, in order, inherited ones included."""
    fields = {}
    for attribute, annotation in get_type_hints(record, include_extras=True).items():
        if get_origin(annotation) is Annotated:
            type_, *notes = get_args(annotation)
            for note in notes:
                if isinstance(note, Field):
                    fields[attribute] = DeclaredField(attribute, type_, note)
    return fields


def personal_attributes(record: type) -> tuple[str, ...]:
    """The attributes of a record class that are personal data."""
    return tuple(name for name, declared in declared_fields(record).items() if declared.field.pii is not None)


def personal_paths(record: type) -> dict[str, PiiKind]:
    """The fields of a record class that are personal data, by their public path."""
    return {field.path: field.field.pii for field in declared_fields(record).values() if field.field.pii is not None}
