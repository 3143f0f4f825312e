"""The gateway's own enums: what no platform sends."""

from math import inf
from typing import NamedTuple

from gateway.normalise.wire_enum import DescribedEnum, Word


class Outcome(DescribedEnum, chinese="写入结果", english="How a write ended"):
    CONFIRMED = "CONFIRMED", Word("已确认", "It is done")
    REFUSED = "REFUSED", Word("已拒绝", "It is not done, or, of syncModules, not all of it; userErrors say why")
    UNKNOWN = (
        "UNKNOWN",
        Word("结果未知", "It was sent, and the answer was lost or is still to come; the operation shows how it ends"),
    )
    PLANNED = "PLANNED", Word("预览", "It was a dry run and could be done; nothing was sent or recorded")


class OperationState(DescribedEnum, chinese="写入状态", english="What has become of a write"):
    """RESERVED → SENT → CONFIRMED | REFUSED | UNKNOWN; UNKNOWN → CONFIRMED | REFUSED once the write is read back.

    No operation is in READ_BACK: it is a step of the timeline alone, after which the write may still be UNKNOWN.
    """

    RESERVED = "RESERVED", Word("已登记", "It is in the journal, and nothing has been sent")
    SENT = "SENT", Word("已发出", "It was about to be sent to the platform")
    CONFIRMED = "CONFIRMED", Word("已确认", "It is done")
    REFUSED = "REFUSED", Word("已拒绝", "It is not done, or, of syncModules, not all of it; userErrors say why")
    UNKNOWN = "UNKNOWN", Word("结果未知", "It was sent, and what came of it is not known")
    READ_BACK = "READ_BACK", Word("已回查", "While it was UNKNOWN, the platform's state was read to learn the outcome")


class UserErrorCode(DescribedEnum, chinese="写入被拒绝的原因", english="Why a write was refused"):
    INVALID = "INVALID", Word("输入无效", "A value of the input cannot be used")
    NOT_FOUND = "NOT_FOUND", Word("记录不存在", "There is no such record")
    PERSON_NOT_FOUND = "PERSON_NOT_FOUND", Word("查无此人", "The platform does not know this person")
    VEHICLE_NOT_FOUND = "VEHICLE_NOT_FOUND", Word("查无此车", "The platform does not know this vehicle")
    NOT_REGISTERED = (
        "NOT_REGISTERED",
        Word("用户未注册", "The person is known and has not registered in the mini program"),
    )
    FORBIDDEN_COMMUNITY = "FORBIDDEN_COMMUNITY", Word("无权操作该小区", "The community is not the caller's to write to")
    ALREADY_REVIEWED = "ALREADY_REVIEWED", Word("已审核", "The review has been decided before")
    ALREADY_CHARGED = "ALREADY_CHARGED", Word("已有相同账单", "An equal open order of the last day stands")
    CONFLICT = "CONFLICT", Word("冲突", "The write contradicts what is recorded already")
    IDEMPOTENCY_MISMATCH = (
        "IDEMPOTENCY_MISMATCH",
        Word("幂等键参数不一致", "The idempotency key was used with other arguments"),
    )
    IDEMPOTENCY_IN_PROGRESS = (
        "IDEMPOTENCY_IN_PROGRESS",
        Word("正在处理", "The write with this idempotency key is still under way"),
    )
    NOT_SUPPORTED = (
        "NOT_SUPPORTED",
        Word("无法更正", "What was submitted cannot be read, so nothing in it can be corrected"),
    )
    UPSTREAM_REFUSED = "UPSTREAM_REFUSED", Word("平台拒绝", "The platform said no")
    UPSTREAM_UNAVAILABLE = (
        "UPSTREAM_UNAVAILABLE",
        Word("平台不可用", "The platform could not be asked; nothing was changed"),
    )
    NOT_SENT = (
        "NOT_SENT",
        Word("未发送", "One of several that this request did not send; send the request again, with the same key"),
    )


class DeliveryState(
    DescribedEnum, chinese="缴费通知投递状态", english="Where the delivery of a payment notification stands"
):
    QUEUED = "QUEUED", Word("待投递", "Stored, and to be delivered")
    DELIVERED = "DELIVERED", Word("已送达", "The security platform has saved it")
    DEAD = "DEAD", Word("投递失败", "Given up after the last attempt; can be retried")


