"""Reviews: list, single fetch, decision (1.2.2 to 1.2.4)."""

from gateway.sandbox import words
from gateway.sandbox.dialects import paging, shenhe
from gateway.sandbox.dialects.dialect import Dialect, EncodedRows, Row
from gateway.sandbox.endpoint import Form, RefusedError
from gateway.sandbox.model import Shenhe
from gateway.sandbox.wjdh.context import SERVER_ERROR, WjdhContext, check_authorised, number_in, page_in

_PATH = "http://laravel7.test/api/v1/wjdh/shenheList"
_FOUND = "成功查询到该条审核数据"


class ShenheEndpoints:
    """`keeps_reason`: whether a refusal's reason is stored. The document has no parameter for it (quirk 145)."""

    def __init__(self, context: WjdhContext, *, keeps_reason: bool) -> None:
        self._context = context
        self._keeps_reason = keeps_reason
        self._listed = EncodedRows(shenhe.LISTED[context.dialect])
        self._single = EncodedRows(shenhe.SINGLE[context.dialect])

    def list(self, form: Form) -> Row:
        """1.2.2: without a status, all. Succeeds without a code but where the tables are kept to (quirk 15)."""
        context = self._context
        rows = context.world.shenhes_of[context.community(form, "community_identifier").code]
        if kind := form.get("type"):
            rows = [row for row in rows if row.type == kind]
        if (status := number_in(form, "status")) is not None:
            rows = [row for row in rows if row.status == status]
        page = paging.Page.cut(rows, *page_in(form, 20))
        sent = form.get("per_page")
        per_page = sent if sent and context.dialect is not Dialect.DOCUMENTED else page.per_page
        answer: Row = {
            "data": [self._listed(row) for row in page.rows],
            "links": paging.links(page, _PATH),
            "meta": paging.meta(page, _PATH, per_page),
        }
        if context.dialect is Dialect.DOCUMENTED:
            return context.envelope.wjdh("shenheList", 0, "获取审核列表成功", **answer)
        if not page.rows and context.dialect is Dialect.MIXED:
            answer["links"] = []  # PHP's empty object (quirk 113)
        return answer

    def get(self, form: Form) -> Row:
        """1.2.3: one review by id, of any community the account may manage."""
        return self._context.envelope.wjdh("shenhe", 0, _FOUND, data=self._single(self._find(form)), message=_FOUND)

    def update(self, form: Form) -> Row:
        """1.2.4: decide a review, over an earlier decision if need be (quirk 155)."""
        context = self._context
        review = self._find(form)
        status = number_in(form, "status")
        if status not in words.SHENHE_STATUS_WORDS:
            raise RefusedError(1, SERVER_ERROR, "必须传递status值")
        echo = self._single(review)
        review.status = status
        review.content = form.get("content") or review.content
        review.updated_at = context.now()
        review.is_touched = True
        if status == words.REJECTED and self._keeps_reason:
            review.refuse_reason = form.get("shenhe_refuse_reason") or None
        self._listed.forget(review)
        self._single.forget(review)
        context.effects.record("shenhe/update", str(review.id), form, status)
        if context.dialect is Dialect.DOCUMENTED or (context.dialect is Dialect.MIXED and review.id % 2):
            echo = self._single(review)  # else the row as it was before, as the example shows (quirk 18)
        return context.envelope.wjdh("shenhe/update", 0, _FOUND, data=echo, message=_FOUND)

    def _find(self, form: Form) -> Shenhe:
        number = number_in(form, "id")
        if number is None:
            raise RefusedError(1, SERVER_ERROR, "必须传递shenhe表的id值")
        review = self._context.world.shenhes.get(number)
        if review is None:
            raise RefusedError(1, SERVER_ERROR, "没有根据id查找到审核数据")
        check_authorised(review.community, "Se160")
        return review
