"""Each documented call of wjdh answers as documented: chapters 1.2, 2.1, 3.2, 4 and 5."""

import json

import pytest

from gateway.sandbox.dialects.dialect import Dialect

EVERY_DIALECT = pytest.mark.parametrize("dialect", list(Dialect))

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


async def test_wrong_secret_is_refused_without_token_expired(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        assert await client.wjdh("secret", secret_id="sandbox-secret-id", secret_key="123456") == {
            "code": "1",
            "msg": "没有找到该密钥对儿对应的用户，请联系万家灯火平台的数据库负责人",
            "message": "告诉负责人，是security_platform_managers表里没有查找到",
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


@pytest.mark.parametrize("bearer", ["", "Bear wjdh.sandbox.1", "Bearer  wjdh.sandbox.1", "Bearer made-up"])
async def test_token_requires_bearer_and_one_space(client, bearer):
    client.bearer = bearer
    assert (await client.wjdh("modules", xiaoqu="00001"))["code"] == "9"


@EVERY_DIALECT
async def test_reads_of_unknown_community_are_refused(start, dialect):
    async with start(dialect=dialect) as client:
        for name, field in (("shenheList", "community_identifier"), ("modules", "xiaoqu"), ("repair/list", "xiaoqu")):
            answer = await client.wjdh(name, **{field: "1"})
            assert (int(answer["code"]), int(answer["token_expired"])) == (1, 1)
            assert answer["msg"] == GENERIC_ERROR
            assert answer["message"] == f"没有根据{field}查找到小区，请核实社区的唯一标识是否有误"


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


async def test_review_list_has_pages_and_filters(start):
    async with start(dialect=Dialect.DOCUMENTED) as client:
        everything = await client.wjdh("shenheList", community_identifier="10002", per_page="100")
        second = await client.wjdh("shenheList", community_identifier="10002", per_page="7", page="2")
        waiting = await client.wjdh("shenheList", community_identifier="10002", status="2", per_page="100")
        tenants = await client.wjdh("shenheList", community_identifier="10002", type="租客绑定", per_page="100")
        default = await client.wjdh("shenheList", community_identifier="10002")
    rows = everything["data"]
    assert {row["shenhe_status"] for row in rows} == {0, 1, 2}  # without a status: all
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert second["data"] == rows[7:14]
    assert second["meta"] == {
        "current_page": 2,
        "from": 8,
        "last_page": 5,
        "path": "http://laravel7.test/api/v1/wjdh/shenheList",
        "per_page": 7,
        "to": 14,
        "total": 30,
    }
    assert second["links"]["prev"].endswith("?page=1")
    assert second["links"]["next"].endswith("?page=3")
    assert waiting["data"] == [row for row in rows if row["shenhe_status"] == 2]
    assert tenants["data"] == [row for row in rows if row["shenhe_type"] == "租客绑定"]
    assert len(default["data"]) == 20


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


async def test_decision_is_stored_and_echoes_the_old_row(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        echo = await client.wjdh("shenhe/update", id="1", status="1", content='{"people":{}}')
        read_back = await client.wjdh("shenhe", id="1")
        listed = await client.wjdh("shenheList", community_identifier="10002", per_page="1")
    assert echo["msg"] == "成功查询到该条审核数据"
    assert echo["data"]["shenhe_status"] == 2
    assert read_back["data"]["shenhe_status"] == 1
    assert listed["data"][0]["shenhe_status"] == "审核通过"
    assert listed["data"][0]["shenhe_content"] == '{"people":{}}'


@pytest.mark.parametrize(("keeps", "reason"), [(True, "照片不清晰"), (False, None)])
async def test_refusal_reason_is_stored_by_option(start, keeps, reason):
    async with start(dialect=Dialect.DOCUMENTED, keeps_refusal_reason=keeps) as client:
        answer = await client.wjdh("shenhe/update", id="1", status="0", shenhe_refuse_reason="照片不清晰")
    assert answer["data"]["shenhe_status"] == 0
    assert answer["data"]["shenhe_refuse_reason"] == reason


async def test_decision_without_a_valid_status_is_refused(client):
    assert (await client.wjdh("shenhe/update", id="1"))["code"] == "1"
    assert (await client.wjdh("shenhe/update", id="1", status="3"))["code"] == "1"
    assert client.sandbox.effects.count("shenhe/update") == 0


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


async def test_order_page_size_is_an_option(start):
    async with start(orders_per_page=50) as client:
        assert len((await client.wjdh("order/list", xiaoqu="10002"))["data"]) == 50


async def test_documented_orders_have_booleans_and_objects(start):
    async with start(dialect=Dialect.DOCUMENTED) as client:
        answer = await client.wjdh("order/list", xiaoqu="10002", title="测试费2")
    newer, older = answer["data"]
    assert answer["code"] == 0
    assert (newer["paied"], newer["amount"], newer["status"]) == (False, 0.01, "进行中")
    assert newer["extra"] == {"单价": "100元/平方", "最低缴费比例": "70%"}
    assert older["extra"] is None


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ({"louhao": "1"}, lambda row: (row["house"] or "").startswith("晨曦家园1栋")),
        ({"louhao": "1", "danyuan": "1"}, lambda row: (row["house"] or "").startswith("晨曦家园1栋1单元")),
        (
            {"louhao": "1", "danyuan": "1", "louceng": "2"},
            lambda row: (row["house"] or "").startswith("晨曦家园1栋1单元2楼"),
        ),
        (
            {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101"},
            lambda row: row["house"] == "晨曦家园1栋1单元1楼101号",
        ),
        ({"title": "水费"}, lambda row: row["title"] == "水费"),
        ({"status": "0"}, lambda row: row["status"] == "已关闭"),
        ({"status": "1"}, lambda row: row["status"] == "进行中"),
        ({"paied": "1"}, lambda row: row["paied"] == "已付款"),
        ({"paied": "0", "title": "物业费"}, lambda row: row["paied"] == "未付款" and row["title"] == "物业费"),
        ({"title": ""}, lambda row: True),
    ],
)
async def test_orders_are_filtered_as_asked(start, filters, matches):
    async with start(dialect=Dialect.EXAMPLES, orders_per_page=100) as client:
        everything = (await client.wjdh("order/list", xiaoqu="10002"))["data"]
        found = (await client.wjdh("order/list", xiaoqu="10002", **filters))["data"]
    assert found == [row for row in everything if matches(row)]
    assert found


@pytest.mark.parametrize("room", [{}, {"fangjian": "101"}])
async def test_floor_below_ground_is_its_own_floor(start, room):
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.wjdh("order/list", xiaoqu="10002", louhao="1", danyuan="1", louceng="-1", **room)
    assert (answer["code"], answer["data"]) == (0, [])


@pytest.mark.parametrize("field", ["name", "phone", "idcard"])
async def test_orders_are_found_by_their_payer(start, field):
    async with start(orders_per_page=100) as client:
        payer = client.sandbox.world.orders_of["00001"][0].payer
        wanted = {"name": payer.name, "phone": payer.phone, "idcard": payer.id_card}[field]
        found = (await client.wjdh("order/list", xiaoqu="00001", **{field: wanted}))["data"]
        expected = [row.id for row in reversed(client.sandbox.world.orders_of["00001"]) if row.payer == payer]
    assert [row["id"] for row in found] == expected


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


async def test_payer_lookup_answers_as_documented(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        residents = list(client.sandbox.world.residents.values())
        active = next(resident.person for resident in residents[5:] if resident.uses_mini_program)
        passive = next(resident.person for resident in residents if not resident.uses_mini_program)

        async def order(kind: str, **identifier: str) -> tuple[int, str]:
            answer = await client.wjdh("order/new", **new_order(kind, identifier))
            return answer["code"], answer["msg"]

        assert await order("phone", phone=active.phone) == (0, "订单创建成功")
        assert await order("phone", phone=active.phone, name=active.name) == (0, "订单创建成功")
        assert await order("idcard", idcard=active.id_card) == (0, "订单创建成功")
        assert await order("car_number", number="GK12001") == (0, "订单创建成功")
        assert await order("parking_number", number="A012") == (0, "订单创建成功")
        assert await order("phone", phone="19900099999") == (2, "查无此人")
        assert await order("phone", phone=active.phone, name="无名") == (2, "查无此人")
        assert await order("idcard", idcard="999302190001010000") == (2, "查无此人")
        assert await order("car_number", number="GK99999") == (2, "查无此车")
        assert await order("phone", phone=passive.phone, name=passive.name) == (3, "用户未注册")
        assert await order("idcard", idcard=passive.id_card) == (3, "用户未注册")
        assert client.sandbox.effects.count("order/new") == 5


@pytest.mark.parametrize(
    "change",
    [
        {"xiaoqu": "1"},
        {"type": "wechat"},
        {"identifier": "not json"},
        {"identifier": "{}"},
        {"title": ""},
        {"amount": "free"},
        {"amount": "-1"},
        {"amount": "NaN"},
        {"extra": "{'a':1}"},
    ],
)
async def test_order_with_a_wrong_field_is_code_1(start, change):
    house = {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101"}
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.wjdh("order/new", **{**new_order("house", house), **change})
        assert answer["code"] == 1
        assert client.sandbox.effects.count("order/new") == 0


async def test_modules_are_listed_and_switched_by_name(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        before = await client.wjdh("modules", xiaoqu="00001")
        answer = await client.wjdh("module", xiaoqu="00001", module_name="绑定房屋", module_status="0")
        after = await client.wjdh("modules", xiaoqu="00001")
        unknown = await client.wjdh("module", xiaoqu="00001", module_name="无此模块", module_status="0")
        worded = await client.wjdh("module", xiaoqu="00001", module_name="绑定房屋", module_status="true")
    assert before["data"][0] == {
        "id": 10,
        "community_identifier": "00001",
        "module_name": "绑定房屋",
        "module_status": 1,
    }
    assert len(before["data"]) == 9
    assert answer == {
        "code": 0,
        "token_expired": 1,
        "msg": "模块状态更新成功",
        "message": "message编码SecurityPlatformController491",
    }
    assert after["data"][0]["module_status"] == 0
    assert after["data"][1:] == before["data"][1:]
    assert unknown["code"] == worded["code"] == 1


@pytest.mark.parametrize(("dialect", "size"), [(Dialect.DOCUMENTED, 20), (Dialect.EXAMPLES, 15)])
async def test_repair_list_defaults_to_open_ones(start, dialect, size):
    async with start(dialect=dialect) as client:
        default = await client.wjdh("repair/list", xiaoqu="10002")
        unresolved = await client.wjdh("repair/list", xiaoqu="10002", status="0", per_page="100")
        resolved = await client.wjdh("repair/list", xiaoqu="10002", status="1", per_page="5", page="2")
    assert default["data"]["pages"]["per_page"] == size
    assert default["data"]["repairs"] == unresolved["data"]["repairs"][:size]
    assert {row["status"] for row in unresolved["data"]["repairs"]} == {0}
    assert {row["status"] for row in resolved["data"]["repairs"]} == {1}
    assert (resolved["data"]["pages"]["from"], resolved["data"]["pages"]["to"]) == (6, 10)


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


async def test_updated_repair_retains_an_omitted_reply(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.wjdh("repair/update", id="1", status="1", reply="已修复")
        await client.wjdh("repair/update", id="1", status="0", reply="")
        read_back = (await client.wjdh("repair", id="1"))["data"]
        listed = (await client.wjdh("repair/list", xiaoqu="10002"))["data"]["repairs"][0]
        without_status = await client.wjdh("repair/update", id="1", reply="已修复")
    assert answer == {"code": 0, "token_expired": 1, "msg": "修改成功", "message": "message编码Repairs123"}
    assert (read_back["status"], read_back["reply"]) == (0, "已修复")
    assert listed["reply"] == "已修复"
    assert without_status["code"] == 1


async def test_unknown_repair_is_refused_or_null(start, client):
    async with start(dialect=Dialect.EXAMPLES) as other:
        assert (await other.wjdh("repair", id="99999"))["code"] == 1
    answer = await client.wjdh("repair", id="99999")
    assert (int(answer["code"]), answer["data"]) == (0, None)


async def test_repair_of_a_foreign_community_is_refused(client):
    foreign = client.sandbox.world.repairs_of["00003"][0].id
    for name, form in (("repair", {}), ("repair/update", {"status": "1"})):
        answer = await client.wjdh(name, id=str(foreign), **form)
        assert (int(answer["code"]), answer["msg"]) == (1, NOT_AUTHORISED)
    assert client.sandbox.effects.all() == []


async def test_announcement_gets_a_number(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        form = {"xiaoqu": "00001", "title": "停水通知", "content": "明日9时\n至11时停水"}
        first = await client.wjdh("announcement/new", **form)
        second = await client.wjdh("announcement/new", **form)
        untitled = await client.wjdh("announcement/new", **{**form, "title": ""})
    assert first == {
        "code": 0,
        "token_expired": 1,
        "msg": "公告发布成功",
        "data": 4,
        "message": "message编码Announcements75",
    }
    assert second["data"] == 5
    assert untitled["code"] == 1
