"""Questions about a survey that several detectors ask. Each is True, False, or None where nothing shows it."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from gateway.check.asking import Answer
from gateway.check.survey import Survey, get_content, get_part, listed, page_info
from gateway.normalise.value_forms import get_form
from gateway.normalise.values import row_id

Verdict = bool | None

LISTS = ("shenheList", "order/list", "repair/list")
NEWER = ("order/list", "modules", "repair/list", "repair", "owner")
"""Endpoints of the chapters whose field tables have no msg and message."""

_INTERNAL = re.compile(r"[A-Za-z]+[0-9]{2,}|_|表")
_STRICT = msgspec.json.Decoder().decode


def any_of(found: Iterable[bool]) -> Verdict:
    """Whether one of them is; None of nothing."""
    found = [*found]
    return any(found) if found else None


class Evidence:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey

    # of fields

    def type(self, record: str, key: str, *types: str) -> Verdict:
        """Whether a value of one of these types stood under a key."""
        seen = self.survey.observer.records.get(record)
        if seen is None:
            return None
        return key in seen.keys and any(seen.keys[key].types[each] for each in types)

    def form(self, record: str, key: str, *forms: str) -> Verdict:
        seen = self.survey.observer.records.get(record)
        if seen is None:
            return None
        return key in seen.keys and any(seen.keys[key].forms[each] for each in forms)

    def has(self, record: str, *keys: str) -> Verdict:
        """Whether one of these keys stood in a row."""
        seen = self.survey.observer.records.get(record)
        return None if seen is None else any(key in seen.keys for key in keys)

    def word(self, record: str, key: str, *words: str) -> Verdict:
        if record not in self.survey.observer.records:
            return None
        return any(self.survey.observer.words(record, key)[word] for word in words)

    def unknown_word(self) -> Verdict:
        observer = self.survey.observer
        return any_of(
            bool(observer.unknown_words(record, key)) for record, seen in observer.records.items() for key in seen.keys
        )

    def digits_for_word(self, *keys: str) -> Verdict:
        """Whether a number of the old numbering stood for a word under one of these keys, in any record."""
        observer = self.survey.observer
        return any_of(
            any(word.isdecimal() for word in observer.words(record, key))
            for record, seen in observer.records.items()
            for key in keys
            if key in seen.keys
        )

    # of answers

    def answers(self, *endpoints: str) -> list[Answer]:
        return [
            answer
            for answer in self.survey.answers
            if answer.raw is not None and (not endpoints or answer.endpoint in endpoints)
        ]

    def each(self, answers: Iterable[Answer], found: Callable[[Answer], bool]) -> Verdict:
        return any_of(found(answer) for answer in answers)

    def successes(self, *endpoints: str) -> list[Answer]:
        return [answer for answer in self.answers(*endpoints) if answer.succeeded]

    def refusals(self, *endpoints: str) -> list[Answer]:
        return [answer for answer in self.answers(*endpoints) if answer.code not in (None, 0)]

    def probe(self, purpose: str, *endpoints: str) -> list[Answer]:
        return [answer for answer in self.answers(*endpoints) if answer.purpose == purpose]

    def dead_tokens(self, platform: str) -> list[Answer]:
        return [answer for answer in self.probe("invalid token") if answer.platform == platform]

    def token(self, platform: str, question: str) -> Verdict:
        return self.survey.tokens.get(platform, {}).get(question)

    def speaks(self, answers: Iterable[Answer], *texts: str) -> Verdict:
        return any_of(any(text in get_hints(answer) for text in texts) for answer in answers)

    def leaks(self) -> Verdict:
        return self.each(self.refusals(), lambda answer: _INTERNAL.search(get_hints(answer)) is not None)

    def not_strict(self, answers: Iterable[Answer]) -> Verdict:
        """Whether a body with status 200 is no strict JSON."""
        return any_of(not is_strict(answer) for answer in answers if answer.raw and answer.raw.head.status == 200)

    def header(self, name: bytes) -> Iterator[bytes]:
        for answer in self.answers():
            if answer.raw is not None and (value := answer.raw.head.header(name)) is not None:
                yield value

    # of rows

    def reviews(self) -> list[dict[str, Any]]:
        return self.survey.rows("shenheList") + [
            answer.data for answer in self.successes("shenhe") if isinstance(answer.data, dict)
        ]

    def people(self) -> list[dict[str, Any]]:
        found = self.probe("found", "people")
        return [answer.data for answer in found if answer.succeeded and isinstance(answer.data, dict)]

    def houses(self) -> list[dict[str, Any]]:
        return [house for person in self.people() for house in _objects(person.get("houses"))]

    def members(self) -> list[dict[str, Any]]:
        return [member for house in self.houses() for member in _objects(house.get("members"))]

    def id_cards(self) -> list[tuple[str, str]]:
        """Number and name of everybody who was seen, in memory alone."""
        pairs = [
            (part.get("people_idcard"), part.get("people_name"))
            for part in (*(get_part(row, "people") for row in self.reviews()), *self.people())
        ]
        pairs += [(each.get("member_idcard"), each.get("member_name")) for each in self.members()]
        return [(str(number), str(name)) for number, name in pairs if number and name]

    def births(self) -> list[int]:
        """Dates of birth that came as epochs."""
        rows = [*self.people(), *(get_part(row, "people") for row in self.reviews())]
        values = [row.get("people_birth") for row in rows] + [row.get("member_birth") for row in self.members()]
        return [int(str(value)) for value in values if get_form(value) == "epoch seconds"]

    def content_forms(self) -> set[str]:
        """How the contents of reviews came."""
        forms = set()
        for row in self.reviews():
            value = row.get("shenhe_content")
            if isinstance(value, dict):
                forms.add("object")
            elif isinstance(value, str) and value.strip() == "见前言":
                forms.add("placeholder")
            elif isinstance(value, str) and get_content(row):
                forms.add("twice encoded" if value.lstrip().startswith('"') else "text")
            elif value:
                forms.add("unreadable")
        return forms

    # of pages

    def pages(self, *endpoints: str) -> list[tuple[Answer, dict[str, Any]]]:
        return [(answer, info) for answer in self.successes(*endpoints) if (info := page_info(answer))]

    def turns_pages(self, endpoint: str) -> Verdict:
        """Whether page 2 is another than page 1; None where there is no second."""
        first, second = (self.survey.of(endpoint, f"page {number}") for number in (1, 2))
        return any_of(
            _numbers(one) != _numbers(two)
            for one in first
            for two in second
            if one.community == two.community and _numbers(one) and two.succeeded
        )

    def page_size(self, endpoint: str, purpose: str) -> int | None:
        for answer in self.survey.of(endpoint, purpose):
            info = page_info(answer)
            if (size := row_id(info.get("per_page"))) is not None:
                return size
        return None

    def direction(self, endpoint: str) -> int | None:
        """1: numbers go up; -1: down; 0: neither. None where no page has two rows."""
        found = set()
        for answer in self.survey.of(endpoint):
            numbers = _numbers(answer)
            if len(numbers) > 1:
                found.add(1 if numbers == sorted(numbers) else -1 if numbers == sorted(numbers, reverse=True) else 0)
        return None if not found else found.pop() if len(found) == 1 else 0

    def contradictory_pages(self) -> Verdict:
        def contradicts(answer: Answer, info: dict[str, Any]) -> bool:
            first, last, size = (row_id(info.get(key)) for key in ("from", "to", "per_page"))
            rows = len(listed(answer))
            spans = first is not None and last is not None and last - first + 1 != rows
            return spans or (size is not None and rows > size)

        return any_of(contradicts(answer, info) for answer, info in self.pages(*LISTS))


def get_hints(answer: Answer) -> str:
    return "" if answer.envelope is None else answer.envelope.hints


def is_strict(answer: Answer) -> bool:
    try:
        _STRICT(answer.raw.body if answer.raw is not None else b"")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _numbers(answer: Answer) -> list[int]:
    rows = [row for row in listed(answer) if isinstance(row, dict)]
    return [number for row in rows if (number := row_id(row.get("id") or row.get("shenhe_id"))) is not None]
