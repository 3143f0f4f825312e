"""Feature modules as wjdh lists them (3.2.1.4) and as the security platform reports them (3.1.1.4)."""

import json

from gateway.sandbox.dialects.dialect import Dialect, Row
from gateway.sandbox.model import Module
from gateway.sandbox.seed.module import ModuleStates

_UNKNOWN_MODULE = "智能门锁"


def modules(rows: list[Module], dialect: Dialect) -> list[Row]:
    """wjdh's list. Mixed: the status in three types, one unreadable; a module no one has heard of (quirks 102, 108)."""
    listed = [_row(module) for module in rows]
    if dialect is Dialect.MIXED:
        for row, module in zip(listed, rows, strict=True):
            status = int(module.enabled)
            row["module_status"] = (status, str(status), module.enabled, status)[module.id % 4]
        if rows[0].community.code == "00002":
            listed[-1]["module_status"] = "维护中"
            listed.append({**listed[0], "id": rows[-1].id + 1000, "module_name": _UNKNOWN_MODULE})
    return listed


def production_states(states: ModuleStates, dialect: Dialect) -> Row | str:
    """The security platform's answer: an object by the tables, an indented JSON text by the example (quirk 4)."""
    if dialect is Dialect.DOCUMENTED:
        return {code: {name: int(enabled) for name, enabled in states[code].items()} for code in states}
    worded: dict[str, dict[str, str]] = {
        code: {name: str(int(enabled)) for name, enabled in states[code].items()} for code in states
    }
    if dialect is Dialect.MIXED:
        del worded["10003"]["应急电话"]
        worded["10003"][_UNKNOWN_MODULE] = "1"
        worded["00002"]["访客通行"] = ""
    return "\n" + json.dumps(worded, ensure_ascii=False, indent=4)


def _row(module: Module) -> Row:
    return {
        "id": module.id,
        "community_identifier": module.community.code,
        "module_name": module.name,
        "module_status": int(module.enabled),
    }
