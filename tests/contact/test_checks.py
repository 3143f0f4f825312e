"""The deep check: what it asks and says first, that it only reads, what it proposes, and that no report holds a value
of a person. The quick check: what it tries, and how it says how far each call came.
"""

import io
import json
import re
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from platform_answers import send
from structlog.testing import capture_logs

from gateway.contact.check import ALL, DeepOptions, check, check_deeply, make_survey, probe, probe_communities
from gateway.contact.profile import parse_profile
from gateway.contact.report import Report, make_report, propose, to_html, to_json, to_text
from gateway.contact.survey import Survey
from gateway.entities import ENDPOINTS, harmless_read
from gateway.modules import set_module
from gateway.normalise.records import Page
from gateway.orders.reads import ORDERS as ORDER_LIST
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.seed.community import FOREIGN
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.sandbox.variant import STRANGE, Variant
from gateway.settings import Settings, SettingsError, load_settings

CODES = ["10002", "10003", "00002", "00001"]
ORDERS = "order/list"
WRITES = ("shenhe/update", "order/new", "module", "repair/update", "announcement/new", "callback")
NO_HOUSES = Variant(replaced={"xiaoqu": "xq", "louhao": "lh", "danyuan": "dy", "people_house_use": "use_of_house"})

KINDS: list[dict[str, Any]] = [
    *({"dialect": dialect} for dialect in Dialect),
    {"dialect": Dialect.MIXED, "variant": STRANGE},
    {"dialect": Dialect.MIXED, "variant": Variant(replaced={"people_sex": "xingbie", "people_name": "people_sex"})},
    {"dialect": Dialect.EXAMPLES, "variant": Variant(replaced={"status": "zhuangtai", "name": "status"})},
]
"""The last two put names where words of closed lists are expected."""

SURVEYED: dict[str, tuple[Survey, Sandbox]] = {}


async def survey(communities: Sequence[str] = CODES, profile: str = "", **options: Any) -> Any:
    """`found, sandbox = await survey(dialect=…)`: made once for the same options; the sandbox has been stopped."""
    key = repr((communities, profile, sorted(options.items())))
    if key not in SURVEYED:
        async with Sandbox(SandboxOptions(**({"dialect": Dialect.DOCUMENTED} | options))) as sandbox:
            settings = load_settings(sandbox.settings() | {"GATEWAY_PROFILE": profile})
            SURVEYED[key] = await make_survey(settings, DeepOptions(communities, pause=0)), sandbox
    return SURVEYED[key]


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


def shares(surveyed: Survey) -> dict[str, Any]:
    return {f"{row['record']}.{row['field']}": row["nulls"] for row in make_report(surveyed).tables["null_today"]}


Deeply = Callable[..., Awaitable[int]]


@pytest.fixture
def deeply(environ: dict[str, str]) -> Deeply:
    """`status = await deeply(ask, pages=1)`: the deep check of one community."""

    async def check_one(*ask: Callable[[str], str], **options: Any) -> int:
        with capture_logs():
            settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})
            return await check_deeply(settings, DeepOptions(pause=0, **options), *ask)

    return check_one


@pytest.mark.parametrize("kind", KINDS)
async def test_reports_hold_no_value_of_a_person(kind):
    surveyed, sandbox = await survey(**kind)
    report = make_report(surveyed)
    everything = "\n".join([to_text(report), to_json(report).decode(), to_html(report), propose(surveyed)])
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


async def test_answers_that_no_reader_takes_stop(deeply, sandbox, capsys):
    for endpoint, body, verdict, why in STOPPING:
        sandbox.faults.clear()
        if endpoint is not None:
            send(sandbox, "WJDH", endpoint, body)
        status, text = await deeply(pages=1), capsys.readouterr().out
        assert (status, text.partition("\n")[0]) == (int(endpoint is not None), verdict)
        assert why in text
        assert ("\nProblems\n" in text) is (endpoint is not None)


async def test_contents_that_are_all_unreadable_stop():
    report = make_report((await survey(dialect=Dialect.EXAMPLES))[0])
    assert problems(report) == {"shenhe": "content can be read in none of 40 records"}
    assert report.verdict == VERDICT.format(1, report.words_to_fill_in, 0)


