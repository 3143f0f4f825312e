"""A profile of what was seen (docs/profile.md). No call shows what a word means: such lines are to be filled in."""

import json
from collections.abc import Iterator

from gateway.check.evidence import Evidence, get_hints
from gateway.check.renaming import ENOUGH_ROWS
from gateway.check.survey import Survey, page_info
from gateway.loaders.lists import LISTS
from gateway.normalise.observation import WITHHELD, Observer, documented_types
from gateway.normalise.value_forms import ABSENT, NULL
from gateway.normalise.values import row_id


def propose(survey: Survey) -> str:
    """The content of the file."""
    parts = [
        "# What this deployment's platforms send beyond their document: proposed by `gateway check --deep`.",
        "# Lines that begin with # are not in force. Fill in what a word means, and remove the #.",
        *_keys(survey),
        *_words(survey.observer),
        *_seen(survey),
        *_lists(Evidence(survey)),
        *_rest(survey),
    ]
    return "\n".join(parts) + "\n"


def _keys(survey: Survey) -> Iterator[str]:
    observer = survey.observer
    for record in observer.records:
        if record == "ShenheContent":
            continue
        renamed = survey.renamed.get(record, {})
        fields = observer.declared(record).fields
        unknown, gone = observer.unknown_keys(record), observer.missing_keys(record)
        if not renamed and not (unknown and gone):
            continue
        yield f"\n[keys.{record}]"
        for key, (new, evidence) in renamed.items():
            yield f"{_name(fields[key].path)} = [{_text(new)}]  # in place of {key}: {evidence}"
        if unknown and gone:
            yield f"# These keys are not documented: {', '.join(unknown)}. One may stand for what no row has:"
            missing: dict[str, list[str]] = {}
            for key in gone:
                missing.setdefault(fields[key].path, []).append(key)
            yield from (f'# {_name(path)} = ["?"]  # {", ".join(keys)}' for path, keys in missing.items())


def _words(observer: Observer) -> Iterator[str]:
    found: dict[str, dict[str, list[str]]] = {}
    values: dict[str, str] = {}
    for record, seen in observer.records.items():
        for key in seen.keys:
            enum = observer.declared(record).enum(key)
            name = observer.declared(record).list_name(key)
            values[name] = "true, false" if enum is None else ", ".join(enum)
            for word, count in observer.unknown_words(record, key).items():
                place = f"{key} of {record}, {count} times"
                found.setdefault(name, {}).setdefault(word, []).append(place)
    for name, words in found.items():
        yield f"\n[words.{name}]"
        yield f"# The document does not have these. Each of them means one of {values[name]}:"
        yield from (
            f"# ? = [{_text(word)}]  # {'; '.join(places)}" for word, places in words.items() if word != WITHHELD
        )
        if WITHHELD in words:
            yield f"# Others may be names, and are withheld; dataIssues has them: {'; '.join(words[WITHHELD])}"
    if modules := found.get("ModuleName"):
        yield "\n[modules]"
        yield "# Modules besides the nine, if these are no other names of them:"
        yield f"# others = [{', '.join(_text(word) for word in modules if word != WITHHELD)}]"


def _seen(survey: Survey) -> Iterator[str]:
    """What is no drift from now on: keys, types and gaps that are there at first contact."""
    observer = survey.observer
    for record, seen in observer.records.items():
        declared = observer.declared(record)
        found: dict[str, set[str]] = {
            key: set(seen.keys[key].types) - ({NULL} if len(seen.keys[key].types) > 1 else set())
            for key in observer.unknown_keys(record)
        }
        for key, field in declared.fields.items():
            types = documented_types(field)
            if types and key in seen.keys and (others := seen.keys[key].types.keys() - types - {NULL}):
                found[key] = set(others)
        gone = [key for key in observer.missing_keys(record) if declared.is_promised(key)]
        for key in gone if seen.rows >= ENOUGH_ROWS else []:
            found[key] = {ABSENT}
        if found:
            yield f"\n[seen.{record}]"
            yield "# Not documented, and no drift: keys, types, and documented keys that do not come."
            yield from (f"{key} = [{', '.join(map(_text, sorted(types)))}]" for key, types in found.items())


def _lists(evidence: Evidence) -> Iterator[str]:
    declared = {records.endpoint: records.page_size for records in LISTS}
    for endpoint, documented in declared.items():
        lines = []
        asked = evidence.page_size(endpoint, "five a page")
        if documented is None and asked not in (None, 5):
            lines.append(f"page_size = {asked}  # whatever per_page says")
        elif documented is not None:
            size = next(
                (row_id(page_info(each).get("per_page")) for each in evidence.survey.of(endpoint, "page 1")), None
            )
            if size not in (None, documented):
                lines.append(f"page_size = {size}")
        if evidence.turns_pages(endpoint) is False:
            note = "" if endpoint == "order/list" else "# "
            lines.append(f"{note}pages = false  # page 2 was page 1 once more")
        if lines:
            yield f'\n[lists."{endpoint}"]'
            yield from lines


def _rest(survey: Survey) -> Iterator[str]:
    absent = ("no record", "nobody", "no house")
    wordings = {
        text
        for answer in survey.answers
        if answer.purpose in absent and answer.code not in (None, 0, 9)
        for text in [get_hints(answer).split(" ")[0]]
        if text
    }
    yield "\n[not_found]"
    yield "# What refusals said to calls for what does not exist. Keep those that say nothing else:"
    yield f"# wordings = [{', '.join(map(_text, sorted(wordings)))}]"
    yield "\n[tokens]"
    logins = [answer for answer in survey.of("secret", "login") if answer.succeeded]
    if logins and row_id(logins[0].body.get("expires_in")) is None:
        yield "# The login of wjdh gives no lifetime; the gateway assumes 3600 seconds."
        yield "# wjdh_lifetime = 3600"
    yield "# Security says nothing of lifetimes; the gateway assumes 1800 seconds."
    yield "# security_lifetime = 1800"
    for platform, answers in survey.tokens.items():
        if answers.get("login ends earlier tokens"):
            yield f"# A login at {platform} ends the tokens before it: serve with one worker, and one gateway."
    yield "\n[reviews]"
    yield "# Whether the platform keeps the reason of a refusal takes a write to see."
    yield "# refuse_reasons = true"


def _text(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _name(path: str) -> str:
    return path if "." not in path else _text(path)
