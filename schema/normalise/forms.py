"""Form fields of the filters and writes of wjdh, spelt as the document says. Values are always text (quirks 62, 65)."""

from schema.normalise.records import OrderQuery
from schema.normalise.requests import NewAnnouncement, NewOrder
from schema.normalise.vocabulary import ModuleName, RepairStatus, ShenheStatus, ShenheType

Form = dict[str, str]


def shenhe_filter_form(type_: ShenheType | None, status: ShenheStatus | None) -> Form:
    """`type` and `status` of shenheList (1.2.2.1): the type's word, the status's number (quirk 98)."""
    raise NotImplementedError


def shenhe_decision_form(status: ShenheStatus, content: str | None) -> Form:
    """`status` and `content` of PUT shenhe (1.2.4.1)."""
    raise NotImplementedError


def order_query_form(query: OrderQuery) -> Form:
    """The filters of order/list (2.1.2.2); what is None is left out (quirk 151)."""
    raise NotImplementedError


def new_order_form(order: NewOrder) -> Form:
    """All fields of order/new (2.1.1.2), the community included."""
    raise NotImplementedError


def repair_filter_form(status: RepairStatus) -> Form:
    """`status` of repair/list (4.1.2)."""
    raise NotImplementedError


def repair_update_form(status: RepairStatus, reply: str | None) -> Form:
    """`status` and `reply` of PUT repair (4.3.2)."""
    raise NotImplementedError


def module_form(community_code: str, name: ModuleName, enabled: bool) -> Form:
    """All fields of PUT module (3.2.2.2)."""
    raise NotImplementedError


def new_announcement_form(announcement: NewAnnouncement) -> Form:
    """All fields of announcement/new (5.1.2), the community included."""
    raise NotImplementedError
