// Both platforms over undici: kept connections, the token fetched once, the envelope decided by its code.

import { Pool } from 'undici'
import * as normalise from './normalise.mjs'

const CONNECTIONS = 32
const TOKEN_DEAD = 9
const NOT_FOUND = 2
const settings = process.env

class Platform {
  constructor(url, login) {
    this.pool = new Pool(url, { connections: CONNECTIONS })
    this.login = login
  }

  async post(path, form, headers) {
    const { body } = await this.pool.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(form).toString(),
    })
    return body.json()
  }

  // `send` takes the token and makes the call; once more with a new token if that one is dead.
  async call(send) {
    let answer = await send(await this.token())
    if (Number(answer.code) === TOKEN_DEAD) {
      this.pending = undefined
      answer = await send(await this.token())
    }
    const code = Number(answer.code)
    if (code !== 0 && code !== NOT_FOUND) throw new Error(`the platform refused with code ${code}`)
    return answer
  }

  token() {
    this.pending ??= this.login(this)
    return this.pending
  }
}

const wjdh = new Platform(settings.GATEWAY_WJDH_URL, async (platform) => {
  const credentials = { secret_id: settings.GATEWAY_WJDH_SECRET_ID, secret_key: settings.GATEWAY_WJDH_SECRET_KEY }
  const answer = await platform.post('/api/v1/wjdh/secret', credentials)
  return answer.access_token
})

const security = new Platform(settings.GATEWAY_SECURITY_URL, async (platform) => {
  const credentials = { key_k: settings.GATEWAY_SECURITY_KEY_K, key_d: settings.GATEWAY_SECURITY_KEY_D }
  const answer = await platform.post(settings.GATEWAY_SECURITY_TOKEN_PATH, credentials)
  return answer.token
})

function callWjdh(path, form) {
  return wjdh.call((token) => wjdh.post(path, form, { authorization: `Bearer ${token}` }))
}

export async function orders(communityCode, first) {
  const answer = await callWjdh('/api/v1/order/list', { xiaoqu: communityCode, page: 1 })
  const rows = answer.data.slice(0, first)
  return { nodes: rows.map((row) => normalise.order(row, communityCode)), totalCount: answer.pages?.total ?? 0 }
}

export async function shenhes(communityCode, first) {
  const form = { community_identifier: communityCode, page: 1, per_page: first }
  const answer = await callWjdh('/api/v1/wjdh/shenheList', form)
  return { nodes: answer.data.map(normalise.shenhe), totalCount: answer.meta.total }
}

export async function houseOwner({ communityCode, building, unit, floor, room }) {
  const answer = await security.call((token) =>
    security.post(settings.GATEWAY_SECURITY_OWNER_PATH, {
      community_identifier: communityCode,
      building_number: building,
      unit_number: unit,
      floor_number: floor,
      house_number: room,
      token,
    }),
  )
  return answer.data ? normalise.houseOwner(answer.data) : null
}
