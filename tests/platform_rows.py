"""Rows as the platforms send them, each clean unless a test makes it otherwise. The data is synthetic."""

import json
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]


def clean(**row: Any) -> Callable[..., Row]:
    """Makes such a row, with the changes that it is called with."""
    return lambda **changes: {**row, **changes}


OWN_HOUSE = {
    "people_house_role": "业主",
    "people_house_status": "自用",
    "people_house_use": "住宅",
    "people_house_xingzhi": "私有",
    "people_house_type": "业主",
}

applicant = clean(
    user_id=5,
    people_phone="19900000001",
    people_name="李明",
    people_sex="男",
    people_nation="汉族",
    people_birth="19921130",
    people_address="秦皇小区98栋3单元4号",
    people_idcard="999302199211302517",
    people_photo="https://photos.example/1.png",
    people_zhengzhimianmao="群众",
    people_tuiyijunren="0",
    people_shangfang="0",
    people_dibao="0",
)
content_house = clean(
    id="4",
    community_identifier="10002",
    building_number=1,
    unit_number=1,
    floor_number=2,
    house_number=201,
    **OWN_HOUSE,
)


def content(people: Row | None = None, house: Row | None = None, **parts: Any) -> Row:
    return {
        "people": applicant(**(people or {})),
        "job": {"job_name": "程序员"},
        "company": {"company_name": "万家灯火"},
        "house": content_house(**(house or {})),
        **parts,
    }


review = clean(
    id=1,
    shenhe_type="业主绑定",
    shenhe_content=json.dumps(content(), ensure_ascii=False),
    shenhe_status="等待审核",
    shenhe_house_introduction="晨曦家园1栋1单元1楼101号",
    shenhe_action_introduction="业主正在申请：业主绑定",
    shenhe_refuse_reason=None,
    created_at="2020年11月18日11:01:46",
    updated_at="2020年11月18日11:01:46",
)
order = clean(
    id=4,
    paied="未付款",
    shop_number=None,
    number="20201213104759976889",
    title="物业费",
    amount="0.01元",
    house="晨曦家园1栋1单元1楼101号",
    status="进行中",
    remark="2020全年缴费",
    extra="{'单价':'100元/平方','最低缴费比例':'70%'}",
)
repair = clean(id=1, possion="2号楼大厅", description="灯不亮", status=0, reply=None, name="李明", phone="19900000003")
member = clean(
    member_idcard="999324198705041234",
    member_name="王建国",
    member_role="父亲",
    member_sex="男",
    member_nation="汉族",
    member_birth="19870504",
    member_address="河北省秦皇岛市海港区秦皇小区98-3-4",
    member_phone="19900000001",
    member_photo="https://photos.example/2.png",
    member_zhengzhimianmao="群众",
    member_tuiyijunren=0,
    member_dibao=0,
    member_shangfang=0,
    member_job_name="工程师",
    member_company_name="万家灯火",
)
residency = clean(xiaoqu="10002", louhao="1", danyuan="1", louceng="1", fangjian="101", **OWN_HOUSE, members=[member()])
person = clean(
    **{key: value for key, value in applicant().items() if key != "user_id"}
    | {"people_name": "王芳", "people_phone": "19900000002", "people_birth": "723052800"},
    job_name="WEB工程师",
    company_name="万家灯火科技（河北）有限责任公司",
    houses=[residency()],
)
owner = clean(people_phone="19900000001", **OWN_HOUSE)
module = clean(id=1, community_identifier="00001", module_name="绑定房屋", module_status=1)
