"""Which key of a deployment stands in the place of which documented one, where there is no doubt of it."""

from collections import Counter
from difflib import SequenceMatcher

from gateway.normalise.observation import Observer
from gateway.normalise.vocabulary import ENUMS

ALIKE = 0.8
"""How similar a key that vanished and one that came must be, to be one."""

ENOUGH_ROWS = 3


Renamed = dict[str, tuple[str, str]]
"""For a documented key that no row has: the key that came in its place, and the evidence."""


def all_renamed_keys(observer: Observer) -> dict[str, Renamed]:
    """By record. What is certain of one record is so of another that has the same key, and lacks the same one."""
    found = {record: renamed_keys(observer, record) for record in observer.records}
    certain = {key: (new, record) for record, renamed in found.items() for key, (new, _) in renamed.items()}
    for record, renamed in found.items():
        unknown = observer.unknown_keys(record)
        for key in observer.missing_keys(record):
            new, other = certain.get(key, ("", ""))
            if new in unknown and key not in renamed:
                renamed[key] = new, f"as in {other}"
    return {record: renamed for record, renamed in found.items() if renamed}


def renamed_keys(observer: Observer, record: str) -> Renamed:
    """For each documented key that no row has: the key that came in its place, and the evidence, where there is no
    doubt of it.
    """
    seen = observer.records[record]
    if seen.rows < ENOUGH_ROWS:
        return {}
    missing = observer.missing_keys(record)
    unknown = [key for key in observer.unknown_keys(record) if 2 * seen.keys[key].present > seen.rows]
    found: Renamed = {}
    for key in missing:
        enum = observer.declared(record).words(key)
        known = enum.by_wire if enum in ENUMS.values() else ()
        words = {word for word in known if word and not str(word).isdecimal()}
        values = [each for each in unknown if seen.samples.get(each, set()) & words]
        alike = [each for each in unknown if SequenceMatcher(None, key, each).ratio() >= ALIKE]
        if len(values) == 1:
            found[key] = values[0], "its words are those of this field"
        elif len(alike) == 1:
            found[key] = alike[0], "the names are alike"
    claimed = Counter(new for new, _ in found.values())
    found = {key: renamed for key, renamed in found.items() if claimed[renamed[0]] == 1}
    left = [key for key in missing if key not in found], [key for key in unknown if key not in dict(found.values())]
    if len(left[0]) == len(left[1]) == 1:
        found[left[0][0]] = left[1][0], "the only key that is missing, and the only one that is not documented"
    return found
