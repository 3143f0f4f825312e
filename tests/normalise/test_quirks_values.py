"""The readers, quirk by quirk: the table, and what needs more than a value of a row."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any

import pytest
from collected_issues import CollectedIssues, issues_within
from platform_rows import repair
from quirks import CASES, Case, described
from readers import parse_modules, parse_order, parse_owner, parse_people, parse_repair, parse_repair_page, parse_shenhe

from gateway.normalise.times import CHINA, birth_date, china_time, midnight
from gateway.normalise.values import money

READ: dict[str, Any] = {
    "order": lambda row: parse_order(row, "10002"),
    "repair": lambda row: parse_repair_page({"data": {"repairs": [row], "pages": {"total": 1}}}, "10002", 1).items[0],
    "module": lambda row: parse_modules([row], "00001")[0],
    "owner": parse_owner,
    **dict.fromkeys(("person", "residency"), parse_people),
    **dict.fromkeys(("review", "applicant", "applied_house"), lambda row: parse_shenhe(row, "10002")),
}


def shown(record: Any, path: str) -> Any:
    """What GraphQL shows of the record at this path."""
    value = record
    names = path.replace("reporter.", "reporter_").split(".")
    for name in names:
        if name == "#":
            value = len(value)
        elif name.isdigit():
            value = value[int(name)]
        else:
            value = getattr(value, re.sub("([A-Z])", r"_\1", name).lower())
    return plain(value)


def plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, date):
        return value.isoformat()
    if fields := getattr(value, "__struct_fields__", None):
        return {name: plain(getattr(value, name)) for name in fields}
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.quirk} {case.kind}")
def test_value_is_read_as_its_quirk_says(case: Case) -> None:
    record = READ[case.kind](case.row)
    found = {described(issue.field, issue.problem.name, issue.raw) for issue in issues_within(record)}
    assert case.read(lambda path: shown(record, path)) == case.shown
    assert sorted(found) == sorted(case.issues)


@pytest.mark.parametrize(
    ("first", "last"), [(date(1969, 9, 8), date(1970, 4, 27)), (date(1970, 4, 26), date(1973, 3, 4))]
)
def test_quirk_130_midnights_of_eight_digits_are_no_dates(first: date, last: date) -> None:
    for ordinal in range(first.toordinal(), last.toordinal()):
        day = date.fromordinal(ordinal)
        assert birth_date(midnight(day), "birthDate", CollectedIssues()) == day


def test_quirk_127_birth_epoch_is_midnight_in_china() -> None:
    assert datetime.fromtimestamp(723052800, UTC).date() == date(1992, 11, 29)
    assert midnight(date(1992, 11, 30)) == 723052800
    assert midnight(date(1987, 5, 4)) == 547052400, "in summer time (quirk 128)"


def test_quirk_131_only_a_single_repair_has_a_date() -> None:
    found = parse_repair(repair(date="2020年12月18日12:30:13"), "00001")
    assert found.dated
    assert found.reported_at == datetime(2020, 12, 18, 12, 30, 13, tzinfo=CHINA)
    assert found.data_issues == ()
    [missing] = parse_repair(repair(date=None), "00001").data_issues
    assert (missing.field, missing.problem.name) == ("reportedAt", "MISSING")


def test_float_amounts_equal_their_text():
    rng = Random(1)
    for fen in [1, 9, 99, 100, 101, 2**31 - 2, 2**31 - 1, 2**31, *(rng.randrange(2**32) for _ in range(2000))]:
        assert money(fen / 100) == money(f"{fen / 100:.2f}")
    for odd in (0.001, 0.105, 1.005, 21474836.475, 1e9, 1e15, -0.01, 5e-324):
        assert money(odd) == money(format(Decimal(repr(odd)), "f"))


@pytest.mark.parametrize(
    "written",
    ["2020年11月18日11:01:46", "2020年13月18日11:01:46", "2020年11月18日24:00:00", "2020年11月1８日11:01:46",
     "2020年11月18日11:01+8", "1990年07月01日12:00:00", "1900年01月01日00:00:00", "0000年01月01日00:00:00"],
)  # fmt: skip
def test_printed_times_equal_those_with_a_blank(written):
    """The blank is read by the pattern for all spellings."""
    assert china_time(written) == china_time(written.replace("日", "日 "))
