"""What is new in rows, and what is not."""

import tomllib
from collections.abc import Iterator
from itertools import islice

import pytest
from documented_answers import DocumentedAnswers
from platform_rows import content, member, order, person, repair, residency, review

from gateway.normalise.drift import MOST_KEYS, VANISHED_AFTER, DriftWatch, Sighting, is_known, propose
from gateway.normalise.observation import OTHER_KEYS, WITHHELD
from gateway.normalise.profile import NO_PROFILE, parse_profile, use_profile
from gateway.normalise.vocabulary import DriftKind

WORD, KEY, MISSING, TYPE = DriftKind


@pytest.fixture(autouse=True)
def own_profile() -> Iterator[None]:
    """A profile is the process's own: the next test has none."""
    yield
    use_profile(NO_PROFILE)


def looked_at(endpoint: str, *rows: object) -> dict[Sighting, int]:
    watch = DriftWatch()
    watch.look(endpoint, rows)
    return dict(watch.take()[0])


def without(row: dict[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != key}


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_new_in_documented_answers(seed: int) -> None:
    watch = DriftWatch()
    for endpoint, rows in islice(DocumentedAnswers(seed), 1500):
        watch.look(endpoint, rows)

    sightings, rows_seen = watch.take()
    assert sightings == {}
    assert sum(rows_seen.values()) > 10_000


def test_unknown_word_is_new() -> None:
    assert looked_at("repair/list", repair(), repair(status="待派单"), repair(status="待派单")) == {
        Sighting("repair/list", "Repair", "status", WORD, "待派单"): 2
    }


def test_words_within_content_are_found() -> None:
    row = review(shenhe_content=content(house={"people_house_use": "民宿"}))

    assert looked_at("shenhe", row) == {Sighting("shenhe", "ShenheHouse", "people_house_use", WORD, "民宿"): 1}


def test_word_of_another_list_is_not_new() -> None:
    row = review(shenhe_content=content(house={"people_house_type": "替换业主"}))

    assert looked_at("shenheList", row) == {}


@pytest.mark.parametrize("word", ["王小明", "19900000001", "灯坏了需要尽快派人来修一下", "李明"])
def test_word_that_may_be_of_a_person_is_withheld(word: str) -> None:
    found = looked_at("repair/list", repair(name="李明"), repair(status=word))

    assert found == {Sighting("repair/list", "Repair", "status", WORD, WITHHELD): 1}


def test_word_that_stands_in_a_personal_field_is_withheld() -> None:
    watch = DriftWatch()
    rows = [repair(status="阿古达木"), repair(name="阿古达木")]
    watch.look("repair/list", rows[:1], rows)

    assert [*watch.take()[0]] == [Sighting("repair/list", "Repair", "status", WORD, WITHHELD)]


def test_undocumented_key_is_new() -> None:
    assert looked_at("repair/list", repair(urgency="高"), repair(urgency=None)) == {
        Sighting("repair/list", "Repair", "urgency", KEY, "string"): 2
    }


def test_many_keys_are_counted_together() -> None:
    found = looked_at("order/list", order(**{f"key{chr(97 + at)}": 1 for at in range(MOST_KEYS + 5)}), order(王芳=1))

    assert len(found) == MOST_KEYS + 1
    assert found[Sighting("order/list", "Order", OTHER_KEYS, KEY, "integer")] == 6


def test_changed_type_is_new() -> None:
    assert looked_at("order/list", order(number=20201213104759)) == {
        Sighting("order/list", "Order", "number", TYPE, "integer"): 1
    }


def test_promised_field_has_vanished_after_many_rows() -> None:
    row = without(repair(), "possion")
    sighting = Sighting("repair/list", "Repair", "possion", MISSING)

    assert looked_at("repair/list", *[row] * (VANISHED_AFTER - 1)) == {}
    assert looked_at("repair/list", *[row] * VANISHED_AFTER) == {sighting: VANISHED_AFTER}


def test_field_that_comes_now_and_then_has_not_vanished() -> None:
    watch = DriftWatch()
    for _ in range(5):
        watch.look("repair/list", [repair(possion="")] * (VANISHED_AFTER - 1))
        watch.look("repair/list", [repair()])

    assert watch.take()[0] == {}


def test_optional_field_never_vanishes() -> None:
    assert looked_at("repair/list", *[without(repair(), "reply")] * 1000) == {}


def test_either_key_of_a_field_will_do() -> None:
    row = person(houses=[residency(members=[member()])])
    house = without(row["houses"][0], "xiaoqu") | {"community_identifier": "10002"}

    assert looked_at("people", *[row | {"houses": [house]}] * 200) == {}


def test_profile_makes_it_known() -> None:
    rows = [without(repair(status="待派单", urgency="高", phone=19900000001), "possion") | {"position": "东门"}] * 200
    before = looked_at("repair/list", *rows)
    assert {sighting.kind for sighting in before} == set(DriftKind)

    use_profile(
        parse_profile(
            tomllib.loads(
                '[words.RepairStatus]\nOPEN = ["待派单"]\n[keys.Repair]\nlocation = ["position"]\n'
                '[seen.Repair]\nurgency = ["string"]\nphone = ["integer"]\n'
            )
        )
    )

    assert looked_at("repair/list", *rows) == {}
    assert [sighting for sighting in before if not is_known(sighting)] == []


def test_proposed_lines_make_it_known() -> None:
    rows = [without(repair(status="待派单", urgency=1, phone=19900000001), "possion")] * 200
    lines = propose(looked_at("repair/list", *rows))

    use_profile(parse_profile(tomllib.loads(lines.replace('# ? = ["待派单"]', 'OPEN = ["待派单"]'))))

    assert looked_at("repair/list", *rows) == {}


def test_misspelt_type_of_a_profile_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"seen.Repair.urgency.txt: there is no such name"):
        parse_profile({"seen": {"Repair": {"urgency": ["txt"]}}})
