"""Answers of all endpoints as the document's tables have them, without end: the sandbox's rows with other values.

Words are any of their closed list, in any spelling that the list has; what the document does not promise comes, or is
null, empty or left out. `DocumentedAnswers(seed)` gives the same answers each time.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import msgspec

from gateway.normalise.drift import is_promised
from gateway.normalise.observation import ALONE, PARTS, RECORD_OF, DeclaredKeys
from gateway.normalise.shapes import read_json
from gateway.sandbox.dialects import module, order, people, repair, shenhe
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.world import World

DOCUMENTED = Dialect.DOCUMENTED
TEXTS = ("一切正常", "见附件", "2号楼 3单元", "note", "李明", "19900000001", "东门\n灯坏", "待定", "其他", "1")
FREE = frozenset({"possion", "description", "reply", "remark", "title", "people_address", "people_photo", "name"})
"""Keys of text that anybody writes."""

AS_IT_IS, LEFT_OUT = object(), object()


class DocumentedAnswers:
    def __init__(self, seed: int, most_rows: int = 20) -> None:
        self._random = Random(seed)
        self._most_rows = most_rows
        self._choices: dict[tuple[str, str], tuple[list[Any], list[Any]]] = {}
        self._rows = _rows_of_sandbox()

    def __iter__(self) -> Iterator[tuple[str, list[Any]]]:
        """An endpoint, and the rows of its answer."""
        endpoints = [*RECORD_OF]
        while True:
            endpoint = self._pick(endpoints)
            amount = 1 if endpoint in ALONE else 1 + int(self._random.random() * self._most_rows)
            yield endpoint, [self._vary(RECORD_OF[endpoint], self._pick(self._rows[endpoint])) for _ in range(amount)]

    def _pick(self, some: Sequence[Any]) -> Any:
        return some[int(self._random.random() * len(some))]

    def _vary(self, record: str, row: dict[str, Any]) -> dict[str, Any]:
        varied = {}
        for key, value in row.items():
            if (part := PARTS.get((record, key))) is not None:
                varied[key] = self._vary_part(part, value)
                continue
            texts, others = self._choices.get((record, key)) or self._find_choices(record, key)
            choices = texts if type(value) is str else others
            chosen = self._pick(choices) if choices else value
            if chosen is AS_IT_IS:
                chosen = value
            if chosen is not LEFT_OUT:
                varied[key] = chosen
        return varied

    def _vary_part(self, part: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._vary(part, each) for each in value]
        if isinstance(value, dict):
            return self._vary(part, value)
        varied = self._vary_part(part, read_json(value))
        return msgspec.json.encode(varied).decode() if self._random.random() < 0.7 else varied

    def _find_choices(self, record: str, key: str) -> tuple[list[Any], list[Any]]:
        """What may come in place of a text, and of any other value; nothing where only the value itself may."""
        declared = DeclaredKeys(record, {})
        field, enum = declared.fields.get(key), declared.enum(key)
        texts: list[Any] = [AS_IT_IS]
        others: list[Any] = [AS_IT_IS]
        if enum is not None:
            words: list[Any] = [word for word in enum.by_value if isinstance(word, str | int)]
            texts = others = [*words, *((True, False) if key == "paied" else ())]
        elif declared.switch(key) is not None:
            texts, others = ["0", "1"], [0, 1]
        elif key in FREE:
            texts = [*TEXTS]
        if field is not None and not is_promised(record, field):
            texts, others = ([*many * 5, *[None, "", LEFT_OUT] * len(many)] for many in (texts, others))
        return self._choices.setdefault((record, key), (texts, others))


def _rows_of_sandbox() -> dict[str, list[dict[str, Any]]]:
    world = World()
    rows: dict[str, list[Any]] = {
        "shenheList": [shenhe.LISTED[DOCUMENTED](each) for each in world.shenhes.values()],
        "shenhe": [shenhe.SINGLE[DOCUMENTED](each) for each in world.shenhes.values()],
        "order/list": [order.RENDER[DOCUMENTED](each) for each in world.orders.values()],
        "repair/list": [repair.RENDER[DOCUMENTED](each) for each in world.repairs.values()],
        "repair": [repair.dated(repair.RENDER[DOCUMENTED](each), each, DOCUMENTED) for each in world.repairs.values()],
        "modules": [row for rows in world.modules_of.values() if rows for row in module.modules(rows, DOCUMENTED)],
        "people": [people.RENDER[DOCUMENTED](each) for each in world.residents.values()],
        "owner": [
            people.owner(house, house.owner, DOCUMENTED)
            for houses in world.houses.values()
            for house in houses
            if house.owner is not None
        ],
    }
    decoded: dict[str, list[dict[str, Any]]] = msgspec.json.decode(msgspec.json.encode(rows))
    return decoded
