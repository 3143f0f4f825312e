"""First contact as an operator meets it: how much is asked, what is proposed, in which language it is reported."""

import io
import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from platform_answers import send

from gateway.contact.check import ALL, DeepOptions, check_deeply, make_survey
from gateway.contact.profile import parse_profile
from gateway.contact.report import make_report, propose, to_html, to_json, to_text
from gateway.contact.survey import Survey
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.sandbox.variant import STRANGE, Variant
from gateway.settings import load_settings

CODES = ["10002", "10003", "00002", "00001"]
HOUSE = {"xiaoqu": "xq", "louhao": "lh", "danyuan": "dy", "people_house_use": "use_of_house"}


async def survey(variant: Variant, profile: str = "", **environ: str) -> Survey:
    async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED, variant=variant)) as sandbox:
        settings = load_settings(sandbox.settings() | {"GATEWAY_PROFILE": profile} | environ)
        return await make_survey(settings, DeepOptions(CODES[:1], pause=0))


def shares(surveyed: Survey) -> dict[str, Any]:
    return {f"{row['record']}.{row['field']}": row["nulls"] for row in make_report(surveyed).tables["null_today"]}


@contextmanager
def language(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("LANGUAGE", name)
        yield


@pytest.mark.parametrize(
    ("communities", "asked"),
    [((), ["10002", "00002", "10003"]), ((ALL,), CODES), (("10003",), ["10003"])],
)
async def test_three_communities_are_asked_unless_told(environ, sandbox, tmp_path, capsys, communities, asked):
    path = tmp_path / "report.json"
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": ",".join(CODES)})
    await check_deeply(settings, DeepOptions(communities, pages=2, pause=0, json=str(path)))
    estimate = re.match(
        r"(\d+) calls at most, for (\d) of 4 communities: some \d+ min at 0.3 s", capsys.readouterr().err
    )
    assert estimate is not None
    assert len(sandbox.calls) <= int(estimate[1])
    assert int(estimate[2]) == len(asked)
    assert json.loads(path.read_text(encoding="utf-8"))["communities"] == asked


async def test_missing_keys_of_a_house_are_proposed_where_a_profile_takes_them(tmp_path):
    proposed = propose(await survey(Variant(replaced=HOUSE)))
    assert parse_profile(tomllib.loads(proposed)).keys["House"] == {"use": ("use_of_house",)}
    for field, documented, sent in (("communityCode", "xiaoqu", "xq"), ("building", "louhao", "lh")):
        line = f'# {field} = ["?"]  # {documented}, '
        assert line in proposed
        proposed = proposed.replace(line, f'{field} = ["{sent}"]  # ')
    path = tmp_path / "profile.toml"
    path.write_text(proposed.replace('# unit = ["?"]', 'unit = ["dy"]'), encoding="utf-8")

    surveyed = await survey(Variant(replaced=HOUSE), str(path))
    assert [shares(surveyed)[f"House.{field}"] for field in ("building", "unit", "use")] == [0, 0, 0]
    assert make_report(surveyed).tables["problems"] == []


async def test_what_may_be_a_missing_field_is_not_silenced():
    surveyed = await survey(Variant(replaced=HOUSE))
    proposed = propose(surveyed)
    assert '\n# xq = ["string"]' in proposed
    assert not parse_profile(tomllib.loads(proposed)).seen["Residency"]
    assert make_report(surveyed).tables["problems"][0]["endpoint"] == "people"
    assert shares(surveyed)["Residency.*"] is None


async def test_type_that_no_reader_takes_is_not_silenced(environ, sandbox):
    row = {"id": 1, "possion": "东门", "description": 7, "status": 0, "phone": 1.5}
    send(sandbox, "WJDH", "repair/list", {"code": 0, "data": {"repairs": [row], "pages": {"total": 1}}})
    proposed = propose(await make_survey(load_settings(environ), DeepOptions(CODES[:1], pages=1, pause=0)))
    assert '\ndescription = ["integer"]\n' in proposed
    assert '\n# phone = ["number"]\n' in proposed


ABSENT = "该房屋不存在"
OUTAGES = (
    "系统维护中，暂时没有数据",
    "数据库连接失败，未找到",
    "服务器开小差，没有返回",
    "网络故障，无结果",
    "not available: busy",
)


async def test_wordings_of_outages_are_not_proposed_as_not_found(environ, sandbox):
    settings = load_settings(environ)
    for text in (*OUTAGES, ABSENT):
        send(sandbox, "SECURITY", "owner", {"code": 3, "msg": text, "data": ""})
        proposed = propose(await make_survey(settings, DeepOptions(CODES[:1], pages=1, pause=0)))
        assert (f'# wordings = ["{text}"]' in proposed) is (text == ABSENT)
        assert ("[not_found]" in proposed) is (text == ABSENT)


async def test_share_of_nulls_is_reported_by_field():
    surveyed = await survey(STRANGE)
    nulls = shares(surveyed)
    assert make_report(surveyed).verdict.endswith("Lists that cannot be read: 1 of 3.")  # orders: page 2 alone
    assert nulls["Repair.location"] == 1
    assert nulls["Order.amount"] == 0
    assert 0 < nulls["Repair.reply"] < 1


ENGLISH = re.compile(r"(?!gateway)\b[a-z]{2,} (?!ms\b|per_page)[a-z]{2,}")


async def test_report_and_proposal_are_in_chinese(monkeypatch):
    surveyed = await survey(STRANGE)
    english, data = propose(surveyed), to_json(make_report(surveyed))
    with language(monkeypatch, "zh"):
        report, chinese = make_report(surveyed), propose(surveyed)
        text, page = to_text(report), to_html(report)
        assert to_json(report) == data
    assert ENGLISH.findall(text) == ENGLISH.findall(chinese) == []
    assert text.startswith("须解决的问题：")
    assert '<html lang="zh-CN">' in page
    assert tomllib.loads(chinese) == tomllib.loads(english)


@pytest.mark.parametrize("name", ["en", "zh"])
async def test_unconfirmed_writes_are_refused_in_the_language(environ, monkeypatch, capsys, name):
    asked = io.StringIO()
    with language(monkeypatch, name):
        settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})
        await check_deeply(settings, DeepOptions(write="10002"), lambda prompt: str(asked.write(prompt)))
    assert ("居民可能察觉" in asked.getvalue()) is (name == "zh")
    assert ("未经确认" in capsys.readouterr().err) is (name == "zh")
    assert "'write 10002'" in asked.getvalue()
