"""What is wrong with a value of an argument or an input."""

from enum import unique

from gateway.wording.wording import Rule, Wording


@unique
class InputWording(Wording):
    EMPTY = "{field} must not be empty.", "{field}不能为空。", Rule.REQUIRED
    EMPTY_FILTER = (
        "{field} must not be empty: leave it out instead.",
        "{field}不能为空：不筛选时请省略。",
        Rule.REQUIRED,
    )
    EMPTY_FOR_ALL = (
        "{field} must not be empty: leave it out for all.",
        "{field}不能为空：查询全部时请省略。",
        Rule.REQUIRED,
    )
    DETAIL_NAME = "A detail must have a name.", "收费参数须有名称。", Rule.REQUIRED

    LENGTH = "{field} must have {min} to {max} characters.", "{field}须为 {min} 至 {max} 个字符。", Rule.LENGTH
    LENGTH_AT_MOST = "{field} must have at most {max} characters.", "{field}不能超过 {max} 个字符。", Rule.LENGTH
    COUNT = "{field} must have {min} to {max} entries.", "{field}须有 {min} 至 {max} 项。", Rule.COUNT
    COUNT_AT_MOST = "{field} must have at most {max} entries.", "{field}不能超过 {max} 项。", Rule.COUNT
    EACH_NAME_ONCE = "{field} must have each name once.", "{field}中的名称不能重复。", Rule.UNIQUE
    EACH_ONCE = "{field} must be each name once.", "{field}不能重复。", Rule.UNIQUE

    RANGE = "{field} must be from {min} to {max}.", "{field}须在 {min} 至 {max} 之间。", Rule.RANGE
    BEYOND = "{field} is beyond {max}.", "{field}超出 {max}。", Rule.RANGE
    AMOUNT = (
        "amount must be above 0, at most {max}, in whole fen.",
        "金额须大于 0、不超过 {max}，精确到分。",
        Rule.RANGE,
    )
    WHOLE_FEN = "amount must be in whole fen.", "金额须精确到分。", Rule.FORMAT
    AFTER = "{field} must be after {other}.", "{field}须晚于{other}。", Rule.RANGE
    BIRTH_DATE = "{field} must be from {min} to today.", "{field}须在 {min} 至今天之间。", Rule.RANGE

    CODE = (
        "{field} must have {min} to {max} letters or digits.",
        "{field}须为 {min} 至 {max} 个字母或数字。",
        Rule.FORMAT,
    )
    KEY = (
        "{field} must have {min} to {max} printable ASCII characters.",
        "{field}须为 {min} 至 {max} 个可打印的 ASCII 字符。",
        Rule.FORMAT,
    )
    NAME = (
        "{field} must be a name of {min} to {max} characters, all of them visible, without stars.",
        "{field}须为 {min} 至 {max} 个可见字符的姓名，不含星号。",
        Rule.FORMAT,
    )
    PHONE = (
        "{field} must be a phone number: 5 to 20 digits, with no more than blanks, hyphens, brackets, + and 转 between "
        "them.",
        "{field}须为电话号码：5 至 20 位数字，其间只能有空格、连字符、括号、+ 和“转”。",
        Rule.FORMAT,
    )
    ID_CARD = (
        "{field} must be an identity number of 18 or 15 characters, or the number of another document.",
        "{field}须为 18 位或 15 位身份证号，或其他证件的号码。",
        Rule.FORMAT,
    )
    PLATE = (
        "{field} must be a number plate of 5 to 10 letters and digits.",
        "{field}须为 5 至 10 个字母、数字的车牌号。",
        Rule.FORMAT,
    )
    JSON_NUMBER = "{field} must be a JSON number.", "{field}须为 JSON 数字。", Rule.FORMAT
    NATION = "{field} must be a name, not a number.", "{field}须为名称，不能是数字。", Rule.FORMAT
    IMAGE = (
        "Addresses of pictures travel joined by commas: none may be empty or hold one.",
        "图片地址以逗号连接：不能为空，也不能含有逗号。",
        Rule.FORMAT,
    )
    PAYMENT_NUMBER = "{field} is not a number of a payment.", "{field}不是缴费的单号。", Rule.FORMAT
    CURSOR = "{field} is not a cursor of this list.", "{field}不是此列表的游标。", Rule.FORMAT

    NODE_ID = "{field} is not a node id of this gateway.", "{field}不是本网关的节点标识。", Rule.FORMAT
    NO_MUTATION = "{field} is not the name of a mutation.", "{field}不是操作的名称。", Rule.ONE_OF
    YEAR = (
        "{field} must be in a year from {min} to {max}, in UTC.",
        "{field}须在 {min} 至 {max} 年之间（UTC）。",
        Rule.RANGE,
    )

    UNRECOGNIZED = "{field} cannot be UNRECOGNIZED.", "{field}不能为 UNRECOGNIZED。", Rule.ONE_OF
    NO_TITLE = "{field} cannot be OTHER: that is no title.", "{field}不能为 OTHER：它不对应任何收费名称。", Rule.ONE_OF
    NO_ENUM = "{field} is not the name of an enum.", "{field}不是枚举的名称。", Rule.ONE_OF

    EITHER = "Either {field} or {other} must be given.", "{field}与{other}须填写其中一个。", Rule.ONE_OF

    MASKED = "A masked value cannot be written.", "不能写入脱敏后的值。", Rule.MASKED

    NEEDS = "{field} needs {other}.", "填写{field}时须同时填写{other}。", Rule.DEPENDENCY
    PAGE_OF_ONE = (
        "{field} needs {other}: lists of several communities have cursors only.",
        "填写{field}时须同时填写{other}：多个小区的列表只能使用游标。",
        Rule.DEPENDENCY,
    )
    EXCLUSIVE = "{field} and {other} exclude each other.", "{field}与{other}不能同时填写。", Rule.CONFLICT
    DECIDED = (
        "{field} cannot be given here: the {part} is this one.",
        "此处不能填写{field}：已限定为当前{part}。",
        Rule.CONFLICT,
    )
