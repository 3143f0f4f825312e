// The same record of reveals: who was shown which records, and which of their fields held personal data. One row an
// answer and type, with its records in an index of their own; written twice a second in one transaction.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const INTERVAL = 500
const NUMBER = /(?<!\d)(1\d{10}|\d{17}[\dXx])(?!\d)/
const PERSONAL = {
  Order: [],
  Shenhe: ['name', 'phone', 'birthDate', 'registeredAddress', 'idCard', 'photo', 'politicalStatus', 'isVeteran',
    'receivesSubsistenceAllowance', 'isPetitioner'],
  House: ['phone'],
}
const TEXTS = { Order: ['title', 'remark'], Shenhe: ['actionIntroduction', 'rejectionReason'], House: [] }

const database = new DatabaseSync(join(mkdtempSync(join(tmpdir(), 'peer-')), 'trail.sqlite3'))
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE reveals (id INTEGER PRIMARY KEY, at TEXT, subject TEXT, type TEXT, community TEXT, records TEXT,
    fields TEXT, request TEXT);
  CREATE TABLE revealed (record TEXT, reveal INTEGER, PRIMARY KEY (record, reveal)) WITHOUT ROWID;
`)
const addReveal = database.prepare('INSERT INTO reveals VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
const addRecord = database.prepare('INSERT OR IGNORE INTO revealed VALUES (?, ?)')

let waiting = []
let last = 0

// `records` are [id, what was read of it].
export function note(type, community, records, request) {
  waiting.push([new Date().toISOString(), type, community, records, request])
}

function write() {
  const notes = waiting
  waiting = []
  if (notes.length === 0) return
  database.exec('BEGIN IMMEDIATE')
  for (const [at, type, community, records, request] of notes) {
    const alike = new Map()
    for (const [id, read] of records) {
      const fields = PERSONAL[type].filter((name) => read[name] !== null)
      for (const name of TEXTS[type]) if (NUMBER.test(read[name] ?? '')) fields.push(name)
      if (fields.length === 0) continue
      const key = fields.join(' ')
      if (!alike.has(key)) alike.set(key, [])
      alike.get(key).push(id)
    }
    for (const [fields, ids] of alike) {
      last += 1
      addReveal.run(last, at, 'bench', type, community, ids.join(' '), fields, request)
      for (const id of ids) addRecord.run(`${type} ${id}`, last)
    }
  }
  database.exec('COMMIT')
}

setInterval(write, INTERVAL)
