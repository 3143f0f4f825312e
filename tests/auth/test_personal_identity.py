"""A type with personal fields must declare its identity, or the schema build fails."""

from typing import Any

import msgspec
import pytest
import strawberry

from gateway.normalise.vocabulary import PiiKind
from schema import build
from schema.build import Query
from schema.fields import DataIssue, data_issues, free_text, pii, plain, record_type


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
        (VisitByPhone, "VisitByPhone.phone"),
        (VisitNote, "VisitNote.note"),
        (VisitIssues, "VisitIssues.dataIssues"),
        (VisitAround, "VisitLine.text"),
        (VisitLine, "VisitLine.text"),
    ],
)
def test_personal_field_without_identity_fails_build(added: type, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @strawberry.type(name="Query")
    class Wider(Query):  # type: ignore[misc] # it was made at run time, too
        visit: added | None = None  # type: ignore[valid-type] # Strawberry takes a class that was made at run time

    monkeypatch.setattr(build, "Query", Wider)
    with pytest.raises(TypeError, match=rf"^{field}: "):
        build.build_schema.__wrapped__()
