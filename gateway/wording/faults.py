"""What a platform, the journal, the gateway itself and connections failed at."""

import os
import socket
import ssl

from gateway.wording.wording import Text, Wording


class FaultWording(Wording):
    INTERNAL = "Internal error", "网关内部错误"

    # calls to a platform
    NOT_CONFIGURED = "The settings do not say where this endpoint is.", "设置中没有该接口的路径。"
    RESTING = "This endpoint failed repeatedly; try again later.", "该接口连续失败，暂停调用，请稍后重试。"
    TOO_MANY_CALLS = "Too many calls to this platform are under way.", "对该平台的调用过多。"
    NO_ANSWER_IN_TIME = "The platform did not answer in time.", "平台没有按时返回。"
    NO_TOKEN_IN_TIME = "No token was given in time.", "平台没有按时签发令牌。"  # what a caller is told
    CONNECTION_LOST = "The connection broke before the answer was complete.", "返回完成之前连接中断。"
    NO_TOKEN = "The platform answered the login without a token.", "登录成功返回，但未给出令牌。"  # as above
    CREDENTIALS_REFUSED = "The platform refuses the gateway's credentials.", "平台拒绝网关的凭据。"
    TOKEN_REFUSED = "The platform refuses a fresh token.", "平台拒绝新签发的令牌。"  # as above
    FAILED_AT_WORK = "The platform failed while processing the call.", "平台在执行调用时出错。"
    NEITHER = "The platform returned neither success nor failure.", "平台返回的既不是成功，也不是失败。"
    NO_DATA = "The platform answered success without data.", "平台返回成功，但没有数据。"
    REFUSED = "The platform refused the call with code {code}.", "平台拒绝了调用，代码 {code}。"
    COMMUNITY_REFUSED = """The platform has not authorised the gateway's account for this community.
        平台没有授权网关的账号管理该小区。"""
    SHAPE = "The answer does not have the documented shape: {detail}.", "平台返回的内容不符合文档所述的结构。"
    TOO_DEEP = "The answer is nested too deeply.", "平台返回的内容嵌套过深。"
    OTHER_RECORD = "The platform answered with another record.", "平台返回的是另一条记录。"
    ONLY_FIRST_PAGE = "The platform returns only the first page of this list.", "平台只返回该列表的第一页。"
    ROWS_MISSING = "The platform returns fewer rows of this list than it counts.", "平台返回的行数少于该列表的总数。"
    NO_ORDER_NUMBER = "The order was created, and its number was not returned.", "订单已生成，但平台没有返回编号。"
    NO_ANNOUNCEMENT_ID = """The announcement was published, and its id was not returned.
        公告已发布，但平台没有返回标识。"""

    # connections to platforms
    CLOSED_BEFORE = "The connection closed before the request was sent.", "请求发出之前连接关闭。"
    NO_HTTP = "The answer is not HTTP/1.1.", "平台的返回不是 HTTP/1.1。"
    ANSWER_HEAD = "The head of the answer is too large.", "平台返回的头部过大。"
    ANSWER_FRAMING = "The framing of the answer is too large.", "平台返回的正文以外的内容过多。"
    ANSWER_BODY = "The body of the answer is too large.", "平台返回的正文过大。"
    ANSWER_VALUES = "The answer has too many values.", "平台返回的值过多。"
    ANSWER_CODING = "The body has a content coding that was not requested.", "平台返回的正文使用了未请求的编码。"
    NOT_INFLATED = "The body cannot be decompressed.", "平台返回的正文无法解压。"
    BODY_CUT = "The compressed body is truncated.", "平台返回的压缩正文不完整。"
    PROXY_REFUSED = "The proxy refused the call: HTTP {status}.", "代理拒绝了调用：HTTP {status}。"
    PROXY_UNREACHABLE = "The proxy cannot be reached: {reason}", "无法连接代理：{reason}"
    PROXY_LATE = "No connection to the proxy was made in time.", "没有按时连接到代理。"
    PLATFORM_LATE = "No connection to the platform was made in time.", "没有按时连接到平台。"
    PROXY_FAILED = "The proxy made no connection.", "代理没有建立连接。"
    CERTIFICATE = "The certificate of the server does not verify: {detail}.", "服务器的证书验证不通过。"
    TLS = "The TLS connection to the server failed.", "与服务器的 TLS 连接失败。"
    NO_NAME = "The name of the server cannot be resolved.", "无法解析服务器的名称。"
    NO_CONNECTION = "No connection could be made: {detail}.", "无法建立连接。"

    # answers of platforms
    NOT_IN_PROTOCOL = """The platform answered HTTP {status}, but not in its protocol.
        平台返回 HTTP {status}，内容不符合协议。"""
    HTTP_STATUS = "The platform answered HTTP {status}.", "平台返回 HTTP {status}。"
    CODE_NO_NUMBER = "The platform answered with a code that is no number.", "平台返回的代码不是数字。"

    # the journal
    JOURNAL_LOST = "The journal cannot be used now ({code}).", "系统暂时无法保存操作，请稍后重试（{code}）。"
    JOURNAL_REFUSED = "The journal does not take this ({code}).", "操作台账不接受该内容（{code}）。"
    JOURNAL_LATE = "The journal did not answer within {seconds} seconds.", "操作台账没有在 {seconds} 秒内响应。"
    JOURNAL_MOVED = "{file} was removed or replaced while the gateway runs.", "网关运行时 {file} 被移走或替换。"
    GIVEN_UP = "The operation was given up before it was sent.", "该操作在发出之前已被放弃。"
    WATCH_LOST = "Another gateway watches this list now.", "现由另一个网关监视该列表。"
    NOT_IN_JOURNAL = "The operation is not in the journal.", "操作台账中没有该写操作。"
    JOURNAL_NEWER = """{setting}: the journal was written by a newer version of the gateway.
        {setting}：操作台账由较新版本的网关写成。"""


def connect_failure(error: OSError) -> Text:
    """Why no connection can be made: a sentence that names no host."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return FaultWording.CERTIFICATE(detail=error.verify_message.partition(",")[0])
    if isinstance(error, ssl.SSLError):
        return FaultWording.TLS()
    if isinstance(error, socket.gaierror):
        return FaultWording.NO_NAME()
    return FaultWording.NO_CONNECTION(detail=os.strerror(error.errno) if error.errno else "unknown reason")
