"""Every enum that a platform fills or that says something of its data, with the words of both platforms.

Nothing else in the program knows a Chinese word of the protocol. Sources: the document's preface (前言) unless a
section is named. Dictionaries show the enums in this order.
"""

from collections.abc import Mapping

from gateway.normalise.wire_enum import NOT_LISTED, DescribedEnum, Switch, WireEnum, Word


class ResidentRole(WireEnum, chinese="居民角色", english="Role of a resident in a house"):
    OWNER = "OWNER", Word("业主", "Owner in person", note="业主本人")
    TENANT = "TENANT", Word("租客", "Tenant, or a tenant's family", note="所有非业主亲属的都是租客（包括租客的家人）")
    FAMILY = (
        "FAMILY",
        Word("家属", "Family of the owner, not known how", note="为防止物业端搞不清楚亲属的具体身份而设置"),
    )
    HUSBAND = "HUSBAND", Word("丈夫", "Husband")
    WIFE = "WIFE", Word("妻子", "Wife")
    FATHER = "FATHER", Word("父亲", "Father")
    MOTHER = "MOTHER", Word("母亲", "Mother")
    PATERNAL_GRANDFATHER = "PATERNAL_GRANDFATHER", Word("爷爷", "Father's father")
    PATERNAL_GRANDMOTHER = "PATERNAL_GRANDMOTHER", Word("奶奶", "Father's mother")
    MATERNAL_GRANDFATHER = "MATERNAL_GRANDFATHER", Word("姥爷", "Mother's father")
    MATERNAL_GRANDMOTHER = "MATERNAL_GRANDMOTHER", Word("姥姥", "Mother's mother")
    SON = "SON", Word("儿子", "Son")
    DAUGHTER = "DAUGHTER", Word("女儿", "Daughter")
    OTHER = (
        "OTHER",
        Word(
            "其他",
            "Neither family nor tenant, as far as is known",
            note="连是不是亲属、是不是租客都搞不清楚，那只能选其他了",
        ),
    )
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class HouseUse(WireEnum, chinese="房屋用途", english="What a house is used for"):
    RESIDENTIAL = "RESIDENTIAL", Word("住宅", "Living")
    PRODUCTION = "PRODUCTION", Word("生产", "Production")
    BUSINESS = "BUSINESS", Word("经营", "Running a shop or restaurant", note="（商业）（饭店）")
    STORAGE = "STORAGE", Word("仓储", "Storage")
    EDUCATION = "EDUCATION", Word("教育", "Education, medicine, public health, research", note="（医疗、卫生、科研）")
    CULTURE = "CULTURE", Word("文化", "Culture, entertainment, sport", note="(娱乐、体育)")
    OFFICE = "OFFICE", Word("办公", "Offices")
    COMMERCE = "COMMERCE", Word("商业", "Commerce: finance, information", note="（金融）（信息）")
    OTHER = "OTHER", Word("其他", "Another use")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class HouseType(WireEnum, chinese="房屋类型", english="Type of a house; no endpoint sends it yet"):
    UNIT_BUILDING = "UNIT_BUILDING", Word("单元楼", "Block of flats with several stairwells")
    TUBE_BUILDING = "TUBE_BUILDING", Word("筒子楼", "Block of rooms along a corridor")
    COURTYARD = "COURTYARD", Word("四合院", "Courtyard house")
    BUNGALOW = "BUNGALOW", Word("独立平房", "Detached one-storey house")
    SELF_BUILT_LOW_RISE = "SELF_BUILT_LOW_RISE", Word("自建小楼", "Self-built house of a few storeys")
    VILLA = "VILLA", Word("别墅", "Villa")
    SELF_BUILT = "SELF_BUILT", Word("自建", "Self-built")
    OTHER = "OTHER", Word("其他", "Another type")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class HouseOwnership(WireEnum, chinese="房屋性质", english="Who a house belongs to"):
    PRIVATE = "PRIVATE", Word("私有", "Private")
    PUBLIC = "PUBLIC", Word("公有", "Public")
    OTHER = "OTHER", Word("其他", "Another ownership")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class HouseStatus(WireEnum, chinese="房屋状态", english="How a house is occupied"):
    SELF_OCCUPIED = "SELF_OCCUPIED", Word("自用", "Used by the owner")
    VACANT = "VACANT", Word("闲置", "Vacant")
    BORROWED = "BORROWED", Word("借用", "Lent")
    REGISTERED_ONLY = "REGISTERED_ONLY", Word("空挂", "Someone is registered there, nobody lives there")
    RENTED = "RENTED", Word("租用", "Rented")
    DEMOLISHED = "DEMOLISHED", Word("拆迁", "Demolished")
    OTHER = "OTHER", Word("其他", "Another status")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class OccupantType(WireEnum, chinese="住户类型", english="Type of an occupant"):
    OWNER = "OWNER", Word("业主", "Owner", misplaced=("业主绑定",))  # of the review types, by example (quirk 92)
    # 租户 here, 租客 among the roles and review types: other words of other lists (quirk 93).
    TENANT = "TENANT", Word("租户", "Tenant", misplaced=("租客绑定",))
    OTHER = "OTHER", Word("其他", "Another type")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class Sex(WireEnum, chinese="性别", english="Sex"):
    MALE = "MALE", Word("男", "Male")
    FEMALE = "FEMALE", Word("女", "Female")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class PoliticalStatus(WireEnum, chinese="政治面貌", english="Political status"):
    MASSES = "MASSES", Word("群众", "Member of no party")
    PARTY_MEMBER = "PARTY_MEMBER", Word("党员", "Member of the Communist Party", also=("中共党员",))
    LEAGUE_MEMBER = "LEAGUE_MEMBER", Word("团员", "Member of the Communist Youth League", also=("共青团员",))
    OTHER = "OTHER", Word("其他", "Another status")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class ShenheType(WireEnum, chinese="审核类型", english="What an application asks for"):
    BIND_OWNER = "BIND_OWNER", Word("业主绑定", "Bind an owner to a house", note="11月18日已开发")
    BIND_TENANT = "BIND_TENANT", Word("租客绑定", "Bind a tenant to a house", note="11月18日已开发")
    BIND_FAMILY = "BIND_FAMILY", Word("家属绑定", "Bind family of the owner to a house", note="11月18日已开发")
    REPLACE_OWNER = "REPLACE_OWNER", Word("替换业主", "Replace the owner of a house", note="11月18日已开发")
    UNBIND_OWNER = "UNBIND_OWNER", Word("业主解绑", "Unbind an owner", note="11月18日未开发解绑功能")
    UNBIND_TENANT = "UNBIND_TENANT", Word("租客解绑", "Unbind a tenant", note="11月18日未开发解绑功能")
    UNBIND_FAMILY = "UNBIND_FAMILY", Word("家属解绑", "Unbind family of the owner", note="11月18日未开发解绑功能")
    CHANGE_HOUSE = "CHANGE_HOUSE", Word("修改房屋数据", "Change the data of a house", note="11月18日未开发修改功能")
    CHANGE_PERSON = "CHANGE_PERSON", Word("修改个人信息", "Change the data of a person", note="11月18日未开发修改功能")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class ShenheStatus(WireEnum, chinese="审核状态", english="Status of a review"):
    PENDING = "PENDING", Word("等待审核", "Waiting for a decision", code="2")
    APPROVED = "APPROVED", Word("审核通过", "Approved", code="1")
    REJECTED = "REJECTED", Word("审核未通过", "Rejected", code="0")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class FeeType(WireEnum, chinese="收费名称", english="What an order charges for"):  # 2.1.1.5; an open list (quirk 103)
    PROPERTY = "PROPERTY", Word("物业费", "Property management")
    WATER = "WATER", Word("水费", "Water")
    PARKING_SPACE = "PARKING_SPACE", Word("车位费", "A parking space")
    TEMPORARY_PARKING = "TEMPORARY_PARKING", Word("临时停车费", "Temporary parking")
    OTHER = "OTHER", Word("其他", "Anything else: see the title", note="收费名称不限于本表")


