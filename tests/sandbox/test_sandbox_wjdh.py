"""Each documented call of wjdh answers as documented: chapters 1.2, 2.1, 3.2, 4 and 5."""

import json

import pytest

from gateway.sandbox.dialects.dialect import Dialect

GENERIC_ERROR = "服务器开小差，请重试"
NOT_AUTHORISED = "您没有权限管理该小区，请核对授权信息"


async def test_secret_gives_a_bearer_token_for_an_hour(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.wjdh("secret", secret_id="sandbox-secret-id", secret_key="sandbox-secret-key")
    token = answer.pop("access_token")
    assert token
    assert answer == {
        "code": "0",
        "token_expired": "1",
        "msg": "获取到了token值",
        "token_type": "Bearer",
        "expires_in": 3600,
    }


@pytest.mark.parametrize(
    ("dialect", "code", "token_expired"), [("documented", 9, 0), ("examples", "9", "0"), ("mixed", "9", "0")]
)
async def test_dead_token_is_code_9(start, dialect, code, token_expired):
    async with start(dialect=Dialect(dialect)) as client:
        client.sandbox.expire_tokens()
        assert await client.wjdh("modules", xiaoqu="00001") == {
            "code": code,
            "token_expired": token_expired,
            "msg": "请重新建立智慧平台鉴权连接",
            "message": "token值因各种原因而失效，请重新调用接口获取token",
        }


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


async def test_orders_come_newest_first_15_a_page(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        first = await client.wjdh("order/list", xiaoqu="10002", per_page="50")
        last = await client.wjdh("order/list", xiaoqu="10002", page="4")
        beyond = await client.wjdh("order/list", xiaoqu="10002", page="5")
    ids = [row["id"] for row in first["data"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 15
    assert first["pages"] == {
        "current_page": 1,
        "first_page_url": "https://tc.mg.cool/api/v1/orders/list?page=1",
        "from": 1,
        "last_page": 4,
        "last_page_url": "https://tc.mg.cool/api/v1/orders/list?page=4",
        "next_page_url": "https://tc.mg.cool/api/v1/orders/list?page=2",
        "path": "https://tc.mg.cool/api/v1/orders/list",
        "per_page": 15,
        "prev_page_url": None,
        "to": 15,
        "total": 60,
    }
    assert last["data"][-2:] == [
        {
            "id": 4,
            "paied": "未付款",
            "shop_number": None,
            "number": "20201213104759976889",
            "title": "测试费2",
            "amount": "0.01元",
            "house": "晨曦家园1栋1单元1楼101号",
            "status": "进行中",
            "remark": "2020全年缴费",
            "extra": "{'单价':'100元/平方','最低缴费比例':'70%'}",
        },
        {
            "id": 3,
            "paied": "未付款",
            "shop_number": None,
            "number": "20201213104757994399",
            "title": "测试费2",
            "amount": "0.01元",
            "house": "晨曦家园1栋1单元1楼101号",
            "status": "进行中",
            "remark": None,
            "extra": None,
        },
    ]
    assert (beyond["code"], beyond["data"], beyond["pages"]) == (0, [], None)


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


def new_order(kind: str, identifier: dict[str, str], **form: str) -> dict[str, str]:
    return {
        "xiaoqu": "10002",
        "type": kind,
        "identifier": json.dumps(identifier),
        "title": "垃圾费",
        "amount": "12.30",
        **form,
    }


async def test_new_order_is_the_newest_of_the_list(start):
    house = {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101"}
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.wjdh(
            "order/new", **new_order("house", house, remark="一次", extra='{"每平米价格":"10","户":1}')
        )
        newest = (await client.wjdh("order/list", xiaoqu="10002"))["data"][0]
    number = answer.pop("data")
    assert answer == {"code": 0, "token_expired": 1, "msg": "订单创建成功", "message": "返回订单号"}
    assert len(number) == 20
    assert newest == {
        "id": newest["id"],
        "paied": "未付款",
        "shop_number": None,
        "number": number,
        "title": "垃圾费",
        "amount": "12.30元",
        "house": "晨曦家园1栋1单元1楼101号",
        "status": "进行中",
        "remark": "一次",
        "extra": "{'每平米价格':'10','户':1}",
    }


async def test_documented_repairs_exist(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        listed = await client.wjdh("repair/list", xiaoqu="10002")
        single = await client.wjdh("repair", id="1")
    row = {
        "id": 1,
        "possion": "2位置位置位置位置",
        "description": "2描述描述描述",
        "status": 0,
        "reply": None,
        "name": "李明",
        "phone": "19900000003",
    }
    assert listed["data"]["repairs"][0] == row
    assert "message" not in listed
    assert single == {
        "code": 0,
        "token_expired": 1,
        "msg": "成功获取报修记录",
        "data": {**row, "date": "2020年12月18日12:30:13"},
        "message": "message编码Repairs121",
    }
