"""Repairs as wjdh writes them (4.1.4, 4.2.4)."""

from collections.abc import Callable, Mapping

from gateway.sandbox.dialects.dialect import Dialect, Row, Stain, put, soil
from gateway.sandbox.dialects.times import written_out
from gateway.sandbox.model import Repair


def documented(repair: Repair) -> Row:
    """`reply` is always given by the table: empty where there is none."""
    return {**examples(repair), "reply": repair.reply or ""}


def examples(repair: Repair) -> Row:
    """Status as 0 or 1, no reply as null."""
    return {
        "id": repair.id,
        "possion": repair.position,
        "description": repair.description,
        "status": int(repair.is_resolved),
        "reply": repair.reply,
        "name": repair.name,
        "phone": repair.phone,
    }


def mixed(repair: Repair) -> Row:
    """The status in one of the spellings the document has for it (quirk 100)."""
    row = examples(repair)
    row["status"] = _STATUS_FORMS[repair.id % len(_STATUS_FORMS)][repair.is_resolved]
    return soil(row, repair, STAINS)


def dated(row: Row, repair: Repair, dialect: Dialect) -> Row:
    """The single record: the row of the list and its date, malformed here and there in the mixed dialect."""
    date = written_out(repair.reported_at)
    if dialect is Dialect.MIXED:
        date = {3: "0000-00-00 00:00:00", 8: f"{repair.reported_at:%Y-%m-%d %H:%M:%S}"}.get(repair.id % 16, date)
    return {**row, "date": date}


_STATUS_FORMS: tuple[tuple[object, object], ...] = (
    (0, 1),
    ("未处理", "已处理"),
    ("0", "1"),
    (0, 1),
    ("未解决", "已解决"),
    (False, True),
)

STAINS: tuple[Stain, ...] = (
    put("status", "处理中"),  # 106
    put("possion", None),  # 118
    put("phone", None),  # 118
    put("status", None),  # 118
    put("description", 12),  # 124
    put("phone", "暂无"),  # 118
    put("name", ""),  # 118
)

RENDER: Mapping[Dialect, Callable[[Repair], Row]] = {
    Dialect.DOCUMENTED: documented,
    Dialect.EXAMPLES: examples,
    Dialect.MIXED: mixed,
}
