"""Every text field of the schema is personal, free text, or listed as impersonal; a personal one has an identity."""

from typing import Any

import msgspec
import pytest
import strawberry
from graphql import GraphQLObjectType, get_named_type

from gateway.execution.strawberry_adapter import get_attribute
from gateway.normalise.vocabulary import PiiKind
from schema import build
from schema.fields import DataIssue, data_issues, free_text, pii, plain, record_type

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
    types = [it for it in build.executable_schema().type_map.values() if isinstance(it, GraphQLObjectType)]
    fields = {f"{it.name}.{name}": field for it in types if it.name[:2] != "__" for name, field in it.fields.items()}
    texts = {name: field for name, field in fields.items() if get_named_type(field.type).name in TEXTS}
    unknown = [
        f"{name}: use pii() or free_text(), or add it to NOT_PERSONAL with the reason"
        for name, field in texts.items()
        if get_attribute(field) is None and not spellings(name) & known
    ]
    assert unknown == []
    assert known - set().union(*map(spellings, texts)) == set()


class Visit(msgspec.Struct, frozen=True):
    phone: str | None
    note: str | None
    lines: tuple[Any, ...]


@record_type(Visit, description="A text without an identity.")
class VisitLine:
    text: str = free_text("A text.", "note", observed=False)


@record_type(Visit, description="A phone number without an identity.")
class VisitByPhone:
    phone: str | None = pii(PiiKind.PHONE, "A phone number.", "phone")


@record_type(Visit, description="A text without an identity.")
class VisitNote:
    note: str | None = free_text("A text.", "note")


@record_type(Visit, description="Issues without an identity.")
class VisitIssues:
    data_issues: list[DataIssue] = data_issues()


@record_type(Visit, description="A part that nothing observes.")
class VisitAround:
    lines: list[VisitLine] = plain("Texts.")


@pytest.mark.parametrize(
    ("added", "field"),
    [
        *((VisitByPhone, "VisitByPhone.phone"), (VisitNote, "VisitNote.note"), (VisitIssues, "VisitIssues.dataIssues")),
        *((VisitAround, "VisitLine.text"), (VisitLine, "VisitLine.text")),
    ],
)
def test_personal_field_without_identity_fails_build(added: type, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @strawberry.type(name="Query")
    class Wider(build.Query):  # type: ignore[misc] # it was made at run time, too
        visit: added | None = None  # type: ignore[valid-type] # Strawberry takes a class that was made at run time

    monkeypatch.setattr(build, "Query", Wider)
    with pytest.raises(TypeError, match=rf"^{field}: "):
        build.build_schema.__wrapped__()