class FeeGrouping(DescribedEnum, chinese="费用分组", english="By what orders are added up"):
    FEE_TYPE = "FEE_TYPE", Word("收费类型", "The kind of fee, by the title")
    TITLE = "TITLE", Word("收费名称", "The title, as the platform writes it")
    BUILDING = "BUILDING", Word("楼栋", "The building of the house that is charged")
    PAYMENT_STATUS = "PAYMENT_STATUS", Word("缴费状态", "Whether it is paid")
    MONTH = "MONTH", Word("月份", "The month it was created in, by China's calendar")
    AGE = "AGE", Word("账龄", "The days since it was created, by China's calendar, in bands")


class AgeBand(NamedTuple):
    """A group of FeeGrouping.AGE: orders of at most so many `days` that are in no band before."""

    days: float
    key: str
    label: str


AGE_BANDS = (
    AgeBand(30, "0-30", "0至30天"),
    AgeBand(90, "31-90", "31至90天"),
    AgeBand(180, "91-180", "91至180天"),
    AgeBand(365, "181-365", "181至365天"),
    AgeBand(inf, "366+", "366天及以上"),
)

PERSONAL_CHARGES = "PERSONAL", "个人收费"
"""Key and label of the group of FeeGrouping.BUILDING that has orders of no house."""

UNKNOWN_GROUP = "UNKNOWN", "未知"
"""Key and label of the group of orders of which it cannot be read where they belong."""

BUILDING_LABEL = "{}栋"
MONTH_LABEL = "{}年{}月"


class ChangeKind(DescribedEnum, chinese="变动类型", english="What happened to a record of a list"):
    APPEARED = "APPEARED", Word("新增", "It is new among those that wait")
    CHANGED = (
        "CHANGED",
        Word("变更", "It changed while it was waiting, or it left the list and its status cannot be read"),
    )
    DECIDED = "DECIDED", Word("已审核", "It is approved or rejected")
    RESOLVED = "RESOLVED", Word("已处理", "It is dealt with")
    REOPENED = "REOPENED", Word("重新打开", "It waits again")


class PaymentEventKind(DescribedEnum, chinese="缴费通知事件类型", english="What happened to a payment notification"):
    RECEIVED = "RECEIVED", Word("已接收", "It was saved, or its community became known")
    DELIVERED = "DELIVERED", Word("已送达", "The security platform has saved it")
    DEAD = "DEAD", Word("投递失败", "Its delivery is given up")
    CONFLICTED = "CONFLICTED", Word("冲突", "One with other numbers has come for its order or WeChat number")


class FindingCode(
    DescribedEnum, chinese="核验发现", english="What a check of an application against the security platform found"
):
    NOT_REGISTERED = "NOT_REGISTERED", Word("安防平台无此人", "The security platform does not know the applicant")
    FIELD_DIFFERS = "FIELD_DIFFERS", Word("信息不一致", "A value differs from the registered one")
    HOUSE_HAS_OTHER_OWNER = "HOUSE_HAS_OTHER_OWNER", Word("房屋已有其他业主", "The house has another owner")
    HOUSE_HAS_NO_OWNER = "HOUSE_HAS_NO_OWNER", Word("房屋无业主", "The house has no registered owner")
    ALREADY_BOUND = "ALREADY_BOUND", Word("已绑定该房屋", "The applicant is bound to this house already")
    ID_CARD_INVALID = "ID_CARD_INVALID", Word("身份证号校验不通过", "The ID number does not pass its check digit")
    SECURITY_UNAVAILABLE = "SECURITY_UNAVAILABLE", Word("安防平台不可用", "The security platform could not be asked")
    NOT_CHECKED = (
        "NOT_CHECKED",
        Word("无法核验", "Not compared with anything: what is needed for it is missing or cannot be read"),
    )


class Severity(DescribedEnum, chinese="严重程度", english="Severity of a finding"):
    INFO = "INFO", Word("提示", "Good to know")
    WARNING = "WARNING", Word("警告", "Look before deciding")
    BLOCKING = "BLOCKING", Word("阻断", "Speaks against approval")


class Availability(DescribedEnum, chinese="接口可用性", english="Whether an endpoint can be used"):
    AVAILABLE = "AVAILABLE", Word("可用", "Configured")
    NOT_CONFIGURED = "NOT_CONFIGURED", Word("未配置", "The settings give no path for it")
    NOT_OFFERED = "NOT_OFFERED", Word("平台未开发", "The platform has not developed it")


class CircuitState(DescribedEnum, chinese="熔断状态", english="The circuit breaker of an endpoint"):
    CLOSED = "CLOSED", Word("正常", "Calls pass")
    OPEN = "OPEN", Word("熔断", "Calls fail at once after repeated failures")
    HALF_OPEN = "HALF_OPEN", Word("试探", "One call is tried")
