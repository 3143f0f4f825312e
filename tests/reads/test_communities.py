"""The communities of a caller: which, in which order, by which name, and what they cost."""

import pytest

from gateway.contact.profile import read_communities
from gateway.sandbox.faults import Fault, FaultKind
from gateway.settings import Settings, SettingsError

NAMED = "10002=晨曦家园,00001=晨熙家园,10003"

LISTS = "{ communities { code name } viewer { seesAllCommunities communityCodes communities { code name } } }"
WORK = "{ communities { code shenhes(first: 5) { nodes { id verification { findings { code } } } } } }"

OF = "community { code name }"
BELONGING = f"""query ($order: String!) {{
  shenhes(communityCode: "10002", first: 1) {{ nodes {{ {OF} }} }}
  repairs(communityCode: "10002", first: 1) {{ nodes {{ {OF} }} }}
  order(communityCode: "10002", number: $order) {{ {OF} notification {{ state }} }}
  modules(communityCode: "10002") {{ {OF} }}
  house(address: {{communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}}) {{ {OF} }} }}"""
NOTICE = {"communityCode": "10002", "title": "停水", "content": "停", "idempotencyKey": "a"}
HERE = {"code": "10002", "name": "晨曦家园"}

pytestmark = pytest.mark.settings(COMMUNITIES=NAMED)
nameless = pytest.mark.settings(COMMUNITIES="")


async def ask_lists(gateway, token=None):
    """What the root field and the viewer's say, which is the same."""
    data = (await gateway.ask(LISTS, token=token)).data
    assert data["communities"] == data["viewer"]["communities"]
    return data["communities"], data["viewer"]


async def test_caller_of_some_gets_them_in_the_order_of_the_token(gateway, sandbox, mint):
    listed, viewer = await ask_lists(gateway, mint(communities=["00002", "10002", "00001", "10002"]))
    names = {"00002": None, "10002": "晨曦家园", "00001": "晨熙家园"}
    assert listed == [{"code": code, "name": name} for code, name in names.items()]
    assert (viewer["seesAllCommunities"], viewer["communityCodes"]) == (False, [*names])
    assert sandbox.counts() == {}


async def test_caller_of_all_gets_those_of_the_setting(gateway, sandbox):
    listed, viewer = await ask_lists(gateway)
    assert [community["code"] for community in listed] == ["10002", "00001", "10003"]
    assert listed[2]["name"] is None
    assert (viewer["seesAllCommunities"], viewer["communityCodes"]) == (True, None)
    assert sandbox.counts() == {}
    left_out = await gateway.read('{ community(code: "00002") { name shenhes(first: 1) { totalCount } } }')
    assert left_out["name"] is None
    assert left_out["shenhes"]["totalCount"] > 0


@nameless
async def test_caller_of_all_gets_reported_ones_without_the_setting(gateway, sandbox):
    listed, _ = await ask_lists(gateway)
    assert listed == [{"code": code, "name": None} for code in ("00001", "00002", "00003", "10003")]
    assert sandbox.count("SECURITY", "modules-sync") == 1
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
async def test_one_document_is_weighed_for_each_caller(gateway, mint, many):
    """For a caller of all by the setting."""
    for codes, lists in (("*", many), (["10002"], 1), (["10002", "00001"], 2), ([], 0), (["10002"], 1)):
        answer = await gateway.ask(WORK, token=mint(communities=codes))
        assert answer.body["extensions"]["cost"]["requested"] == 1 + 12 * lists


async def test_records_have_their_community(gateway, sandbox):
    order = next(order for order in reversed(sandbox.world.orders_of["10002"]) if not order.is_paid)
    await sandbox.pay(order.number, gateway.url)
    payments = "{ payments(first: 1) { nodes { community { code name } } } }"
    assert await gateway.read(payments) == {"nodes": [{"community": None}]}  # not known until the order is read
    data = (await gateway.ask(BELONGING, {"order": order.number})).data
    written = await gateway.write("createAnnouncement", NOTICE, f"announcement {{ {OF} }} operation {{ {OF} }}")
    records = [*data["shenhes"]["nodes"], *data["repairs"]["nodes"], data["order"], *data["modules"], data["house"]]
    records += [*(await gateway.read(payments))["nodes"], *written.values()]
    assert [record["community"] for record in records] == [HERE] * 16

    number = sandbox.world.shenhes_of["10002"][0].id
    bare = await gateway.read(f'{{ shenhe(id: "{number}") {{ platformId community {{ code }} }} }}')
    assert bare == {"platformId": number, "community": None}


def test_communities_of_the_setting_are_read_in_order(tmp_path):
    path = tmp_path / "communities.txt"
    path.write_text("\ufeff# 小区\n10002=晨曦家园\n\n00001\n", encoding="utf-8")
    for text, names in (
        (" 10002 = 晨曦家园 , 00001,10003=A B ", {"10002": "晨曦家园", "00001": None, "10003": "A B"}),
        *(("10002", {"10002": None}), ("", {}), (str(path), {"10002": "晨曦家园", "00001": None})),
    ):
        assert [*read_communities(Settings(communities=text)).items()] == [*names.items()]


BAD_NAME = "a name has 1 to 64 printable characters, none of them = or a comma"
BAD_CODE = "the code must have 1 to 32 letters or digits."


def test_every_mistake_of_the_communities_is_reported(tmp_path):
    path = tmp_path / "communities.txt"
    mistakes = (f"entry 1: {BAD_CODE}", f"entry 2: {BAD_NAME}", f"entry 3: {BAD_NAME}", "entry 5: repeats a code")
    for text, content, says in (
        ("10-2=甲,00001=,10003=乙=丙,00002,00002=丁", b"", mistakes),
        (f"{path}-none", b"", ("cannot be read: No such file",)),
        (str(path), b"\xff", ("must be UTF-8",)),
        (str(path), "10002=晨曦家园\n\n晨熙家园\n".encode(), (f"line 3: {BAD_CODE}",)),
    ):
        path.write_bytes(content)
        with pytest.raises(SettingsError) as refused:
            read_communities(Settings(communities=text))
        assert len(refused.value.args) == len(says)
        for mistake, said in zip(refused.value.args, says, strict=True):
            assert mistake.startswith("GATEWAY_COMMUNITIES: ")
            assert said in mistake
