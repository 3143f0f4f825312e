"""The communities of a caller: which, in which order, by which name, and what they cost."""

import pytest

from gateway.contact.profile import read_communities
from gateway.sandbox.faults import Fault, FaultKind
from gateway.settings import Settings, SettingsError

NAMED = "10002=晨曦家园,00001=晨熙家园,10003"

LISTS = """
{
  communities { code name }
  viewer { seesAllCommunities communityCodes communities { code name } }
}
"""
WORK = "{ communities { code shenhes(first: 5) { nodes { id verification { findings { code } } } } } }"

BELONGING = """
query ($order: String!) {
  shenhes(communityCode: "10002", first: 1) { nodes { id community { code name } } }
  repairs(communityCode: "10002", first: 1) { nodes { id community { code name } } }
  order(communityCode: "10002", number: $order) { id community { code name } }
  modules(communityCode: "10002") { id community { code name } }
  house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) { community { code name } }
}
"""
HERE = {"code": "10002", "name": "晨曦家园"}


pytestmark = pytest.mark.settings(COMMUNITIES=NAMED)


nameless = pytest.mark.settings(COMMUNITIES="")


async def ask_lists(gateway, token=None):
    """What the root field and the viewer's say, which is the same."""
    data = (await gateway.ask(LISTS, token=token)).data
    assert data["communities"] == data["viewer"]["communities"]
    return data["communities"], data["viewer"]


def requested(answer):
    return answer.body["extensions"]["cost"]["requested"]


async def test_caller_of_some_gets_them_in_the_order_of_the_token(gateway, sandbox, mint):
    listed, viewer = await ask_lists(gateway, mint(communities=["00002", "10002", "00001", "10002"]))
    assert listed == [
        {"code": "00002", "name": None},
        {"code": "10002", "name": "晨曦家园"},
        {"code": "00001", "name": "晨熙家园"},
    ]
    assert viewer["seesAllCommunities"] is False
    assert viewer["communityCodes"] == ["00002", "10002", "00001"]
    assert sandbox.counts() == {}


async def test_caller_of_all_gets_those_of_the_setting(gateway, sandbox):
    listed, viewer = await ask_lists(gateway)
    assert [community["code"] for community in listed] == ["10002", "00001", "10003"]
    assert listed[2]["name"] is None
    assert (viewer["seesAllCommunities"], viewer["communityCodes"]) == (True, None)
    assert sandbox.counts() == {}


@nameless
async def test_caller_of_all_gets_reported_ones_without_the_setting(gateway, sandbox):
    listed, _ = await ask_lists(gateway)
    assert listed == [{"code": code, "name": None} for code in ("00001", "00002", "00003", "10003")]
    assert sandbox.count("SECURITY", "modules-sync") == 1


async def test_caller_of_all_sees_what_the_setting_leaves_out(gateway):
    answer = await gateway.ask('{ community(code: "00002") { code name shenhes(first: 1) { totalCount } } }')
    assert answer.data["community"]["name"] is None
    assert answer.data["community"]["shenhes"]["totalCount"] > 0


@nameless
async def test_failing_security_platform_is_an_error(gateway, sandbox):
    sandbox.faults.set("SECURITY", "modules-sync", Fault(FaultKind.RESET))
    answer = await gateway.ask("{ viewer { subject communities { code } } }")
    assert answer.partial["viewer"]["communities"] is None
    assert answer.error["extensions"]["endpoint"] == "modules-sync"


@pytest.mark.settings(CACHE="all=0,modules=60")
async def test_order_of_the_token_does_not_split_shared_reads(gateway, sandbox, mint):
    for codes in (["10002", "00001"], ["00001", "10002"]):
        await gateway.ask('{ modules(communityCode: "10002") { name } }', token=mint(communities=codes))
    assert sandbox.count("WJDH", "modules") == 1


