"""The report of the deep check: the same facts as text, JSON and HTML. It holds no value of a person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from statistics import median
from typing import Any

import msgspec

from gateway.check.evidence import LISTS, Evidence
from gateway.check.quirks import Seen, Verdict, verdicts
from gateway.check.survey import Survey
from gateway.normalise.observation import UNREAD_KEYS

NOT_READ = "(documented, not read)"

DIRECTIONS = {1: "oldest first", -1: "newest first", 0: "in no order", None: "unknown"}


class EndpointSeen(msgspec.Struct, frozen=True):
    platform: str
    endpoint: str
    calls: int
    answered: int
    codes: dict[str, int]
    failures: dict[str, int]
    median_ms: int
    longest_ms: int
    largest_bytes: int


class FieldSeen(msgspec.Struct, frozen=True):
    """`field` is the name that issues have for it; None for a key that is not documented."""

    record: str
    key: str
    field: str | None
    rows: int
    present: int
    types: dict[str, int]
    forms: dict[str, int]
    words: dict[str, int]
    unknown_words: list[str]


class ListSeen(msgspec.Struct, frozen=True):
    endpoint: str
    default_page_size: int | None
    heeds_per_page: bool | None
    turns_pages: bool | None
    order: str


class Report(msgspec.Struct, frozen=True):
    communities: tuple[str, ...]
    endpoints: list[EndpointSeen]
    lists: list[ListSeen]
    tokens: dict[str, dict[str, bool | None]]
    writes: dict[str, bool | None]
    fields: list[FieldSeen]
    quirks: list[Verdict]


def make_report(survey: Survey) -> Report:
    evidence = Evidence(survey)
    return Report(
        survey.communities,
        [*_endpoints(survey)],
        [
            ListSeen(
                each,
                evidence.page_size(each, "no size"),
                None if (size := evidence.page_size(each, "five a page")) is None else size == 5,
                evidence.turns_pages(each),
                DIRECTIONS[evidence.direction(each)],
            )
            for each in LISTS
        ],
        survey.tokens,
        survey.writes,
        [*_fields(survey)],
        [*verdicts(survey)],
    )


def _endpoints(survey: Survey) -> Iterator[EndpointSeen]:
    for platform, endpoint in dict.fromkeys((each.platform, each.endpoint) for each in survey.answers):
        answers = [each for each in survey.answers if (each.platform, each.endpoint) == (platform, endpoint)]
        times = [1000 * each.seconds for each in answers]
        yield EndpointSeen(
            platform,
            endpoint,
            len(answers),
            sum(each.raw is not None for each in answers),
            dict(Counter("none" if each.code is None else str(each.code) for each in answers if each.envelope)),
            dict(Counter(each.failure for each in answers if each.failure)),
            round(median(times)),
            round(max(times)),
            max((len(each.raw.body) for each in answers if each.raw is not None), default=0),
        )


def _fields(survey: Survey) -> Iterator[FieldSeen]:
    observer = survey.observer
    for record, seen in observer.records.items():
        declared = observer.declared(record)
        for key, under in seen.keys.items():
            field = declared.fields.get(key)
            yield FieldSeen(
                record,
                key,
                field.path if field is not None else NOT_READ if key in UNREAD_KEYS.get(record, ()) else None,
                seen.rows,
                under.present,
                dict(under.types),
                dict(under.forms),
                dict(observer.words(record, key)),
                [*observer.unknown_words(record, key)],
            )
        for key in observer.missing_keys(record):
            yield FieldSeen(record, key, declared.fields[key].path, seen.rows, 0, {}, {}, {}, [])


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    return {kind.value: sum(each.seen is kind for each in verdicts) for kind in Seen}


def _tables(report: Report) -> Iterator[tuple[str, Sequence[str], list[Sequence[object]]]]:
    """Title, head and rows of each table."""
    yield (
        "Endpoints",
        ("platform", "endpoint", "calls", "answered", "codes", "failures", "median ms", "longest ms", "largest bytes"),
        [[_cell(getattr(each, name)) for name in each.__struct_fields__] for each in report.endpoints],
    )
    yield (
        "Lists",
        ("list", "default page size", "heeds per_page", "turns pages", "order"),
        [[_cell(getattr(each, name)) for name in each.__struct_fields__] for each in report.lists],
    )
    yield (
        "Tokens",
        ("platform", "question", "answer"),
        [
            [platform, question, _cell(answer)]
            for platform, answers in report.tokens.items()
            for question, answer in answers.items()
        ],
    )
    if report.writes:
        rows: list[Sequence[object]] = [[question, _cell(answer)] for question, answer in report.writes.items()]
        yield "Writes", ("question", "answer"), rows
    yield (
        "Fields",
        ("record", "key", "field", "in rows", "types", "forms", "words of closed lists", "not in the document"),
        [
            [
                each.record,
                each.key,
                each.field or "(not documented)",
                f"{each.present} of {each.rows}",
                _cell(each.types),
                _cell(each.forms),
                _cell(each.words),
                ", ".join(each.unknown_words),
            ]
            for each in report.fields
        ],
    )
    yield (
        "Quirks of the document",
        ("quirk", "verdict", "what"),
        [[each.quirk, each.seen.value, each.text] for each in report.quirks],
    )


def _cell(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name} ×{count}" for name, count in value.items())  # times
    return str(value)


def _summary(report: Report) -> str:
    found = counts(report.quirks)
    return "Quirks: " + ", ".join(f"{count} {kind}" for kind, count in found.items())


def to_json(report: Report) -> bytes:
    body: dict[str, Any] = msgspec.to_builtins(report)
    body["quirks"] = [{"quirk": each.quirk, "verdict": each.seen.value, "text": each.text} for each in report.quirks]
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def to_text(report: Report) -> str:
    parts = [f"Communities: {', '.join(report.communities)}", _summary(report)]
    for title, head, rows in _tables(report):
        lines = [[str(cell) for cell in row] for row in [head, *rows]]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
        written = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
            for line in lines
        ]
        parts.append("\n".join([title, "", *written]))
    return "\n\n".join(parts) + "\n"


STYLE = """body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 2rem}
th,td{border:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}th{background:#f3f3f3}
.seen{background:#fff3d6}"""


def to_html(report: Report) -> str:
    """One file that needs no other."""
    parts = [f"<p>Communities: {escape(', '.join(report.communities))}</p><p>{escape(_summary(report))}</p>"]
    for title, head, rows in _tables(report):
        cells = "".join(f"<th>{escape(name)}</th>" for name in head)
        lines = "".join(
            f"<tr{_mark(row)}>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>\n" for row in rows
        )
        parts.append(
            f"<h2>{escape(title)}</h2>\n<table><thead><tr>{cells}</tr></thead>\n<tbody>{lines}</tbody></table>"
        )
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>What the platforms send</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>What the platforms send</h1>\n{body}\n</body></html>\n"
    )


def _mark(row: Sequence[object]) -> str:
    return ' class="seen"' if len(row) > 1 and row[1] == Seen.SEEN.value else ""
