"""From an unknown dialect to a clean dashboard with the deployment's profile alone, at the HTTP edge."""

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from listed import objects

from gateway.contact.check import DeepOptions, make_survey
from gateway.contact.report import propose
from gateway.normalise.vocabulary import CLOSED_LISTS, Switch
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import SandboxOptions
from gateway.sandbox.variant import STRANGE, Variant
from gateway.settings import load_settings

ISSUES = "dataIssues { field problem raw }"

DASHBOARD = f"""query ($code: ID!) {{ community(code: $code) {{
    modules {{ name label enabled {ISSUES} }}
    shenhes(first: 50) {{ totalCount nodes {{ type {ISSUES}
        content {{ people {{ politicalStatus {ISSUES} }} house {{ use ownership occupantType {ISSUES} }} }} }} }}
    repairs(first: 50) {{ totalCount nodes {{ location {ISSUES} }} }}
    orders(first: 50) {{ totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ remark {ISSUES} }} }} }} }}"""

ONE_PAGE = """
[lists."order/list"]
page_size = 10
pages = false
"""


@pytest.fixture
def variant() -> Variant:
    return STRANGE


@pytest.fixture
def sandbox_options(variant: Variant) -> SandboxOptions:
    return SandboxOptions(dialect=Dialect.DOCUMENTED, orders_per_page=10, variant=variant)


@pytest.fixture
def profiled(serve, environ, tmp_path: Path) -> Any:
    """`async with profiled(text) as gateway`"""

    def serve_with(text: str) -> Any:
        path = tmp_path / "profile.toml"
        path.write_text(text, encoding="utf-8")
        return serve(environ | {"GATEWAY_PROFILE": str(path)})

    return serve_with


async def test_rows_beyond_the_only_page_are_an_error_and_sums_incomplete(profiled):
    query = """query ($after: String) { community(code: "10002") { fees { count complete }
        orders(first: 10, after: $after) { pageInfo { endCursor } } } }"""
    async with profiled(ONE_PAGE) as gateway:
        found = (await gateway.ask(query)).data["community"]
        beyond = await gateway.ask(query, {"after": found["orders"]["pageInfo"]["endCursor"]})
    assert beyond.code == "UPSTREAM_PROTOCOL"
    assert beyond.partial["community"]["orders"] is None
    assert found["fees"] == {"count": 10, "complete": False}


@pytest.mark.parametrize("variant", [Variant(replaced={"没查找到": "查询错误"})])
async def test_not_found_wording_is_null(serve, environ, profiled):
    """`错误` speaks of an error, unless the profile says what this platform means by it."""
    query = '{ people(name: "王芳", phone: "19900099999") { id } }'
    async with serve(environ) as gateway:
        assert (await gateway.ask(query)).code == "UPSTREAM_REFUSED"
    async with profiled('[not_found]\nwordings = ["查询错误"]\n') as gateway:
        assert (await gateway.ask(query)).data == {"people": None}


MEANINGS = {
    "居住用房": "RESIDENTIAL",
    "个人所有": "PRIVATE",
    "普通居民": "MASSES",
    "绑定业主": {"ShenheType": "BIND_OWNER", "OccupantType": "OWNER"},
    "租客绑定": "TENANT",
    "家属绑定": "OTHER",
    "替换业主": "OWNER",
    "智慧停车": "CLOUD_PARKING",
    "智能门禁": "UNRECOGNIZED",
}
"""What an operator of the strange platforms says that their words mean."""


def filled_in(proposed: str) -> str:
    """The proposal with each `# ? = ["word"]` made a line of what the word means."""
    name, lines, words = "", [], {}
    for line in proposed.splitlines():
        if section := re.match(r"\[words\.(\w+)\]", line):
            name = section[1]
        elif word := re.match(r'# \? = \["(.+?)"\]', line):
            meaning = MEANINGS[word[1]]
            member = meaning if isinstance(meaning, str) else meaning[name]
            words.setdefault((name, member), []).append(word[1])
            continue
        lines.append(line)
    for (name, member), spelt in words.items():
        at = lines.index(f"[words.{name}]") + 1
        lines.insert(at, f"{member} = {json.dumps(spelt, ensure_ascii=False)}")
    return "\n".join(lines)


