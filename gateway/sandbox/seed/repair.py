"""Repairs. Most reporters are people of the security platform, every sixth is not."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.sandbox.model import CHINA, Community, Person, Repair

_FIRST = datetime(2020, 12, 19, 7, 45, 0, tzinfo=CHINA)

_FAULTS = (
    ("楼道灯", "三楼楼道灯不亮，晚上看不清台阶"),
    ("厨房水管", "水管漏水\n已用桶接着，请尽快处理"),
    ("电梯", '二单元电梯显示"故障"，停在4楼'),
    ("车库门", "道闸抬不起来，C:\\报修\\照片.jpg"),
    ("卫生间", "下水道堵塞，反味😷"),
    ("门禁", "刷卡没有反应，请回电{phone}"),
    ("外墙", "墙皮脱落，业主身份证{id_card}已登记"),
)
_REPLIES = ("已派师傅上门", "已修复，感谢反馈", "配件已订购，预计三天内处理")


def repairs(community: Community, people: list[Person], amount: int, ids: Iterator[int]) -> list[Repair]:
    """`amount` repairs of one community, oldest first, two in five resolved."""
    return [_repair(community, people[turn % len(people)], turn, next(ids)) for turn in range(amount)]


def _repair(community: Community, reporter: Person, turn: int, number: int) -> Repair:
    place, text = _FAULTS[number % len(_FAULTS)]
    is_resolved = turn % 5 in (2, 4)
    has_reply = is_resolved or turn % 5 == 1  # a reply can exist while nothing is resolved (quirk 100)
    return Repair(
        id=number,
        community=community,
        position=f"{community.name}{number % 2 + 1}栋{place}",
        description=text.format(phone=reporter.phone, id_card=reporter.id_card),
        name=reporter.name,
        phone="19900000003" if number % 6 == 0 else reporter.phone,
        reported_at=_FIRST + number * timedelta(hours=9, minutes=29),
        is_resolved=is_resolved,
        reply=_REPLIES[number % len(_REPLIES)] if has_reply else None,
    )
