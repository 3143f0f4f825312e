"""How a message is declared, and the text that it becomes with its values.

    InputWording     values of arguments and inputs
    WriteWording     writes that are refused
    RequestWording   requests that are turned away: the edge, documents, callers
    FaultWording     platforms, the journal, and the gateway itself

A message is declared once, with its name and both texts, as `Rule.RANGE("English", "Chinese")` if it is of a rule.
Texts that need more than a line are one, with the Chinese below the English. An error has the message and its values:

    raise UserInputError("first", InputWording.RANGE(field="first", min=1, max=100))
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum, unique
from typing import Final, NamedTuple, Self, TypeAlias

from gateway.wording.enums import DescribedEnum, Word

_LABELS = """
    address 住址; after 游标; allowRepeat 允许重复收费; amount 金额; birthDate 出生日期; building 楼号; by 分组;
    carNumber 车牌号; code 小区标识; communityCode 小区标识; communityCodes 小区标识列表; companyName 公司;
    conflicting 有无冲突; content 内容; details 收费参数; dryRun 仅预览; enabled 模块状态; feeType 收费类型;
    filter 筛选; first 条数; floor 楼层; groupBy 分组方式; id 标识; idCard 身份证号; idempotencyKey 幂等键;
    ids 标识列表; images 图片; input 输入; isPetitioner 上访; isVeteran 退役军人; jobName 工作; label 模块标签;
    logo 发布者标志; manager 管理主体; mutations 操作名称列表; name 名称; names 名称列表; nation 民族; number 编号;
    numeric 是否按数字发送; occupantType 住户类型; orderNumber 订单编号; orders 订单列表; outcome 写操作结果;
    ownership 房屋性质; page 页码; parkingNumber 车位号; payer 收费对象; paymentStatus 付款状态; people 申请人;
    phone 手机号码; photo 头像; pinned 是否置顶; politicalStatus 政治面貌; published 是否开启; reason 理由;
    reasons 理由列表; receivesSubsistenceAllowance 低保; recordId 记录标识; registeredAddress 户籍地址; remark 备注;
    reply 答复; role 居民角色; room 房间号; sex 性别; shopNumber 商户单号; since 起始时间; state 投递状态;
    status 状态; subject 操作人; title 标题; type 类型; unit 单元号; until 截止时间; use 房屋用途; value 值;
    weight 权重; weixinNumber 微信单号;
    community 小区; house 房屋; module 功能模块; operation 操作记录; order 订单; payment 缴费通知; person 人员;
    repair 报修"""

LABELS: Final[Mapping[str, str]] = dict(re.findall(r"(\w+) (\w+)", _LABELS))
"""By the last name in the path of a field, or by the word for a record."""

LABELLED = frozenset({"field", "other", "record", "part"})  # placeholders of names, whose labels stand in Chinese


class ViolationRule(DescribedEnum, chinese="输入规则", english="Which rule a value of an input breaks"):
    """The list is closed: the word of each says what it asks for."""

    def __call__(self, english: str, chinese: str = "") -> "Sentence":
        """The declaration of a message that is about this rule."""
        return Sentence(english, chinese, self)

    REQUIRED = Word("不能为空", "A value is required, with visible characters")
    LENGTH = Word("字符数须在范围内", "A text must have from `min` to `max` characters")
    COUNT = Word("条目数须在范围内", "A list must have from `min` to `max` entries")
    RANGE = Word("数值或日期须在范围内", "A number or date must be from `min` to `max`")
    FORMAT = Word("格式须正确", "A value must have the form that the message describes")
    ONE_OF = Word("须为允许的值之一", "A value must be one of a list, or exactly one of several fields given")
    UNIQUE = Word("不能重复", "An entry of a list must be unique")
    MASKED = Word("不能含有脱敏内容", "A masked value is not accepted")
    DEPENDENCY = Word("须同时填写另一字段", "A field needs another one, which the message names")
    CONFLICT = Word("不能与其他值或已有记录冲突", "A value must not contradict another one, or an existing record")
    EXISTS = Word("所指的记录须存在", "The record, person or vehicle must exist")
    ACCESS = Word("须有该小区的权限", "The caller must have the community")
    STATE = Word("记录的状态须允许该操作", "The state of the record must allow the write")


class Wording(Enum):
    """Base of the tables. A message has an English and a Chinese template with the same placeholders, and the rule it
    is about, if it is about one.

    `min` and `max` are the bounds of a rule. They may be given where no template shows them. `detail` is in English,
    for developers: no Chinese template has it.
    """

    def __init_subclass__(cls) -> None:
        unique(cls)

    def __init__(self, english: str, chinese: str = "", rule: ViolationRule | None = None) -> None:
        if not chinese:
            english, chinese = english.rsplit("\n", 1)
        self.english = " ".join(english.split())
        self.chinese = chinese.strip()
        self.rule = rule

    def __call__(self, **values: object) -> "Text":
        """The text with these values. Raises KeyError for a placeholder without one."""
        return Text(self, values)


class Sentence(NamedTuple):
    """A message of a part that knows no table: how it begins in English, the rest as in `Wording`."""

    english: str
    chinese: str
    rule: ViolationRule | None = None


class Text(str):
    """A message in English that also knows itself in Chinese.

    `english` is the message where it came from elsewhere, and may say more than the wording.
    """

    wording: Wording | Sentence
    _values: Mapping[str, object]

    def __new__(cls, wording: Wording | Sentence, values: Mapping[str, object], english: str | None = None) -> Self:
        text = str.__new__(cls, wording.english.format_map(values) if english is None else english)
        text.wording = wording
        text._values = values
        return text

    @property
    def chinese(self) -> str:
        return self.wording.chinese.format_map({name: _in_chinese(name, it) for name, it in self._values.items()})

    @property
    def rule(self) -> ViolationRule | None:
        """The rule that is broken: that of the message, or of the message within it."""
        inner = (value.rule for value in self._values.values() if isinstance(value, Text))
        return self.wording.rule or next(inner, None)

    @property
    def bounds(self) -> dict[str, str]:
        """Its `min` and `max`, those that there are."""
        return {name: str(self._values[name]) for name in ("min", "max") if name in self._values}


class Noun(str):
    """A word for a record that also knows itself in Chinese, as its `label`."""

    label: str

    def __new__(cls, english: str, chinese: str) -> Self:
        noun = str.__new__(cls, english)
        noun.label = chinese
        return noun


Problem: TypeAlias = Callable[..., Text]  # what is wrong with a value, before it is said of which `field`


class Violation(NamedTuple):
    """A value of the input that breaks a rule: the path to it, such as ("payer", "house", "floor"), and the message."""

    field: tuple[str, ...]
    message: Text

    def to_json(self) -> dict[str, object]:
        """As in `extensions.violations`: the fields of a `UserError`, whose path begins within the input as well."""
        text = self.message
        return {
            "field": list(self.field[1:] if self.field[0] == "input" else self.field),
            "rule": text.rule,
            "min": None,
            "max": None,
            **text.bounds,
            "message": text,
            "messageZh": text.chinese,
        }


def label(path: str) -> str:
    """What a field is called in Chinese, by the last name in its path; the path itself where it has no label."""
    names = [name for name in path.split(".") if not name.isdecimal()]
    return LABELS.get(names[-1], path) if names else path


def _in_chinese(name: str, value: object) -> object:
    """A noun, or a member of an enum, that has a Chinese word is that word; the name of a field its label."""
    if isinstance(value, Text):
        return value.chinese
    if name in LABELLED and not isinstance(value, Noun):
        return label(str(value))
    return getattr(value, "label", value)