async def test_proposed_profile_makes_strange_dialect_clean(profiled, serve, environ, sandbox, tmp_path):
    """And a survey with it finds nothing new."""
    async with serve(environ) as gateway:
        answer = await gateway.ask(DASHBOARD, {"code": "10002"})
    community = answer.partial["community"]
    assert {issue["field"] for each in objects(community) for issue in each["dataIssues"]} >= {
        "use",
        "ownership",
        "type",
        "location",
        "name",
    }
    assert answer.code == "UPSTREAM_PROTOCOL"
    assert len(community["orders"]["nodes"]) == 10
    assert {repair["location"] for repair in community["repairs"]["nodes"]} == {None}

    options = DeepOptions(["10002", "00001"], pause=0)
    survey = await make_survey(load_settings(environ), options)
    sandbox.reset_calls()
    async with profiled(filled_in(propose(survey))) as gateway:
        community = (await gateway.ask(DASHBOARD, {"code": "10002"})).data["community"]

    assert [each["dataIssues"] for each in objects(community) if each["dataIssues"]] == []
    assert None not in [repair["location"] for repair in community["repairs"]["nodes"]]
    contents = [each["content"] for each in community["shenhes"]["nodes"]]
    assert {content["house"]["ownership"] for content in contents} <= {"PRIVATE", "PUBLIC"}
    assert "RESIDENTIAL" in {content["house"]["use"] for content in contents}
    assert "MASSES" in {content["people"]["politicalStatus"] for content in contents}
    orders = community["orders"]
    assert len(orders["nodes"]) == 10 < orders["totalCount"]
    assert orders["pageInfo"]["hasNextPage"]
    assert {order["remark"] for order in orders["nodes"]} != {None}
    assert ("UNRECOGNIZED", "智能门禁") in {(each["name"], each["label"]) for each in community["modules"]}
    assert sandbox.count("WJDH", "order/list") == 1

    profile = {"GATEWAY_PROFILE": str(tmp_path / "profile.toml")}
    again = propose(await make_survey(load_settings(environ | profile), options))
    assert "[words." not in again
    assert "[keys." not in again


PERSON = 'people(name: "王芳", phone: "19900000002") { sex residencies { members { role sex } } } }'


class Recoded(Variant):
    """`replaced`, which a test changes, has codes for words: texts, or numbers where `as_numbers` is true."""

    as_numbers: ClassVar[bool] = False

    def __call__(self, answer: bytes) -> bytes:
        answer = Variant.__call__(self, answer)
        for code in set(self.replaced.values()) if self.as_numbers else ():
            answer = answer.replace(f'"{code}"'.encode(), code[1:].encode())
            answer = answer.replace(f'\\"{code}\\"'.encode(), code[1:].encode())
        return answer.replace(b'"@', b'"')


@pytest.mark.parametrize("variant", [Recoded(replaced={})])
@pytest.mark.parametrize("name", [name for name, words in CLOSED_LISTS.items() if not isinstance(words, Switch)])
async def test_every_code_of_a_profile_is_read(profiled, variant, name):
    """As a value and as UNRECOGNIZED, as text and as number: every page comes."""
    words: Any = CLOSED_LISTS[name]
    *listed, unrecognized = words
    codes = [code for code in map(str, range(100)) if code not in words.by_wire][: len(listed)]
    variant.replaced.clear()
    variant.replaced.update({member.label: f"@{code}" for member, code in zip(listed, codes, strict=True)})
    for member in (listed[0], unrecognized):
        async with profiled(f"[words.{name}]\n{member.value} = {json.dumps(codes)}") as gateway:
            for Recoded.as_numbers in (False, True):
                answer = await gateway.ask(DASHBOARD[:-1] + PERSON, {"code": "10002"})
                assert "errors" not in answer.body, (member, answer.body)
