"""Why a write is refused, besides its input (`userErrors`)."""

from enum import unique

from gateway.wording.wording import Rule, Wording


@unique
class WriteWording(Wording):
    NO_SUCH = "There is no such {record}.", "没有这条{record}。", Rule.EXISTS
    NO_SUCH_MODULE = "The community has no such module.", "该小区没有这个功能模块。", Rule.EXISTS
    NOT_REPORTED = (
        "The security platform does not report this community, or not readably.",
        "安防平台没有该小区的数据，或其数据无法识别。",
        Rule.EXISTS,
    )
    NO_SUCH_PERSON = "The platform knows no such person.", "平台查无此人。", Rule.EXISTS
    NO_SUCH_VEHICLE = "The platform knows no such vehicle.", "平台查无此车。", Rule.EXISTS

    OTHER_COMMUNITY = "This community is not the caller's.", "无权操作该小区。", Rule.ACCESS
    EVERY_COMMUNITY = "This takes a caller of every community.", "该操作须有所有小区的权限。", Rule.ACCESS

    NOT_REGISTERED = (
        "The person is known and has not registered in the mini program yet.",
        "平台有此人，但其尚未在小程序注册。",
        Rule.STATE,
    )
    NOT_PENDING = (
        "The review is not pending any more: it is {status}.",
        "该审核已处理，当前状态为{status}。",
        Rule.STATE,
    )
    STATUS_UNREADABLE = (
        "The review's status cannot be read: it may be decided already.",
        "无法读取该审核的状态：可能已经处理。",
        Rule.STATE,
    )
    CONTENT_UNREADABLE = (
        "What was submitted cannot be read, so nothing can be corrected in it.",
        "提交的内容无法读取，因此无法更正。",
        Rule.STATE,
    )
    NOT_DEAD = "Only a dead delivery can be retried.", "只有投递失败的通知才能重新投递。", Rule.STATE
    KEY_IN_PROGRESS = (
        "The write with this idempotency key is still under way.",
        "使用该幂等键的写入仍在进行。",
        Rule.STATE,
    )

    KEY_MISMATCH = ("This idempotency key was used with other arguments.", "该幂等键已用于其他参数。", Rule.CONFLICT)
    ALREADY_CHARGED = (
        "An equal open order of the last day stands. To charge twice, set allowRepeat.",
        "一天之内已有相同的未缴账单。确需重复收费，请设 allowRepeat。",
        Rule.CONFLICT,
    )
    OTHER_NUMBERS = (
        "The order or WeChat number is known with other numbers.",
        "该订单编号或微信单号已有不同的记录。",
        Rule.CONFLICT,
    )

    NOT_SENT = (
        "The time of the request was over before this one was sent. Send the request again, with the same key.",
        "请求的时间已用完，这一项没有发出。请用相同的幂等键重新发送。",
    )
    TRY_LATER = "{reason}: try again in a minute.", "{reason}：请一分钟后重试。"
    REFUSED = "The platform refused it.", "平台拒绝了该操作。"
    NOT_APPLIED = "The platform did not apply it; try again with a new key.", "平台没有执行该操作，请用新的幂等键重试。"
    SOME_REFUSED = (
        "{made} of {all} changes were made; the platform refused {labels}.",
        "{all} 项变更中完成了 {made} 项；平台拒绝了{labels}。",
    )
    SOME_NOT_MADE = (
        "{made} of {all} changes were made; try again with a new key.",
        "{all} 项变更中完成了 {made} 项，请用新的幂等键重试。",
    )
