"""What a platform, the journal or the gateway itself failed at."""

from enum import unique

from gateway.wording.wording import Wording


@unique
class FaultWording(Wording):
    INTERNAL = "Internal error", "网关内部错误"

    # calls to a platform
    NOT_CONFIGURED = "The settings do not say where this endpoint is.", "设置中没有该接口的路径。"
    RESTING = "This endpoint failed repeatedly and is given a rest.", "该接口连续失败，暂停调用。"
    TOO_MANY_CALLS = "Too many calls to this platform are under way.", "对该平台的调用过多。"
    NO_CONNECTION_IN_TIME = "No connection to the platform was made in time.", "没有按时连接到平台。"
    NO_ANSWER_IN_TIME = "The platform did not answer in time.", "平台没有按时应答。"
    NO_TOKEN_IN_TIME = "No token was given in time.", "平台没有按时签发令牌。"  # what a caller is told
    CONNECTION_LOST = "The connection broke before the answer was complete.", "应答完成之前连接中断。"
    NO_TOKEN = "The platform answered the login without a token.", "平台应答了登录，但没有给出令牌。"  # as above
    CREDENTIALS_REFUSED = "The platform refuses the gateway's credentials.", "平台拒绝网关的凭据。"
    TOKEN_REFUSED = "The platform refuses a fresh token.", "平台拒绝新签发的令牌。"  # as above
    FAILED_AT_WORK = "The platform failed while it was at work on the call.", "平台在执行调用时出错。"
    NEITHER = "The platform answered neither success nor failure.", "平台的应答既不是成功，也不是失败。"
    NO_DATA = "The platform answered success without data.", "平台应答成功，但没有数据。"
    REFUSED = "The platform refused the call with code {code}.", "平台拒绝了调用，代码 {code}。"
    COMMUNITY_REFUSED = (
        "The platform has not authorised the gateway's account for this community.",
        "平台没有授权网关的账号管理该小区。",
    )
    SHAPE = "The answer has not the documented shape: {reason}.", "平台的应答不符合文档所述的结构：{reason}。"
    TOO_DEEP = "The answer is nested too deeply.", "平台的应答嵌套过深。"
    OTHER_RECORD = "The platform answered with another record.", "平台应答了另一条记录。"
    ONLY_FIRST_PAGE = (
        "The platform gives only the first page of this list.",
        "平台只给出该列表的第一页。",
    )
    NO_ORDER_NUMBER = "The order was created, and its number was not returned.", "订单已生成，但平台没有给出编号。"
    NO_ANNOUNCEMENT_ID = (
        "The announcement was published, and its id was not returned.",
        "公告已发布，但平台没有给出标识。",
    )

    # the journal
    JOURNAL_LOST = "The journal cannot be used now ({code}).", "写入记录库目前不可用（{code}）。"
    JOURNAL_REFUSED = "The journal does not take this ({code}).", "写入记录库不接受该内容（{code}）。"
    JOURNAL_LATE = (
        "The journal did not answer within {seconds} seconds.",
        "写入记录库没有在 {seconds} 秒内应答。",
    )
    JOURNAL_MOVED = (
        "{file} was removed or replaced while the gateway runs.",
        "网关运行时 {file} 被移走或替换。",
    )
    GIVEN_UP = "The operation was given up before it was sent.", "该写入在发出之前已被放弃。"
    WATCH_LOST = "Another gateway watches this list now.", "现由另一个网关监视该列表。"
    NOT_IN_JOURNAL = "The operation is not in the journal.", "写入记录库中没有该写入。"
    JOURNAL_NEWER = (
        "{setting}: the journal was written by a newer version of the gateway.",
        "{setting}：写入记录库由较新版本的网关写成。",
    )
    JOURNAL_NOT_OPENED = "{reason}", "无法打开写入记录库：{reason}"
    """For operators, before anything is served."""