async def test_refused_community_stops():
    report = make_report((await survey(["10002", FOREIGN.code]))[0])
    assert problems(report)[ORDERS] == (
        "1 of 5 calls failed: UPSTREAM_REFUSED. The platform refused the call with code 1."
    )
    assert len(problems(report)) == 4


async def test_unreachable_platforms_end_with_status_1(deeply, sandbox, capsys):
    await sandbox.wjdh.listener.stop()
    await sandbox.security.listener.stop()
    assert await deeply(pages=1) == 1
    text = capsys.readouterr().out
    assert text.startswith(VERDICT.format(9, 0, 3) + "\n")
    assert "UPSTREAM_UNAVAILABLE" in text


async def test_check_only_reads_one_call_at_a_time():
    surveyed, sandbox = await survey(dialect=Dialect.DOCUMENTED)
    assert {row["endpoint"] for row in make_report(surveyed).tables["endpoints"]} == {
        *("shenheList", "shenhe", ORDERS, "modules", "repair/list", "repair", "people", "owner", "modules-sync")
    }
    assert [sandbox.count("WJDH", endpoint) + sandbox.count("SECURITY", endpoint) for endpoint in WRITES] == 6 * [0]
    assert len(sandbox.calls) < 150
    assert sandbox.wjdh.max_concurrent == sandbox.security.max_concurrent == 1


async def test_documented_platforms_need_no_profile():
    proposed = propose((await survey(dialect=Dialect.DOCUMENTED))[0])
    assert not any(section in proposed for section in ("[keys.", "[lists.", "[seen."))


async def test_login_and_paging_are_measured():
    surveyed, _ = await survey(single_token=True, orders_per_page=10, variant=Variant(turns_pages=False))
    tables = make_report(surveyed).tables
    answers = {(row["platform"], row["question"]): row["result"] for row in tables["tokens"]}
    assert answers["WJDH", "login ends earlier tokens"] is True
    assert answers["WJDH", "invalid token is noticed"] is True
    [orders] = [row for row in tables["lists"] if row["list"] == ORDERS]
    assert (orders["page size"], orders["turns pages"], orders["sorted"]) == (10, False, "newest first")
    assert '[lists."order/list"]\npage_size = 10  # whatever per_page says\npages = false' in propose(surveyed)


@pytest.mark.parametrize(
    ("communities", "asked"),
    [((), ["10002", "00002", "10003"]), ((ALL,), CODES), (("10003",), ["10003"])],
)
async def test_three_communities_are_asked_unless_told(environ, sandbox, tmp_path, capsys, communities, asked):
    paths = [str(tmp_path / name) for name in ("report.json", "report.html", "profile.toml")]
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": ",".join(CODES)})
    assert await check_deeply(settings, DeepOptions(communities, 2, 0, *paths)) == 0
    shown = capsys.readouterr()
    estimate = re.match(r"(\d+) calls at most, for (\d) of 4 communities: some \d+ min at 0.3 s", shown.err)
    assert estimate is not None
    assert len(sandbox.calls) <= int(estimate[1])
    assert int(estimate[2]) == len(asked)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [*report][:3] == ["verdict", "communities", "words_to_fill_in"]
    assert report["communities"] == asked
    assert shown.out.startswith(report["verdict"])
    assert report["verdict"] in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "[words.OccupantType]" in (tmp_path / "profile.toml").read_text(encoding="utf-8")


async def test_communities_are_needed():
    with pytest.raises(SettingsError, match="GATEWAY_COMMUNITIES: needed, or --communities"):
        await check_deeply(Settings(), DeepOptions())
    with pytest.raises(SettingsError, match=r"--communities: 'a b' must have 1 to \d+ letters or digits"):
        await check_deeply(Settings(), DeepOptions(["a b"]))


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_unconfirmed_writes_ask_nothing(deeply, sandbox, monkeypatch, capsys, language):
    asked = io.StringIO()
    with monkeypatch.context() as patched:
        patched.setenv("LANGUAGE", language)
        assert await deeply(lambda prompt: f"yes{asked.write(prompt)}", write="10002") == 1
    assert sandbox.calls == []
    assert ("居民可能察觉" in asked.getvalue()) is (language == "zh")
    assert ("未经确认" in capsys.readouterr().err) is (language == "zh")
    assert "'write 10002'" in asked.getvalue()


