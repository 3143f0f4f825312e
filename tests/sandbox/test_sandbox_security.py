"""Each documented call of the security platform answers as documented: chapters 1.1, 2.2 and 3.1."""

import json

from gateway.sandbox.dialects.dialect import Dialect

HOUSE_201 = {
    "community_identifier": "10002",
    "building_number": "1",
    "unit_number": "1",
    "floor_number": "2",
    "house_number": "201",
}


async def test_token_call_answers_in_each_dialect(start):
    keys = {"key_k": "sandbox-key-k", "key_d": "sandbox-key-d"}
    async with start(dialect=Dialect.EXAMPLES) as client:
        example = await client.security("token", **keys)
        failure = await client.security("token", key_k="sandbox-key-k", key_d="wrong")
    async with start(dialect=Dialect.MIXED) as client:
        mixed = await client.security("token", **keys)
    assert example == {"code": "0", "msg": "token获取成功", "token": example["token"]}
    assert failure == {"code": "1", "msg": "token获取失败"}
    assert set(mixed) == {"token"}  # code and msg are optional (quirk 25)


async def test_person_is_found_by_name_and_phone_together(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.security("people", name="王芳", phone="19900000002")
        other_phone = await client.security("people", name="王芳", phone="19900000001")
        no_phone = await client.security("people", name="王芳")
    person = answer["data"]
    houses = person.pop("houses")
    assert answer["code"] == "0"
    assert person == {
        "people_name": "王芳",
        "people_sex": "男",
        "people_nation": "汉族",
        "people_birth": "723052800",
        "people_address": "河北省秦皇岛市海港区秦皇小区98-3-4",
        "people_idcard": "999302199211302226",
        "people_phone": "19900000002",
        "people_photo": "https://tc.mg.cool/uploads/test.png",
        "people_zhengzhimianmao": "群众",
        "people_tuiyijunren": "0",
        "people_dibao": "0",
        "people_shangfang": "0",
        "job_name": "WEB工程师",
        "company_name": "万家灯火科技（河北）有限责任公司",
    }
    assert [(house["fangjian"], house["people_house_role"]) for house in houses] == [("101", "业主"), ("102", "业主")]
    assert [member["member_name"] for house in houses for member in house["members"]] == [
        "王建国",
        "王芳",
        "张三",
        "王丽",
    ]
    assert houses[0]["members"][0]["member_birth"] == "19870504"
    assert (other_phone["code"], other_phone["data"]) == ("2", None)
    assert no_phone["code"] == "1"


async def test_owner_has_a_phone_and_no_name(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.security("owner", **HOUSE_201)
    assert answer["code"] == 0
    assert answer["data"] == {
        "people_phone": "19900000001",
        "people_house_use": "住宅",
        "people_house_xingzhi": "私有",
        "people_house_status": "自用",
        "people_house_role": "业主",
        "people_house_type": "业主",
    }


async def test_production_states_lack_one_community(start):
    async with start(dialect=Dialect.EXAMPLES) as client:
        answer = await client.security("modules-sync")
        wjdh = await client.wjdh("modules", xiaoqu="00001")
    assert answer["code"] == 0
    assert isinstance(answer["data"], str)
    states = json.loads(answer["data"])
    assert set(states) == {"00001", "00002", "00003", "10003"}
    assert all(len(modules) == 9 for modules in states.values())
    listed = {row["module_name"]: str(row["module_status"]) for row in wjdh["data"]}
    assert [name for name in listed if listed[name] != states["00001"][name]] == ["投诉建议"]
