"""What is wrong with a value of an argument or an input, and why a write is refused besides (`userErrors`)."""

from gateway.wording.wording import ViolationRule as Rule
from gateway.wording.wording import Wording


class ScalarWording(Wording):
    """Raised by the schema's own scalars, of their type; graphql-core puts them into its sentences."""

    DECIMAL_FLOAT = Rule.FORMAT("""{field} must be a string such as "0.01": the digits of a float are not exact.
        {field}须以字符串发送，如 "0.01"：浮点数的数位不精确。""")
    DECIMAL = Rule.FORMAT("""{field} must be a number such as "0.01", as a string or a whole number.
        {field}须为数字，如 "0.01"。""")
    DATE = Rule.FORMAT('{field} must be a date such as "2026-11-24".', '{field}须为日期，如 "2026-11-24"。')
    DATETIME = Rule.FORMAT("""{field} must be a time with its offset, such as "2026-11-24T08:30:00+08:00".
        {field}须为带时差的时间，如 "2026-11-24T08:30:00+08:00"。""")


class InputWording(Wording):
    EMPTY = Rule.REQUIRED("{field} must not be empty.", "{field}不能为空。")
    EMPTY_FILTER = Rule.REQUIRED("""{field} must not be empty: leave it out instead.
        {field}不能为空：不筛选时请省略。""")
    EMPTY_FOR_ALL = Rule.REQUIRED("""{field} must not be empty: leave it out for all.
        {field}不能为空：查询全部时请省略。""")
    DETAIL_NAME = Rule.REQUIRED("A detail must have a name.", "收费参数须有名称。")

    LENGTH = Rule.LENGTH("{field} must have {min} to {max} characters.", "{field}须为 {min} 至 {max} 个字符。")
    LENGTH_AT_MOST = Rule.LENGTH("{field} must have at most {max} characters.", "{field}不能超过 {max} 个字符。")
    COUNT = Rule.COUNT("{field} must have {min} to {max} entries.", "{field}须有 {min} 至 {max} 项。")
    COUNT_AT_MOST = Rule.COUNT("{field} must have at most {max} entries.", "{field}不能超过 {max} 项。")
    COUNT_OF = Rule.COUNT("""{field} must have {min} entries, one for each of {other}.
        {field}须有 {min} 项，与{other}一一对应。""")
    EACH_RECORD_ONCE = Rule.UNIQUE("""{field} must have each record once, unless all that is asked of it is the same.
        {field}中同一条记录不能有不同的要求。""")
    EACH_NAME_ONCE = Rule.UNIQUE("{field} must have each name once.", "{field}中的名称不能重复。")
    EACH_ONCE = Rule.UNIQUE("{field} must be each name once.", "{field}不能重复。")

    RANGE = Rule.RANGE("{field} must be from {min} to {max}.", "{field}须在 {min} 至 {max} 之间。")
    BEYOND = Rule.RANGE("{field} is beyond {max}.", "{field}超出 {max}。")
    AMOUNT = Rule.RANGE("""amount must be above 0, at most {max}, in whole fen.
        金额须大于 0、不超过 {max}，精确到分。""")
    WHOLE_FEN = Rule.FORMAT("amount must be in whole fen.", "金额须精确到分。")
    AFTER = Rule.RANGE("{field} must be after {other}.", "{field}须晚于{other}。")
    BIRTH_DATE = Rule.RANGE("{field} must be from {min} to today.", "{field}须在 {min} 至今天之间。")

    CODE = Rule.FORMAT("""{field} must have {min} to {max} letters or digits.
        {field}须为 {min} 至 {max} 个字母或数字。""")
    KEY = Rule.FORMAT("""{field} must have {min} to {max} printable ASCII characters.
        {field}须为 {min} 至 {max} 个可打印的 ASCII 字符。""")
    NAME = Rule.FORMAT("""{field} must be a name of {min} to {max} characters, all of them visible, without stars.
        {field}须为 {min} 至 {max} 个可见字符的姓名，不含星号。""")
    PHONE = Rule.FORMAT("""{field} must be a phone number: 5 to 20 digits, with no more than blanks, hyphens, brackets,
        + and 转 between them.
        {field}须为电话号码：5 至 20 位数字，其间只能有空格、连字符、括号、+ 和“转”。""")
    ID_CARD = Rule.FORMAT("""{field} must be an identity number of 18 or 15 characters, or the number of another
        document.
        {field}须为 18 位或 15 位身份证号，或其他证件的号码。""")
    PLATE = Rule.FORMAT("""{field} must be a number plate of 5 to 10 letters and digits.
        {field}须为 5 至 10 个字母、数字的车牌号。""")
    JSON_NUMBER = Rule.FORMAT("{field} must be a JSON number.", "{field}须为 JSON 数字。")
    NATION = Rule.FORMAT("{field} must be a name, not a number.", "{field}须为名称，不能是数字。")
    IMAGE = Rule.FORMAT("""Addresses of pictures are sent joined by commas: none may be empty or contain one.
        图片地址以逗号连接：不能为空，也不能含有逗号。""")
    PAYMENT_NUMBER = Rule.FORMAT("{field} is not a valid payment number.", "{field}不是有效的缴费单号。")
    CURSOR = Rule.FORMAT("{field} is not a cursor of this list.", "{field}不是此列表的游标。")

    NODE_ID = Rule.FORMAT("{field} is not a node id of this gateway.", "{field}不是本网关的节点标识。")
    NO_MUTATION = Rule.ONE_OF("{field} is not the name of a mutation.", "{field}不是操作的名称。")
    YEAR = Rule.RANGE("""{field} must be in a year from {min} to {max}, in UTC.
        {field}须在 {min} 至 {max} 年之间（UTC）。""")

    UNRECOGNIZED = Rule.ONE_OF("{field} cannot be UNRECOGNIZED.", "{field}不能为 UNRECOGNIZED。")
    NO_TITLE = Rule.ONE_OF("{field} cannot be OTHER: that is no title.", "{field}不能为 OTHER：它不对应任何收费名称。")
    NO_ENUM = Rule.ONE_OF("{field} is not the name of an enum.", "{field}不是枚举的名称。")

    EITHER = Rule.ONE_OF("Either {field} or {other} must be given.", "{field}与{other}须填写其中一个。")

    MASKED = Rule.MASKED("A masked value cannot be written.", "不能写入脱敏后的值。")

    NEEDS = Rule.DEPENDENCY("{field} needs {other}.", "填写{field}时须同时填写{other}。")
    PAGE_OF_ONE = Rule.DEPENDENCY("""{field} needs {other}: lists of several communities have cursors only.
        填写{field}时须同时填写{other}：多个小区的列表只能使用游标。""")
    EXCLUSIVE = Rule.CONFLICT("{field} and {other} exclude each other.", "{field}与{other}不能同时填写。")
    DECIDED = Rule.CONFLICT("""{field} cannot be given here: the {part} is this one.
        此处不能填写{field}：已限定为当前{part}。""")


