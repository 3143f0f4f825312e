"""Every text field of the schema is personal, free text, or listed as impersonal."""

from graphql import GraphQLObjectType, get_named_type

from gateway.execution.strawberry_adapter import get_attribute
from schema.build import executable_schema

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


def spellings(coordinate: str) -> set[str]:
    name = coordinate.partition(".")[2]
    return {coordinate, f"*.{name}", "*.*At" if name.endswith("At") else coordinate}


def test_every_text_is_masked_or_listed_as_impersonal() -> None:
    known = set().union(*NOT_PERSONAL.values())
    types = [it for it in executable_schema().type_map.values() if isinstance(it, GraphQLObjectType)]
    fields = {f"{it.name}.{name}": field for it in types if it.name[:2] != "__" for name, field in it.fields.items()}
    texts = {name: field for name, field in fields.items() if get_named_type(field.type).name in TEXTS}
    unknown = [
        f"{name}: use pii() or free_text(), or add it to NOT_PERSONAL with the reason"
        for name, field in texts.items()
        if get_attribute(field) is None and not spellings(name) & known
    ]
    assert unknown == []
    assert known - set().union(*map(spellings, texts)) == set()
