// Upstream rows to what the schema promises: JSON within text, words, times, flags, money, house labels.

import {
  FEE_TYPE,
  HOUSE_OWNERSHIP,
  HOUSE_STATUS,
  HOUSE_USE,
  OCCUPANT_TYPE,
  ORDER_STATUS,
  PAYMENT_STATUS,
  POLITICAL_STATUS,
  RESIDENT_ROLE,
  SEX,
  SHENHE_STATUS,
  SHENHE_TYPE,
  flag,
  word,
} from './words.mjs'

export function order(row, communityCode) {
  return {
    platformId: row.id,
    number: text(row.number),
    title: row.title ?? '',
    feeType: FEE_TYPE.get(row.title) ?? 'OTHER',
    amount: money(row.amount),
    paymentStatus: word(PAYMENT_STATUS, row.paied) ?? 'UNRECOGNIZED',
    status: word(ORDER_STATUS, row.status) ?? 'UNRECOGNIZED',
    remark: text(row.remark),
    shopNumber: text(row.shop_number),
    address: text(row.house),
    house: houseOfLabel(row.house, communityCode),
  }
}

export function shenhe(row) {
  return {
    platformId: row.id ?? row.shenhe_id,
    type: word(SHENHE_TYPE, row.shenhe_type) ?? 'UNRECOGNIZED',
    status: word(SHENHE_STATUS, row.shenhe_status) ?? 'UNRECOGNIZED',
    content: shenheContent(row.shenhe_content),
    houseIntroduction: text(row.shenhe_house_introduction),
    actionIntroduction: text(row.shenhe_action_introduction),
    rejectionReason: text(row.shenhe_refuse_reason),
    createdAt: chinaTime(row.created_at),
    updatedAt: chinaTime(row.updated_at),
  }
}

export function houseOwner(row) {
  return {
    phone: text(row.people_phone),
    role: word(RESIDENT_ROLE, row.people_house_role ?? row.people_role),
    occupantType: word(OCCUPANT_TYPE, row.people_house_type),
  }
}

function shenheContent(value) {
  const content = typeof value === 'string' ? parsed(value) : value
  if (content === null || typeof content !== 'object') return null
  return {
    userId: content.people?.user_id ?? null,
    people: content.people ? shenhePeople(content.people, content.job, content.company) : null,
    house: content.house ? shenheHouse(content.house) : null,
  }
}

function parsed(value) {
  try {
    return JSON.parse(value)
  } catch {
    return null
  }
}

function shenhePeople(people, job, company) {
  return {
    name: text(people.people_name),
    phone: text(people.people_phone),
    sex: word(SEX, people.people_sex),
    nation: people.people_nation === '汉' ? '汉族' : text(people.people_nation),
    birthDate: birthDate(people.people_birth),
    registeredAddress: text(people.people_address),
    idCard: text(people.people_idcard),
    photo: text(people.people_photo),
    politicalStatus: word(POLITICAL_STATUS, people.people_zhengzhimianmao),
    isVeteran: flag(people.people_tuiyijunren),
    receivesSubsistenceAllowance: flag(people.people_dibao),
    isPetitioner: flag(people.people_shangfang),
    jobName: text(job?.job_name),
    companyName: text(company?.company_name),
  }
}

function shenheHouse(house) {
  return {
    communityCode: text(house.community_identifier),
    building: integer(house.building_number),
    unit: integer(house.unit_number),
    floor: integer(house.floor_number),
    room: integer(house.house_number),
    role: word(RESIDENT_ROLE, house.people_house_role ?? house.people_role),
    status: word(HOUSE_STATUS, house.people_house_status),
    use: word(HOUSE_USE, house.people_house_use),
    ownership: word(HOUSE_OWNERSHIP, house.people_house_xingzhi),
    occupantType: word(OCCUPANT_TYPE, house.people_house_type),
  }
}

function text(value) {
  if (value === undefined || value === null || value === '') return null
  return typeof value === 'string' ? value : String(value)
}

function integer(value) {
  if (Number.isInteger(value)) return value
  return typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : null
}

function money(value) {
  const yuan = typeof value === 'string' ? Number.parseFloat(value) : value
  return Number.isFinite(yuan) ? { yuan: yuan.toFixed(2), fen: Math.round(yuan * 100) } : null
}

const WRITTEN_TIME = /^(\d{4})年(\d{2})月(\d{2})日(\d{2}:\d{2}:\d{2})$/

function chinaTime(value) {
  const match = WRITTEN_TIME.exec(value)
  return match ? `${match[1]}-${match[2]}-${match[3]}T${match[4]}+08:00` : null
}

const EIGHT_DIGITS = /^(\d{4})(\d{2})(\d{2})$/

function birthDate(value) {
  const match = EIGHT_DIGITS.exec(value)
  if (match) return `${match[1]}-${match[2]}-${match[3]}`
  const seconds = integer(value)
  return seconds === null ? null : new Date((seconds + 8 * 3600) * 1000).toISOString().slice(0, 10)
}

const LABEL = /(\d+)栋(\d+)单元(\d+)楼(\d+)号$/

function houseOfLabel(label, communityCode) {
  const match = LABEL.exec(label)
  if (!match) return null
  const [, building, unit, floor, room] = match
  return {
    communityCode,
    address: `${communityCode} ${building}栋${unit}单元${floor}楼${room}号`,
    building: Number(building),
    unit: Number(unit),
    floor: Number(floor),
    room: Number(room),
  }
}
