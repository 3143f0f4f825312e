"""The lists of a community's records that wjdh has, each declared once."""

from typing import Any

from gateway.auth.principal import Scope
from gateway.journal.records import REPAIR_CHANGED, SHENHE_CHANGED
from gateway.loaders.paging import DOWN
from gateway.loaders.record_list import RecordList, Watched
from gateway.normalise.order import Order, OrderQuery
from gateway.normalise.repair import Repair, RepairQuery
from gateway.normalise.shenhe import Shenhe, ShenheQuery
from gateway.normalise.states import ChangeKind
from gateway.normalise.vocabulary import OrderStatus, PaymentStatus, RepairStatus, ShenheStatus
from gateway.platforms.wjdh import ORDER_LIST, REPAIR, REPAIR_LIST, SHENHE, SHENHE_LIST, Wjdh

SHENHES = RecordList[Shenhe](
    type_name="Shenhe",
    scope=Scope.SHENHE_READ,
    query=ShenheQuery,
    waiting=ShenheQuery(status=ShenheStatus.PENDING),
    endpoint=SHENHE_LIST.name,
    read_page=Wjdh.shenhes,
    record_endpoint=SHENHE.name,
    read_record=Wjdh.shenhe,
    cached_as="shenhes",
    watched=Watched(
        SHENHE_CHANGED,
        lambda review: (review.status, review.updated_at),
        {ShenheStatus.APPROVED: ChangeKind.DECIDED, ShenheStatus.REJECTED: ChangeKind.DECIDED},
        others=("people", "owner"),
    ),
)

ORDERS = RecordList[Order](
    type_name="Order",
    scope=Scope.ORDER_READ,
    query=OrderQuery,
    waiting=OrderQuery(status=OrderStatus.OPEN, payment_status=PaymentStatus.UNPAID),
    endpoint=ORDER_LIST.name,
    read_page=lambda wjdh, community_code, query, page, _per_page: wjdh.orders(community_code, query, page),
    cached_as="orders",
    direction=DOWN,
    page_size=15,  # of the document's example (quirk 135); the platform takes no `per_page` here (quirk 134)
)

REPAIRS = RecordList[Repair](
    type_name="Repair",
    scope=Scope.REPAIR_READ,
    query=RepairQuery,
    waiting=RepairQuery(status=RepairStatus.OPEN),
    endpoint=REPAIR_LIST.name,
    read_page=Wjdh.repairs,
    record_endpoint=REPAIR.name,
    read_record=Wjdh.repair,
    cached_as="repairs",
    statuses=(RepairStatus.OPEN, RepairStatus.RESOLVED),  # it lists one at a time (quirk 146)
    watched=Watched(
        REPAIR_CHANGED,
        lambda repair: (repair.status, repair.reply),  # it has no time of the last change
        {RepairStatus.RESOLVED: ChangeKind.RESOLVED},
    ),
)

LISTS: tuple[RecordList[Any], ...] = (SHENHES, ORDERS, REPAIRS)
