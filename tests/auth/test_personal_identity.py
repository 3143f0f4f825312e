"""A type with personal fields must declare its identity, or the schema build fails."""

import msgspec
import pytest
import strawberry
from graphql import GraphQLSchema

from gateway.actions.identity import Reveals
from gateway.auth.node_ids import NodeIds
from gateway.execution.run import ObservedField
from gateway.journal.records import RecordRef
from gateway.normalise.vocabulary import PiiKind
from schema import build
from schema.build import Query
from schema.fields import DataIssue, data_issues, free_text, parts_with_text, pii, plain, record_type

IDS = NodeIds(b"a key for tests")


class Line(msgspec.Struct, frozen=True):
    text: str


class Visit(msgspec.Struct, frozen=True):
    community_code: str = "10002"
    number: int = 7
    phone: str | None = "19900000001"
    note: str | None = "please call"
    lines: tuple[Line, ...] = (Line("19900000001"),)


@record_type(Line, description="A text without an identity.")
class VisitLine:
    text: str = free_text("A text.", "text", observed=False)


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


def built_with(added: type, monkeypatch: pytest.MonkeyPatch) -> GraphQLSchema:
    """The schema with one more field of the query, of this type."""

    @strawberry.type(name="Query")
    class Wider(Query):  # type: ignore[misc] # it was made at run time, too
        visit: added | None = None  # type: ignore[valid-type] # Strawberry takes a class that was made at run time

    monkeypatch.setattr(build, "Query", Wider)
    return build.build_schema.__wrapped__()._schema


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
    with pytest.raises(TypeError, match=rf"^{field}: "):
        built_with(added, monkeypatch)


def test_identity_of_id_names_new_record(monkeypatch: pytest.MonkeyPatch) -> None:
    from schema.fields import node_id

    @record_type(Visit, description="A visit.")
    class Visited:
        id: strawberry.ID = node_id("Visited", "number", "The node id.")
        phone: str | None = pii(PiiKind.PHONE, "A phone number.", "phone")
        note: str | None = free_text("A text.", "note")
        lines: list[VisitLine] = parts_with_text("Texts.", "lines", lambda line: "199" in line.text)

    revealed = build.revealed_types(built_with(Visited, monkeypatch))["Visited"]
    fields = [ObservedField("Visited", name, name) for name in ("phone", "note", "lines")]

    assert Reveals({"Visit": revealed}, IDS).name(Visit()) == RecordRef("Visited", "10002", "7")
    visits = [Visit(), Visit(phone=None, note="call 19900000001", lines=())]
    assert list(revealed.reader(fields)(visits)) == [("phone", "lines"), ("note",)]
