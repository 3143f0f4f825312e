"""The deployment's profile: what it may say, and every mistake in it at once."""

import tomllib

import pytest

from gateway.auth.masking import mask_content_raw
from gateway.contact.profile import VARIABLE, parse_profile, read_profile
from gateway.normalise.people import PERSONAL_KEYS
from gateway.normalise.vocabulary import PiiKind, ResidentRole
from gateway.normalise.wire import ListPaging, Profile, Wire
from gateway.repairs import REPAIR_ROWS
from gateway.settings import Settings, SettingsError
from gateway.shenhe.writes import render_shenhe_content

REPAIR = {"id": 1, "position": "东门", "description": "灯坏", "status": "待修", "name": "王芳", "phone": "19900000001"}


def profile(text: str) -> Profile:
    return parse_profile(tomllib.loads(text))


def mistakes(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        profile(text)
    return [mistake.removeprefix(f"{VARIABLE}: ") for mistake in caught.value.args]


def test_every_mistake_is_named_with_its_place():
    assert mistakes("""
        typo = 1
        [words.RepairStatuss]
        OPEN = ["待修"]
        [words.RepairStatus]
        OPPEN = ["待修"]
        RESOLVED = ["未解决", 1]
        [words.OnOff]
        yes = ["启用"]
        [keys.Repair]
        locaton = ["position"]
        [lists."orders/list"]
        [lists."order/list"]
        page_size = 0
        pages = "no"
        [tokens]
        wjdh_lifetime = -1
        [reviews]
        refuse_reasons = 1
        [not_found]
        wordings = "无"
    """) == [
        "typo: there is no such name",
        "words.RepairStatuss: there is no such name; did you mean RepairStatus?",
        "words.RepairStatus.OPPEN: there is no such name; did you mean OPEN?",
        "words.RepairStatus.RESOLVED: must be a list of texts without blanks around them, 100 characters at most",
        "words.OnOff.yes: there is no such name",
        "keys.Repair.locaton: there is no such name; did you mean location?",
        "lists.orders/list: there is no such name; did you mean order/list?",
        "lists.order/list.page_size: must be a whole number from 1 to 1000",
        "lists.order/list.pages: must be true or false",
        "tokens.wjdh_lifetime: must be a number of seconds above 0, 2000000 at most",
        "reviews.refuse_reasons: must be true or false",
        "not_found.wordings: must be a list of texts without blanks around them, 100 characters at most",
    ]


def test_whole_profile_is_read():
    assert profile("""
        [words.RepairStatus]
        OPEN = ["待修"]
        [words.YesNo]
        true = ["有"]
        [keys.Repair]
        "reporter.name" = ["contact"]
        [lists.shenheList]
        page_size = 10
        [not_found]
        wordings = ["无此记录"]
        [modules]
        others = ["智能门锁"]
        [tokens]
        wjdh_lifetime = 900
        security_lifetime = 600
        [reviews]
        refuse_reasons = false
    """) == Profile(
        words={
            "RepairStatus": {"OPEN": ("待修",)},
            "YesNo": {"true": ("有",)},
            "ModuleName": {"UNRECOGNIZED": ("智能门锁",)},
        },
        keys={"Repair": {"reporter.name": ("contact",)}},
        lists={"shenheList": ListPaging(10)},
        not_found=("无此记录",),
        token_lifetimes={"WJDH": 900.0, "SECURITY": 600.0},
        refuse_reasons=False,
    )


CONTRADICTIONS = [
    (
        '[words.RepairStatus]\nOPEN = ["待修", "已解决"]\nRESOLVED = ["待修"]\n[words.OnOff]\ntrue = ["关闭"]',
        "words.RepairStatus.OPEN: '已解决' means RESOLVED already",
        "words.RepairStatus.RESOLVED: '待修' means OPEN already",
        "words.OnOff.true: '关闭' means false already",
    ),
    (
        '[keys.Repair]\nlocation = ["description"]\nreply = ["answer", "answer"]',
        "keys.Repair.location: 'description' is the key of another field, or stands here twice",
        "keys.Repair.reply: 'answer' is the key of another field, or stands here twice",
    ),
    (
        '[keys.Order]\nremark = ["people_name"]\n[keys.ShenhePeople]\nname = ["People_IdCard", "member_name"]',
        "keys.Order.remark: 'people_name' holds personal data (NAME), and this field is not masked so",
        "keys.ShenhePeople.name: 'People_IdCard' holds personal data (ID_CARD), and this field is not masked so",
    ),
]


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_words_and_keys_that_contradict_are_refused(contradiction):
    text, *wanted = contradiction
    assert sorted(mistakes(text)) == sorted(wanted)


def test_declared_key_wins_over_an_added_one():
    wire = Wire(profile('[keys.Repair]\nlocation = ["position"]\n[words.ResidentRole]\nOWNER = ["1"]'))
    assert wire.words[ResidentRole]["1"] is ResidentRole.OWNER  # old numbers can be given a meaning
    assert wire.table(REPAIR_ROWS).one(REPAIR | {"possion": "西门"}, "10002").location == "西门"


def test_added_keys_of_personal_data_are_masked():
    Wire(profile('[keys.ShenhePeople]\nidCard = ["Sfz"]'))
    assert PERSONAL_KEYS["sfz"] is PiiKind.ID_CARD
    assert "999302199211302517" not in mask_content_raw('{"people": {"sfz": "999302199211302517"}}')


def test_correction_replaces_the_value_under_the_added_key():
    added = profile('[keys.ShenhePeople]\nname = ["xingming"]')
    raw = '{"people":{"xingming":"王方"},"house":{}}'
    assert (
        render_shenhe_content(raw, {"people": {"name": "王芳"}}, added) == '{"people":{"xingming":"王芳"},"house":{}}'
    )


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (None, "the file cannot be read"),
        (b"[words", "GATEWAY_PROFILE: the file is no TOML: "),
        (b"\xff", "GATEWAY_PROFILE: the file must be UTF-8"),
        (b"typo = 1", "GATEWAY_PROFILE: typo: there is no such name"),
    ],
)
def test_unusable_file_is_a_mistake_in_the_settings(tmp_path, content, mistake):
    path = tmp_path / "profile.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=mistake):
        read_profile(Settings(profile=str(path)))