async def test_confirmed_writes_are_undone(deeply, sandbox, capsys):
    before = [(each.name, each.enabled) for each in sandbox.world.modules_of["10002"]]
    assert await deeply(lambda _prompt: "write 10002", write="10002") == 0
    assert [(each.name, each.enabled) for each in sandbox.world.modules_of["10002"]] == before
    assert [sandbox.count("WJDH", endpoint) for endpoint in WRITES[:5]] == [0, 0, 2, 1, 0]
    assert "a module can be switched, by a form sent with PUT  yes" in capsys.readouterr().out


async def test_module_that_stays_switched_is_reported(deeply, sandbox, capsys, monkeypatch):
    async def switch_once(*arguments: Any) -> None:
        await set_module(*arguments)
        sandbox.faults.set("WJDH", "module", Fault(FaultKind.HTTP_500))

    monkeypatch.setattr("gateway.contact.check.set_module", switch_once)
    assert await deeply(lambda _prompt: "write 10002", pages=1, write="10002") == 1
    assert "is not as it was" in capsys.readouterr().err


async def test_both_checks_refuse_an_unusable_profile(environ, tmp_path):
    path = tmp_path / "profile.toml"
    path.write_text('[words.RepairStatus]\nOPPEN = ["待修"]\n', encoding="utf-8")
    settings = load_settings(environ | {"GATEWAY_PROFILE": str(path), "GATEWAY_COMMUNITIES": "10002"})
    for trial in (check(settings), check_deeply(settings, DeepOptions(pause=0))):
        with pytest.raises(SettingsError, match=r"GATEWAY_PROFILE: words\.RepairStatus\.OPPEN: .*did you mean OPEN\?"):
            await trial


async def test_deep_check_reports_what_breaks_a_reader(deeply, monkeypatch, capsys):
    monkeypatch.setattr(Wjdh, "read_page", lambda *_: 1 / 0)
    assert await deeply(pages=1) == 1
    assert "calls failed: INTERNAL (ZeroDivisionError)" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
async def test_progress_shows_on_a_terminal_alone(deeply, monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream)
    await deeply(pages=1)
    assert ("calls, WJDH order/list" in stream.getvalue()) is stream.isatty()


async def test_missing_keys_of_a_house_are_proposed(tmp_path):
    """What may be a missing field is not silenced."""
    surveyed, _ = await survey(["10002"], variant=NO_HOUSES)
    proposed = propose(surveyed)
    assert '\n# xq = ["string"]' in proposed
    assert not parse_profile(tomllib.loads(proposed)).seen["Residency"]
    assert make_report(surveyed).tables["problems"][0]["endpoint"] == "people"
    assert shares(surveyed)["Residency.*"] is None

    assert parse_profile(tomllib.loads(proposed)).keys["House"] == {"use": ("use_of_house",)}
    for field, documented, sent in (("communityCode", "xiaoqu", "xq"), ("building", "louhao", "lh")):
        line = f'# {field} = ["?"]  # {documented}, '
        assert line in proposed
        proposed = proposed.replace(line, f'{field} = ["{sent}"]  # ')
    path = tmp_path / "profile.toml"
    path.write_text(proposed.replace('# unit = ["?"]', 'unit = ["dy"]'), encoding="utf-8")

    surveyed, _ = await survey(["10002"], str(path), variant=NO_HOUSES)
    assert [shares(surveyed)[f"House.{field}"] for field in ("building", "unit", "use")] == [0, 0, 0]
    assert make_report(surveyed).tables["problems"] == []


async def test_type_that_no_reader_takes_is_not_silenced(environ, sandbox):
    row = {"id": 1, "possion": "东门", "description": 7, "status": 0, "phone": 1.5}
    send(sandbox, "WJDH", "repair/list", {"code": 0, "data": {"repairs": [row], "pages": {"total": 1}}})
    proposed = propose(await make_survey(load_settings(environ), DeepOptions(CODES[:1], pages=1, pause=0)))
    assert '\ndescription = ["integer"]\n' in proposed
    assert '\n# phone = ["number"]\n' in proposed


