"""The deep check: what it finds over the sandbox, that it only reads, and that no report holds a value of a person."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.check import writing
from gateway.check.deep import DeepOptions, check_deeply, make_survey
from gateway.check.propose import propose
from gateway.check.quirks import DETECTORS, MOST, NOT_TRIED, NOT_VISIBLE, Seen
from gateway.check.report import make_report, to_html, to_json, to_text
from gateway.check.survey import count_calls
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.seed.community import FOREIGN
from gateway.sandbox.variant import STRANGE, Variant
from gateway.settings import Settings, SettingsError, load_settings

LISTS = "order/list"
WRITES = ("shenhe/update", "order/new", "module", "repair/update", "announcement/new", "callback")

KINDS: list[dict[str, Any]] = [
    *({"dialect": dialect} for dialect in Dialect),
    {"dialect": Dialect.MIXED, "variant": STRANGE},
    {"dialect": Dialect.MIXED, "variant": Variant(replaced={"people_sex": "xingbie", "people_name": "people_sex"})},
    {"dialect": Dialect.EXAMPLES, "variant": Variant(replaced={"status": "zhuangtai", "name": "status"})},
]
"""The last two put names where words of closed lists are expected."""

SHARES = {Dialect.DOCUMENTED: 85, Dialect.EXAMPLES: 103, Dialect.MIXED: 113}
"""How many quirks are seen at least."""


def verdicts(survey: Any) -> dict[int, Seen]:
    return {each.quirk: each.seen for each in make_report(survey).quirks}


def secrets(world: Any) -> Iterator[str]:
    people = [resident.person for resident in world.residents.values()]
    people += [member.person for houses in world.houses.values() for house in houses for member in house.members]
    people += [review.applicant for review in world.shenhes.values()]
    for person in people:
        yield from (person.name, person.phone, person.id_card, person.address)
    for repair in world.repairs.values():
        yield from (repair.name, repair.phone, repair.description)


def test_every_quirk_is_detected_or_has_a_reason():
    detected = [detector.quirk for detector in DETECTORS]
    assert sorted([*detected, *NOT_TRIED, *NOT_VISIBLE]) == [*range(1, MOST + 1)]
    assert all(each.title for each in DETECTORS)


@pytest.mark.parametrize("kind", KINDS)
async def test_reports_hold_no_value_of_a_person(surveyed, kind):
    survey, sandbox = await surveyed(**kind)
    report = make_report(survey)
    everything = "\n".join([to_text(report), to_json(report).decode(), to_html(report), propose(survey)])

    assert len(everything) > 10_000
    assert {each for each in secrets(sandbox.world) if each and each in everything} == set()


@pytest.mark.parametrize("dialect", Dialect)
async def test_most_visible_quirks_are_seen(surveyed, dialect):
    survey, _ = await surveyed(dialect=dialect)
    found = verdicts(survey)

    assert sum(each is Seen.SEEN for each in found.values()) >= SHARES[dialect]


async def test_dialects_are_told_apart_by_their_quirks(surveyed):
    documented, examples, mixed = [verdicts((await surveyed(dialect=dialect))[0]) for dialect in Dialect]

    assert [each[quirk] for each in (documented, examples) for quirk in (4, 7, 71, 115)] == 4 * [Seen.NOT_SEEN] + 4 * [
        Seen.SEEN
    ]
    assert [mixed[quirk] for quirk in (31, 77, 108, 113)] == 4 * [Seen.SEEN]


async def test_check_only_reads_and_is_bounded(surveyed):
    survey, sandbox = await surveyed()

    assert [sandbox.count("WJDH", endpoint) + sandbox.count("SECURITY", endpoint) for endpoint in WRITES] == 6 * [0]
    assert len(survey.answers) <= count_calls(4, 3)
    assert sandbox.wjdh.max_concurrent == sandbox.security.max_concurrent == 1


async def test_every_endpoint_that_reads_is_asked(surveyed):
    survey, _ = await surveyed()

    assert {each.endpoint for each in make_report(survey).endpoints} == {
        *("secret", "shenheList", "shenhe", "order/list", "modules", "repair/list", "repair"),
        *("token", "people", "owner", "modules-sync"),
    }


async def test_login_that_ends_earlier_tokens_is_seen(surveyed):
    survey, _ = await surveyed(single_token=True)

    assert verdicts(survey)[42] is Seen.SEEN
    assert "serve with one worker" in propose(survey)


async def test_paging_is_measured(surveyed):
    survey, _ = await surveyed(orders_per_page=10, variant=Variant(turns_pages=False), dialect=Dialect.DOCUMENTED)
    [orders] = [each for each in make_report(survey).lists if each.endpoint == LISTS]

    assert (orders.default_page_size, orders.heeds_per_page, orders.turns_pages) == (10, False, False)
    assert orders.order == "newest first"
    assert '[lists."order/list"]\npage_size = 10\npages = false' in propose(survey)


async def test_refused_community_is_seen(surveyed):
    survey, _ = await surveyed(communities=("10002", FOREIGN.code))

    assert verdicts(survey)[46] is Seen.SEEN


@pytest.mark.parametrize(
    ("fault", "quirk"),
    [
        (Fault(FaultKind.TRAILING_COMMA), 1),
        (Fault(FaultKind.BODY, body=b'{"data": [{"id": "1}'), 2),
        (Fault(FaultKind.BODY, body=b"<html></html>"), 189),
        (Fault(FaultKind.PHP_NOTICE), 190),
        (Fault(FaultKind.BOM), 190),
        (Fault(FaultKind.GBK), 190),
        (Fault(FaultKind.TOO_MANY_REQUESTS), 191),
    ],
)
async def test_garbled_answers_are_seen(environ, sandbox, fault, quirk):
    sandbox.faults.set("WJDH", "shenheList", fault)
    settings = load_settings(environ)

    assert verdicts(await make_survey(settings, DeepOptions(["10003"], pages=1, pause=0)))[quirk] is Seen.SEEN


async def test_documented_platforms_need_no_profile(surveyed):
    survey, _ = await surveyed(dialect=Dialect.DOCUMENTED)

    proposed = propose(survey)
    assert "[keys." not in proposed
    assert "[lists." not in proposed


async def test_files_are_written(sandbox, tmp_path, capsys):
    paths = [str(tmp_path / name) for name in ("report.json", "report.html", "profile.toml")]
    settings = load_settings(sandbox.settings() | {"GATEWAY_COMMUNITIES": "10003"})

    assert await check_deeply(settings, DeepOptions((), 1, 0, *paths)) == 0

    assert "Quirks: " in capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert len(report["quirks"]) == MOST
    assert "<table>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "[reviews]" in (tmp_path / "profile.toml").read_text(encoding="utf-8")


async def test_communities_are_needed():
    with pytest.raises(SettingsError, match="GATEWAY_COMMUNITIES: needed, or --communities"):
        await check_deeply(Settings(), DeepOptions())


async def test_unreachable_platforms_end_with_status_1(environ, sandbox, capsys):
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})
    await sandbox.wjdh.listener.stop()
    await sandbox.security.listener.stop()

    assert await check_deeply(settings, DeepOptions(pause=0)) == 1
    assert "UPSTREAM_UNAVAILABLE" in capsys.readouterr().out


async def test_unconfirmed_writes_ask_nothing(environ, sandbox):
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})

    assert await check_deeply(settings, DeepOptions(pause=0, write="10002"), lambda _prompt: "yes") == 1
    assert sandbox.calls == []


async def test_confirmed_writes_are_undone(environ, sandbox, capsys):
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})
    before = [(each.name, each.enabled) for each in sandbox.world.modules_of["10002"]]

    assert await check_deeply(settings, DeepOptions(pause=0, write="10002"), lambda _prompt: "write 10002") == 0

    assert [(each.name, each.enabled) for each in sandbox.world.modules_of["10002"]] == before
    assert [sandbox.count("WJDH", endpoint) for endpoint in WRITES[:5]] == [0, 0, 2, 1, 0]
    assert "a module can be switched, by a form sent with PUT  yes" in capsys.readouterr().out


async def test_module_that_stays_switched_is_reported(environ, sandbox, capsys, monkeypatch):
    async def switch_once(*arguments: Any) -> Any:
        answer = await switch(*arguments)
        sandbox.faults.set("WJDH", "module", Fault(FaultKind.HTTP_500))
        return answer

    switch = writing._switch
    monkeypatch.setattr(writing, "_switch", switch_once)
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})

    assert await check_deeply(settings, DeepOptions(pause=0, write="10002"), lambda _prompt: "write 10002") == 1
    assert "is not as it was" in capsys.readouterr().err
