"""The report of the deep check: the same facts as text, JSON and HTML. It holds no value of a person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from statistics import median
from typing import Any

import msgspec

from gateway.contact.survey import FEW, FIVE_A_PAGE, Survey, issue_path
from gateway.loaders.data_quality import get_issues
from gateway.loaders.lists import LISTS
from gateway.loaders.record_list import RecordList
from gateway.normalise.observation import UNREAD_KEYS

NOT_READ = "(documented, not read)"

Row = dict[str, object]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`verdict` is the answer in one line, `stops` what the gateway cannot read; the rows of a table have its heads."""

    verdict: str
    communities: tuple[str, ...]
    words_to_fill_in: int
    stops: list[Row]
    endpoints: list[Row]
    lists: list[Row]
    tokens: list[Row]
    writes: list[Row]
    data_issues: list[Row]
    fields: list[Row]

    def tables(self) -> Iterator[tuple[str, list[Row]]]:
        """Title and rows of each table that has some."""
        for name in self.__struct_fields__[3:]:
            if rows := getattr(self, name):
                yield "What stops you" if name == "stops" else name.capitalize().replace("_", " "), rows


def make_report(survey: Survey) -> Report:
    stops = [*survey.stops()]
    words = sum(map(len, survey.observer.words_to_fill_in().values()))
    return Report(
        verdict=_verdict(stops, words),
        communities=survey.communities,
        words_to_fill_in=words,
        stops=[{"endpoint": endpoint, "why": why} for endpoint, why in stops],
        endpoints=[*_endpoints(survey)],
        lists=[_list(survey, records) for records in LISTS],
        tokens=[
            {"platform": platform, "question": question, "answer": answer}
            for platform, found in survey.tokens.items()
            for question, answer in found.items()
        ],
        writes=[{"question": question, "answer": answer} for question, answer in survey.writes.items()],
        data_issues=[*_issues(survey)],
        fields=[*_fields(survey)],
    )


def _verdict(stops: Sequence[tuple[str, str]], words: int) -> str:
    lists = {records.endpoint for records in LISTS}
    unreadable = len(lists & {endpoint for endpoint, _ in stops})
    stopping = "Nothing stops" if not stops else "1 thing stops" if len(stops) == 1 else f"{len(stops)} things stop"
    filling = f"{words} words to fill in" if words > 1 else f"{words or 'no'} word to fill in"
    reading = f"{unreadable} of {len(lists)} lists cannot be read" if unreadable else "every list readable"
    return f"{stopping} you, {filling}, {reading}"


def _endpoints(survey: Survey) -> Iterator[Row]:
    for platform, name in dict.fromkeys((each.platform, each.endpoint.name) for each in survey.answers):
        answers = survey.of(name)
        times = [1000 * each.seconds for each in answers]
        codes = [each.envelope.code for each in answers if each.envelope is not None]
        yield {
            "platform": platform,
            "endpoint": name,
            "calls": len(answers),
            "answered": len(codes),
            "codes": Counter("none" if code is None else str(code) for code in codes),
            "failures": Counter(each.failure for each in answers if each.failure),
            "median ms": round(median(times)),
            "longest ms": round(max(times)),
            "largest bytes": max(each.size for each in answers),
        }


def _list(survey: Survey, records: RecordList[Any]) -> Row:
    pages = survey.of(records.endpoint)
    few = survey.page_size(records.endpoint, FIVE_A_PAGE)
    orders = set()
    for numbers in ([record.platform_id for record in answer.records] for answer in pages):
        if len(numbers) > 1:
            up, down = (numbers == sorted(numbers, reverse=reverse) for reverse in (False, True))
            orders.add("oldest first" if up else "newest first" if down else "in no order")
    return {
        "list": records.endpoint,
        "rows": sum(len(answer.records) for answer in pages),
        "page size": survey.page_size(records.endpoint, "page 1"),
        "heeds per_page": None if few is None or records.has_own_pages else few == FEW,
        "turns pages": survey.turns_pages(records.endpoint),
        "order": orders.pop() if len(orders) == 1 else "in no order" if orders else None,
    }


def _issues(survey: Survey) -> Iterator[Row]:
    """As `dataIssues` will have them."""
    found = Counter(
        (answer.endpoint.name, issue_path(issue), issue.problem.value)
        for answer in survey.answers
        for issue in get_issues(answer.value)
    )
    for (endpoint, field, problem), values in found.items():
        yield {"endpoint": endpoint, "field": field, "problem": problem, "values": values}


def _fields(survey: Survey) -> Iterator[Row]:
    """`field` is the name that issues have for it."""
    observer = survey.observer
    for record, seen in observer.records.items():
        declared = observer.declared(record).fields
        for key in (*seen.keys, *observer.missing_keys(record)):
            field, under = declared.get(key), seen.keys.get(key)
            unread = NOT_READ if key in UNREAD_KEYS.get(record, ()) else "(not documented)"
            row: Row = {"record": record, "key": key, "field": unread if field is None else field.path}
            row |= {"rows": seen.rows, "present": 0, "types": {}, "forms": {}, "words": {}, "undocumented": []}
            if under is not None:
                row |= {"present": under.present, "types": under.types, "forms": under.forms}
                types = observer.unknown_types(record, key) if field is not None else ()
                row |= {"words": observer.words(record, key)}
                row |= {"undocumented": [*observer.unknown_words(record, key), *types]}
            yield row


def _cell(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} ×{count}" for name, count in value.items())  # times
        case list():
            return ", ".join(value)
    return str(value)


def to_json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def to_text(report: Report) -> str:
    parts = [report.verdict, f"Communities: {', '.join(report.communities)}"]
    for title, rows in report.tables():
        lines = [[*rows[0]], *([*map(_cell, row.values())] for row in rows)]
        parts.append(f"{title}\n\n{to_table(lines)}")
    return "\n\n".join(parts) + "\n"


def to_table(lines: Sequence[Sequence[str]]) -> str:
    """Columns of the same width."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


STYLE = """body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 2rem}
th,td{border:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}th{background:#f3f3f3}"""


def to_html(report: Report) -> str:
    """One file that needs no other."""
    parts = [f"<p><b>{escape(report.verdict)}</b></p><p>Communities: {escape(', '.join(report.communities))}</p>"]
    for title, rows in report.tables():
        head = "".join(f"<th>{name}</th>" for name in rows[0])
        lines = ("".join(f"<td>{escape(_cell(value))}</td>" for value in row.values()) for row in rows)
        parts += [f"<h2>{title}</h2><table><tr>{head}</tr>", *(f"<tr>{line}</tr>" for line in lines), "</table>"]
    head = f'<head><meta charset="utf-8"><title>What the platforms send</title><style>{STYLE}</style></head>'
    body = "\n".join(["<h1>What the platforms send</h1>", *parts])
    return f'<!doctype html>\n<html lang="en">{head}\n<body>{body}</body></html>\n'