class OrderStatus(WireEnum, chinese="订单状态", english="Status of an order"):  # 2.1.2.2
    OPEN = "OPEN", Word("进行中", "Can be paid", code="1")
    CLOSED = "CLOSED", Word("已关闭", "Closed", code="0")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class PaymentStatus(WireEnum, chinese="缴费状态", english="Whether an order is paid"):  # 2.1.2.2
    UNPAID = "UNPAID", Word("未付款", "Not paid", code="0")
    PAID = "PAID", Word("已付款", "Paid", code="1")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class RepairStatus(
    WireEnum, chinese="报修状态", english="Status of a repair"
):  # 4.1.2, 4.3: two pairs of words for the same numbers (quirk 100)
    OPEN = "OPEN", Word("未解决", "Not resolved", code="0", also=("未处理",))
    RESOLVED = "RESOLVED", Word("已解决", "Resolved", code="1", also=("已处理",))
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class ModuleName(WireEnum, chinese="小区功能模块", english="Feature module of a community"):  # 3.1.1.4
    BIND_HOUSE = "BIND_HOUSE", Word("绑定房屋", "Binding to a house")
    BIND_FAMILY = "BIND_FAMILY", Word("绑定家属", "Binding of family")
    LIVING_PAYMENTS = "LIVING_PAYMENTS", Word("生活缴费", "Payment of charges")
    REPAIRS = "REPAIRS", Word("物业报修", "Requests for repairs")
    CLOUD_PARKING = "CLOUD_PARKING", Word("云停车场", "Cloud car park")
    COMPLAINTS = "COMPLAINTS", Word("投诉建议", "Complaints and suggestions")
    ANNOUNCEMENTS = "ANNOUNCEMENTS", Word("公告通知", "Announcements")
    EMERGENCY_PHONES = "EMERGENCY_PHONES", Word("应急电话", "Emergency phone numbers")
    VISITOR_PASSES = "VISITOR_PASSES", Word("访客通行", "Visitor passes")
    UNRECOGNIZED = "UNRECOGNIZED", NOT_LISTED


