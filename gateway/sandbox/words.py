"""The platforms' words, as the document's preface (前言) lists them."""

OWNER = "业主"
TENANT = "租客"
FAMILY = "家属"
HUSBAND, WIFE = "丈夫", "妻子"
FATHER, MOTHER = "父亲", "母亲"
SON, DAUGHTER = "儿子", "女儿"
OTHER = "其他"

OCCUPANT_OWNER, OCCUPANT_TENANT = "业主", "租户"

MALE, FEMALE = "男", "女"

HOUSE_USES = ("住宅", "住宅", "住宅", "经营", "办公", "商业")
PRIVATE, PUBLIC = "私有", "公有"
SELF_OCCUPIED, VACANT, RENTED = "自用", "闲置", "租用"

BIND_OWNER = "业主绑定"
BIND_TENANT = "租客绑定"
BIND_FAMILY = "家属绑定"
REPLACE_OWNER = "替换业主"

REJECTED, APPROVED, PENDING = 0, 1, 2
SHENHE_STATUS_WORDS = {REJECTED: "审核未通过", APPROVED: "审核通过", PENDING: "等待审核"}

MODULES = (
    "绑定房屋",
    "绑定家属",
    "生活缴费",
    "物业报修",
    "云停车场",
    "投诉建议",
    "公告通知",
    "应急电话",
    "访客通行",
)
