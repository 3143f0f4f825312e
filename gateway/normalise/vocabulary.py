"""Every enum that is of no entity alone: those that a platform fills, with its words, and at the end the gateway's own.

Nothing else in the program knows a Chinese word of the protocol. Sources: the document's preface (前言) unless a
section is named. Dictionaries show the enums in this order.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from gateway.normalise.masks import Masker, mask_address, mask_id_card, mask_name, mask_phone
from gateway.wording.enums import NOT_LISTED, DescribedEnum, Word

CLOSED_LISTS: "dict[str, type[WireEnum] | Switch]" = {}
"""What a profile may add words to, by the names it has there: enums, here and of entities, and switches."""


class WireEnum(DescribedEnum):
    """An enum whose members platforms send and take.

    `fallback`, the last member, is what an unknown word becomes; it has no spelling. `by_wire` finds a member by any of
    its declared spellings, texts or numbers; null and empty text are None. To a dictionary, true is 1, and so is 1.0.

    `numbered`: the document numbers the members. Where it does not, a number is a code of the old, undocumented
    numbering (quirk 88). `boolean`: the numbers are 0 and 1, so that false and true may come instead. `misplaced` finds
    a member by a word of another list, which is an issue.
    """

    fallback: ClassVar[Any]
    by_wire: ClassVar[Mapping[object, Any]]
    misplaced: ClassVar[Mapping[object, Any]]
    numbered: ClassVar[bool]
    boolean: ClassVar[bool]

    def __init_subclass__(cls, chinese: str = "", english: str = "") -> None:
        super().__init_subclass__(chinese, english)
        CLOSED_LISTS[cls.__name__] = cls
        *listed, cls.fallback = cls
        words: dict[object, Any] = {word: member for member in listed for word in (member.label, *member.word.also)}
        codes: dict[Any, Any] = {member.word.code: member for member in listed if member.word.code is not None}
        cls.by_wire = {None: None, "": None, **words, **codes, **{int(code): codes[code] for code in codes}}
        cls.misplaced = {word: member for member in listed for word in member.word.misplaced}
        cls.numbered = bool(codes)
        cls.boolean = set(codes) == {"0", "1"}

    @classmethod
    def spellings(cls, more: Mapping[str, Iterable[str]]) -> dict[object, Any]:
        """`by_wire`, with these spellings of members besides the declared ones. One of the fallback is a word that is
        known though no member means it: it is no issue.
        """
        return {**cls.by_wire, **{word: cls(name) for name, words in more.items() for word in words}}

    @property
    def wire_label(self) -> str:
        """The word to send. Raises ValueError for the fallback: it names nothing."""
        if self is self.fallback:
            raise ValueError(f"{self!r} cannot be sent")
        return self.label

    @property
    def wire_code(self) -> str:
        """The number to send, as form text. Raises ValueError for the fallback, and a member without one."""
        code = self.word.code
        if code is None:
            raise ValueError(f"{self!r} has no number")
        return code


class Switch:
    """A yes or no of this name: `by_wire` has its spellings, text or number, as a `WireEnum` has its own."""

    def __init__(self, name: str, off: Iterable[object], on: Iterable[object]) -> None:
        self.__name__ = name
        CLOSED_LISTS[name] = self
        words: dict[object, bool | None] = {None: None, "": None}
        self.by_wire: Mapping[object, bool | None] = words | dict.fromkeys(off, False) | dict.fromkeys(on, True)

    def __iter__(self) -> Iterator[str]:
        """The names of both in a profile."""
        return iter(("true", "false"))

    def spellings(self, more: Mapping[str, Iterable[str]]) -> dict[object, bool | None]:
        """`by_wire`, with these spellings as well."""
        return {**self.by_wire, **{word: name == "true" for name, words in more.items() for word in words}}


class ResidentRole(WireEnum, chinese="居民角色", english="Role of a resident in a house"):
    OWNER = Word("业主", "Owner in person", note="业主本人")
    TENANT = Word("租客", "Tenant, or a tenant's family", note="所有非业主亲属的都是租客（包括租客的家人）")
    FAMILY = Word("家属", "Family of the owner, relation unknown", note="为防止物业端搞不清楚亲属的具体身份而设置")
    HUSBAND = Word("丈夫", "Husband")
    WIFE = Word("妻子", "Wife")
    FATHER = Word("父亲", "Father")
    MOTHER = Word("母亲", "Mother")
    PATERNAL_GRANDFATHER = Word("爷爷", "Father's father")
    PATERNAL_GRANDMOTHER = Word("奶奶", "Father's mother")
    MATERNAL_GRANDFATHER = Word("姥爷", "Mother's father")
    MATERNAL_GRANDMOTHER = Word("姥姥", "Mother's mother")
    SON = Word("儿子", "Son")
    DAUGHTER = Word("女儿", "Daughter")
    OTHER = Word("其他", "Neither family nor tenant", note="连是不是亲属、是不是租客都搞不清楚，那只能选其他了")
    UNRECOGNIZED = NOT_LISTED


class HouseUse(WireEnum, chinese="房屋用途", english="What a house is used for"):
    RESIDENTIAL = Word("住宅", "Residential")
    PRODUCTION = Word("生产", "Production")
    BUSINESS = Word("经营", "Running a shop or restaurant", note="（商业）（饭店）")
    STORAGE = Word("仓储", "Storage")
    EDUCATION = Word("教育", "Education, medicine, public health, research", note="（医疗、卫生、科研）")
    CULTURE = Word("文化", "Culture, entertainment, sport", note="(娱乐、体育)")
    OFFICE = Word("办公", "Offices")
    COMMERCE = Word("商业", "Commerce: finance, information", note="（金融）（信息）")
    OTHER = Word("其他", "Another use")
    UNRECOGNIZED = NOT_LISTED


class HouseType(WireEnum, chinese="房屋类型", english="Type of a house; no endpoint sends it yet"):
    UNIT_BUILDING = Word("单元楼", "Block of flats with several stairwells")
    TUBE_BUILDING = Word("筒子楼", "Block of rooms along a corridor")
    COURTYARD = Word("四合院", "Courtyard house")
    BUNGALOW = Word("独立平房", "Detached one-storey house")
    SELF_BUILT_LOW_RISE = Word("自建小楼", "Self-built house of a few storeys")
    VILLA = Word("别墅", "Villa")
    SELF_BUILT = Word("自建", "Self-built")
    OTHER = Word("其他", "Another type")
    UNRECOGNIZED = NOT_LISTED


class HouseOwnership(WireEnum, chinese="房屋性质", english="Who a house belongs to"):
    PRIVATE = Word("私有", "Private")
    PUBLIC = Word("公有", "Public")
    OTHER = Word("其他", "Another ownership")
    UNRECOGNIZED = NOT_LISTED


class HouseStatus(WireEnum, chinese="房屋状态", english="How a house is occupied"):
    SELF_OCCUPIED = Word("自用", "Used by the owner")
    VACANT = Word("闲置", "Vacant")
    BORROWED = Word("借用", "Lent")
    REGISTERED_ONLY = Word("空挂", "Registered residents, but no one lives there")
    RENTED = Word("租用", "Rented")
    DEMOLISHED = Word("拆迁", "Demolished")
    OTHER = Word("其他", "Another status")
    UNRECOGNIZED = NOT_LISTED


class OccupantType(WireEnum, chinese="住户类型", english="Type of an occupant"):
    OWNER = Word("业主", "Owner", misplaced=("业主绑定",))  # of the review types, by example (quirk 92)
    # 租户 here, 租客 among the roles and review types: other words of other lists (quirk 93).
    TENANT = Word("租户", "Tenant", misplaced=("租客绑定",))
    OTHER = Word("其他", "Another type")
    UNRECOGNIZED = NOT_LISTED


class Sex(WireEnum, chinese="性别", english="Sex"):
    MALE = Word("男", "Male")
    FEMALE = Word("女", "Female")
    UNRECOGNIZED = NOT_LISTED


class PoliticalStatus(WireEnum, chinese="政治面貌", english="Political status"):
    MASSES = Word("群众", "Member of no party")
    PARTY_MEMBER = Word("党员", "Member of the Communist Party", also=("中共党员",))
    LEAGUE_MEMBER = Word("团员", "Member of the Communist Youth League", also=("共青团员",))
    OTHER = Word("其他", "Another status")
    UNRECOGNIZED = NOT_LISTED


class PlatformName(DescribedEnum, chinese="平台", english="One of the two platforms"):
    WJDH = Word("万家灯火", "Reviews, orders, repairs, modules, announcements", note="又称智慧平台、智慧家园")
    SECURITY = Word("安防平台", "People, houses, payment notifications, production module states")


class PersonalWord(Word, frozen=True):
    """Of a kind of personal data: `mask` is how its values are shown to most callers; None: they are withheld."""

    mask: Masker | None = None


class PiiKind(DescribedEnum, chinese="个人信息类别", english="Kind of personal data"):
    PHONE = PersonalWord("手机号码", "Phone number", mask=mask_phone)
    ID_CARD = PersonalWord("身份证号", "Number of an identity card", mask=mask_id_card)
    NAME = PersonalWord("姓名", "Name of a person", mask=mask_name)
    BIRTH = PersonalWord("出生日期", "Date of birth")
    ADDRESS = PersonalWord("户籍地址", "Registered address", mask=mask_address)
    PHOTO = PersonalWord("头像", "Portrait")
    SENSITIVE_STATUS = PersonalWord("敏感身份", "Political status, veteran, subsistence allowance, petitioner")

    word: PersonalWord

    @property
    def masker(self) -> Masker | None:
        """What masks a value of this kind; None where it is withheld."""
        return self.word.mask

    def mask(self, value: object) -> str | None:
        """The value masked, or None where the kind is withheld as a whole."""
        return None if self.word.mask is None else self.word.mask(value)


class DataProblem(DescribedEnum, chinese="数据问题", english="Why a value did not arrive as documented"):
    UNRECOGNIZED_VALUE = Word("未知取值", "A value that is not in the list")
    MALFORMED = Word("格式错误", "The value cannot be read as its type")
    MISSING = Word("缺失", "A documented value was not sent")
    CONTRADICTORY = Word("自相矛盾", "Two spellings of the same field differ, or the value belongs to another list")
    LEGACY_CODE = Word("旧编号", "An undocumented code of the old numbering")


YES_NO = Switch("YesNo", off=("0", 0, "否"), on=("1", 1, "是"))
"""Flags: 0否1是, as text or number; JSON's booleans equal the numbers (quirk 117)."""

