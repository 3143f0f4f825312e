"""What rows look like, without what they hold, and the lines of a profile that are proposed of it."""

import re
import tomllib

from gateway.contact.profile import parse_profile
from gateway.contact.report import propose
from gateway.contact.survey import Survey, all_renamed_keys, renamed_keys
from gateway.normalise.observation import OTHER_KEYS, WITHHELD, KeySeen, Observer, get_form, json_type
from gateway.normalise.wire import AS_DOCUMENTED
from gateway.shenhe.record import APPLICANTS

APPLICANT = [key for key in AS_DOCUMENTED.table(APPLICANTS).fields if key != "people_nation"]
REPAIR = {"id": 1, "possion": "东门", "description": "灯坏", "status": 0, "reply": None, "name": "王芳", "phone": "1"}


def observed(*rows: dict[str, object]) -> Observer:
    observer = Observer(AS_DOCUMENTED)
    observer.rows("Repair", rows)
    return observer


def keys(observer: Observer) -> dict[str, KeySeen]:
    return observer.records["Repair"].keys


def test_types_forms_and_presence_are_counted():
    seen = observed(REPAIR, {**REPAIR, "id": "2"}, {"id": 3}).records["Repair"]
    assert (seen.rows, seen.keys["possion"].present) == (3, 2)
    assert seen.keys["id"].types == {"integer": 2, "string": 1}
    assert seen.keys["description"].forms == {"text": 2}


def test_words_of_closed_lists_are_kept_and_free_words_are_not():
    observer = observed(REPAIR, REPAIR | {"status": "待修"})
    assert observer.words(keys(observer)["status"]) == {"0": 1, "待修": 1}
    assert observer.unknown_words(keys(observer)["status"]) == {"待修": 1}
    assert observer.words(keys(observer)["possion"]) == {}
    observer.rows("People", [{"people_dibao": "有"}, {"people_dibao": "0"}, {"people_dibao": True}])
    flag = observer.records["People"].keys["people_dibao"]
    assert observer.words(flag) == {"有": 1, "0": 1, "1": 1}
    assert observer.unknown_words(flag) == {"有": 1}


def test_names_of_persons_are_withheld():
    observer = observed(REPAIR, REPAIR | {"status": "王芳"}, REPAIR | {"status": "19900000001"})
    assert observer.words(keys(observer)["status"]) == {"0": 1, WITHHELD: 2}
    elsewhere = observed(REPAIR | {"name": "Anna"}, REPAIR | {"status": "Anna"})
    assert elsewhere.words(keys(elsewhere)["status"]) == {"0": 1, WITHHELD: 1}
    odd = keys(observed({"id": 1, "19900000001": 1, "王芳": 2}))
    assert {key for key, seen in odd.items() if seen.present} == {"id", OTHER_KEYS}


def test_renamed_key_needs_evidence():
    renamed = {key: value for key, value in REPAIR.items() if key != "possion"}
    alike = observed(*[renamed | {"position": "东门"}] * 5)
    unlike = observed(*[{**renamed, "a": 1, "b": 2}] * 5)
    few = observed(renamed | {"position": "东门"})
    assert renamed_keys(alike.records["Repair"])["possion"][0] == "position"
    assert "possion" not in renamed_keys(unlike.records["Repair"])
    assert renamed_keys(few.records["Repair"]) == {}
    words = {key: value for key, value in REPAIR.items() if key != "status"} | {"zhuangtai": "未处理", "other": "x"}
    status = renamed_keys(observed(*[words] * 5).records["Repair"])["status"]
    assert status == ("zhuangtai", "its words are those of this field")


def test_forms_name_no_value():
    for value, form in (
        *(("2020年11月18日11:01:46", "2020年11月18日11:01:46"), ("19921130", "eight digits, a date")),
        *((723052800, "epoch seconds"), ("1,280.50元", "0.01元"), ("{'单价':'1'}", "text in braces that is no JSON")),
        *(('{"a":1}', "JSON text"), ("", "empty"), (None, "null"), (2, "small number"), (True, "boolean")),
    ):
        assert get_form(value) == form
    assert [json_type(value) for value in (1.5, [], {}, False)] == ["number", "array", "object", "boolean"]


def test_key_renamed_in_one_record_is_renamed_in_another():
    observer = Observer(AS_DOCUMENTED)
    observer.rows("ShenhePeople", [dict.fromkeys((*APPLICANT, "people_minzu"), "x")] * 5)
    observer.rows("People", [{"people_minzu": "x", "weixin": "y", "people_name": "z"}])
    renamed = all_renamed_keys(observer)
    assert renamed["ShenhePeople"]["people_nation"][0] == "people_minzu"
    assert renamed["People"] == {"people_nation": ("people_minzu", "as in ShenhePeople")}


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
        assert [*profile.keys["Repair"].values()] == [("mobile",)]
