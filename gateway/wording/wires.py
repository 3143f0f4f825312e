"""What the HTTP server says of requests, and the connections to the platforms of answers. Both know nothing of the
gateway, and raise their messages in English.
"""

from enum import unique

from gateway.wording.wording import Wording


@unique
class WireWording(Wording):
    # the HTTP server
    CONNECTIONS = "The server has as many connections as it takes", "服务器的连接数已满"
    MALFORMED = "This is not well-formed HTTP", "请求不是正确的 HTTP"
    HEAD_TOO_LONG = "The request is too long besides its body", "请求体之外的部分过长"
    NO_PROXY = "The server is no proxy", "服务器不是代理"
    PIPELINED = "Too many requests wait on this connection", "该连接上等待的请求过多"
    UPGRADE = (
        "An upgrade needs HTTP/1.1, and no other request before it",
        "协议升级须用 HTTP/1.1，且之前不能有其他请求",
    )
    HEADERS_LATE = "The headers did not arrive in time", "请求头没有按时到达"
    BODY_LATE = "The body did not arrive in time", "请求体没有按时到达"
    HEADERS_TOO_LONG = "The headers are too many or too long", "请求头过多或过长"
    ADDRESS_TOO_LONG = "The address is too long: use POST", "地址过长：请用 POST"
    VERSION = "The server speaks HTTP/1.1", "服务器只支持 HTTP/1.1"
    HEADER_TWICE = "The header {name} is there twice", "请求头 {name} 出现了两次"
    NO_HOST = "The header host is missing", "缺少请求头 host"
    CODING = "The only transfer coding is chunked", "传输编码只支持 chunked"
    ADDRESS_BYTES = "The address has bytes beyond ASCII", "地址含有 ASCII 以外的字节"
    OTHER_HOST = "The header host is not that of the address", "请求头 host 与地址不符"

    # connections to the platforms
    CLOSED_BEFORE = "The connection closed before the request was sent.", "请求发出之前连接关闭。"
    CLOSED_WITHIN = "The connection closed before the answer was complete.", "应答完成之前连接关闭。"
    STALE = "A kept connection closed before the answer.", "保持的连接在应答之前关闭。"
    NO_HTTP = "The answer is not HTTP/1.1.", "平台的应答不是 HTTP/1.1。"
    ANSWER_HEAD = "The head of the answer is too large.", "平台应答的头部过大。"
    ANSWER_FRAMING = "The answer has too much beside its body.", "平台应答正文之外的内容过多。"
    ANSWER_BODY = "The body of the answer is too large.", "平台应答的正文过大。"
    ANSWER_VALUES = "The answer holds more values than any that is documented.", "平台应答中的值过多。"
    ANSWER_CODING = "The body is in a coding that nobody asked for.", "平台应答的正文使用了未请求的编码。"
    NOT_INFLATED = "The body cannot be decompressed.", "平台应答的正文无法解压。"
    BODY_CUT = "The compressed body is cut.", "平台应答的压缩正文不完整。"
    REQUEST_CHARACTERS = "The request holds characters that cannot be sent.", "请求含有无法发送的字符。"
    LINE_CHARACTERS = "The request line holds characters that cannot be sent.", "请求行含有无法发送的字符。"
    HEADER_CHARACTERS = "A header holds characters that cannot be sent.", "请求头含有无法发送的字符。"
    NO_HEAD = "HEAD requests are not supported.", "不支持 HEAD 请求。"
    PROXY_REFUSED = "The proxy refused the call: HTTP {status}.", "代理拒绝了调用：HTTP {status}。"
    PROXY_FAILED = "The proxy made no connection.", "代理没有建立连接。"
    CERTIFICATE = "The certificate of the server does not verify: {reason}.", "服务器的证书验证不通过：{reason}。"
    TLS = "The server does not speak TLS as it should.", "服务器的 TLS 不正确。"
    NO_NAME = "The name of the server cannot be resolved.", "无法解析服务器的名称。"
    NO_CONNECTION = "No connection could be made: {reason}.", "无法建立连接：{reason}。"

    # answers of the platforms
    NOT_IN_PROTOCOL = (
        "The platform answered HTTP {status}, and not in its protocol.",
        "平台应答了 HTTP {status}，且不符合其协议。",
    )
    HTTP_STATUS = "The platform answered HTTP {status}.", "平台应答了 HTTP {status}。"
    CODE_NO_NUMBER = "The platform answered with a code that is no number.", "平台应答的代码不是数字。"
    NESTED_TOO_DEEPLY = "The answer is nested too deeply.", "平台的应答嵌套过深。"
