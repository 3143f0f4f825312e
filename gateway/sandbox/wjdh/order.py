"""Orders: creation and list (2.1.1, 2.1.2)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import TypeVar

import msgspec

from gateway.sandbox.dialects import order, paging
from gateway.sandbox.dialects.dialect import Dialect, EncodedRows, Row
from gateway.sandbox.effects import fingerprint
from gateway.sandbox.endpoint import Form, RefusedError
from gateway.sandbox.model import Community, House, HouseAddress, Order, Person, Resident
from gateway.sandbox.seed.order import order_number
from gateway.sandbox.variant import Variant
from gateway.sandbox.wjdh.context import SERVER_ERROR, WjdhContext, number_in, switch_in
from gateway.sandbox.world import BOUND_CARS, PARKING_SPACES

_PATH = "https://tc.mg.cool/api/v1/orders/list"
_LISTED = "获取订单列表成功"

_HOUSE_FIELDS = ("louhao", "danyuan", "louceng", "fangjian")

NO_SUCH_PERSON = (
    2,
    "查无此人",
    "没有通过phone查询到user表有人使用该手机号注册，或者，"
    "没有通过name+phone在people表中查到有人使用该手机号录入一标三实（message编码Order156）",
)
NO_SUCH_CAR = (2, "查无此车", "没有通过car_number查询到people_car表有人绑定该车辆")
NOT_REGISTERED = (3, "用户未注册", "已查到该用户，但该用户未注册小程序，请通知该用户进行激活")

_Identifier = dict[str, str | int]
_Extra = dict[str, str | int | float]

_ObjectT = TypeVar("_ObjectT", _Identifier, _Extra)


class OrderEndpoints:
    """`per_page`: the size of a page, which no client can choose (quirks 134 and 135)."""

    def __init__(self, context: WjdhContext, per_page: int, variant: Variant) -> None:
        self._context = context
        self._per_page = per_page
        self._variant = variant
        self._new_ids = count(1_001)
        self._rows = EncodedRows(order.RENDER[context.dialect])
        self._payers: dict[str, Callable[[Community, _Identifier], tuple[House | None, Person | None]]] = {
            "house": self._house,
            "phone": self._phone,
            "idcard": self._id_card,
            "car_number": self._car,
            "parking_number": self._parking_space,
        }

    def forget(self, changed: Order) -> None:
        """The order has changed outside of these endpoints: it was paid."""
        self._rows.forget(changed)

    def create(self, form: Form) -> Row:
        """2.1.1: nothing keeps the same order from being made twice (quirk 154)."""
        context = self._context
        community = context.community(form, "xiaoqu")
        title, payer_kind = form.get("title"), self._payers.get(form.get("type", ""))
        if not title or payer_kind is None:
            raise RefusedError(1, SERVER_ERROR, "缺少必填参数")
        house, payer = payer_kind(community, _json_object(form, "identifier", _Identifier))
        number = next(self._new_ids)
        new = Order(
            id=number,
            community=community,
            number=order_number(context.now(), number),
            title=title,
            fen=_fen(form.get("amount", "")),
            house=house,
            payer=payer,
            remark=form.get("remark") or None,
            extra=_json_object(form, "extra", _Extra) if form.get("extra") else None,
            is_touched=True,
        )
        context.world.add_order(new)
        context.effects.record("order/new", fingerprint(form), form, new.number)
        data: object = int(new.number) if context.dialect is Dialect.MIXED and number % 4 == 0 else new.number  # 77
        return context.envelope.wjdh("order/new", 0, "订单创建成功", data=data, message="返回订单号")

    def list(self, form: Form) -> Row:
        """2.1.2: newest first. Its only documented error claims success, with code 1 (quirk 17)."""
        context = self._context
        try:
            rows = self._filtered(context.community(form, "xiaoqu"), form)
        except RefusedError as refusal:
            return context.envelope.wjdh("order/list", refusal.code, _LISTED, message=_LISTED, data=[], pages=None)
        page = self._cut(rows, max(1, number_in(form, "page") or 1))
        pages = paging.pages(page, _PATH, page.per_page)
        return context.envelope.wjdh(
            "order/list",
            0,
            _LISTED,
            message=_LISTED,
            data=[self._rows(row) for row in page.rows],
            pages=pages if page.rows or context.dialect is Dialect.DOCUMENTED else None,  # quirks 138, 139
        )

    def _cut(self, rows: Sequence[Order], number: int) -> paging.Page[Order]:
        if self._variant.turns_pages:
            return paging.Page.cut(rows, number, self._per_page)
        first = paging.Page.cut(rows, 1, self._per_page)
        return replace(first, number=number) if self._variant.counts_pages else first

    def _filtered(self, community: Community, form: Form) -> Sequence[Order]:
        rows: Sequence[Order] = self._context.world.orders_of[community.code][::-1]
        if address := _address_filter(form):
            rows = [row for row in rows if row.house is not None and row.house.address[: len(address)] == address]
        if title := form.get("title"):
            rows = [row for row in rows if row.title == title]
        if (is_open := switch_in(form, "status")) is not None:
            rows = [row for row in rows if row.is_open is is_open]
        if (is_paid := switch_in(form, "paied")) is not None:
            rows = [row for row in rows if row.is_paid is is_paid]
        for field, attribute in (("idcard", "id_card"), ("phone", "phone"), ("name", "name")):
            if wanted := form.get(field):
                rows = [row for row in rows if getattr(row.payer, attribute, None) == wanted]
        return rows

    def _house(self, community: Community, identifier: _Identifier) -> tuple[House | None, Person | None]:
        try:
            address = HouseAddress(*(int(identifier[field]) for field in _HOUSE_FIELDS))
        except (KeyError, ValueError):
            raise RefusedError(1, SERVER_ERROR, "identifier格式有误") from None
        house = self._context.world.house_at.get((community.code, address))
        if house is None:
            raise RefusedError(*NO_SUCH_PERSON)
        return house, house.owner

    def _phone(self, _: Community, identifier: _Identifier) -> tuple[House | None, Person | None]:
        """Two modes: the phone alone finds registered users, name and phone residents as well (quirk 158)."""
        phone, name = str(identifier.get("phone", "")), identifier.get("name")
        if name:
            return None, _registered(self._context.world.residents.get((str(name), phone)))
        for resident in self._context.world.residents.values():
            if resident.person.phone == phone and resident.uses_mini_program:
                return None, resident.person
        raise RefusedError(*NO_SUCH_PERSON)

    def _id_card(self, _: Community, identifier: _Identifier) -> tuple[House | None, Person | None]:
        wanted = identifier.get("idcard")
        found = (resident for resident in self._context.world.residents.values() if resident.person.id_card == wanted)
        return None, _registered(next(found, None))

    def _car(self, _: Community, identifier: _Identifier) -> tuple[House | None, Person | None]:
        if identifier.get("number") not in BOUND_CARS:
            raise RefusedError(*NO_SUCH_CAR)
        return None, None

    def _parking_space(self, _: Community, identifier: _Identifier) -> tuple[House | None, Person | None]:
        if identifier.get("number") not in PARKING_SPACES:
            raise RefusedError(1, SERVER_ERROR, "该功能未开发")
        return None, None


def _registered(resident: Resident | None) -> Person:
    if resident is None:
        raise RefusedError(*NO_SUCH_PERSON)
    if not resident.uses_mini_program:
        raise RefusedError(*NOT_REGISTERED)
    return resident.person


def _address_filter(form: Form) -> tuple[int, ...]:
    """The leading parts of an address. Raises RefusedError where one stands without those before it (quirk 147)."""
    parts = [number_in(form, field) for field in _HOUSE_FIELDS]
    given = [part for part in parts if part is not None]
    if parts[: len(given)] != given:
        raise RefusedError(1, SERVER_ERROR)
    return tuple(given)


def _json_object(form: Form, field: str, kind: type[_ObjectT]) -> _ObjectT:
    try:
        return msgspec.json.decode(form.get(field, ""), type=kind)
    except msgspec.DecodeError:
        raise RefusedError(1, SERVER_ERROR, f"{field}格式有误") from None


def _fen(yuan: str) -> int:
    """Fractions of a fen are cut off; what is no positive amount is refused."""
    try:
        fen = int(Decimal(yuan) * 100)
    except (InvalidOperation, ValueError, OverflowError):
        fen = 0
    if fen <= 0:
        raise RefusedError(1, SERVER_ERROR, "amount格式有误")
    return fen
