"""The deep check: what it says first, that it only reads, and that no report holds a value of a person."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from platform_answers import send
from structlog.testing import capture_logs

from gateway.contact.check import DeepOptions, check, check_deeply, make_survey
from gateway.contact.report import Report, make_report, propose, to_html, to_json, to_text
from gateway.modules import set_module
from gateway.platforms.wjdh import Wjdh
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.seed.community import FOREIGN
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.sandbox.variant import STRANGE, Variant
from gateway.settings import Settings, SettingsError, load_settings

COMMUNITIES = ("10002", "00001", "00002", "10003")
ORDERS = "order/list"
WRITES = ("shenhe/update", "order/new", "module", "repair/update", "announcement/new", "callback")

KINDS: list[dict[str, Any]] = [
    *({"dialect": dialect} for dialect in Dialect),
    {"dialect": Dialect.MIXED, "variant": STRANGE},
    {"dialect": Dialect.MIXED, "variant": Variant(replaced={"people_sex": "xingbie", "people_name": "people_sex"})},
    {"dialect": Dialect.EXAMPLES, "variant": Variant(replaced={"status": "zhuangtai", "name": "status"})},
]
"""The last two put names where words of closed lists are expected."""


@pytest.fixture
def surveyed() -> Any:
    """`survey, sandbox = await surveyed(dialect=…)`: the sandbox is stopped by then."""

    async def survey(communities: tuple[str, ...] = COMMUNITIES, **options: Any) -> Any:
        async with Sandbox(SandboxOptions(**options)) as sandbox:
            settings = load_settings(sandbox.settings())
            return await make_survey(settings, DeepOptions(communities, pause=0)), sandbox

    return survey


def secrets(world: Any) -> Iterator[str]:
    people = [resident.person for resident in world.residents.values()]
    people += [member.person for houses in world.houses.values() for house in houses for member in house.members]
    people += [review.applicant for review in world.shenhes.values()]
    for person in people:
        yield from (person.name, person.phone, person.id_card, person.address)
    for repair in world.repairs.values():
        yield from (repair.name, repair.phone, repair.description)


def problems(report: Report) -> dict[object, object]:
    return {row["endpoint"]: row["why"] for row in report.tables["problems"]}


@pytest.fixture
def check_10003(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Any:
    """`status, first_line, text = await check_10003()`"""

    async def check_one() -> tuple[int, str, str]:
        settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10003"})
        with capture_logs():
            status = await check_deeply(settings, DeepOptions(pages=1, pause=0))
        text = capsys.readouterr().out
        return status, text.partition("\n")[0], text

    return check_one


@pytest.mark.parametrize("kind", KINDS)
async def test_reports_hold_no_value_of_a_person(surveyed, kind):
    survey, sandbox = await surveyed(**kind)
    report = make_report(survey)
    everything = "\n".join([to_text(report), to_json(report).decode(), to_html(report), propose(survey)])
    assert len(everything) > 10_000
    assert {each for each in secrets(sandbox.world) if each and each in everything} == set()


VERDICT = "Problems: {}. Words to fill in: {}. Lists that cannot be read: {} of 3."
UNREAD, READABLE, FINE = VERDICT.format(1, 0, 1), VERDICT.format(1, 2, 0), VERDICT.format(0, 2, 0)
FAILED = "shenheList  2 of 2 calls failed: UPSTREAM_PROTOCOL. The "
NO_ID = {"shenhe_type": "业主绑定", "shenhe_status": "等待审核"}
NO_IDS = json.dumps({"code": 0, "data": [NO_ID], "meta": {"total": 1}}).encode()
STOPPING = [
    *(("shenheList", body, UNREAD, FAILED) for body in (b"<html>", b'{"data": [{"id": "1}', b'{"code": 0, "data": 1}')),
    ("shenheList", NO_IDS, UNREAD, "shenheList  2 rows have no identifier"),
    ("repair", b'{"code": 0, "data": []}', READABLE, "records of the list are not found"),
    (None, b"", FINE, ""),
]


@pytest.mark.parametrize(("endpoint", "body", "verdict", "why"), STOPPING)
async def test_answers_that_no_reader_takes_stop(check_10003, sandbox, endpoint, body, verdict, why):
    if endpoint is not None:
        send(sandbox, "WJDH", endpoint, body)
    status, first_line, text = await check_10003()
    assert (status, first_line) == (int(endpoint is not None), verdict)
    assert why in text
    assert ("\nProblems\n" in text) is (endpoint is not None)


async def test_contents_that_are_all_unreadable_stop(surveyed):
    report = make_report((await surveyed(dialect=Dialect.EXAMPLES))[0])
    assert problems(report) == {"shenhe": "content can be read in none of 40 records"}
    assert report.verdict == VERDICT.format(1, report.words_to_fill_in, 0)


async def test_refused_community_stops(surveyed):
    report = make_report((await surveyed(communities=("10002", FOREIGN.code)))[0])
    assert problems(report)[ORDERS] == (
        "1 of 5 calls failed: UPSTREAM_REFUSED. The platform refused the call with code 1."
    )
    assert len(problems(report)) == 4


async def test_unreachable_platforms_end_with_status_1(check_10003, sandbox):
    await sandbox.wjdh.listener.stop()
    await sandbox.security.listener.stop()
    status, first_line, text = await check_10003()
    assert (status, first_line) == (1, VERDICT.format(9, 0, 3))
    assert "UPSTREAM_UNAVAILABLE" in text


async def test_check_only_reads_one_call_at_a_time(surveyed):
    survey, sandbox = await surveyed()
    assert {row["endpoint"] for row in make_report(survey).tables["endpoints"]} == {
        *("shenheList", "shenhe", ORDERS, "modules", "repair/list", "repair", "people", "owner", "modules-sync")
    }
    assert [sandbox.count("WJDH", endpoint) + sandbox.count("SECURITY", endpoint) for endpoint in WRITES] == 6 * [0]
    assert len(sandbox.calls) < 150
    assert sandbox.wjdh.max_concurrent == sandbox.security.max_concurrent == 1


async def test_login_that_ends_earlier_tokens_is_seen(surveyed):
    survey, _ = await surveyed(single_token=True)
    answers = {(row["platform"], row["question"]): row["result"] for row in make_report(survey).tables["tokens"]}
    assert answers["WJDH", "login ends earlier tokens"] is True
    assert answers["WJDH", "invalid token is noticed"] is True


async def test_paging_is_measured_and_proposed(surveyed):
    survey, _ = await surveyed(orders_per_page=10, variant=Variant(turns_pages=False), dialect=Dialect.DOCUMENTED)
    [orders] = [row for row in make_report(survey).tables["lists"] if row["list"] == ORDERS]
    assert (orders["page size"], orders["turns pages"], orders["sorted"]) == (10, False, "newest first")
    assert '[lists."order/list"]\npage_size = 10  # whatever per_page says\npages = false' in propose(survey)


async def test_documented_platforms_need_no_profile(surveyed):
    proposed = propose((await surveyed(dialect=Dialect.DOCUMENTED))[0])
    assert "[keys." not in proposed
    assert "[lists." not in proposed
    assert "[seen." not in proposed


async def test_files_are_written(sandbox, tmp_path, capsys):
    paths = [str(tmp_path / name) for name in ("report.json", "report.html", "profile.toml")]
    settings = load_settings(sandbox.settings() | {"GATEWAY_COMMUNITIES": "10003"})
    assert await check_deeply(settings, DeepOptions((), 1, 0, *paths)) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [*report][:3] == ["verdict", "communities", "words_to_fill_in"]
    assert capsys.readouterr().out.startswith(report["verdict"])
    assert report["verdict"] in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "[words.OccupantType]" in (tmp_path / "profile.toml").read_text(encoding="utf-8")


async def test_communities_are_needed():
    with pytest.raises(SettingsError, match="GATEWAY_COMMUNITIES: needed, or --communities"):
        await check_deeply(Settings(), DeepOptions())
    with pytest.raises(SettingsError, match=r"--communities: 'a b' must have 1 to \d+ letters or digits"):
        await check_deeply(Settings(), DeepOptions(["a b"]))


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
    async def switch_once(*arguments: Any) -> None:
        await set_module(*arguments)
        sandbox.faults.set("WJDH", "module", Fault(FaultKind.HTTP_500))

    monkeypatch.setattr("gateway.contact.check.set_module", switch_once)
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})

    assert await check_deeply(settings, DeepOptions(pause=0, write="10002"), lambda _prompt: "write 10002") == 1
    assert "is not as it was" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_both_checks_refuse_an_unusable_profile(environ, tmp_path):
    path = tmp_path / "profile.toml"
    path.write_text('[words.RepairStatus]\nOPPEN = ["待修"]\n', encoding="utf-8")
    settings = load_settings(environ | {"GATEWAY_PROFILE": str(path), "GATEWAY_COMMUNITIES": "10002"})
    for trial in (check(settings), check_deeply(settings, DeepOptions(pause=0))):
        with pytest.raises(SettingsError, match=r"GATEWAY_PROFILE: words\.RepairStatus\.OPPEN: .*did you mean OPEN\?"):
            await trial


async def test_deep_check_reports_what_breaks_a_reader(environ, monkeypatch, capsys):
    monkeypatch.setattr(Wjdh, "read_page", lambda *_: 1 / 0)
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})
    assert await check_deeply(settings, DeepOptions(pages=1, pause=0)) == 1
    assert "calls failed: INTERNAL (ZeroDivisionError)" in capsys.readouterr().out


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
async def test_progress_shows_on_a_terminal_alone(environ, monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream)
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})
    await check_deeply(settings, DeepOptions(pages=1, pause=0))
    assert ("calls, WJDH order/list" in stream.getvalue()) is stream.isatty()