ON_OFF = Switch("OnOff", off=("0", 0, "关闭"), on=("1", 1, "开启"))
"""Switches: 0关闭1开启, as text, number or boolean (quirk 102)."""

FLAG_FORM: Mapping[bool, str] = {False: "0", True: "1"}
"""How a boolean is sent (quirk 62)."""

NATION: Mapping[str, str] = {"汉": "汉族"}
"""Ethnic groups that the document spells in two ways (quirk 90), to the one that its examples use."""


# The gateway's own: what no platform sends


class Outcome(DescribedEnum, chinese="写操作结果", english="Result of a write"):
    CONFIRMED = Word("已确认", "Done")
    REFUSED = Word("已拒绝", "Not done, or for syncModules only in part; userErrors say why")
    UNKNOWN = Word("结果未知", "Sent, but the answer was lost or is pending; the operation shows the final outcome")
    PLANNED = Word("预览", "A dry run that could be carried out; nothing was sent or recorded")


class OperationState(DescribedEnum, chinese="写操作状态", english="State of a write"):
    """RESERVED → SENT → CONFIRMED | REFUSED | UNKNOWN; UNKNOWN → CONFIRMED | REFUSED once the write is read back.

    No operation is in READ_BACK: it is a step of the timeline alone, after which the write may still be UNKNOWN.
    """

    RESERVED = Word("已登记", "Recorded in the journal; nothing has been sent")
    SENT = Word("已发出", "About to be sent to the platform")
    CONFIRMED = Word("已确认", "Done")
    REFUSED = Word("已拒绝", "Not done, or for syncModules only in part; userErrors say why")
    UNKNOWN = Word("结果未知", "Sent, but whether it was done is not known")
    READ_BACK = Word("已回查", "The platform's state was read to learn an UNKNOWN outcome")


