"""Each documented call of wjdh answers as documented: chapters 1.2, 2.1, 3.2, 4 and 5."""

import json

import pytest

from gateway.sandbox.dialects.dialect import Dialect

GENERIC_ERROR = "服务器开小差，请重试"
NOT_AUTHORISED = "您没有权限管理该小区，请核对授权信息"


async def test_foreign_community_is_refused(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        foreign = client.sandbox.world.shenhes_of["00003"][0].id
        listed = await client.wjdh("shenheList", community_identifier="00003")
        single = await client.wjdh("shenhe", id=str(foreign))
    assert listed == {
        "code": "1",
        "token_expired": "1",
        "msg": NOT_AUTHORISED,
        "message": "该小区没有授权给该安防平台管理员权限，请联系万家灯火平台管理员（message编码Se104）",
    }
    assert single == {**listed, "message": listed["message"].replace("Se104", "Se160")}


async def test_example_review_list_has_no_code(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.wjdh("shenheList", community_identifier="10002", per_page="2")
    first, second = answer["data"]
    assert set(answer) == {"data", "links", "meta"}
    assert answer["meta"]["per_page"] == "2"
    assert (first["id"], second["shenhe_id"]) == (1, 2)
    assert first["shenhe_status"] == "等待审核"
    assert first["shenhe_house_introduction"] == "晨曦家园1栋1单元1楼101号"
    assert first["created_at"] == "2020年11月18日11:01:46"
    content = json.loads(first["shenhe_content"])
    assert content["people"]["people_name"] == "李明"
    assert (content["people"]["people_sex"], content["people"]["people_birth"]) == (2, 723052800)
    assert (content["house"]["community_identifier"], content["house"]["people_house_role"]) == ("1", 1)


async def test_single_review_has_content_or_a_placeholder(start):
    async with start(dialect=Dialect.DOCUMENTED) as client:
        documented = await client.wjdh("shenhe", id="1")
    async with start(dialect=Dialect.EXAMPLES) as client:
        example = await client.wjdh("shenhe", id="1")
        missing = await client.wjdh("shenhe")
        unknown = await client.wjdh("shenhe", id="99999")
    assert documented["code"] == 0
    assert json.loads(documented["data"]["shenhe_content"])["house"]["community_identifier"] == "10002"
    assert example == {
        "code": "0",
        "token_expired": "1",
        "data": {
            "id": 1,
            "shenhe_type": "业主绑定",
            "shenhe_content": "见前言",
            "shenhe_status": 2,
            "shenhe_house_introduction": "晨曦家园1栋1单元1楼101号",
            "shenhe_action_introduction": "业主正在申请：业主绑定",
            "shenhe_refuse_reason": None,
            "created_at": "2020年11月18日11:01:46",
            "updated_at": "2020年11月18日11:01:46",
        },
        "msg": "成功查询到该条审核数据",
        "message": "成功查询到该条审核数据",
    }
    assert missing == {"code": "1", "token_expired": "1", "msg": GENERIC_ERROR, "message": "必须传递shenhe表的id值"}
    assert unknown["code"] == "1"


@pytest.mark.parametrize(
    "form",
    [{"xiaoqu": "1"}, {"xiaoqu": "00003"}, {"xiaoqu": "10002", "danyuan": "1"}, {"xiaoqu": "10002", "fangjian": "101"}],
)
async def test_order_list_error_claims_success_with_code_1(start, form):
    async with start(dialect=Dialect.EXAMPLES) as client:
        assert await client.wjdh("order/list", **form) == {
            "code": 1,
            "token_expired": 1,
            "msg": "获取订单列表成功",
            "message": "获取订单列表成功",
            "data": [],
            "pages": None,
        }
