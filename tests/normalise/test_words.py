"""The tables of words are unambiguous, and the same in both directions; docs/glossary.md has each wire spelling."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import graphql
import pytest
from sent_forms import SENT

from gateway.entities import LISTS  # noqa: F401 # which declare enums
from gateway.normalise import table
from gateway.normalise.records import declared_fields
from gateway.normalise.vocabulary import ResidentRole, WireEnum
from gateway.normalise.wire import AS_DOCUMENTED
from gateway.orders.record import OrderQuery
from gateway.platforms.wjdh import query_form
from gateway.repairs import RepairQuery
from gateway.shenhe.record import ShenheQuery, ShenheType
from gateway.wording.enums import ENUMS

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line.startswith("|")]
ROOTS = {"Query", "Mutation", "Subscription"}


def code(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


WIRE = {name for row in ROWS for name in code(row[1])}
PUBLIC = {name for row in ROWS for name in code(row[2])}


def test_every_row_has_four_cells() -> None:
    assert [row for row in ROWS if len(row) != 4 or not row[0]] == []


def wire_names() -> Iterator[str]:
    """The keys that parsers look for, and the fields that forms send."""
    for rows in table.ROWS.values():
        yield from AS_DOCUMENTED.table(rows).fields
    for source in [path for place in ("*.py", "[nos]*/*.py") for path in (ROOT / "gateway").glob(place)]:
        yield from re.findall(r"""\b(?:row\.get\(|row\[|body\[)"([a-z_]+)["]""", source.read_text(encoding="utf-8"))
    for query in (OrderQuery, RepairQuery, ShenheQuery):
        yield from (declared.keys[0] for declared in declared_fields(query).values() if declared.keys)
    for *_, form in SENT:
        yield from form


def test_every_wire_spelling_is_listed() -> None:
    names = set(wire_names())
    assert len(names) > 80, "the search for keys has gone blind"
    assert sorted(names - WIRE) == []


def public_types() -> Mapping[str, Any]:
    schema = graphql.build_schema((ROOT / "schema/schema.graphql").read_text(encoding="utf-8"))
    return {
        name: type_
        for name, type_ in schema.type_map.items()
        if not name.startswith("__") and name not in ROOTS and hasattr(type_, "fields")
    }


def test_every_listed_public_name_exists() -> None:
    types = public_types()
    known = {
        *types,
        *(enum.__name__ for enum in ENUMS.values()),
        *(f"{enum.__name__}.{member.name}" for enum in ENUMS.values() for member in enum),
        *(f"{name}.{field}" for name, type_ in types.items() for field in type_.fields),
        *(field for type_ in types.values() for field in type_.fields),
    }
    assert sorted(PUBLIC - known) == []


WORDS = [enum for enum in ENUMS.values() if issubclass(enum, WireEnum)]

named = pytest.mark.parametrize("enum", WORDS, ids=lambda enum: enum.__name__)


@named
def test_sent_words_are_read_back(enum: type[WireEnum]) -> None:
    for member in enum:
        if member is enum.fallback:
            assert enum.by_wire.get(member.label) is None
            continue
        assert enum.by_wire[member.wire_label] is member
        if member.word.code is not None:
            assert enum.by_wire[member.wire_code] is member


@named
def test_spellings_are_unambiguous(enum: type[WireEnum]) -> None:
    words = [member.word for member in enum if member is not enum.fallback]
    spellings = [spelt for word in words for spelt in (word.label, *word.also, *([word.code] if word.code else []))]
    assert len(spellings) == len(set(spellings))
    for spelling in ("wire_label", "wire_code"):
        with pytest.raises(ValueError, match=enum.fallback.name):
            getattr(enum.fallback, spelling)


def test_filter_sends_what_is_set_and_has_a_word() -> None:
    assert query_form(ShenheQuery()) == {}
    assert query_form(OrderQuery(building=0)) == {"louhao": "0"}  # quirk 151
    with pytest.raises(ValueError, match="cannot be sent"):
        query_form(ShenheQuery(type=ShenheType.UNRECOGNIZED))
    with pytest.raises(ValueError, match="no number"):
        _ = ResidentRole.OWNER.wire_code