class PlatformName(DescribedEnum, chinese="平台", english="One of the two platforms"):
    WJDH = "WJDH", Word("万家灯火", "Reviews, orders, repairs, modules, announcements", note="又称智慧平台、智慧家园")
    SECURITY = "SECURITY", Word("安防平台", "People, houses, payment notifications, production module states")


class PiiKind(DescribedEnum, chinese="个人信息类别", english="Kind of personal data"):
    PHONE = "PHONE", Word("手机号码", "Phone number")
    ID_CARD = "ID_CARD", Word("身份证号", "Number of an identity card")
    NAME = "NAME", Word("姓名", "Name of a person")
    BIRTH = "BIRTH", Word("出生日期", "Date of birth")
    ADDRESS = "ADDRESS", Word("户籍地址", "Registered address")
    PHOTO = "PHOTO", Word("头像", "Portrait")
    SENSITIVE_STATUS = (
        "SENSITIVE_STATUS",
        Word("敏感身份", "Political status, veteran, subsistence allowance, petitioner"),
    )


class DataProblem(DescribedEnum, chinese="数据问题", english="Why a value did not arrive as documented"):
    UNRECOGNIZED_VALUE = "UNRECOGNIZED_VALUE", Word("未知取值", "A word or number that is not in the list")
    MALFORMED = "MALFORMED", Word("格式错误", "Not readable as what it should be")
    MISSING = "MISSING", Word("缺失", "The document promises it, and it did not come")
    CONTRADICTORY = (
        "CONTRADICTORY",
        Word("自相矛盾", "Two spellings of the same field disagree, or the word is of another list"),
    )
    LEGACY_CODE = "LEGACY_CODE", Word("旧编号", "A code of the old numbering, which is not documented")


YES_NO = Switch(off=("0", 0, "否"), on=("1", 1, "是"))
"""Flags: 0否1是, as text or number; JSON's booleans equal the numbers (quirk 117)."""

ON_OFF = Switch(off=("0", 0, "关闭"), on=("1", 1, "开启"))
"""Switches: 0关闭1开启, as text, number or boolean (quirk 102)."""

ENUMS = {enum.__name__: enum for enum in WireEnum.__subclasses__()}

CLOSED_LISTS: Mapping[str, type[WireEnum] | Switch] = {**ENUMS, "YesNo": YES_NO, "OnOff": ON_OFF}
"""What a profile may add words to, by the names it has there."""

FLAG_FORM: Mapping[bool, str] = {False: "0", True: "1"}
"""How a boolean is sent (quirk 62)."""

NATION: Mapping[str, str] = {"汉": "汉族"}
"""Ethnic groups that the document spells in two ways (quirk 90), to the one that its examples use."""
