"""Every text field of the schema is personal, free text, or listed as impersonal."""

from collections.abc import Iterator

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type

from gateway.execution.strawberry_adapter import Attribute, get_attribute
from gateway.normalise.people import Person
from gateway.normalise.records import personal_paths
from gateway.normalise.vocabulary import PiiKind
from gateway.people import HouseOwner
from gateway.repairs import Repair
from schema.build import executable_schema
from schema.fields import Pii

TEXTS = {"String", "ID", "Date", "DateTime", "Decimal"}

NOT_PERSONAL = {
    "made by the gateway": {
        "*.id", "*.cursor", "*.maskedFields", "PageInfo.startCursor", "PageInfo.endCursor", "DataIssue.field",
        "VerificationFinding.field", "UserError.field", "UserError.message", "Money.text", "Operation.mutation",
        "UserError.messageZh", "Text.en", "Text.zh",
        "OperationCount.mutation", "OperationCount.day","UserError.min", "UserError.max",
        "Payment.orderId", "Reveal.recordId", "Reveal.requestId", "DataQualityFinding.sampleId",
    },
    "a code, checked as an argument or known to the caller": {
        "*.communityCode", "OperationCount.subject",
        "Community.code", "Community.name", "Viewer.communityCodes", "House.address",
    },
    "words of the schema and of the platforms' document": {
        "ErrorCodeEntry.message", "ErrorCodeEntry.messageZh", "ErrorCodeEntry.advice", "ErrorCodeEntry.adviceZh",
        "Module.label", "ModuleDrift.label", "Dictionary.name", "Dictionary.title", "DictionaryEntry.value",
        "DictionaryEntry.label", "DictionaryEntry.code", "DictionaryEntry.note", "PlatformEndpoint.name",
        "ModuleChange.label", "Payment.lastError", "Reveal.typeName", "Reveal.fields", "DataQualityFinding.endpoint",
        "DataQualityFinding.field",
    },
    "the number of an order or of a payment": {
        "Order.number", "Order.shopNumber", "OrderPayload.orderNumber", "Payment.orderNumber", "Payment.shopNumber",
        "Payment.weixinNumber", "PaymentConflict.orderNumber", "PaymentConflict.shopNumber",
        "PaymentConflict.weixinNumber",
    },
    "when something happened, or how much": {"*.*At", "*.asOf", "*.at", "Money.yuan"},
    "about callers, who are staff": {"Viewer.subject", "Viewer.scopes", "Operation.subject", "Reveal.subject"},
    "the caller's own, made up for the purpose": {"Operation.idempotencyKey"},
    "addresses of pictures of the publisher's": {"Announcement.logo", "Announcement.images"},
    "a word of the schema, or a title that is masked for everybody": {"FeeGroup.key", "FeeGroup.label"},
    "masked when it was written": {"UserError.upstreamMessage", "Reveal.operationName"},
    "masked by what the record says it is": {
        "DataIssue.raw", "VerificationFinding.submitted", "VerificationFinding.registered",
    },
}  # fmt: skip
"""Texts that are shown as they are, and why; `*` stands for any type, `*At` for any time."""


def fields() -> Iterator[tuple[str, GraphQLField]]:
    for named in executable_schema().type_map.values():
        if isinstance(named, GraphQLObjectType) and not named.name.startswith("__"):
            for name, field in named.fields.items():
                yield f"{named.name}.{name}", field


def masked(field: GraphQLField) -> Attribute | None:
    """How the value is masked, or None."""
    return get_attribute(field)


def pii_kind(field: GraphQLField) -> PiiKind | None:
    directives = getattr(field.extensions.get("strawberry-definition"), "directives", ())
    return next((directive.kind for directive in directives if isinstance(directive, Pii)), None)


def spellings(coordinate: str) -> set[str]:
    name = coordinate.partition(".")[2]
    return {coordinate, f"*.{name}", "*.*At" if name.endswith("At") else coordinate}


def test_every_text_is_masked_or_listed_as_impersonal() -> None:
    known = set().union(*NOT_PERSONAL.values())
    texts = {name: field for name, field in fields() if get_named_type(field.type).name in TEXTS}
    unknown = [
        f"{name}: use pii() or free_text(), or add it to NOT_PERSONAL with the reason"
        for name, field in texts.items()
        if masked(field) is None and not spellings(name) & known
    ]
    assert unknown == []
    assert known - set().union(*map(spellings, texts)) == set()


def test_personal_field_is_masked_by_its_kind() -> None:
    personal = {name: (field, kind) for name, field in fields() if (kind := pii_kind(field)) is not None}
    assert len(personal) > len(personal_paths(Person)) * 3
    for name, (field, kind) in personal.items():
        how = masked(field)
        assert how is not None, name
        assert how.through is kind.masker, name
        assert how.observed, name


@pytest.mark.parametrize(
    ("type_name", "table"),
    [
        *((name, personal_paths(Person)) for name in ("People", "Member", "ShenhePeople")),
        ("HouseOwner", personal_paths(HouseOwner)),
        ("RepairReporter", {path.removeprefix("reporter."): kind for path, kind in personal_paths(Repair).items()}),
    ],
)
def test_types_and_readers_agree_on_personal_fields(type_name: str, table: dict[str, PiiKind]) -> None:
    named = executable_schema().type_map[type_name]
    assert isinstance(named, GraphQLObjectType)
    assert {name: kind for name, field in named.fields.items() if (kind := pii_kind(field))} == dict(table)