@pytest.mark.parametrize("many", [3, pytest.param(50, marks=nameless)])
async def test_cost_goes_by_the_setting_for_a_caller_of_all(gateway, many):
    assert requested(await gateway.ask(WORK)) == 1 + many * 12


async def test_one_document_is_weighed_for_each_caller(gateway, mint):
    for codes in (["10002"], ["10002", "00001"], [], ["10002"]):
        assert requested(await gateway.ask(WORK, token=mint(communities=codes))) == 1 + 12 * len(codes)


async def test_records_have_their_community(gateway, sandbox):
    data = (await gateway.ask(BELONGING, {"order": sandbox.world.orders_of["10002"][-1].number})).data
    records = [*data["shenhes"]["nodes"], *data["repairs"]["nodes"], data["order"], *data["modules"], data["house"]]
    assert len(records) == 13
    assert [record["community"] for record in records] == [HERE] * 13


async def test_community_is_null_by_the_bare_number(gateway, sandbox):
    review = sandbox.world.shenhes_of["10002"][0]
    answer = await gateway.ask(
        "query ($id: ID!) { shenhe(id: $id) { platformId community { code } } }", {"id": review.id}
    )
    assert answer.data == {"shenhe": {"platformId": review.id, "community": None}}


async def test_what_was_written_has_its_community(gateway):
    publish = """
    mutation { createAnnouncement(input: {communityCode: "10002", title: "停水", content: "停", idempotencyKey: "a"}) {
      announcement { community { code name } } operation { community { code name } } } }
    """
    payload = (await gateway.ask(publish)).data["createAnnouncement"]
    assert payload == {"announcement": {"community": HERE}, "operation": {"community": HERE}}


async def test_payment_has_its_community_once_it_is_known(gateway, sandbox):
    order = next(order for order in reversed(sandbox.world.orders_of["10002"]) if not order.is_paid)
    await sandbox.pay(order.number, gateway.url)
    query = "{ payments(first: 1) { nodes { community { code name } } } }"
    before = (await gateway.ask(query)).data["payments"]["nodes"]
    shown = 'query ($number: String!) { order(communityCode: "10002", number: $number) { notification { state } } }'
    await gateway.ask(shown, {"number": order.number})
    after = (await gateway.ask(query)).data["payments"]["nodes"]
    assert (before, after) == ([{"community": None}], [{"community": HERE}])


class TestSetting:
    def test_names_are_read_in_order(self, tmp_path):
        path = tmp_path / "communities.txt"
        path.write_text("\ufeff# 小区\n10002=晨曦家园\n\n00001\n", encoding="utf-8")
        for text, names in (
            (" 10002 = 晨曦家园 , 00001,10003=A B ", {"10002": "晨曦家园", "00001": None, "10003": "A B"}),
            *(("10002", {"10002": None}), ("", {}), (str(path), {"10002": "晨曦家园", "00001": None})),
        ):
            assert [*read_communities(Settings(communities=text)).items()] == [*names.items()]

    def test_every_mistake_is_reported(self):
        with pytest.raises(SettingsError) as refused:
            read_communities(Settings(communities="10-2=甲,00001=,10003=乙=丙,00002,00002=丁"))
        assert refused.value.args == (
            "GATEWAY_COMMUNITIES: entry 1: the code must have 1 to 32 letters or digits.",
            "GATEWAY_COMMUNITIES: entry 2: a name has 1 to 64 printable characters, none of them = or a comma",
            "GATEWAY_COMMUNITIES: entry 3: a name has 1 to 64 printable characters, none of them = or a comma",
            "GATEWAY_COMMUNITIES: entry 5: repeats a code",
        )

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (None, "cannot be read: No such file"),
            (b"\xff", "must be UTF-8"),
            ("10002=晨曦家园\n\n晨熙家园\n".encode(), "line 3: the code must have"),
        ],
    )
    def test_unusable_file_is_refused(self, tmp_path, content, says):
        path = tmp_path / "communities.txt"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SettingsError, match=says):
            read_communities(Settings(communities=str(path)))