ABSENT = "该房屋不存在"
OUTAGES = (
    *("系统维护中，暂时没有数据", "数据库连接失败，未找到", "服务器开小差，没有返回"),
    *("网络故障，无结果", "not available: busy"),
)


async def test_wordings_of_outages_are_not_proposed(environ, sandbox):
    settings = load_settings(environ)
    for text in (*OUTAGES, ABSENT):
        send(sandbox, "SECURITY", "owner", {"code": 3, "msg": text, "data": ""})
        proposed = propose(await make_survey(settings, DeepOptions(CODES[:1], pages=1, pause=0)))
        assert (f'# wordings = ["{text}"]' in proposed) is (text == ABSENT)
        assert ("[not_found]" in proposed) is (text == ABSENT)


async def test_share_of_nulls_is_reported_by_field():
    surveyed, _ = await survey(["10002"], variant=STRANGE)
    nulls = shares(surveyed)
    assert make_report(surveyed).verdict.endswith("Lists that cannot be read: 1 of 3.")  # orders: page 2 alone
    assert nulls["Repair.location"] == 1
    assert nulls["Order.amount"] == 0
    assert 0 < nulls["Repair.reply"] < 1


ENGLISH = re.compile(r"(?!gateway)\b[a-z]{2,} (?!ms\b|per_page)[a-z]{2,}")


async def test_report_and_proposal_are_in_chinese(monkeypatch):
    surveyed, _ = await survey(["10002"], variant=STRANGE)
    english, data = propose(surveyed), to_json(make_report(surveyed))
    monkeypatch.setenv("LANGUAGE", "zh")
    report, chinese = make_report(surveyed), propose(surveyed)
    text, page = to_text(report), to_html(report)
    assert to_json(report) == data
    assert ENGLISH.findall(text) == ENGLISH.findall(chinese) == []
    assert text.startswith("须解决的问题：")
    assert '<html lang="zh-CN">' in page
    assert tomllib.loads(chinese) == tomllib.loads(english)


@pytest.fixture
async def platforms(sandbox: Sandbox) -> AsyncIterator[Platforms]:
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "0.5"})
    async with aclosing(make_platforms(settings, ENDPOINTS)) as opened:
        yield opened


@pytest.mark.parametrize("dialect", [Dialect.EXAMPLES])
@pytest.mark.parametrize(
    ("failing", "kind", "reached"),
    [
        ("modules-sync", FaultKind.HANG, (False, None, "UPSTREAM_TIMEOUT")),
        ("modules-sync", FaultKind.RESET, (False, None, "UPSTREAM_UNAVAILABLE")),
        ("modules-sync", FaultKind.GARBAGE, (True, None, "UPSTREAM_PROTOCOL")),
        ("modules-sync", FaultKind.TOO_MANY_REQUESTS, (True, None, "UPSTREAM_UNAVAILABLE")),
        ("modules-sync", FaultKind.EXPIRED_TOKEN, (True, False, "UPSTREAM_AUTH")),
        ("token", FaultKind.RESET, (None, False, "UPSTREAM_UNAVAILABLE")),
    ],
)
async def test_probe_reports_each_step(
    platforms: Platforms, sandbox: Sandbox, failing: str, kind: FaultKind, reached: tuple[object, ...]
) -> None:
    sandbox.faults.set("SECURITY", failing, Fault(kind))
    read = harmless_read(platforms.security, "modules-sync")
    tried = await probe(platforms.security, "modules-sync", read)
    assert (tried.reachable, tried.token, tried.answer) == reached


@pytest.mark.parametrize("dialect", [Dialect.EXAMPLES])
async def test_short_code_without_orders_may_lack_zeros(platforms: Platforms, monkeypatch: pytest.MonkeyPatch) -> None:
    async def empty(*_: object) -> Any:
        return Page(items=())

    monkeypatch.setitem(vars(ORDER_LIST), "read_page", empty)
    probes = [await each for each in probe_communities(platforms.wjdh, ["10002", "1"])]
    what = "order/list: community 1 has no orders: is it the account's, with all its leading zeros?"
    assert [each.problem for each in probes] == [None, what]