class UserErrorCode(DescribedEnum, chinese="写操作被拒绝的原因", english="Why a write was refused"):
    INVALID = Word("输入无效", "A value of the input cannot be used")
    NOT_FOUND = Word("记录不存在", "There is no such record")
    PERSON_NOT_FOUND = Word("查无此人", "The platform does not know this person")
    VEHICLE_NOT_FOUND = Word("查无此车", "The platform does not know this vehicle")
    NOT_REGISTERED = Word("用户未注册", "The person is known and has not registered in the mini program")
    FORBIDDEN_COMMUNITY = Word("无权操作该小区", "The caller may not write to this community")
    ALREADY_REVIEWED = Word("已审核", "The review is already decided")
    ALREADY_CHARGED = Word("已有相同账单", "An equal open order was created in the last day")
    CONFLICT = Word("冲突", "The write contradicts an existing record")
    IDEMPOTENCY_MISMATCH = Word("幂等键参数不一致", "The idempotency key was used with other arguments")
    IDEMPOTENCY_IN_PROGRESS = Word("正在处理", "The write with this idempotency key is still in progress")
    NOT_SUPPORTED = Word("无法更正", "What was submitted cannot be read, so nothing in it can be corrected")
    UPSTREAM_REFUSED = Word("平台拒绝", "The platform refused the write")
    UPSTREAM_UNAVAILABLE = Word("平台不可用", "The platform could not be reached; nothing was changed")
    NOT_SENT = Word("未发送", "This entry was not sent; send the request again, with the same key")


