"""Replays: a gateway over a recording is given what one over the platforms was."""

import asyncio
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from whole_schema import WholeSchema

from gateway.commands.replay import check_recording, tally
from gateway.recording.folder import read_folder
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.recorded import RecordedSandbox
from gateway.settings import Settings, SettingsError

FIXTURE = Path(__file__).parent / "sandbox-00002"

IDENTITIES = ("name", "phone", "idCard")
"""Fields whose values are told apart in a recording as they were before."""

MADE_OF_VALUES = ("id", "raw", "cursor", "endCursor", "startCursor", "submitted", "registered", "asOf")
"""Fields with values of several fields, or of the moment; ids of people and houses are hashes of their values."""

LISTS = ("shenhes", "orders", "repairs", "modules", "community", "house", "houseOwner")

QUERY = """
query ($code: ID!) {
  community(code: $code) {
    summary { pendingShenhes unpaidOrders openRepairs disabledModules }
    modules { name enabled dataIssues { field problem } }
    shenhes(first: 50) { totalCount nodes {
      platformId type status createdAt updatedAt dataIssues { field problem platform }
      content {
        people { name phone idCard sex birthDate nation registeredAddress politicalStatus isVeteran jobName companyName
                 dataIssues { field problem } }
        house { building unit floor room role status use ownership occupantType dataIssues { field problem } }
      }
      verification {
        findings { code severity field }
        registered { name phone idCard sex birthDate politicalStatus dataIssues { field problem }
          residencies { role occupantType house { address
            members { name phone idCard role birthDate dataIssues { field problem } } } } }
        owner { phone role occupantType dataIssues { field problem } }
      }
    } }
    orders(first: 60) { totalCount nodes {
      platformId number title feeType amount { fen } status paymentStatus dataIssues { field problem }
      house { address owner { phone role } }
    } }
    repairs(first: 50) { totalCount nodes {
      platformId status reportedAt dataIssues { field problem }
      reporter { name phone people { name idCard residencies { role house { address } } } }
    } }
  }
}
"""


def leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """What an answer holds, in order, each with its field."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, name)
    elif isinstance(value, list):
        yield key, len(value)
        for each in value:
            yield from leaves(each, key)
    else:
        yield key, value


def errors_of(answer: Any) -> list[Any]:
    return [(each.get("path"), each["extensions"]["code"]) for each in answer.body.get("errors", ())]


def compare(original: Any, replayed: Any) -> int:
    """Everything is there that was, and whatever was the same is the same. How many values are others."""
    pairs = [*zip(leaves(original), leaves(replayed), strict=True)]
    stands_for: dict[tuple[str, Any], set[Any]] = defaultdict(set)
    stood_for: dict[tuple[str, Any], set[Any]] = defaultdict(set)
    for (field, before), (other, after) in pairs:
        assert (field, type(before)) == (other, type(after))
        if isinstance(before, str) or field == "userId":
            if field not in MADE_OF_VALUES:
                stands_for[field, before].add(after)
            if field in IDENTITIES:
                stood_for[field, after].add(before)
        else:
            assert before == after, field
    assert {of: after for of, after in stands_for.items() if len(after) > 1} == {}
    assert {of: before for of, before in stood_for.items() if len(before) > 1} == {}
    return sum(before != after for (_, before), (_, after) in pairs)


@pytest.mark.parametrize("dialect", Dialect)
async def test_desks_see_the_same_issues_and_joins(recorded, environ, serve, dialect):
    codes = ("10002", "00002")
    recording = await recorded(codes, dialect=dialect)
    answers = []
    async with serve(environ | {"GATEWAY_COMMUNITIES": ",".join(codes)}) as gateway:
        answers += [await gateway.ask(QUERY, {"code": code}) for code in codes]
    async with (
        RecordedSandbox(recording.exchanges) as replayed,
        serve(environ | replayed.settings()) as gateway,
    ):
        again = [await gateway.ask(QUERY, {"code": code}) for code in codes]
        assert [*replayed.wjdh.missed, *replayed.security.missed] == []

    others = [compare(one.body["data"], other.body["data"]) for one, other in zip(answers, again, strict=True)]
    assert min(others) > 100
    assert [errors_of(one) for one in answers] == [errors_of(one) for one in again]


@pytest.mark.parametrize("dialect", [Dialect.MIXED])
async def test_lists_of_the_whole_schema_are_the_same(recorded, environ, serve, dialect):
    codes = ("10002", "00001", "00002", "10003")
    recording = await recorded(codes, dialect=dialect)
    environ |= {"GATEWAY_COMMUNITIES": ",".join(codes), "GATEWAY_COST_LIMIT": "100000000", "GATEWAY_MAX_DEPTH": "20"}
    queries = {name: query for name, query in WholeSchema("first: 3").queries.items() if name in LISTS}
    assert len(queries) >= 5
    async with serve(environ) as gateway:
        answers = {name: await gateway.ask(query) for name, query in queries.items()}
    async with (
        RecordedSandbox(recording.exchanges) as replayed,
        serve(environ | replayed.settings()) as gateway,
    ):
        again = {name: await gateway.ask(query) for name, query in queries.items()}
        assert [*replayed.wjdh.missed, *replayed.security.missed] == []

    assert {name: errors_of(answer) for name, answer in answers.items()} == {
        name: errors_of(answer) for name, answer in again.items()
    }
    assert sum(compare(answer.body["data"], again[name].body["data"]) for name, answer in answers.items()) > 100


class TestFixture:
    """A recording of the sandbox, as it is carried out of a house."""

    def test_parsers_read_all_of_it(self, capsys):
        assert check_recording(Settings(), FIXTURE) == 0

        report = capsys.readouterr().out
        assert "WJDH shenheList: " in report
        assert " x role LEGACY_CODE" in report
        assert "cannot be read" not in report

    async def test_desks_can_be_opened_over_it(self, serve, tmp_path):
        environ = {"GATEWAY_COMMUNITIES": "00002", "GATEWAY_DATA_DIR": str(tmp_path)}
        async with (
            RecordedSandbox(read_folder(FIXTURE)) as replayed,
            serve(environ | replayed.settings()) as gateway,
        ):
            community = (await gateway.ask(QUERY, {"code": "00002"})).data["community"]

        assert community["summary"]["unpaidOrders"] > 0
        assert any(review["verification"]["registered"] for review in community["shenhes"]["nodes"])
        phones = {each for field, each in leaves(community) if field == "phone" and each}
        assert len(phones) > 10
        assert all(phone.startswith("199000") for phone in phones if phone.isdecimal())


async def test_unknown_requests_are_refused_and_counted(serve, tmp_path):
    environ = {"GATEWAY_COMMUNITIES": "00009", "GATEWAY_DATA_DIR": str(tmp_path)}
    async with (
        RecordedSandbox(read_folder(FIXTURE)) as replayed,
        serve(environ | replayed.settings()) as gateway,
    ):
        refused = await gateway.ask('{ modules(communityCode: "00009") { name } }')
        person = await gateway.ask('{ people(name: "李明", phone: "19900000001") { name } }')

    assert refused.code == "UPSTREAM_REFUSED"
    assert "not in the recording" in str(refused.error)
    assert person.code == "UPSTREAM_REFUSED"
    assert dict(replayed.wjdh.missed) == {"POST /api/v1/wjdh/modules xiaoqu=00009": 1}
    assert dict(replayed.security.missed) == {"POST /people name&phone": 1}


async def test_requests_match_by_their_fields():
    async with RecordedSandbox(read_folder(FIXTURE)) as replayed, httpx.AsyncClient(trust_env=False) as client:
        url = f"{replayed.wjdh.url}/api/v1/wjdh/shenheList"
        form = {"community_identifier": "00002", "page": "1", "per_page": "20"}
        one = await client.post(url, data=form, headers={"authorization": "Bearer recorded-token"})
        other = await client.post(url, data=dict(reversed(form.items())))
        resized = await client.post(url, data=form | {"per_page": "7"})
        absent = await client.post(url, data=form | {"page": "99"})

    assert one.json()["data"]
    assert one.content == other.content == resized.content
    assert absent.status_code == 404


async def test_invalid_tokens_are_turned_away_as_recorded():
    async with RecordedSandbox(read_folder(FIXTURE)) as replayed, httpx.AsyncClient(trust_env=False) as client:
        url = f"{replayed.wjdh.url}/api/v1/wjdh/shenheList"
        form = {"community_identifier": "00002", "page": "1", "per_page": "20"}
        dead = await client.post(url, data=form, headers={"authorization": "Bearer x"})

    assert str(dead.json()["code"]) == "9"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.GARBAGE),
        Fault(FaultKind.TRAILING_COMMA),
        Fault(FaultKind.PHP_NOTICE),
        Fault(FaultKind.BOM),
        Fault(FaultKind.GBK),
        Fault(FaultKind.WRONG_SHAPE),
        Fault(FaultKind.HTTP_500),
        Fault(FaultKind.TOO_MANY_REQUESTS),
        Fault(FaultKind.EMPTY_BODY),
    ],
    ids=lambda fault: fault.kind.value,
)
async def test_garbled_answers_stay_garbled(recorded, fault):
    recording = await recorded(("00002",), 1, [("WJDH", "shenheList", fault)])

    of = [at for at, each in enumerate(recording.exchanges) if each.endpoint == "shenheList"]
    original, replaced = (tally(each[at] for at in of) for each in (recording.original, recording.exchanges))
    assert of
    assert [*original.values()] == [*replaced.values()]


async def test_answers_that_cannot_be_read_end_the_check_with_1(recorded, capsys):
    recording = await recorded(("00002",), 1, [("WJDH", "modules", Fault(FaultKind.GARBAGE))])

    assert check_recording(Settings(), recording.folder) == 1
    assert "cannot be read: The platform answered HTTP 200, and not in its protocol." in capsys.readouterr().out


def test_check_of_no_recording_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="holds no recorded exchanges"):
        check_recording(Settings(), tmp_path)


async def test_command_serves_until_it_is_stopped():
    command = [sys.executable, "-m", "gateway", "replay", str(FIXTURE)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    settings: dict[str, str] = {}
    while "GATEWAY_SECURITY_KEY_D" not in settings:
        name, _, value = (await process.stdout.readline()).decode().strip().partition("=")
        settings[name] = value
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{settings['GATEWAY_WJDH_URL']}/api/v1/wjdh/modules"
        assert (await client.post(url, data={"xiaoqu": "00002"})).json()["data"]
        assert (await client.post(url, data={"xiaoqu": "7"})).status_code == 404
    process.terminate()
    _, errors = await process.communicate()

    assert process.returncode == 0
    assert errors.decode() == "not recorded, 1 x: POST /api/v1/wjdh/modules xiaoqu=7\n"
