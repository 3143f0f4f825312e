"""A profile of what was seen (docs/profile.md). No call shows what a word means: such lines are to be filled in."""

import json
from collections.abc import Iterator, Mapping

from gateway.contact.survey import ENDS_TOKENS, FEW, FIVE_A_PAGE, NOTHING, Survey
from gateway.loaders.lists import LISTS
from gateway.normalise.observation import WITHHELD, Observer
from gateway.normalise.vocabulary import CLOSED_LISTS


def propose(survey: Survey) -> str:
    """The content of the file."""
    parts = [
        "# What this deployment's platforms send beyond their document: proposed by `gateway check --deep`.",
        "# Lines that begin with # are not in force. Fill in what a word means, and remove the #.",
        *_keys(survey),
        *_words(survey.observer.words_to_fill_in()),
        *_seen(survey.observer),
        *_lists(survey),
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


def _words(found: Mapping[str, Mapping[str, list[str]]]) -> Iterator[str]:
    for name, words in found.items():
        yield f"\n[words.{name}]"
        values = ", ".join(CLOSED_LISTS[name])
        yield f"# The document does not have these. Each of them means one of {values}:"
        yield from (
            f"# ? = [{_text(word)}]  # {'; '.join(places)}" for word, places in words.items() if word != WITHHELD
        )
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
        endpoint, lines = records.endpoint, []
        asked = FEW if records.page_size is None else records.page_size
        size = survey.page_size(endpoint, FIVE_A_PAGE)
        if size not in (None, asked):
            lines.append(f"page_size = {size}  # whatever per_page says")
        if survey.turns_pages(endpoint) is False:
            note = "" if records.has_own_pages else "# "
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
    yield "\n[not_found]"
    yield "# What refusals said to calls for what does not exist. Keep those that say nothing else:"
    yield f"# wordings = [{', '.join(map(_text, sorted(filter(None, hints))))}]"
    yield "\n[tokens]"
    yield "# Where logins give no lifetime, the gateway assumes 3600 seconds at wjdh, and 1800 at security."
    yield "# wjdh_lifetime = 3600"
    yield "# security_lifetime = 1800"
    for platform, answers in survey.tokens.items():
        if answers.get(ENDS_TOKENS):
            yield f"# A login at {platform} ends the tokens before it: serve with one worker, and one gateway."
    yield "\n[reviews]"
    yield "# Whether the platform keeps the reason of a refusal takes a write to see."
    yield "# refuse_reasons = true"


def _text(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _name(path: str) -> str:
    return path if path.isidentifier() else _text(path)
