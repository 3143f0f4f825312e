"""The words of both platforms: for every enum the Chinese terms, English meanings, numbers and notes of the document.

Nothing else in the program knows a Chinese word of the protocol. Sources: the document's preface (前言) unless a
section is named.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from gateway.normalise.enum_words import EnumWords, WireWords, Word
from gateway.normalise.vocabulary import (
    DataProblem,
    FeeType,
    HouseOwnership,
    HouseStatus,
    HouseType,
    HouseUse,
    ModuleName,
    OccupantType,
    OrderStatus,
    PaymentStatus,
    PiiKind,
    PlatformName,
    PoliticalStatus,
    RepairStatus,
    ResidentRole,
    Sex,
    ShenheStatus,
    ShenheType,
)

UNRECOGNIZED = Word(
    "未识别",
    "The platform sent a value that is not in this list: a DataIssue holds it",
    note="仅用于显示，不能作为输入",
)

RESIDENT_ROLE = WireWords(
    ResidentRole,
    "居民角色",
    "Role of a resident in a house",
    {
        ResidentRole.OWNER: Word("业主", "Owner in person", note="业主本人"),
        ResidentRole.TENANT: Word(
            "租客", "Tenant, or a tenant's family", note="所有非业主亲属的都是租客（包括租客的家人）"
        ),
        ResidentRole.FAMILY: Word(
            "家属", "Family of the owner, not known how", note="为防止物业端搞不清楚亲属的具体身份而设置"
        ),
        ResidentRole.HUSBAND: Word("丈夫", "Husband"),
        ResidentRole.WIFE: Word("妻子", "Wife"),
        ResidentRole.FATHER: Word("父亲", "Father"),
        ResidentRole.MOTHER: Word("母亲", "Mother"),
        ResidentRole.PATERNAL_GRANDFATHER: Word("爷爷", "Father's father"),
        ResidentRole.PATERNAL_GRANDMOTHER: Word("奶奶", "Father's mother"),
        ResidentRole.MATERNAL_GRANDFATHER: Word("姥爷", "Mother's father"),
        ResidentRole.MATERNAL_GRANDMOTHER: Word("姥姥", "Mother's mother"),
        ResidentRole.SON: Word("儿子", "Son"),
        ResidentRole.DAUGHTER: Word("女儿", "Daughter"),
        ResidentRole.OTHER: Word(
            "其他",
            "Neither family nor tenant, as far as is known",
            note="连是不是亲属、是不是租客都搞不清楚，那只能选其他了",
        ),
        ResidentRole.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=ResidentRole.UNRECOGNIZED,
)

HOUSE_USE = WireWords(
    HouseUse,
    "房屋用途",
    "What a house is used for",
    {
        HouseUse.RESIDENTIAL: Word("住宅", "Living"),
        HouseUse.PRODUCTION: Word("生产", "Production"),
        HouseUse.BUSINESS: Word("经营", "Running a shop or restaurant", note="（商业）（饭店）"),
        HouseUse.STORAGE: Word("仓储", "Storage"),
        HouseUse.EDUCATION: Word("教育", "Education, medicine, public health, research", note="（医疗、卫生、科研）"),
        HouseUse.CULTURE: Word("文化", "Culture, entertainment, sport", note="(娱乐、体育)"),
        HouseUse.OFFICE: Word("办公", "Offices"),
        HouseUse.COMMERCE: Word("商业", "Commerce: finance, information", note="（金融）（信息）"),
        HouseUse.OTHER: Word("其他", "Another use"),
        HouseUse.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=HouseUse.UNRECOGNIZED,
)

HOUSE_TYPE = WireWords(
    HouseType,
    "房屋类型",
    "Type of a house; no endpoint sends it yet",
    {
        HouseType.UNIT_BUILDING: Word("单元楼", "Block of flats with several stairwells"),
        HouseType.TUBE_BUILDING: Word("筒子楼", "Block of rooms along a corridor"),
        HouseType.COURTYARD: Word("四合院", "Courtyard house"),
        HouseType.BUNGALOW: Word("独立平房", "Detached one-storey house"),
        HouseType.SELF_BUILT_LOW_RISE: Word("自建小楼", "Self-built house of a few storeys"),
        HouseType.VILLA: Word("别墅", "Villa"),
        HouseType.SELF_BUILT: Word("自建", "Self-built"),
        HouseType.OTHER: Word("其他", "Another type"),
        HouseType.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=HouseType.UNRECOGNIZED,
)

HOUSE_OWNERSHIP = WireWords(
    HouseOwnership,
    "房屋性质",
    "Who a house belongs to",
    {
        HouseOwnership.PRIVATE: Word("私有", "Private"),
        HouseOwnership.PUBLIC: Word("公有", "Public"),
        HouseOwnership.OTHER: Word("其他", "Another ownership"),
        HouseOwnership.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=HouseOwnership.UNRECOGNIZED,
)

HOUSE_STATUS = WireWords(
    HouseStatus,
    "房屋状态",
    "How a house is occupied",
    {
        HouseStatus.SELF_OCCUPIED: Word("自用", "Used by the owner"),
        HouseStatus.VACANT: Word("闲置", "Vacant"),
        HouseStatus.BORROWED: Word("借用", "Lent"),
        HouseStatus.REGISTERED_ONLY: Word("空挂", "Someone is registered there, nobody lives there"),
        HouseStatus.RENTED: Word("租用", "Rented"),
        HouseStatus.DEMOLISHED: Word("拆迁", "Demolished"),
        HouseStatus.OTHER: Word("其他", "Another status"),
        HouseStatus.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=HouseStatus.UNRECOGNIZED,
)

OCCUPANT_TYPE = WireWords(
    OccupantType,
    "住户类型",
    "Type of an occupant",
    {
        OccupantType.OWNER: Word("业主", "Owner"),
        # 租户 here, 租客 among the roles and audit types: other words of other lists (quirk 93).
        OccupantType.TENANT: Word("租户", "Tenant"),
        OccupantType.OTHER: Word("其他", "Another type"),
        OccupantType.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=OccupantType.UNRECOGNIZED,
)

SEX = WireWords(
    Sex,
    "性别",
    "Sex",
    {
        Sex.MALE: Word("男", "Male"),
        Sex.FEMALE: Word("女", "Female"),
        Sex.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=Sex.UNRECOGNIZED,
)

POLITICAL_STATUS = WireWords(
    PoliticalStatus,
    "政治面貌",
    "Political status",
    {
        PoliticalStatus.MASSES: Word("群众", "Member of no party"),
        PoliticalStatus.PARTY_MEMBER: Word("党员", "Member of the Communist Party", also=("中共党员",)),
        PoliticalStatus.LEAGUE_MEMBER: Word("团员", "Member of the Communist Youth League", also=("共青团员",)),
        PoliticalStatus.OTHER: Word("其他", "Another status"),
        PoliticalStatus.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=PoliticalStatus.UNRECOGNIZED,
)

SHENHE_TYPE = WireWords(
    ShenheType,
    "审核类型",
    "What an application asks for",
    {
        ShenheType.BIND_OWNER: Word("业主绑定", "Bind an owner to a house", note="11月18日已开发"),
        ShenheType.BIND_TENANT: Word("租客绑定", "Bind a tenant to a house", note="11月18日已开发"),
        ShenheType.BIND_FAMILY: Word("家属绑定", "Bind family of the owner to a house", note="11月18日已开发"),
        ShenheType.REPLACE_OWNER: Word("替换业主", "Replace the owner of a house", note="11月18日已开发"),
        ShenheType.UNBIND_OWNER: Word("业主解绑", "Unbind an owner", note="11月18日未开发解绑功能"),
        ShenheType.UNBIND_TENANT: Word("租客解绑", "Unbind a tenant", note="11月18日未开发解绑功能"),
        ShenheType.UNBIND_FAMILY: Word("家属解绑", "Unbind family of the owner", note="11月18日未开发解绑功能"),
        ShenheType.CHANGE_HOUSE: Word("修改房屋数据", "Change the data of a house", note="11月18日未开发修改功能"),
        ShenheType.CHANGE_PERSON: Word("修改个人信息", "Change the data of a person", note="11月18日未开发修改功能"),
        ShenheType.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=ShenheType.UNRECOGNIZED,
)

SHENHE_STATUS = WireWords(
    ShenheStatus,
    "审核状态",
    "Status of a review",
    {
        ShenheStatus.PENDING: Word("等待审核", "Waiting for a decision", code="2"),
        ShenheStatus.APPROVED: Word("审核通过", "Approved", code="1"),
        ShenheStatus.REJECTED: Word("审核未通过", "Rejected", code="0"),
        ShenheStatus.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=ShenheStatus.UNRECOGNIZED,
)

FEE_TYPE = WireWords(  # 2.1.1.5; an open list (quirk 103)
    FeeType,
    "收费名称",
    "What an order charges for",
    {
        FeeType.PROPERTY: Word("物业费", "Property management"),
        FeeType.WATER: Word("水费", "Water"),
        FeeType.PARKING_SPACE: Word("车位费", "A parking space"),
        FeeType.TEMPORARY_PARKING: Word("临时停车费", "Temporary parking"),
        FeeType.OTHER: Word("其他", "Anything else: see the title", note="收费名称不限于本表"),
    },
    fallback=FeeType.OTHER,
)

ORDER_STATUS = WireWords(  # 2.1.2.2
    OrderStatus,
    "订单状态",
    "Status of an order",
    {
        OrderStatus.OPEN: Word("进行中", "Can be paid", code="1"),
        OrderStatus.CLOSED: Word("已关闭", "Closed", code="0"),
        OrderStatus.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=OrderStatus.UNRECOGNIZED,
)

PAYMENT_STATUS = WireWords(  # 2.1.2.2
    PaymentStatus,
    "缴费状态",
    "Whether an order is paid",
    {
        PaymentStatus.UNPAID: Word("未付款", "Not paid", code="0"),
        PaymentStatus.PAID: Word("已付款", "Paid", code="1"),
        PaymentStatus.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=PaymentStatus.UNRECOGNIZED,
)

REPAIR_STATUS = WireWords(  # 4.1.2, 4.3: two pairs of words for the same numbers (quirk 100)
    RepairStatus,
    "报修状态",
    "Status of a repair",
    {
        RepairStatus.OPEN: Word("未解决", "Not resolved", code="0", also=("未处理",)),
        RepairStatus.RESOLVED: Word("已解决", "Resolved", code="1", also=("已处理",)),
        RepairStatus.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=RepairStatus.UNRECOGNIZED,
)

MODULE_NAME = WireWords(  # 3.1.1.4
    ModuleName,
    "小区功能模块",
    "Feature module of a community",
    {
        ModuleName.BIND_HOUSE: Word("绑定房屋", "Binding to a house"),
        ModuleName.BIND_FAMILY: Word("绑定家属", "Binding of family"),
        ModuleName.LIVING_PAYMENTS: Word("生活缴费", "Payment of charges"),
        ModuleName.REPAIRS: Word("物业报修", "Requests for repairs"),
        ModuleName.CLOUD_PARKING: Word("云停车场", "Cloud car park"),
        ModuleName.COMPLAINTS: Word("投诉建议", "Complaints and suggestions"),
        ModuleName.ANNOUNCEMENTS: Word("公告通知", "Announcements"),
        ModuleName.EMERGENCY_PHONES: Word("应急电话", "Emergency phone numbers"),
        ModuleName.VISITOR_PASSES: Word("访客通行", "Visitor passes"),
        ModuleName.UNRECOGNIZED: UNRECOGNIZED,
    },
    fallback=ModuleName.UNRECOGNIZED,
)

PLATFORM_NAME = EnumWords(
    PlatformName,
    "平台",
    "One of the two platforms",
    {
        PlatformName.WJDH: Word(
            "万家灯火", "Reviews, orders, repairs, modules, announcements", note="又称智慧平台、智慧家园"
        ),
        PlatformName.SECURITY: Word("安防平台", "People, houses, payment notifications, production module states"),
    },
)

PII_KIND = EnumWords(
    PiiKind,
    "个人信息类别",
    "Kind of personal data",
    {
        PiiKind.PHONE: Word("手机号码", "Phone number"),
        PiiKind.ID_CARD: Word("身份证号", "Number of an identity card"),
        PiiKind.NAME: Word("姓名", "Name of a person"),
        PiiKind.BIRTH: Word("出生日期", "Date of birth"),
        PiiKind.ADDRESS: Word("户籍地址", "Registered address"),
        PiiKind.PHOTO: Word("头像", "Portrait"),
        PiiKind.SENSITIVE_STATUS: Word("敏感身份", "Political status, veteran, subsistence allowance, petitioner"),
    },
)

DATA_PROBLEM = EnumWords(
    DataProblem,
    "数据问题",
    "Why a value did not arrive as documented",
    {
        DataProblem.UNRECOGNIZED_VALUE: Word("未知取值", "A word or number that is not in the list"),
        DataProblem.MALFORMED: Word("格式错误", "Not readable as what it should be"),
        DataProblem.MISSING: Word("缺失", "The document promises it, and it did not come"),
        DataProblem.CONTRADICTORY: Word("自相矛盾", "Two spellings of the same field disagree"),
        DataProblem.LEGACY_CODE: Word("旧编号", "A code of the old numbering, which is not documented"),
    },
)

ENUMS: Mapping[type[StrEnum], EnumWords[Any]] = MappingProxyType(
    {
        words.enum: words
        for words in (
            RESIDENT_ROLE,
            HOUSE_USE,
            HOUSE_TYPE,
            HOUSE_OWNERSHIP,
            HOUSE_STATUS,
            OCCUPANT_TYPE,
            SEX,
            POLITICAL_STATUS,
            SHENHE_TYPE,
            SHENHE_STATUS,
            FEE_TYPE,
            ORDER_STATUS,
            PAYMENT_STATUS,
            REPAIR_STATUS,
            MODULE_NAME,
            PLATFORM_NAME,
            PII_KIND,
            DATA_PROBLEM,
        )
    }
)
"""The words of every enum of `vocabulary`, in the order in which dictionaries show them."""

YES_NO: Mapping[object, bool | None] = {
    **dict.fromkeys(("0", 0, "否"), False),
    **dict.fromkeys(("1", 1, "是"), True),
    **dict.fromkeys((None, "")),
}
"""Flags: 0否1是, as text or number; JSON's booleans equal the numbers (quirk 117)."""

ON_OFF: Mapping[object, bool | None] = {
    **dict.fromkeys(("0", 0, "关闭"), False),
    **dict.fromkeys(("1", 1, "开启"), True),
    **dict.fromkeys((None, "")),
}
"""Switches: 0关闭1开启, as text, number or boolean (quirk 102)."""

FLAG_FORM: Mapping[bool, str] = {False: "0", True: "1"}
"""How a boolean is sent (quirk 62)."""

NATION: Mapping[str, str] = {"汉": "汉族"}
"""Ethnic groups that the document spells in two ways (quirk 90), to the one that its examples use."""