class WriteWording(Wording):
    NO_SUCH = Rule.EXISTS("There is no such {record}.", "没有这条{record}。")
    NO_SUCH_MODULE = Rule.EXISTS("The community has no such module.", "该小区没有这个功能模块。")
    NOT_REPORTED = Rule.EXISTS("""A platform does not report the modules of this community, or not readably.
        平台没有该小区的模块数据，或其数据无法识别。""")
    NO_SUCH_PERSON = Rule.EXISTS("The platform knows no such person.", "平台查无此人。")
    NO_SUCH_VEHICLE = Rule.EXISTS("The platform knows no such vehicle.", "平台查无此车。")

    OTHER_COMMUNITY = Rule.ACCESS("This community is not the caller's.", "无权操作该小区。")
    EVERY_COMMUNITY = Rule.ACCESS("This needs a caller with all communities.", "该操作须有所有小区的权限。")

    NOT_REGISTERED = Rule.STATE("""The person is known and has not registered in the mini program yet.
        平台有此人，但其尚未在小程序注册。""")
    NOT_PENDING = Rule.STATE("""The review is not pending any more: it is {status}.
        该审核已处理，当前状态为{status}。""")
    STATUS_UNREADABLE = Rule.STATE("""The review's status cannot be read: it may be decided already.
        无法读取该审核的状态：可能已经处理。""")
    CONTENT_UNREADABLE = Rule.STATE("""What was submitted cannot be read, so nothing can be corrected in it.
        提交的内容无法读取，因此无法更正。""")
    NOT_DEAD = Rule.STATE("Only a dead delivery can be retried.", "只有投递失败的通知才能重新投递。")
    KEY_IN_PROGRESS = Rule.STATE("""The write with this idempotency key is still in progress.
        使用该幂等键的操作仍在进行。""")

    KEY_MISMATCH = Rule.CONFLICT("This idempotency key was used with other arguments.", "该幂等键已用于其他参数。")
    ALREADY_CHARGED = Rule.CONFLICT("""An equal open order of the last day exists. To charge again, set allowRepeat.
        一天之内已有相同的未缴账单。如确需重复收费，请另行确认。""")
    OTHER_NUMBERS = Rule.CONFLICT("""The order or WeChat number is known with other numbers.
        该订单编号或微信单号已有不同的记录。""")

    NOT_SENT = """The time of the request was over before this one was sent. Send the request again, with the same key.
        请求的时间已用完，这一项没有发出。请用相同的幂等键重新发送。"""
    TRY_LATER = "{reason}: try again in a minute.", "{reason}：请一分钟后重试。"
    REFUSED = "The platform refused it.", "平台拒绝了该操作。"
    NOT_APPLIED = "The platform did not apply it; try again with a new key.", "平台没有执行该操作，请用新的幂等键重试。"
    SOME_REFUSED = """{made} of {all} changes were made; the platform refused {labels}.
        {all} 项变更中完成了 {made} 项；平台拒绝了{labels}。"""
    SOME_NOT_MADE = """{made} of {all} changes were made; try again with a new key.
        {all} 项变更中完成了 {made} 项，请用新的幂等键重试。"""
