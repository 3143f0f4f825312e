"""A verdict for every quirk of the platforms' document (docs/quirks.md)."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from gateway.check import quirks_of_calls, quirks_of_values
from gateway.check.evidence import Evidence
from gateway.check.survey import Survey

MOST = 194

DETECTORS = (*quirks_of_calls.DETECTORS, *quirks_of_values.DETECTORS)


class Seen(StrEnum):
    SEEN = "seen"
    NOT_SEEN = "not seen"
    NOT_TRIED = "not tried"
    NOT_VISIBLE = "not visible from outside"


class Verdict(NamedTuple):
    """`text` is what would be seen, or why nothing can be."""

    quirk: int
    seen: Seen
    text: str


WRITES = "it takes a write, and this check only reads"
ABOUT_DOCUMENT = "it is about the document's text, or about what it leaves out"
ABOUT_GATEWAY = "it is about what the gateway sends or settings say"
UNKNOWABLE = "it takes knowledge of what the platform holds"

NOT_TRIED = {
    **dict.fromkeys((3, 18, 21, 22, 35, 45, 104, 110, 116, 120, 121, 122, 144, 145), WRITES),
    **dict.fromkeys(range(154, 164), WRITES),
    33: "a wrong secret might lock the account",
    41: "it takes hours",
    149: "it takes a person who is known to owe something",
    150: "it takes a parameter that nobody has documented",
}
"""What could be seen, and was not asked for."""

NOT_VISIBLE = {
    **dict.fromkeys((6, 8, 19, 24, 30, 34, 59, 69, 94, 95, 105, 123, 132, 148, 184, 185), ABOUT_DOCUMENT),
    **dict.fromkeys((168, 169, 170, 171, 172, 173, 177, 178, 179, 180, 181, 182), ABOUT_DOCUMENT),
    **dict.fromkeys((44, 56, 60, 62, 187, 188, 193), ABOUT_GATEWAY),
    **dict.fromkeys((81, 164, 176), UNKNOWABLE),
}
"""What no call shows."""


def verdicts(survey: Survey) -> Iterator[Verdict]:
    """Of every quirk, in the order of their numbers."""
    evidence = Evidence(survey)
    detectors = {detector.quirk: detector for detector in DETECTORS}
    for quirk in range(1, MOST + 1):
        if quirk in detectors:
            found = detectors[quirk].find(evidence)
            seen = Seen.NOT_TRIED if found is None else Seen.SEEN if found else Seen.NOT_SEEN
            yield Verdict(quirk, seen, detectors[quirk].title)
        elif quirk in NOT_TRIED:
            yield Verdict(quirk, Seen.NOT_TRIED, NOT_TRIED[quirk])
        else:
            yield Verdict(quirk, Seen.NOT_VISIBLE, NOT_VISIBLE[quirk])