class DeliveryState(DescribedEnum, chinese="缴费通知投递状态", english="Delivery state of a payment notification"):
    QUEUED = Word("待投递", "Stored, waiting for delivery")
    DELIVERED = Word("已送达", "The security platform has saved it")
    DEAD = Word("投递失败", "All attempts failed; can be retried")


class ChangeKind(DescribedEnum, chinese="变动类型", english="What happened to a record of a list"):
    APPEARED = Word("新增", "A new record is waiting")
    CHANGED = Word("变更", "The record changed while waiting, or left the list and its status cannot be read")
    DECIDED = Word("已审核", "The review was approved or rejected")
    RESOLVED = Word("已处理", "The repair was resolved")
    REOPENED = Word("重新打开", "The record is waiting again")


class PaymentEventKind(DescribedEnum, chinese="缴费通知事件类型", english="What happened to a payment notification"):
    RECEIVED = Word("已接收", "It was saved, or its community became known")
    DELIVERED = Word("已送达", "The security platform has saved it")
    DEAD = Word("投递失败", "All attempts at delivery failed")
    CONFLICTED = Word("冲突", "Another notification has other numbers for its order or WeChat number")


class Severity(DescribedEnum, chinese="严重程度", english="Severity of a finding"):
    INFO = Word("提示", "For information")
    WARNING = Word("警告", "Check before deciding")
    BLOCKING = Word("阻断", "A reason against approval")


class Availability(DescribedEnum, chinese="接口可用性", english="Whether an endpoint can be used"):
    AVAILABLE = Word("可用", "Configured")
    NOT_CONFIGURED = Word("未配置", "No path is configured for it")
    NOT_OFFERED = Word("平台未开发", "The platform has not developed it")


class CircuitState(DescribedEnum, chinese="熔断状态", english="The circuit breaker of an endpoint"):
    CLOSED = Word("正常", "Calls go through")
    OPEN = Word("熔断", "Calls fail at once after repeated failures")
    HALF_OPEN = Word("试探", "One trial call is let through")
