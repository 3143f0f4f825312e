// The platforms' words and numbers, to the members of the schema's enums.

export const FEE_TYPE = new Map([
  ['物业费', 'PROPERTY'],
  ['水费', 'WATER'],
  ['车位费', 'PARKING_SPACE'],
  ['临时停车费', 'TEMPORARY_PARKING'],
])

export const PAYMENT_STATUS = new Map([
  [false, 'UNPAID'],
  [0, 'UNPAID'],
  ['0', 'UNPAID'],
  ['未付款', 'UNPAID'],
  [true, 'PAID'],
  [1, 'PAID'],
  ['1', 'PAID'],
  ['已付款', 'PAID'],
])

export const ORDER_STATUS = new Map([
  [0, 'CLOSED'],
  ['0', 'CLOSED'],
  ['已关闭', 'CLOSED'],
  [1, 'OPEN'],
  ['1', 'OPEN'],
  ['进行中', 'OPEN'],
])

export const SHENHE_TYPE = new Map([
  ['业主绑定', 'BIND_OWNER'],
  ['租客绑定', 'BIND_TENANT'],
  ['家属绑定', 'BIND_FAMILY'],
  ['替换业主', 'REPLACE_OWNER'],
  ['业主解绑', 'UNBIND_OWNER'],
  ['租客解绑', 'UNBIND_TENANT'],
  ['家属解绑', 'UNBIND_FAMILY'],
  ['修改房屋数据', 'CHANGE_HOUSE'],
  ['修改个人信息', 'CHANGE_PERSON'],
])

export const SHENHE_STATUS = new Map([
  [0, 'REJECTED'],
  ['0', 'REJECTED'],
  ['审核未通过', 'REJECTED'],
  [1, 'APPROVED'],
  ['1', 'APPROVED'],
  ['审核通过', 'APPROVED'],
  [2, 'PENDING'],
  ['2', 'PENDING'],
  ['等待审核', 'PENDING'],
])

export const RESIDENT_ROLE = new Map([
  ['业主', 'OWNER'],
  ['租客', 'TENANT'],
  ['家属', 'FAMILY'],
  ['丈夫', 'HUSBAND'],
  ['妻子', 'WIFE'],
  ['父亲', 'FATHER'],
  ['母亲', 'MOTHER'],
  ['爷爷', 'PATERNAL_GRANDFATHER'],
  ['奶奶', 'PATERNAL_GRANDMOTHER'],
  ['姥爷', 'MATERNAL_GRANDFATHER'],
  ['姥姥', 'MATERNAL_GRANDMOTHER'],
  ['儿子', 'SON'],
  ['女儿', 'DAUGHTER'],
  ['其他', 'OTHER'],
])

export const OCCUPANT_TYPE = new Map([
  ['业主', 'OWNER'],
  ['业主绑定', 'OWNER'], // a review type, by the document's example
  ['租户', 'TENANT'],
  ['其他', 'OTHER'],
])

export const SEX = new Map([
  ['男', 'MALE'],
  ['女', 'FEMALE'],
])

export const POLITICAL_STATUS = new Map([
  ['群众', 'MASSES'],
  ['党员', 'PARTY_MEMBER'],
  ['中共党员', 'PARTY_MEMBER'],
  ['团员', 'LEAGUE_MEMBER'],
  ['共青团员', 'LEAGUE_MEMBER'],
  ['其他', 'OTHER'],
])

export const HOUSE_STATUS = new Map([
  ['自用', 'SELF_OCCUPIED'],
  ['闲置', 'VACANT'],
  ['借用', 'BORROWED'],
  ['空挂', 'REGISTERED_ONLY'],
  ['租用', 'RENTED'],
  ['拆迁', 'DEMOLISHED'],
  ['其他', 'OTHER'],
])

export const HOUSE_USE = new Map([
  ['住宅', 'RESIDENTIAL'],
  ['生产', 'PRODUCTION'],
  ['经营', 'BUSINESS'],
  ['仓储', 'STORAGE'],
  ['教育', 'EDUCATION'],
  ['文化', 'CULTURE'],
  ['办公', 'OFFICE'],
  ['商业', 'COMMERCE'],
  ['其他', 'OTHER'],
])

export const HOUSE_OWNERSHIP = new Map([
  ['私有', 'PRIVATE'],
  ['公有', 'PUBLIC'],
  ['其他', 'OTHER'],
])

const FLAGS = new Map([
  ['0', false],
  [0, false],
  [false, false],
  ['1', true],
  [1, true],
  [true, true],
])

export function word(words, value) {
  if (value === undefined || value === null || value === '') return null
  return words.get(value) ?? 'UNRECOGNIZED'
}

export function flag(value) {
  return FLAGS.get(value) ?? null
}
