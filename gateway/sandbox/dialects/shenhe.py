"""Reviews as wjdh writes them (1.2.2.4, 1.2.3.4): the row, and its content in many forms (quirks 66, 88-92, 114)."""

import json
from collections.abc import Callable, Mapping

from gateway.sandbox import words
from gateway.sandbox.dialects.dialect import Dialect, Row, Stain, put, soil
from gateway.sandbox.dialects.times import eight_digits, epoch, written_out
from gateway.sandbox.model import Shenhe

PLACEHOLDER = "见前言"
"""What the single fetch prints in place of the content: "see the preface" (quirk 115)."""

_LEGACY_NUMBERS = {words.OWNER: 1, words.TENANT: 2, words.FAMILY: 3}


def documented(shenhe: Shenhe) -> Row:
    """Status as a number, content as a JSON text of the preface's shape."""
    return _row(shenhe, status=shenhe.status, content=_text(preface_content(shenhe)))


def listed_example(shenhe: Shenhe) -> Row:
    """The list's example: status in words, old numbers in the content, every second row keyed `shenhe_id`."""
    row = _row(shenhe, status=words.SHENHE_STATUS_WORDS[shenhe.status], content=_php_text(legacy_content(shenhe)))
    return _keyed_shenhe_id(row) if shenhe.id % 2 == 0 else row


def single_example(shenhe: Shenhe) -> Row:
    """The example of the single fetch: status as a number, no content."""
    return _row(shenhe, status=shenhe.status, content=PLACEHOLDER)


def listed_mixed(shenhe: Shenhe) -> Row:
    """All of it, by the review's number."""
    status: object = shenhe.status if shenhe.id % 3 == 0 else words.SHENHE_STATUS_WORDS[shenhe.status]
    if shenhe.id % 10 == 4:
        status = str(shenhe.status)
    row = _row(shenhe, status=status, content=_CONTENT_FORMS[shenhe.id % len(_CONTENT_FORMS)](shenhe))
    if shenhe.id % 6 == 2:
        row = _keyed_shenhe_id(row)
    return soil(row, shenhe, STAINS)


def single_mixed(shenhe: Shenhe) -> Row:
    """As in the list; every tenth gives the placeholder away instead of the content."""
    row = listed_mixed(shenhe)
    if shenhe.id % 10 == 9:
        row["shenhe_content"] = PLACEHOLDER
    return row


def preface_content(shenhe: Shenhe) -> Row:
    """The content as the preface prints it (审核数据)."""
    person, house = shenhe.applicant, shenhe.house
    return {
        "people": {
            "user_id": shenhe.id + 1,
            "people_phone": person.phone,
            "people_name": person.name,
            "people_sex": person.sex,
            "people_nation": person.nation,
            "people_birth": eight_digits(person.birth),
            "people_address": person.address,
            "people_idcard": person.id_card,
            "people_photo": person.photo,
            "people_zhengzhimianmao": person.political_status,
            "people_tuiyijunren": str(int(person.is_veteran)),
            "people_shangfang": str(int(person.is_petitioner)),
            "people_dibao": str(int(person.receives_allowance)),
        },
        "job": {"job_name": person.job_name},
        "company": {"company_name": person.company_name},
        "house": {
            **_house_numbers(shenhe),
            "community_identifier": shenhe.community.code,
            "people_house_role": shenhe.role,
            "people_house_status": house.status,
            "people_house_use": house.use,
            "people_house_xingzhi": house.ownership,
            "people_house_type": shenhe.type if shenhe.id % 4 == 0 else shenhe.occupant_type,  # 92
        },
    }


def legacy_content(shenhe: Shenhe) -> Row:
    """The content as the list's example prints it: numbers nobody documented, and another community id."""
    content = preface_content(shenhe)
    content["people"].update(
        people_sex=2,
        people_birth=epoch(shenhe.applicant.birth),
        people_photo="www",
        people_zhengzhimianmao="1",
    )
    content["house"].update(
        community_identifier="1",
        people_house_role=_LEGACY_NUMBERS.get(shenhe.role, 4),
        people_house_status="1",
        people_house_use="1",
        people_house_xingzhi="1",
        people_house_type="1",
    )
    return content


def _house_numbers(shenhe: Shenhe) -> Row:
    building, unit, floor, room = shenhe.house.address
    return {
        "id": str(shenhe.id),
        "building_number": building,
        "unit_number": unit,
        "floor_number": floor,
        "house_number": room,
    }


def _row(shenhe: Shenhe, status: object, content: object) -> Row:
    return {
        "id": shenhe.id,
        "shenhe_type": shenhe.type,
        "shenhe_content": content if shenhe.content is None or content == PLACEHOLDER else shenhe.content,
        "shenhe_status": status,
        "shenhe_house_introduction": shenhe.house.label,
        "shenhe_action_introduction": "业主正在申请：业主绑定",  # whatever the type is (quirk 107)
        "shenhe_refuse_reason": shenhe.refuse_reason,
        "created_at": written_out(shenhe.created_at),
        "updated_at": written_out(shenhe.updated_at),
    }


def _keyed_shenhe_id(row: Row) -> Row:
    number = row.pop("id")
    return {"shenhe_id": number, **row}


def _text(content: Row) -> str:
    return json.dumps(content, ensure_ascii=False)


def _php_text(content: Row) -> str:
    r"""As PHP's json_encode writes by default: \uXXXX, and slashes escaped (quirk 61)."""
    return json.dumps(content, separators=(",", ":")).replace("/", "\\/")


_CONTENT_FORMS: tuple[Callable[[Shenhe], object], ...] = (
    lambda shenhe: _text(preface_content(shenhe)),
    lambda shenhe: _php_text(preface_content(shenhe)),
    preface_content,
    lambda shenhe: _text(preface_content(shenhe)),
    lambda shenhe: _php_text(legacy_content(shenhe)),
    lambda shenhe: _text(preface_content(shenhe)),
    lambda shenhe: json.dumps(_php_text(preface_content(shenhe))),  # encoded twice
)

STAINS: tuple[Stain, ...] = (
    put("shenhe_status", "复审中"),  # 106
    put("created_at", "2020年13月45日25:61:00"),  # 125
    put("shenhe_type", "车位绑定"),  # 106
    put("shenhe_content", '{"people":{"user_id":5,"people_phone":"199'),  # 114
    put("updated_at", None),  # 125
    put("shenhe_type", 1),  # 96
    put("shenhe_content", PLACEHOLDER),  # 115
    put("shenhe_type", "修改个人信息"),  # 97
    put("shenhe_status", None),  # 98
)

LISTED: Mapping[Dialect, Callable[[Shenhe], Row]] = {
    Dialect.DOCUMENTED: documented,
    Dialect.EXAMPLES: listed_example,
    Dialect.MIXED: listed_mixed,
}
SINGLE: Mapping[Dialect, Callable[[Shenhe], Row]] = {
    Dialect.DOCUMENTED: documented,
    Dialect.EXAMPLES: single_example,
    Dialect.MIXED: single_mixed,
}
