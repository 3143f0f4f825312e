"""Repairs: list, single fetch, update (4.1 to 4.3)."""

from gateway.sandbox.dialects import paging, repair
from gateway.sandbox.dialects.dialect import Dialect, EncodedRows, Row
from gateway.sandbox.endpoint import Form, RefusedError
from gateway.sandbox.model import Repair
from gateway.sandbox.wjdh.desk import HICCUP, Desk, check_authorised, number_in, page_in, switch_in

_PATH = "http://wjdh-platform.test/api/v1/wjdh/repair/list"


class RepairEndpoints:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._render = repair.RENDER[desk.dialect]
        self._rows = EncodedRows(self._render)

    def list(self, form: Form) -> Row:
        """4.1: without a status, only what is unresolved (quirk 146). Default page size: 20 by the text, 15 by the
        example (quirk 135)."""
        desk = self._desk
        community = desk.community(form, "xiaoqu")
        is_resolved = bool(switch_in(form, "status"))
        rows = [row for row in desk.world.repairs_of[community.code] if row.is_resolved is is_resolved]
        page = paging.Page.cut(rows, *page_in(form, 20 if desk.dialect is Dialect.DOCUMENTED else 15))
        data = {
            "repairs": [self._rows(row) for row in page.rows],
            "pages": paging.pages(page, _PATH, page.per_page),
        }
        message = "message编码Repairs60" if desk.dialect is Dialect.DOCUMENTED else None  # quirk 5
        return desk.envelope.wjdh("repair/list", 0, "成功查询返回报修列表", data=data, message=message)

    def get(self, form: Form) -> Row:
        """4.2: one repair by id, with its date. Mixed: an unknown id is a success without data (quirk 31)."""
        desk = self._desk
        found = self._find(form)
        if found is None and desk.dialect is not Dialect.MIXED:
            raise RefusedError(1, HICCUP, "message编码Repairs110")
        data = None if found is None else repair.dated(self._render(found), found, desk.dialect)
        return desk.envelope.wjdh("repair", 0, "成功获取报修记录", data=data, message="message编码Repairs121")

    def update(self, form: Form) -> Row:
        """4.3: the status, and a reply unless it is left out or empty (quirk 55)."""
        desk = self._desk
        found, is_resolved = self._find(form), switch_in(form, "status")
        if found is None or is_resolved is None:
            raise RefusedError(1, HICCUP, "message编码Repairs110")
        found.is_resolved = is_resolved
        found.reply = form.get("reply") or found.reply
        found.is_touched = True
        self._rows.forget(found)
        desk.effects.record("repair/update", str(found.id), form, int(is_resolved))
        return desk.envelope.wjdh("repair/update", 0, "修改成功", message="message编码Repairs123")

    def _find(self, form: Form) -> Repair | None:
        number = number_in(form, "id")
        if number is None:
            raise RefusedError(1, HICCUP, "必须传递repair表的id值")
        found = self._desk.world.repairs.get(number)
        if found is not None:
            check_authorised(found.community, "Se160")
        return found
