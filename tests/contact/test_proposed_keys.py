"""Keys that may have another name, as lines of the proposed profile."""

import re
import tomllib

from gateway.contact.profile import parse_profile
from gateway.contact.proposal import propose
from gateway.contact.survey import Survey
from gateway.normalise.wire import AS_DOCUMENTED

ROW = {"id": 7, "description": "灯不亮", "status": 0, "name": "李明", "mobile": "19900000003", "urgency": "普通"}


def test_missing_keys_are_lines_to_fill_in() -> None:
    survey = Survey(["10002"], AS_DOCUMENTED)
    survey.observer.rows("Repair", [ROW])
    proposed = propose(survey)
    [section] = re.findall(r"\[keys\.Repair\]\n((?:[^\n]+\n)+)", proposed)
    assert "# These keys are not documented: " in section
    lines = re.findall(r'^# (\S+ = \["\?"\])  # \w', section, re.MULTILINE)
    assert '"reporter.phone" = ["?"]' in lines
    for line in lines:
        profile = parse_profile(tomllib.loads("[keys.Repair]\n" + line.replace("?", "mobile")))
        assert [*profile.keys.values()] == [("mobile",)]
