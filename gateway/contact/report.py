"""What the deep check gives: a report, the same facts as text, JSON and HTML, and a profile of what was seen
(docs/profile.md). Neither holds a value of a person.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from statistics import median
from typing import Any
from unicodedata import east_asian_width

import msgspec

from gateway.contact.survey import ENDS_TOKENS, FEW, FIVE_A_PAGE, NOTHING, Survey, issue_path
from gateway.entities import LISTS
from gateway.loaders.answers import records_with_issues
from gateway.loaders.lists import RecordList
from gateway.normalise.observation import WITHHELD, Observer
from gateway.normalise.vocabulary import CLOSED_LISTS

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
    unreadable = len({records.endpoint.name for records in LISTS} & {endpoint for endpoint, _ in stops})
    stopping = "Nothing stops" if not stops else "1 thing stops" if len(stops) == 1 else f"{len(stops)} things stop"
    filling = f"{words} words to fill in" if words > 1 else f"{words or 'no'} word to fill in"
    reading = f"{unreadable} of {len(LISTS)} lists cannot be read" if unreadable else "every list readable"
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
        "order": orders.pop() if len(orders) == 1 else "in no order" if orders else None,
    }


def _issues(survey: Survey) -> Iterator[Row]:
    found = Counter(
        (answer.endpoint.name, issue_path(issue), issue.problem.value)
        for answer in survey.answers
        for *_, issues in records_with_issues(answer.value)
        for issue in issues
    )
    for (endpoint, field, problem), values in found.items():
        yield {"endpoint": endpoint, "field": field, "problem": problem, "values": values}


def _fields(survey: Survey) -> Iterator[Row]:
    """`field` is the name that issues have for it."""
    observer = survey.observer
    for record, seen in observer.seen.items():
        for key in (*(key for key, under in seen.keys.items() if under.present), *seen.missing_keys):
            under = seen.keys[key]
            unread = NOT_READ if key in seen.unread else "(not documented)"
            yield {
                "record": record,
                "key": key,
                "field": unread if under.field is None else under.field.path,
                "rows": seen.rows,
                "present": under.present,
                "types": under.types,
                "forms": under.forms,
                "words": observer.words(under),
                "undocumented": [*observer.unknown_words(under), *under.unknown_types],
            }


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
    """Aligned columns. A Chinese character is as wide as two others."""

    def width(text: str) -> int:
        return len(text) + sum(east_asian_width(each) in "WF" for each in text)

    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    padded = ([cell + " " * (most - width(cell)) for cell, most in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)


STYLE = """body{font:14px/1.4 system-ui,sans-serif;margin:2rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 2rem}
th,td{border:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}th{background:#f3f3f3}"""


def to_html(report: Report) -> str:
    """Make one file that needs no other."""
    parts = [f"<p><b>{escape(report.verdict)}</b></p><p>Communities: {escape(', '.join(report.communities))}</p>"]
    for title, rows in report.tables():
        head = "".join(f"<th>{name}</th>" for name in rows[0])
        lines = ("".join(f"<td>{escape(_cell(value))}</td>" for value in row.values()) for row in rows)
        parts += [f"<h2>{title}</h2><table><tr>{head}</tr>", *(f"<tr>{line}</tr>" for line in lines), "</table>"]
    head = f'<head><meta charset="utf-8"><title>What the platforms send</title><style>{STYLE}</style></head>'
    body = "\n".join(["<h1>What the platforms send</h1>", *parts])
    return f'<!doctype html>\n<html lang="en">{head}\n<body>{body}</body></html>\n'


def propose(survey: Survey) -> str:
    """The content of a profile. No call shows what a word means: such lines are to be filled in."""
    head = """\
# What this deployment's platforms send beyond their document: proposed by `gateway check --deep`.
# Lines that begin with # are not in force. Fill in what a word means, and remove the #."""
    words = _words(survey.observer.words_to_fill_in())
    return "\n".join([head, *_keys(survey), *words, *_seen(survey.observer), *_lists(survey), *_rest(survey), ""])


def _keys(survey: Survey) -> Iterator[str]:
    for record, seen in survey.observer.seen.items():
        renamed = survey.renamed.get(record, {})
        paths = {key: under.field.path for key, under in seen.keys.items() if under.field}
        unknown, gone = seen.unknown_keys, seen.missing_keys
        if not renamed and not (unknown and gone):
            continue
        yield f"\n[keys.{record}]"
        for key, (new, evidence) in renamed.items():
            yield f"{_name(paths[key])} = [{_text(new)}]  # in place of {key}: {evidence}"
        if unknown and gone:
            yield f"# These keys are not documented: {', '.join(unknown)}. One may stand for what no row has:"
            missing: dict[str, list[str]] = {}
            for key in gone:
                missing.setdefault(paths[key], []).append(key)
            yield from (f'# {_name(path)} = ["?"]  # {", ".join(keys)}' for path, keys in missing.items())


def _words(found: Mapping[str, Mapping[str, list[str]]]) -> Iterator[str]:
    for name, words in found.items():
        yield f"\n[words.{name}]"
        yield f"# The document does not have these. Each of them means one of {', '.join(CLOSED_LISTS[name])}:"
        shown = {word: places for word, places in words.items() if word != WITHHELD}
        yield from (f"# ? = [{_text(word)}]  # {'; '.join(places)}" for word, places in shown.items())
        if WITHHELD in words:
            yield f"# Others may be names, and are withheld; dataIssues has them: {'; '.join(words[WITHHELD])}"
    if modules := found.get("ModuleName"):
        yield "\n[modules]"
        yield "# Modules besides the nine, if these are no other names of them:"
        yield f"# others = [{', '.join(_text(word) for word in modules if word != WITHHELD)}]"


def _seen(observer: Observer) -> Iterator[str]:
    """What is not counted from now on: keys and types that are there at first contact."""
    found: dict[str, dict[str, set[str]]] = {}
    for each in observer.undocumented():
        if each.what != "word":
            found.setdefault(each.record, {}).setdefault(each.key, set()).update(each.found)
    for record, keys in found.items():
        yield f"\n[seen.{record}]"
        yield "# Keys and types that are not documented."
        yield from (f"{_name(key)} = [{', '.join(map(_text, sorted(types)))}]" for key, types in keys.items())


def _lists(survey: Survey) -> Iterator[str]:
    for records in LISTS:
        endpoint, lines = records.endpoint.name, []
        asked = FEW if records.page_size is None else records.page_size
        size = survey.page_size(endpoint, FIVE_A_PAGE)
        if size not in (None, asked):
            lines.append(f"page_size = {size}  # whatever per_page says")
        if survey.turns_pages(endpoint) is False:
            note = "" if records.page_size is not None else "# "
            lines.append(f"{note}pages = false  # page 2 was page 1 once more")
        if lines:
            yield f'\n[lists."{endpoint}"]'
            yield from lines


def _rest(survey: Survey) -> Iterator[str]:
    hints = {
        answer.envelope.hints.split(" ")[0]
        for answer in survey.answers
        if answer.purpose == NOTHING and answer.envelope is not None and answer.envelope.code not in (None, 0, 9)
    }
    yield f"""
[not_found]
# What refusals said to calls for what does not exist. Keep those that say nothing else:
# wordings = [{", ".join(map(_text, sorted(filter(None, hints))))}]

[tokens]
# Where logins give no lifetime, the gateway assumes 3600 seconds at wjdh, and 1800 at security.
# wjdh_lifetime = 3600
# security_lifetime = 1800"""
    for platform, answers in survey.tokens.items():
        if answers.get(ENDS_TOKENS):
            yield f"# A login at {platform} ends the tokens before it: serve with one worker, and one gateway."
    yield """
[reviews]
# Whether the platform keeps the reason of a refusal takes a write to see.
# refuse_reasons = true"""


def _text(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _name(path: str) -> str:
    return path if path.isidentifier() else _text(path)
