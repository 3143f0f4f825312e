"""Repairs: list, single fetch, update (4.1 to 4.3)."""

from gateway.sandbox.dialects import paging, repair
from gateway.sandbox.dialects.dialect import Dialect, EncodedRows, Row
from gateway.sandbox.endpoint import Form, RefusedError
from gateway.sandbox.model import Repair
from gateway.sandbox.wjdh.context import SERVER_ERROR, WjdhContext, check_authorised, number_in, page_in, switch_in

_PATH = "http://wjdh-platform.test/api/v1/wjdh/repair/list"


class RepairEndpoints:
    def __init__(self, context: WjdhContext) -> None:
        self._context = context
        self._render = repair.RENDER[context.dialect]
        self._rows = EncodedRows(self._render)

    def list(self, form: Form) -> Row:
        """4.1: without a status, only what is unresolved (quirk 146). Default page size: 20 by the text, 15 by the
        example (quirk 135)."""
        context = self._context
        community = context.community(form, "xiaoqu")
        is_resolved = bool(switch_in(form, "status"))
        rows = [row for row in context.world.repairs_of[community.code] if row.is_resolved is is_resolved]
        page = paging.Page.cut(rows, *page_in(form, 20 if context.dialect is Dialect.DOCUMENTED else 15))
        data = {
            "repairs": [self._rows(row) for row in page.rows],
            "pages": paging.pages(page, _PATH, page.per_page),
        }
        message = "message编码Repairs60" if context.dialect is Dialect.DOCUMENTED else None  # quirk 5
        return context.envelope.wjdh("repair/list", 0, "成功查询返回报修列表", data=data, message=message)

    def get(self, form: Form) -> Row:
        """4.2: one repair by id, with its date. Mixed: an unknown id is a success without data (quirk 31)."""
        context = self._context
        found = self._find(form)
        if found is None and context.dialect is not Dialect.MIXED:
            raise RefusedError(1, SERVER_ERROR, "message编码Repairs110")
        data = None if found is None else repair.dated(self._render(found), found, context.dialect)
        return context.envelope.wjdh("repair", 0, "成功获取报修记录", data=data, message="message编码Repairs121")

    def update(self, form: Form) -> Row:
        """4.3: the status, and a reply unless it is left out or empty (quirk 55)."""
        context = self._context
        found, is_resolved = self._find(form), switch_in(form, "status")
        if found is None or is_resolved is None:
            raise RefusedError(1, SERVER_ERROR, "message编码Repairs110")
        found.is_resolved = is_resolved
        found.reply = form.get("reply") or found.reply
        found.is_touched = True
        self._rows.forget(found)
        context.effects.record("repair/update", str(found.id), form, int(is_resolved))
        return context.envelope.wjdh("repair/update", 0, "修改成功", message="message编码Repairs123")

    def _find(self, form: Form) -> Repair | None:
        number = number_in(form, "id")
        if number is None:
            raise RefusedError(1, SERVER_ERROR, "必须传递repair表的id值")
        found = self._context.world.repairs.get(number)
        if found is not None:
            check_authorised(found.community, "Se160")
        return found
