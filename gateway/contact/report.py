"""What the deep check gives: a report, the same facts as text, JSON and HTML, and a profile of what was seen
(docs/profile.md). Neither holds a value of a person. JSON is in English, the others in the language of the command.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from statistics import median
from typing import Any, NamedTuple

import msgspec

from gateway.contact.profile import LONGEST_WORD
from gateway.contact.survey import FEW, FIVE_A_PAGE, NOTHING, Survey, issue_path
from gateway.entities import LISTS
from gateway.loaders.answers import records_with_issues
from gateway.loaders.lists import RecordList
from gateway.normalise.observation import WITHHELD
from gateway.normalise.records import Field, ReadOnce, declared_fields
from gateway.normalise.table import ROWS
from gateway.normalise.vocabulary import CLOSED_LISTS, DataProblem
from gateway.people import FAILED_LOOK_UP
from gateway.platforms.wjdh import FAILED_FETCH
from gateway.wording.commands import CommandWording
from gateway.wording.language import either, local, say, speaks_chinese, to_table
from gateway.wording.wording import Text

ABSENCE = re.compile(r"无|没|未|不存在|\bno[tn]?\b", re.IGNORECASE)
OUTAGE = re.compile(f"{FAILED_LOOK_UP.pattern}|{FAILED_FETCH.pattern}|开小差", re.IGNORECASE)

Row = dict[str, Any]

_text = partial(json.dumps, ensure_ascii=False)


class Report(NamedTuple):
    """`problems` are what the gateway cannot read. The rows of a table have its heads."""

    verdict: Text
    communities: tuple[str, ...]
    words_to_fill_in: int
    tables: Mapping[str, list[Row]]

    @property
    def titled(self) -> Iterator[tuple[str, list[Row]]]:
        """Title and rows of each table that has some."""
        return ((say(name.capitalize().replace("_", " ")), rows) for name, rows in self.tables.items() if rows)


def make_report(survey: Survey) -> Report:
    problems = [*survey.problems()]
    words = sum(map(len, survey.observer.words_to_fill_in().values()))
    lists = [survey.of(records.endpoint.name) for records in LISTS]
    unread = sum(any(it.has_failed or getattr(it.value, "dropped", 0) for it in answers) for answers in lists)
    tokens = [(platform, *answer) for platform, found in survey.tokens.items() for answer in found.items()]
    tables = {
        "problems": [{"endpoint": endpoint, "why": why} for endpoint, why in problems],
        "endpoints": [*_endpoints(survey)],
        "lists": [_list(survey, records) for records in LISTS],
        "tokens": [dict(zip(("platform", "question", "result"), answer, strict=True)) for answer in tokens],
        "writes": [{"question": question, "result": result} for question, result in survey.writes.items()],
        "data_issues": [*_issues(survey)],
        "null_today": sorted(_nulls(survey), key=lambda row: -_empty(row)),
        "fields": [*_fields(survey)],
    }
    verdict = CommandWording.VERDICT(problems=len(problems), words=words, unread=unread, lists=len(LISTS))
    return Report(verdict, survey.communities, words, tables)


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
    pages = survey.of(records.endpoint.name)
    few = survey.page_size(records.endpoint.name, FIVE_A_PAGE)
    orders = set()
    for numbers in ([record.platform_id for record in answer.records] for answer in pages):
        if len(numbers) > 1:
            up, down = (numbers == sorted(numbers, reverse=reverse) for reverse in (False, True))
            orders.add("oldest first" if up else "newest first" if down else "in no order")
    return {
        "list": records.endpoint.name,
        "rows": sum(len(answer.records) for answer in pages),
        "page size": survey.page_size(records.endpoint.name, "page 1"),
        "heeds per_page": None if few is None or records.page_size is not None else few == FEW,
        "turns pages": survey.turns_pages(records.endpoint.name),
        "sorted": orders.pop() if len(orders) == 1 else "in no order" if orders else None,
    }


def _issues(survey: Survey) -> Iterator[Row]:
    found = Counter(
        (answer.endpoint.name, issue_path(issue), issue.problem)
        for answer in survey.answers
        for *_, issues in records_with_issues(answer.value)
        for issue in issues
    )
    for (endpoint, field, problem), values in found.items():
        yield {"endpoint": endpoint, "field": field, "problem": problem, "values": values}


def _nulls(survey: Survey) -> Iterator[Row]:
    """In what share of the records each field is null, or UNRECOGNIZED, as the gateway reads them today. None where
    rows came, and none of them could be read.
    """
    found: dict[type, list[Any]] = {ROWS[name].record: [] for name in survey.observer.seen}
    records = [record for answer in survey.answers for record in answer.records]
    while records:
        found.setdefault(type(record := records.pop()), []).append(record)
        records += getattr(record, "inner", ())
    for kind, read in found.items():
        fields = {field.path: name for name, field in declared_fields(kind).items() if field.keys}
        fields |= {name: name for name, value in vars(kind).items() if isinstance(value, ReadOnce)}
        for path, name in fields.items() if read or not fields else [("*", "")]:
            values = [getattr(record, name) for record in read]
            empty = Counter("nulls" if value is None else getattr(value, "name", "") for value in values)
            nulls, others = (empty[what] / len(read) if read else None for what in ("nulls", "UNRECOGNIZED"))
            yield {"record": kind.__name__, "field": path, "records": len(read), "nulls": nulls, "unrecognized": others}


def _empty(row: Row) -> float:
    """The share that is null or UNRECOGNIZED; all, where it is unknown."""
    return float(row["nulls"] + row["unrecognized"]) if row["records"] else 1.0


def _fields(survey: Survey) -> Iterator[Row]:
    """`field` is the name that issues have for it."""
    observer = survey.observer
    for record, seen in observer.seen.items():
        for key in (*(key for key, under in seen.keys.items() if under.present), *seen.missing_keys):
            under = seen.keys[key]
            is_unknown = under.field is None and key not in seen.unread
            undocumented = under.types if is_unknown else (*observer.unknown_words(under), *under.unknown_types)
            yield {
                "record": record,
                "key": key,
                "field": under.field.path if under.field else "(not documented)" if is_unknown else "(not read)",
                "rows": seen.rows,
                "present": under.present,
                "types": under.types,
                "forms": under.forms,
                "words": observer.words(under),
                "undocumented": [*undocumented],
            }


def _cell(value: object) -> str:
    match value:
        case None:
            return say("unknown")
        case bool():
            return say("yes" if value else "no")
        case float():
            return f"{value:.1%}"
        case DataProblem():
            return value.label if speaks_chinese() else value.value
        case dict():
            return ", ".join(f"{say(name)} ×{count}" for name, count in value.items())  # times
        case list():
            return ", ".join(map(say, value))
    return say(value) if isinstance(value, str) else str(value)


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    """The head, and a line for each row."""
    return [[*map(say, rows[0])], *([*map(_cell, row.values())] for row in rows)]


def to_json(report: Report) -> bytes:
    facts = report._asdict()
    facts |= facts.pop("tables")
    return msgspec.json.format(msgspec.json.encode(facts, enc_hook=str), indent=2) + b"\n"


def to_text(report: Report) -> str:
    """Without fields that are never null, keys as documented, and wide columns."""
    parts = [local(report.verdict), local(CommandWording.CODES(codes=", ".join(report.communities)))]
    for title, rows in report.titled:
        told = [row for row in rows if row.get("undocumented", True) and ("nulls" not in row or _empty(row))]
        shown = [{head: row[head] for head in row if head not in ("types", "forms", "words")} for row in told]
        parts += [title, to_table(_cells(shown))] if shown else []
        parts += [local(CommandWording.LEFT_OUT(rows=len(rows) - len(shown)))] if len(shown) < len(rows) else []
    return "\n\n".join(parts) + "\n"


STYLE = """body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 2rem}
th,td{border:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}th{background:#f3f3f3}"""


def to_html(report: Report) -> str:
    """Make one file that needs no other."""
    communities = local(CommandWording.CODES(codes=", ".join(report.communities)))
    parts = [f"<p><b>{escape(local(report.verdict))}</b></p><p>{escape(communities)}</p>"]
    for title, rows in report.titled:
        head, *lines = ("".join(f"<td>{escape(cell)}</td>" for cell in line) for line in _cells(rows))
        head = head.replace("td>", "th>")
        parts += [f"<h2>{title}</h2><table><tr>{head}</tr>", *(f"<tr>{line}</tr>" for line in lines), "</table>"]
    name, language = say("What the platforms send"), either("en\nzh-CN")
    head = f'<head><meta charset="utf-8"><title>{name}</title><style>{STYLE}</style></head>'
    body = "\n".join([f"<h1>{name}</h1>", *parts])
    return f'<!doctype html>\n<html lang="{language}">{head}\n<body>{body}</body></html>\n'


def propose(survey: Survey) -> str:
    """The content of a profile. No call shows what a word means: such lines are to be filled in."""
    head = _note("Lines that begin with # are not in force. Fill in what a word means, and remove the #.")
    words = _words(survey.observer.words_to_fill_in())
    return "\n".join([head, *_keys(survey), *words, *_seen(survey), *_lists(survey), *_not_found(survey), ""])


def _note(text: str) -> str:
    return f"# {say(text)}"


def _keys(survey: Survey) -> Iterator[str]:
    sections: dict[str, dict[str, None]] = defaultdict(dict)
    for record, seen in survey.observer.seen.items():
        fields = {key: under.field for key, under in seen.keys.items() if under.field}
        for key, (new, evidence) in survey.renamed.get(record, {}).items():
            why = _note(CommandWording.IN_PLACE_OF(key=key, evidence=evidence))
            sections[_place(record, fields[key])][f"{_name(fields[key].path)} = [{_text(new)}]  {why}"] = None
        missing: dict[str, list[str]] = {}
        for key in seen.missing_keys if seen.unknown_keys else ():
            missing.setdefault(fields[key].path, []).append(key)
        for path, keys in missing.items():
            lines = sections[_place(record, fields[keys[0]])]
            lines[_note(CommandWording.MAY_STAND(keys=", ".join(seen.unknown_keys)))] = None
            lines[f'# {_name(path)} = ["?"]  # {", ".join(keys)}'] = None
    for record, lines in sections.items():
        yield from (f"\n[keys.{record}]", *lines)


def _place(record: str, field: Field) -> str:
    """The record under which a profile takes a field's keys: its own, or the one whose rows these are as well."""
    own: type = ROWS[record].record
    also = ROWS[record].also
    return record if also is None or field in declared_fields(own).values() else also.record.__name__


def _words(found: Mapping[str, Mapping[str, list[str]]]) -> Iterator[str]:
    for name, words in found.items():
        yield f"\n[words.{name}]"
        yield _note(CommandWording.MEANS(members=", ".join(CLOSED_LISTS[name])))
        shown = {word: places for word, places in words.items() if word != WITHHELD}
        yield from (f"# ? = [{_text(word)}]  # {'; '.join(places)}" for word, places in shown.items())
        if WITHHELD in words:
            yield _note(CommandWording.WITHHELD(places="; ".join(words[WITHHELD])))
    if modules := found.get("ModuleName"):
        yield "\n[modules]"
        yield _note("Modules besides the nine, if these are no other names of them:")
        yield f"# others = [{', '.join(_text(word) for word in modules if word != WITHHELD)}]"


def _seen(survey: Survey) -> Iterator[str]:
    """What is not counted from now on: keys and types that are there at first contact, if that hides nothing."""
    unread = {row["field"] for row in _issues(survey) if row["problem"] is not DataProblem.MISSING}
    found: dict[str, dict[str, set[str]]] = {}
    for each in survey.observer.undocumented():
        if each.what != "word":
            found.setdefault(each.record, {}).setdefault(each.key, set()).update(each.found)
    for record, keys in found.items():
        seen = survey.observer.records[record]
        yield f"\n[seen.{record}]"
        yield _note("Not documented. With #: a key that may stand for a missing one, a type that is not read.")
        for key, types in keys.items():
            field = seen.keys[key].field
            is_hiding = bool(seen.missing_keys) if field is None else field.path in unread
            yield f"{'# ' * is_hiding}{_name(key)} = [{', '.join(map(_text, sorted(types)))}]"


def _lists(survey: Survey) -> Iterator[str]:
    for records in LISTS:
        endpoint, lines = records.endpoint.name, []
        asked = FEW if records.page_size is None else records.page_size
        if (size := survey.page_size(endpoint, FIVE_A_PAGE)) not in (None, asked):
            lines.append(f"page_size = {size}  {_note('whatever per_page says')}")
        if survey.turns_pages(endpoint) is False:
            mark = "" if records.page_size is not None else "# "
            lines.append(f"{mark}pages = false  {_note('page 2 was page 1 once more')}")
        if lines:
            yield from (f'\n[lists."{endpoint}"]', *lines)


def _not_found(survey: Survey) -> Iterator[str]:
    """What refusals said to calls for what does not exist, if it speaks of absence, and of no outage."""
    refused = [answer.envelope for answer in survey.answers if answer.purpose == NOTHING and answer.is_refusal]
    said = [it for it in refused if it is not None and ABSENCE.search(it.hints) and not OUTAGE.search(it.hints)]
    if wordings := {text for it in said if len(text := it.msg or it.hints.strip()) <= LONGEST_WORD}:
        yield "\n[not_found]"
        yield _note("What was said of what does not exist. Keep what says nothing else:")
        yield f"# wordings = [{', '.join(map(_text, sorted(wordings)))}]"


def _name(path: str) -> str:
    return path if path.isidentifier() else _text(path)
