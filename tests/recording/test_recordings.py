"""Recordings of the sandbox: nothing of a person in them, and read as what was recorded."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from gateway.commands.replay import tally
from gateway.normalise.profile import ENUMS
from gateway.recording.folder import read_folder
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.variant import STRANGE

KINDS: list[dict[str, Any]] = [
    *({"dialect": dialect} for dialect in Dialect),
    {"dialect": Dialect.MIXED, "variant": STRANGE},
]

PROFILE = """
[words.HouseUse]
RESIDENTIAL = ["居住用房"]
[words.ShenheType]
BIND_OWNER = ["绑定业主"]
[modules]
others = ["智能门禁"]
[keys.Repair]
location = ["position"]
"""


def personal_values(world: Any) -> set[str]:
    """All that the sandbox knows of people: who they are, how they are reached, and what they wrote."""
    people = [resident.person for resident in world.residents.values()]
    people += [member.person for houses in world.houses.values() for house in houses for member in house.members]
    people += [review.applicant for review in world.shenhes.values()]
    found = {value for person in people for value in (person.name, person.phone, person.id_card, person.address)}
    found |= {value for person in people for value in (person.photo, person.job_name, person.company_name)}
    found |= {person.nation for person in people if person.nation != "汉族"}
    for repair in world.repairs.values():
        found |= {repair.name, repair.phone, repair.description, repair.position, repair.reply or ""}
    for order in world.orders.values():
        found |= {
            order.remark or "",
            order.shop_number or "",
            *(order.extra or {}),
            *map(str, (order.extra or {}).values()),
        }
    found |= {review.refuse_reason or "" for review in world.shenhes.values()}
    found |= {community.name for community in world.communities.values()}
    closed = " ".join(str(word) for enum in ENUMS.values() for word in enum.by_value)
    return {
        value
        for value in found
        if len(value) > 1 and value not in closed and not (value.isdecimal() and len(value) < 7)
    }


def spellings(value: str) -> set[str]:
    """As it may stand in JSON, in a form, within another text, or as people write a number."""
    found = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], quote(value)}
    if value.isdecimal() and len(value) == len("19900000001"):
        found |= {f"{value[:3]}{gap}{value[3:7]}{gap}{value[7:]}" for gap in " -"} | {value[3:]}
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_recordings_hold_no_value_of_a_person(recorded, kind):
    recording = await recorded(**kind)
    everything = b"".join(path.read_bytes() for path in recording.folder.iterdir())
    text = everything.decode()
    values = personal_values(recording.world)
    assert len(values) > 500
    assert len(recording.exchanges) > 500
    assert {value for value in values for each in spellings(value) if each in text} == set()


@pytest.mark.parametrize("kind", KINDS)
async def test_answers_have_the_same_data_issues(recorded, kind):
    recording = await recorded(**kind)

    pairs = zip(recording.original, recording.exchanges, strict=True)
    differing = [
        (original.endpoint, original.form)
        for original, replaced in pairs
        if [*tally([original]).values()] != [*tally([replaced]).values()]
    ]
    assert differing == []
    assert sum(each.issues.total() for each in tally(recording.exchanges).values()) > 0 or kind == KINDS[0]


async def test_secrets_and_tokens_are_not_recorded(recorded):
    recording = await recorded(("00002",), 1)
    everything = b"".join(path.read_bytes() for path in recording.folder.iterdir()).decode()

    secrets = [value for name, value in recording.settings.items() if "_KEY_" in name or "SECRET" in name]
    assert [secret for secret in secrets if secret in everything] == []
    logins = [exchange for exchange in recording.exchanges if exchange.endpoint in ("secret", "token")]
    assert logins
    assert all(exchange.form == {} for exchange in logins)
    assert "127.0.0.1" not in everything
    assert "Bearer wjdh" not in everything
    assert all("token" not in exchange.form for exchange in read_folder(recording.folder))


async def test_words_of_a_profile_are_kept(recorded, tmp_path):
    path = tmp_path / "profile.toml"
    path.write_text(PROFILE, encoding="utf-8")
    recording = await recorded(("00002",), 2, profile=str(path), dialect=Dialect.MIXED, variant=STRANGE)
    everything = b"".join(file.read_bytes() for file in recording.folder.iterdir()).decode()

    assert all(word in everything for word in ("居住用房", "绑定业主", "智能门禁"))
    assert "个人所有" not in everything
    assert [*tally(recording.original).values()] == [*tally(recording.exchanges).values()]
